"""What must hold in a house at rest, whatever has happened to it: rows, blobs and letters say the same."""

import hashlib
from collections import Counter

from tests.parts.house import House
from tests.parts.post import Post
from tests.parts.rows import blobs, rows

DECISIONS = ("approved", "rejected", "lapsed", "withdrawn")
LIVE = ("uploading", "received", "ready")


def verify(house: House, post: Post | None = None, *, orphans: bool = True) -> None:
    """Every disagreement at once, in plain words; `orphans` of less than an hour may be here."""
    found = [*blobs_and_rows(house, orphans), *decisions(house), *outbox(house), *whole_database(house)]
    assert found + (arrivals(house, post) if post else []) == []


def blobs_and_rows(house: House, orphans: bool) -> list[str]:
    """Invariants I2, I7, I8 and I10: which bytes lie on the disk, and what they are."""
    here = blobs(house)
    files = rows(house, "SELECT upload_id, state, size, acknowledged, sha256 FROM filsluss_transferfile")
    found = []
    for name, state, size, acknowledged, sha256 in files:
        path = here.pop(name, None)
        if state in LIVE and path is None:
            found.append(f"{name} is {state} and has no blob")
        if state == "erased" and path:
            found.append(f"{name} is erased and lies on the disk")
        if state in LIVE and path:
            found += figures(name, path.stat().st_size, state, size, acknowledged)
        if state == "ready" and path and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            found.append(f"{name} is ready with other bytes than its sha256 says")
    return found if orphans else [*found, *(f"{name} belongs to no row" for name in here)]


def figures(name: str, stored: int, state: str, size: int | None, acknowledged: int) -> list[str]:
    if not acknowledged <= stored <= (stored if size is None else size):
        return [f"{name}: {acknowledged} acknowledged, {stored} stored, {size} declared"]
    return [f"{name} is {state} and not whole"] if state != "uploading" and stored != size else []


def decisions(house: House) -> list[str]:
    """I6: one application, one decision."""
    taken = rows(house, f"SELECT transfer_id_public, step FROM filsluss_auditentry WHERE step IN {DECISIONS}")
    return [
        f"{name} was decided {n} times" for name, n in Counter(name for name, _ in taken).items() if n > 1
    ]


def outbox(house: House) -> list[str]:
    """I3 and I5: a letter for each file that was ready, and none that still holds its words once it left."""
    told = Counter(
        file for (file,) in rows(house, "SELECT file_id FROM filsluss_letter WHERE kind = 'file-ready'")
    )
    ready = {
        file for (file,) in rows(house, "SELECT id FROM filsluss_transferfile WHERE ready_at IS NOT NULL")
    }
    wordy = rows(house, "SELECT key FROM filsluss_letter WHERE delivery <> 'queued' AND text <> ''")
    return [
        *(f"file {file} is told of in {told[file]} letters" for file in ready if told[file] != 1),
        *(f"file {file} was never ready and is told of" for file in told if file not in ready),
        *(f"letter {key} has left and kept its words" for (key,) in wordy),
    ]


def arrivals(house: House, post: Post) -> list[str]:
    """I4: nobody gets a letter about what is not his; and what a row calls sent has come."""
    parties = {
        name: {sender, recipient, approver}
        for name, sender, recipient, approver in rows(
            house, "SELECT public_id, sender_email, recipient_email, approver_email FROM filsluss_transfer"
        )
    }
    strangers = [
        f"{letter.kind} of {letter.transfer} came to {letter.to}"
        for letter in post.letters
        if letter.transfer in parties and not set(letter.to) <= parties[letter.transfer]
    ]
    here = {str(letter.message["Message-ID"]).strip("<>") for letter in post.letters}
    sent = rows(house, "SELECT message_id FROM filsluss_letter WHERE delivery = 'sent'")
    return strangers + [f"{name} was sent and never came" for (name,) in sent if name.strip("<>") not in here]


def whole_database(house: House) -> list[str]:
    """I12, where the database is a file."""
    if "FILSLUSS_DATABASE_URL" in house.env:
        return []
    return [said for (said,) in rows(house, "PRAGMA integrity_check") if said != "ok"] + [
        f"foreign key: {row}" for row in rows(house, "PRAGMA foreign_key_check")
    ]
