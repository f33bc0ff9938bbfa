"""A reference model of the service: what becomes of transfers and files, and who is told."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from filsluss.rules.policy import Policy

IDLE = timedelta(hours=48)
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=30)
OVER = ("rejected", "lapsed", "withdrawn", "closed")


@dataclass(eq=False)
class File:
    """`acknowledged` bytes survive a power cut; `stored` bytes are there unless the machine loses power."""

    size: int
    active: datetime
    content: bytes = b""
    acknowledged: int = 0
    stored: int = 0
    trusted: bool = True
    state: str = "uploading"
    was_ready: bool = False
    was_received: bool = False
    fetched: bool = False
    because: str = ""
    withheld_until: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.state in ("uploading", "received", "ready")

    @property
    def offset(self) -> int:
        return self.stored if self.trusted else self.acknowledged


@dataclass(eq=False)
class Transfer:
    """One application, whatever becomes of it; `people` maps the roles to their addresses."""

    way: str
    people: dict[str, str]
    state: str
    lapse_by: datetime | None
    asked_at: datetime | None = None
    reminded: bool = False
    until: datetime | None = None
    over_at: datetime | None = None
    files: dict[str, File] = field(default_factory=dict)
    letters: list[tuple[str, str, str]] = field(default_factory=list)

    def is_open(self, now: datetime) -> bool:
        return self.state == "open" and self.until is not None and now < self.until

    def tell(self, kind: str, *roles: str, file: str = "") -> None:
        """One letter to each address, in the first of its roles."""
        notified: set[str] = set()
        for role in roles:
            if (address := self.people[role]) and address not in notified:
                notified.add(address)
                self.letters.append((kind, role, file))


@dataclass
class Mailbox:
    """An approver to whom many write: the requests on the next list, when it closes, and what came before."""

    requests: list[Transfer] = field(default_factory=list)
    listed: list[Transfer] = field(default_factory=list)
    closes_at: datetime | None = None
    closed_at: datetime | None = None
    reminders: list[datetime] = field(default_factory=list)

    def asks(self, *, policy: Policy, now: datetime) -> bool:
        """Whether the mailbox has room for a letter of its own: undecided and taken back requests count."""
        recent = [each for each in self.requests if each.asked_at and each.asked_at > now - DAY]
        return sum(each.state in ("pending", "withdrawn") for each in recent) < policy.letters_per_day

    def collect(self, transfer: Transfer, *, policy: Policy, now: datetime) -> None:
        soon = now + policy.list_interval / 16
        if self.closes_at is None:
            self.closes_at = max(soon, self.closed_at + policy.list_interval) if self.closed_at else soon
        self.listed.append(transfer)

    def work(self, *, policy: Policy, now: datetime) -> None:
        """Reminds, beyond the limit in a list; closes the list that is due."""
        for each in self.requests:
            waits = each.state == "pending" and each.asked_at and each.asked_at <= now - DAY
            if each.reminded or not waits or not each.lapse_by or now < each.lapse_by - 2 * DAY:
                continue
            each.reminded = True
            if sum(at > now - DAY for at in self.reminders) < policy.letters_per_day:
                self.reminders.append(now)
            else:
                self.collect(each, policy=policy, now=now)
        if self.closes_at and now >= self.closes_at:
            undecided = [each for each in self.listed if each.state == "pending"]
            self.listed, self.closes_at = [], None
            self.closed_at = now if undecided else self.closed_at
            for each in undecided:
                each.tell("approvals-requested", "approver")
                if each.asked_at is None:
                    each.asked_at, each.lapse_by = now, policy.end_of(now, policy.decision_days)


EVERYBODY = ("sender", "recipient", "approver")


def apply(
    way: str, people: dict[str, str], *, days: int, asks: bool = True, policy: Policy, now: datetime
) -> Transfer:
    """From inside it opens at once; else the sender is told, and the approver if `asks`, or in a list."""
    transfer = Transfer(way, people, "pending", policy.end_of(now, policy.decision_days), now)
    if way == "outbound":
        decide(transfer, "approve", days=days, policy=policy, now=now)
    else:
        transfer.tell("received", "sender")
        if asks:
            transfer.tell("approval-requested", "approver")
        else:
            transfer.asked_at = transfer.lapse_by = None
    return transfer


def decide(transfer: Transfer, choice: str, *, days: int, policy: Policy, now: datetime) -> bool:
    """Once, in time, and by nobody else afterwards."""
    is_late = transfer.lapse_by is not None and now >= transfer.lapse_by
    if transfer.state != "pending" or is_late:
        return False
    if choice == "approve":
        transfer.state, transfer.until = "open", policy.end_of(now, days)
        transfer.tell("approved", "sender")
    else:
        transfer.state, transfer.over_at = "rejected", now
        transfer.tell("rejected", "sender")
    return True


def take_back(transfer: Transfer, *, asked: bool, told: bool, now: datetime) -> bool:
    """The sender withdraws what nobody has answered; `asked`: a letter that asks the approver has left."""
    is_late = transfer.lapse_by is not None and now >= transfer.lapse_by
    if transfer.state != "pending" or is_late:
        return False
    transfer.state, transfer.over_at = "withdrawn", now
    if told:
        transfer.tell("withdrawn", "approver")
    if not asked:
        transfer.asked_at = None
    return True


def take_away(transfer: Transfer, name: str, because: str) -> None:
    file = transfer.files[name]
    if file.is_live:
        file.state, file.because = "erasing", because


def withhold(transfer: Transfer, name: str, *, policy: Policy, now: datetime) -> None:
    """An administrator removes it: what is whole waits, and everything else goes at once."""
    file = transfer.files[name]
    if file.state in ("received", "ready"):
        file.state, file.because, file.withheld_until = "withheld", "removed", now + policy.undo_lasts
    else:
        take_away(transfer, name, "removed")


def give_back(transfer: Transfer, name: str, *, now: datetime) -> bool:
    """It is again what it was, as long as it waits and its account is open."""
    file = transfer.files[name]
    if file.withheld_until is None or now >= file.withheld_until or not transfer.is_open(now):
        return False
    file.state, file.because, file.withheld_until = "ready" if file.was_ready else "received", "", None
    return True


def erase_withheld(file: File) -> None:
    if file.state == "withheld":
        file.state, file.withheld_until = "erasing", None


def close(transfer: Transfer, *, now: datetime) -> None:
    transfer.state = "closing"
    for name, file in transfer.files.items():
        erase_withheld(file)
        take_away(transfer, name, "ended")


def work(transfer: Transfer, *, policy: Policy, now: datetime) -> None:
    """What the worker does: lapse, end, make ready, expire what is idle, erase, and only then tell."""
    if transfer.state == "pending" and transfer.lapse_by and now >= transfer.lapse_by:
        transfer.state, transfer.over_at = "lapsed", now
        transfer.tell("lapsed", "sender", "approver")
    if transfer.state == "open" and not transfer.is_open(now):
        close(transfer, now=now)
    for name, file in transfer.files.items():
        progress(transfer, name, file, now=now)
        if file.withheld_until and now >= file.withheld_until:
            erase_withheld(file)
        if file.state == "erasing":
            file.state = "erased"
            tell_removed(transfer, name, file)
    if transfer.state == "closing":
        transfer.state, transfer.over_at = "closed", now
        was_ready = any(file.was_ready for file in transfer.files.values())
        transfer.tell("erased", *(EVERYBODY if was_ready else ("sender", "approver")))


def progress(transfer: Transfer, name: str, file: File, *, now: datetime) -> None:
    whole = file.stored == file.size and file.trusted
    if file.state == "uploading" and whole and now - file.active >= MOMENT:
        receive(file)
    if file.state == "received":
        file.state, file.was_ready = "ready", True
        transfer.tell("file-ready", "recipient", file=name)
    if file.state == "uploading" and now - file.active >= IDLE:
        take_away(transfer, name, "stale")


def receive(file: File) -> None:
    file.state, file.was_received, file.acknowledged = "received", True, file.size


def tell_removed(transfer: Transfer, name: str, file: File) -> None:
    if file.because in ("withdrawn", "removed") and file.was_received:
        transfer.tell("file-removed", *(EVERYBODY if file.was_ready else ("sender",)), file=name)


def is_forgotten(transfer: Transfer, *, policy: Policy, now: datetime) -> bool:
    return transfer.over_at is not None and now >= transfer.over_at + timedelta(days=policy.forget_days)
