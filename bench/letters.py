"""Letters out of the outbox: beside loops of smtplib, by the relay's pace, and one behind ten thousand."""

import os
import resource
import shutil
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from bench.parts import database, measurement, table
from bench.parts.measurement import Session
from bench.parts.table import Candidate, Run
from tests.parts import installation
from tests.parts.mail_server import MailServer

THINKS, DOMAINS = 0.010, 100


class Pace(NamedTuple):
    """So many connections to a relay that takes so many seconds for each letter."""

    seconds: float
    connections: int
    letters: int
    goal: str


PACES = (Pace(0.0, 4, 1000, "≥ 300"), Pace(1.0, 24, 240, "≥ 20"), Pace(1.0, 4, 20, "≥ 3"))
WAITING, SOON = 10_000, "one behind 10 000, s"
LOOPS = "letters/s, 4 loops of smtplib, which record nothing, to the relay of 0 s"


SINK = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")
"""Postfix's server for measurements, which takes a letter and drops it (smtp-sink(1))."""


def serve(port: int, thinks: float) -> None:
    server = MailServer(port=port, slow=thinks)
    server.start()
    threading.Event().wait()


@contextmanager
def a_relay(port: int, thinks: float) -> Iterator[None]:
    """In a process of its own; it answers.

    One of 0 s is Postfix's, if it is there: the tests' own takes as much processor time as we.
    """
    if SINK and not thinks:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [SINK, *user, f"127.0.0.1:{port}", "100"]
    else:
        command = [sys.executable, "-m", "bench.letters", "relay", str(port), str(thinks)]
    with subprocess.Popen(command) as relay:
        try:
            wait_for(port)
            yield
        finally:
            relay.kill()


def queue(count: int) -> bytes:
    """Writes that many letters to the outbox; returns one of them as a message."""
    from django.utils import timezone

    from filsluss.letters import compose
    from filsluss.letters.message import build_message
    from filsluss.models import Letter
    from filsluss.rules.directions import Role
    from filsluss.rules.tokens import draw_row_id
    from tests.letters.cases import example_policy, make_transfer

    Letter.objects.all().delete()
    now, policy = timezone.now(), example_policy()
    transfer = make_transfer(now, public_id=draw_row_id()[:9])
    letter = compose.write("erased", transfer=transfer, role=Role.SENDER, policy=policy, now=now)
    assert letter is not None
    message = as_sent(build_message(letter, policy=policy).message())
    for number in range(count):
        letter.pk, letter.public_id, letter.key = None, draw_row_id(), f"{transfer.public_id}:{number}"
        letter.to = f"bo{number}@reader{number % DOMAINS}.example"
        letter.save(force_insert=True)
    Letter.objects.exclude(key__startswith=f"{transfer.public_id}:").delete()
    return message


def as_sent(message: Any) -> bytes:
    """With the line ends of SMTP; `linesep` is an argument of Django's messages only."""
    return bytes(message.as_bytes(linesep="\r\n"))


def from_the_outbox(connections: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from filsluss.letters.claims import Claimant
    from filsluss.letters.delivery import MailConnection
    from filsluss.letters.outbox import deliver_next
    from tests.letters.cases import example_policy

    me, policy = Claimant(), example_policy()

    def work() -> None:
        mail = MailConnection()
        while deliver_next(me, mail=mail, policy=policy, now=timezone.now()):
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_smtplib(port: int, message: bytes, count: int, *, reuse: bool) -> None:
    """The message is there, and no result is recorded."""
    smtp = smtplib.SMTP("127.0.0.1", port)
    for number in range(count):
        if number and not reuse:
            smtp.quit()
            smtp = smtplib.SMTP("127.0.0.1", port)
        smtp.sendmail("filsluss@ltdalarna.se", f"bo{number}@reader.example", message)
    smtp.quit()


def by_loops(port: int, count: int, message: bytes) -> None:
    """What the relay takes of four connections: it is Python, too, and is then what limits."""
    share = partial(by_smtplib, port, message, count // 4, reuse=True)
    threads = [threading.Thread(target=share) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measured(count: int, work: Callable[[bytes], None]) -> Run:
    message = queue(count)
    before, start = time.process_time(), time.perf_counter()
    work(message)
    seconds, cpu = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Run(count / seconds, cpu * 1000 / count, peak)


def beside_smtplib(session: Session) -> list[Candidate]:
    """A thousand letters to a relay that thinks 10 ms; the peers record no result."""
    count, port = session.size(1000, 100), MailServer().port
    database.set_up("sqlite", session.folder / "data", SMTP_URL=f"smtp://127.0.0.1:{port}")

    def row(name: str, work: Callable[[bytes], None]) -> Candidate:
        return Candidate(name, lambda: measured(count, work))

    candidates = [
        row("filsluss, 4 connections", lambda _: from_the_outbox(4)),
        row("filsluss, 1 connection", lambda _: from_the_outbox(1)),
        row("smtplib, one connection", lambda message: by_smtplib(port, message, count, reuse=True)),
        row("smtplib, one for each", lambda message: by_smtplib(port, message, count, reuse=False)),
    ]
    with a_relay(port, THINKS):
        table.run_rounds(candidates, session.rounds)
    return candidates


def by_pace(kind: str, *, quick: bool) -> None:
    """Prints letters a second at each pace, and how long a letter about a decision waits behind others."""
    port = MailServer().port
    database.set_up(kind, installation.folder("letters"), SMTP_URL=f"smtp://127.0.0.1:{port}")
    for number, pace in enumerate(PACES):
        count = pace.letters // 10 if quick else pace.letters
        with a_relay(port, pace.seconds):
            run = measured(count, partial(at_pace, pace))
        print(f"{number}\t{run.rate:.1f}", flush=True)
    count = 100 if quick else 1000
    with a_relay(port, 0.0):
        print(f"{LOOPS}\t{measured(count, partial(by_loops, port, count)).rate:.1f}", flush=True)
        print(f"{SOON}\t{one_behind(WAITING // 50 if quick else WAITING):.2f}", flush=True)


def at_pace(pace: Pace, _: bytes) -> None:
    from_the_outbox(pace.connections)


def wait_for(port: int) -> None:
    from tests.parts.eventually import eventually

    eventually(lambda: smtplib.SMTP("127.0.0.1", port).quit()[0], excusing=OSError)


def one_behind(others: int) -> float:
    """Seconds until a letter has left that is queued while four connections deliver so many others."""
    from django.utils import timezone

    from filsluss.letters import compose
    from filsluss.models import Letter
    from filsluss.rules.directions import Role
    from filsluss.rules.tokens import draw_row_id
    from tests.letters.cases import example_policy, make_transfer

    queue(others)
    delivering = threading.Thread(target=from_the_outbox, args=(4,))
    delivering.start()
    while not Letter.objects.filter(delivery="sent").exists():
        time.sleep(0.05)
    now, policy = timezone.now(), example_policy()
    transfer = make_transfer(now, public_id=draw_row_id()[:9], recipient_email="chef@ltdalarna.se")
    start = time.monotonic()
    letter = compose.write("approved", transfer=transfer, role=Role.SENDER, policy=policy, now=now)
    assert letter is not None
    while not Letter.objects.filter(pk=letter.pk, delivery="sent").exists():
        time.sleep(0.02)
    took, waiting = time.monotonic() - start, Letter.objects.filter(delivery="queued")
    assert waiting.exists(), "nothing waited behind it"
    waiting.delete()
    delivering.join()
    return took


def show_paces(session: Session) -> None:
    """The table of `by_pace`, each database in a process of its own, as often as there are rounds."""
    found: dict[str, dict[str, list[float]]] = {"sqlite": {}, "postgresql": {}}
    for _ in range(session.rounds):
        for kind, figures in found.items():
            command = [sys.executable, "-m", "bench.letters", "paces", kind, str(int(session.quick))]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            for name, text in (line.split("\t") for line in done.stdout.splitlines() if "\t" in line):
                figures.setdefault(name, []).append(float(text))
    lines = [
        [
            f"letters/s, {pace.connections} connections, a relay of {pace.seconds:g} s a letter",
            *(table.spread(figures[str(number)], ".1f") for figures in found.values()),
            pace.goal,
        ]
        for number, pace in enumerate(PACES)
    ]
    print(f"The relay of 0 s is {'smtp-sink of Postfix' if SINK else 'the one of the tests'}.")
    lines.insert(1, [LOOPS, *(table.spread(figures[LOOPS], ".1f") for figures in found.values()), ""])
    lines.append([SOON, *(table.spread(figures[SOON], ".2f") for figures in found.values()), "< 5"])
    table.show("Letters by the relay's pace", ["", *found, "must reach"], lines)


def main() -> None:
    session = measurement.start_session(__doc__)
    candidates = beside_smtplib(session)
    session.describe()
    count = session.size(1000, 100)
    table.show_comparison(f"{count} letters", "letters/s", candidates, "CPU s/1000 letters")
    show_paces(session)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["paces", kind, quick]:
            by_pace(kind, quick=bool(int(quick)))
        case ["relay", port, thinks]:
            serve(int(port), float(thinks))
        case _:
            main()
