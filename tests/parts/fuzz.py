"""Malformed requests over bare sockets, drawn from a seed: `python -m tests.parts.fuzz --seconds 60`."""

import argparse
import random
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus, urlencode

from tests.parts import people
from tests.parts.invariants import Acknowledged, check_invariants, wait_until_idle
from tests.parts.mail_server import MailServer
from tests.parts.service import Service

DOCUMENTED = {
    503: {"busy", "connection_reset", "damaged", "read_timeout", "shutting_down"},
    507: {"disk_full"},
}
TIMEOUT = 60.0
"""Seconds within which even a request that stops half-way is answered or disconnected."""
RENEWED_AFTER = 1000
"""Requests of one thread to one account: later its pages, full of files, are slow, and its links used up."""

NASTY = [
    b"\x00",
    b"%00",
    b"%0d%0a",
    b"\r\n",
    b"\n",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"%ff",
    b"%u0000",
    b"../",
    b"..%2f",
    b"\xe2\x80\xae",
    b"'",
    b'"',
    b"<script>",
    b"{{7*7}}",
    b"${x}",
    b"%s%n",
    b"-1",
    b"0",
    b"1e309",
    b"NaN",
    b"+1",
    b"0x10",
    b"2147483649",
    b"9223372036854775808",
    b"99999999999999999999999",
    b"\xd9\xa3",
    b";",
    b",",
    b"=",
    b"==",
    b"&",
    b"?",
    b"#",
    b" ",
    b"\t",
    b"\x0b",
    b"\x85",
    b"\xe2\x80\xa8",
    b"A" * 5000,
    b"\xf0\x9f\x98\x80" * 50,
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: evil.example\r\n",
    b"Expect: 100-continue\r\n",
    b"Upload-Offset: -1\r\n",
    b"Upload-Length: 0\r\n",
    b"Upload-Defer-Length: 1\r\n",
    b"Upload-Concat: partial\r\n",
    b"Upload-Checksum: sha1 x\r\n",
    b"X-HTTP-Method-Override: DELETE\r\n",
    b"X-Forwarded-For: ::1, x\r\n",
    b"Range: bytes=0-0,1-1\r\n",
    b"Range: bytes=-\r\n",
    b"If-Range: x\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Cookie: sessionid=\xff\r\n",
    b"Accept-Language: \xff;q=x\r\n",
    b"Content-Type: text/x; charset=utf-7\r\n",
    b"Origin: null\r\n",
    b"Sec-Fetch-Site: cross-site\r\n",
    b"Tus-Resumable: 0.0.1\r\n",
]
METHODS = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"PATCH",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"get",
    b"\xc3\xa5",
    b"",
]


@dataclass
class Outcome:
    """What came of it: how often each status, and every answer that should not be."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.statuses.values())


class Seeds:
    """Well-formed requests to every endpoint of an account with a file and of an application of `name`."""

    def __init__(self, service: Service, mail_server: MailServer, name: str) -> None:
        self.host = service.url.partition("//")[2].encode()
        anna, bo = f"anna.{name}@ltdalarna.se", f"bo.{name}@rontgen.example"
        outbound = {**people.FORM, "sender_email": anna, "recipient_email": bo}
        inbound = {**people.FROM_OUTSIDE, "sender_email": bo, "recipient_email": anna}
        upload = people.apply(service, outbound).location
        people.send_tus(service, upload, b"x" * 3000, filename="klar.txt", with_code="1")
        people.apply(service, inbound)
        request = mail_server.one("approval-requested", to=anna, seconds=TIMEOUT)
        decide = people.path_of(request.links("decide")[0])
        letter = mail_server.one("file-ready", to=bo, seconds=TIMEOUT)
        address = people.download_links(service, letter)[0]
        page = people.path_of(letter.links("download")[0])
        one = people.announce(service, upload, 10**6).location
        self.all = [
            *(self.plain("GET", path) for path in ("/", "/code", "/oversee", "/oversee/sign-in", "/help")),
            *(self.plain("GET", path) for path in (upload, decide, page, address, f"{upload}/files", "/no")),
            self.plain("GET", address, Range="bytes=5-90", If_Range='"x"'),
            self.plain("GET", f"/zip/{page.rpartition('/')[2]}/{letter.transfer}.zip"),
            self.form("/", outbound),
            self.form("/", inbound),
            self.form("/code", {"code": "K7PM-4QXD-9T2V"}),
            self.form(decide, {"decision": "approve", "days": "0"}),
            self.form(decide, {"decision": "reject", "rejection_reason": ""}),
            self.form("/oversee/sign-in", {"username": "eva", "password": "x"}),
            self.form(f"{upload}/remove", {"file": "K7PM-4QXD"}),
            self.form("/accessibility", {"message": "x"}),
            self.tus("POST", f"{upload}/files", Upload_Length="9", Upload_Metadata="filename YS50eHQ="),
            self.tus("POST", f"{upload}/files", b"123456789", Upload_Length="9"),
            self.tus("PATCH", one, b"x" * 700, Upload_Offset="0"),
            self.tus("PATCH", one, b"x" * 70, Upload_Offset="0", Upload_Checksum="sha1 AAAA"),
            self.tus("HEAD", one),
            self.tus("OPTIONS", one),
            self.tus("DELETE", f"{upload}/files/{'A' * 22}"),
            self.plain("GET", f"{one}/samples"),
            self.plain("PUT", f"{upload}/a%20b.txt", b"x" * 90, Content_Length="90"),
            self.plain(
                "POST",
                upload,
                people.multipart({"a.txt": b"x" * 90}, with_code="1"),
                Content_Type=f"multipart/form-data; boundary={people.BOUNDARY}",
                Content_Length="400",
            ),
            self.plain(
                "POST",
                f"{upload}/files",
                b"5\r\nhello\r\n0\r\n\r\n",
                Transfer_Encoding="chunked",
                Tus_Resumable="1.0.0",
                Upload_Length="5",
                Content_Type="application/offset+octet-stream",
            ),
        ]
        self.forms = ["/", "/code", decide, f"{upload}/remove", "/oversee/sign-in", "/accessibility"]

    def plain(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        lines = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host.decode()}", *lines]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def form(self, path: str, fields: dict[str, str]) -> bytes:
        return self.form_of(path, urlencode(fields).encode())

    def form_of(self, path: str, body: bytes) -> bytes:
        kind = "application/x-www-form-urlencoded"
        return self.plain("POST", path, body, Content_Type=kind, Content_Length=str(len(body)))

    def tus(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        about = {"Tus_Resumable": "1.0.0", "Content_Type": "application/offset+octet-stream", **headers}
        return self.plain(method, path, body, **about, Content_Length=str(len(body)))


class Fuzz:
    """Draws requests and sends each on a connection of its own."""

    def __init__(self, service: Service, mail_server: MailServer) -> None:
        self.service, self.mail_server = service, mail_server
        self.outcome = Outcome()
        self._lock = threading.Lock()

    def run(self, *, seed: int, seconds: float, count: int, threads: int = 4) -> Outcome:
        """Until the time is out or that many have been sent; each thread draws from a seed of its own."""
        end = time.monotonic() + seconds

        def share(number: int) -> None:
            self._send(random.Random(f"{seed}.{number}"), len(range(number, count, threads)), end)

        with ThreadPoolExecutor(threads) as crowd:
            list(crowd.map(share, range(threads)))
        return self.outcome

    def _send(self, chance: random.Random, count: int, end: float) -> None:
        for number in range(count):
            if time.monotonic() >= end:
                return
            if number % RENEWED_AFTER == 0:
                seeds = Seeds(self.service, self.mail_server, f"{chance.getrandbits(32):08x}")
            request = draw(seeds, chance)
            status, fault = self.ask(request, client=some_client(chance))
            with self._lock:
                self.outcome.statuses[status] += 1
                if fault:
                    self.outcome.faults.append(f"{fault}: {request[:3000]!r}")

    def ask(self, request: bytes, *, client: str) -> tuple[int, str]:
        """The status (0: disconnected without a response), and what is wrong with it."""
        try:
            received = self._exchange(request, client)
        except TimeoutError:
            return -1, "no answer in a minute"
        except OSError as fault:
            return 0, f"{fault}" if is_whole(request) else ""
        # gunicorn answers in the version it was asked in, even if there is none; interim answers are none.
        found = re.match(rb"(?:HTTP/1\.\d 1\d\d.*?\r\n\r\n)*HTTP/1\.\d (\d{3})", received, re.DOTALL)
        if not found:
            return 0, "no answer, or none that is one" if received or is_whole(request) else ""
        status = int(found[1])
        return status, judge(status, received)

    def _exchange(self, request: bytes, client: str) -> bytes:
        there = ("127.0.0.1", self.service.port)
        with socket.create_connection(there, timeout=TIMEOUT, source_address=(client, 0)) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while (piece := connection.recv(1 << 16)) and len(received) < 1 << 20:
                received += piece
            return received


def draw(seeds: Seeds, chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return draw_form(seeds, chance)
    request = bytearray(chance.choice(seeds.all))
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        mutate(request, chance)
    return bytes(request)


def draw_form(seeds: Seeds, chance: random.Random) -> bytes:
    """A whole form whose fields hold what no person types."""
    names = [*people.THROUGH, "days", "code", "decision", "rejection_reason", "file", "", "\0"]
    pairs = [(chance.choice(names), nasty_text(chance)) for _ in range(chance.randrange(12))]
    body = "&".join(f"{quote_plus(name)}={text}" for name, text in pairs)
    return seeds.form_of(chance.choice(seeds.forms), body.encode("latin-1", "replace"))


def some_client(chance: random.Random) -> str:
    """Anybody on this loopback: one client alone would soon be kept from guessing codes."""
    return f"127.{chance.randrange(1, 255)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"


def is_whole(request: bytes) -> bool:
    """Whether its header has an end, so that it must be answered."""
    return b"\r\n\r\n" in request


def judge(status: int, received: bytes) -> str:
    if status in DOCUMENTED:
        code = re.search(rb'"code": ?"(\w+)"', received)
        if code and code[1].decode() in DOCUMENTED[status]:
            return ""
        return (
            ""
            if not code and b"text/html" in received and b"Retry-After" in received
            else f"{status} without a code"
        )
    return f"status {status}" if status >= 500 and status != 501 else ""


def mutate(request: bytearray, chance: random.Random) -> None:
    """One change: a byte, a slice, a word of the list, the method, or the end."""
    place = chance.randrange(len(request) + 1)
    match chance.randrange(8):
        case 0 if place < len(request):
            request[place] = chance.randrange(256)
        case 1:
            del request[place : place + chance.choice((1, 2, 10, 100))]
        case 2:
            request[place:place] = request[place : place + chance.choice((1, 10, 100))]
        case 3:
            request[place:place] = chance.choice(NASTY)
        case 4:
            line = request.find(b"\r\n") + 2
            request[line:line] = chance.choice(NASTY)
        case 5:
            request[: max(request.find(b" "), 0)] = chance.choice(METHODS)
        case 6:
            del request[place:]
        case _:
            swap_a_value(request, chance)


def swap_a_value(request: bytearray, chance: random.Random) -> None:
    """The value of a header or a field becomes something nasty."""
    found = list(re.finditer(rb"(?<=: )[^\r\n]+|(?<==)[^&\r\n]+", bytes(request)))
    if found:
        where = chance.choice(found)
        request[where.start() : where.end()] = chance.choice(NASTY)


def nasty_text(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return quote_plus(chance.choice(list(people.THROUGH.values())))
    return "".join(f"%{byte:02X}" for byte in chance.choice(NASTY))


def run(*, seed: int, seconds: float, count: int) -> tuple[Outcome, str]:
    """Runs on a service of its own; returns the outcome, and what it broke."""
    with tempfile.TemporaryDirectory(prefix="filsluss-fuzz-") as folder:
        mail_server = MailServer()
        mail_server.start()
        service = Service(Path(folder) / "service", SMTP_URL=mail_server.url).start()
        try:
            outcome = Fuzz(service, mail_server).run(seed=seed, seconds=seconds, count=count)
            return outcome, broken(service, mail_server)
        finally:
            service.kill()
            mail_server.stop()


def broken(service: Service, mail_server: MailServer) -> str:
    """Empty, if the service answers, its log has no error, and every invariant holds."""
    try:
        assert service.get("/healthz").status == 200
        wait_until_idle(service, 120)
        check_invariants(service, Acknowledged(mail_server=mail_server))
    except AssertionError as fault:
        return f"{fault}\n{service.log_text()[-5000:]}"
    return ""


def main() -> int:
    words = argparse.ArgumentParser(description="Malformed requests to a service on this machine's loopback.")
    words.add_argument("--seconds", type=float, default=1800, help="stop after this long")
    words.add_argument("--count", type=int, default=100_000, help="stop after this many requests")
    words.add_argument("--seed", type=int, default=1, help="the same seed draws the same requests")
    asked = words.parse_args()
    began = time.monotonic()
    outcome, damage = run(seed=asked.seed, seconds=asked.seconds, count=asked.count)
    spent = time.monotonic() - began
    print(f"{outcome.count} of {asked.count} requests in {spent:.0f} s, seed {asked.seed}")
    for status, count in sorted(outcome.statuses.items()):
        print(f"{status or 'hung up':>8}  {count}")
    print(*outcome.faults[:20], damage, sep="\n")
    return bool(outcome.faults or damage)


if __name__ == "__main__":
    sys.exit(main())
