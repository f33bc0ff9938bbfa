"""People who upload, go on after every fault, and remember what they were told."""

import hashlib
import http.client
import random
import threading
import time
from dataclasses import dataclass

from tests.parts import people
from tests.parts.house import Answer, House

GONE = (OSError, http.client.HTTPException)
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Upload:
    """A file as its sender knows it: `told` is the highest offset acknowledged to him."""

    to: str
    account: str
    where: str
    data: bytes
    told: int = 0
    removed: bool = False
    gone: bool = False
    """Whether its removal was acknowledged, too."""

    @property
    def is_whole(self) -> bool:
        return self.told == len(self.data)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Load:
    """`count` senders at once, each with one account and file after file, until they are told to stop."""

    def __init__(self, house: House, *, count: int = 4, seed: int = 1) -> None:
        self.house = house
        self.uploads: list[Upload] = []
        self.accounts = 0
        self.refused: list[Answer] = []
        self.counts = threading.Event()
        self.counts.set()
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

    def heed(self, heard: bool) -> None:
        """Whether answers count: of those that come after a power cut nobody knows when they were written."""
        self.counts.set() if heard else self.counts.clear()

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
            except GONE:
                account = ""
                time.sleep(0.02)

    def _apply(self, to: str) -> str:
        answer = self._heard(self.house.post("/", {**people.FORM, "recipient_email": to}))
        if answer.status != 303:
            raise ConnectionError("not taken")
        self.accounts += 1
        return answer.location

    def _one_file(self, account: str, to: str, chance: random.Random) -> None:
        data = chance.randbytes(chance.choice((0, 1, 5_000, 60_000)))
        created = self._heard(people.announce(self.house, account, len(data)))
        if created.status != 201:
            return
        upload = Upload(to, account, created.location, data)
        self.uploads.append(upload)
        while not upload.is_whole and not self._stop.is_set():
            part = data[upload.told : upload.told + chance.choice((1000, 20_000, 60_000))]
            answer = self._heard(people.append(self.house, upload.where, upload.told, part))
            if answer.status != 204:
                return
            upload.told += len(part)
        if chance.random() < 0.1:
            upload.removed = True
            asked = self.house.request("DELETE", upload.where, headers=TUS)
            upload.gone = self._heard(asked).status == 204

    def _heard(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            self.refused.append(answer)
        if not self.counts.is_set():
            raise ConnectionError("after the cut")
        return answer

    def losses(self) -> list[str]:
        """What the house no longer has of what it said it has, asked for over the wire."""
        found = []
        for upload in self.uploads:
            if upload.removed:
                continue
            answer = self.house.request("HEAD", upload.where, headers=TUS)
            offset = int(answer.headers["Upload-Offset"]) if answer.status == 200 else -1
            if offset < upload.told:
                found.append(f"{upload.where}: {upload.told} of {len(upload.data)} told, {offset} there")
        return found

    def returned(self) -> list[str]:
        """What the house still has, or has again, of what it said it has removed."""
        there = [upload for upload in self.uploads if upload.gone]
        answers = [self.house.request("HEAD", upload.where, headers=TUS).status for upload in there]
        return [upload.where for upload, status in zip(there, answers, strict=True) if status < 400]

    def finish(self) -> None:
        """Everybody goes on from where the house is, to the end."""
        for upload in self.uploads:
            if not upload.removed:
                offset = people.offset_of(self.house, upload.where)
                if offset < len(upload.data):
                    rest = upload.data[offset:]
                    assert people.append(self.house, upload.where, offset, rest).status == 204
                upload.told = len(upload.data)

    @property
    def told(self) -> int:
        """Bytes acknowledged in all."""
        return sum(upload.told for upload in self.uploads)

    @property
    def kept(self) -> list[Upload]:
        return [upload for upload in self.uploads if not upload.removed]

    def __str__(self) -> str:
        gone = sum(upload.gone for upload in self.uploads)
        return f"{len(self.uploads)} files announced, {self.told} bytes told, {gone} removals told"
