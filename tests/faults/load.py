"""Upload clients that go on after every fault, and remember what was acknowledged."""

import hashlib
import http.client
import random
import threading
import time
from dataclasses import dataclass

from tests.parts import people
from tests.parts.service import Response, Service

GONE = (OSError, http.client.HTTPException)
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Upload:
    """A file as its client knows it: `acknowledged` is the highest offset acknowledged to it."""

    to: str
    account: str
    where: str
    data: bytes
    acknowledged: int = 0
    removed: bool = False
    gone: bool = False
    """Whether its removal was acknowledged, too."""

    @property
    def is_whole(self) -> bool:
        return self.acknowledged == len(self.data)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Load:
    """`count` clients at once, each with one account and file after file, until they are stopped.

    Between two files a client pauses for up to `pause` seconds: a file makes work for long after its upload.
    """

    def __init__(self, service: Service, *, count: int = 4, seed: int = 1, pause: float = 0.0) -> None:
        self.service, self._pause = service, pause
        self.uploads: list[Upload] = []
        self.accounts = 0
        self.refused: list[Response] = []
        self._counting = threading.Event()
        self._counting.set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(seed * 100 + n,)) for n in range(count)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count_answers(self, counted: bool) -> None:
        """Whether responses count: nobody knows when one was written that comes after a power cut."""
        self._counting.set() if counted else self._counting.clear()

    def _send(self, seed: int) -> None:
        chance = random.Random(seed)
        account, letters = "", 0
        while not self._stop.is_set():
            try:
                if not account or chance.random() < 0.1:
                    letters += 1
                    to = f"bo{seed}x{letters}@rontgen.example"
                    account = self._apply(to)
                self._one_file(account, to, chance)
                self._stop.wait(chance.uniform(0, self._pause))
            except GONE:
                account = ""
                time.sleep(0.02)

    def _apply(self, to: str) -> str:
        answer = self._received(self.service.post("/", {**people.FORM, "recipient_email": to}))
        if answer.status != 303:
            raise ConnectionError("not taken")
        self.accounts += 1
        return answer.location

    def _one_file(self, account: str, to: str, chance: random.Random) -> None:
        data = chance.randbytes(chance.choice((0, 1, 5_000, 60_000)))
        at_once = chance.random() < 0.5
        created = self._received(self._create(account, data, at_once=at_once))
        if created.status != 201:
            return
        upload = Upload(to, account, created.location, data, acknowledged=len(data) if at_once else 0)
        self.uploads.append(upload)
        while not upload.is_whole and not self._stop.is_set():
            part = data[upload.acknowledged : upload.acknowledged + chance.choice((1000, 20_000, 60_000))]
            answer = self._received(people.append(self.service, upload.where, upload.acknowledged, part))
            if answer.status != 204:
                return
            upload.acknowledged += len(part)
        if chance.random() < 0.1:
            upload.removed = True
            asked = self.service.request("DELETE", upload.where, headers=TUS)
            upload.gone = self._received(asked).status == 204

    def _create(self, account: str, data: bytes, *, at_once: bool) -> Response:
        """A file, with all of its bytes or without any."""
        if not at_once:
            return people.announce(self.service, account, len(data))
        about = {"Upload-Length": str(len(data)), "Content-Type": "application/offset+octet-stream"}
        metadata = {"Upload-Metadata": people.metadata(filename="fil.bin")}
        return self.service.request("POST", f"{account}/files", data, {**TUS, **about, **metadata})

    def _received(self, answer: Response) -> Response:
        if answer.status >= 400:
            self.refused.append(answer)
        if not self._counting.is_set():
            raise ConnectionError("after the cut")
        return answer

    def losses(self) -> list[str]:
        """What the service no longer has of what it acknowledged, asked for over HTTP."""
        found = []
        for upload in self.uploads:
            if upload.removed:
                continue
            answer = self.service.request("HEAD", upload.where, headers=TUS)
            offset = int(answer.headers["Upload-Offset"]) if answer.status == 200 else -1
            if offset < upload.acknowledged:
                found.append(
                    f"{upload.where}: {upload.acknowledged} of {len(upload.data)} acknowledged, "
                    f"{offset} there"
                )
        return found

    def returned(self) -> list[str]:
        """What the service still has, or has again, of what it acknowledged as removed."""
        there = [upload for upload in self.uploads if upload.gone]
        answers = [self.service.request("HEAD", upload.where, headers=TUS).status for upload in there]
        return [upload.where for upload, status in zip(there, answers, strict=True) if status < 400]

    def finish(self) -> None:
        """Every client goes on from the service's offset, to the end."""
        for upload in self.uploads:
            if not upload.removed:
                offset = people.offset_of(self.service, upload.where)
                if offset < len(upload.data):
                    rest = upload.data[offset:]
                    assert people.append(self.service, upload.where, offset, rest).status == 204
                upload.acknowledged = len(upload.data)

    @property
    def acknowledged(self) -> int:
        """Bytes acknowledged in all."""
        return sum(upload.acknowledged for upload in self.uploads)

    @property
    def kept(self) -> list[Upload]:
        return [upload for upload in self.uploads if not upload.removed]

    def __str__(self) -> str:
        gone = sum(upload.gone for upload in self.uploads)
        counts = f"{len(self.uploads)} files announced, {self.acknowledged} bytes"
        return f"{counts} and {gone} removals acknowledged"
