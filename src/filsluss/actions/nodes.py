"""Nodes: which machines run which part of the service, and whether they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from filsluss.models import Node

BEAT_SECONDS = 10.0
LATE = timedelta(minutes=2)
"""A part that has not ended in order, and was not heard of for so long, is missed."""
FORGOTTEN = timedelta(days=1)
"""A part that was not heard of for so long is no longer counted on."""


@dataclass(frozen=True)
class Member:
    """This process as one of the installation's: its part, and on which node, as what and with what."""

    part: str
    name: str
    version: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.part}@{self.name}"


def beat(member: Member, *, now: datetime) -> None:
    """Notes that the part runs there now."""
    facts = {"version": member.version, "settings": dict(member.settings), "at": now}
    Node.objects.update_or_create(
        key=member.key, defaults={"name": member.name, "part": member.part, **facts}
    )


def leave(member: Member) -> None:
    """Notes that the part ends there in order, and is not to be missed."""
    Node.objects.filter(key=member.key).delete()


def forget_lost(*, now: datetime) -> None:
    """Counts no longer on parts that are gone for good."""
    lost = Node.objects.filter(at__lte=now - FORGOTTEN)
    if lost.exists():  # a SELECT takes no lock
        lost.delete()


def missed(*, now: datetime) -> list[Node]:
    """The parts that have not ended and are not heard of, also after the clock was set back."""
    return [node for node in Node.objects.order_by("key") if not now - LATE < node.at <= now + LATE]


def troubles(*, is_store_shared: bool, now: datetime) -> list[str]:
    """What is wrong with the nodes, each in a few words; nothing if all is well."""
    late = missed(now=now)
    alive = [node for node in Node.objects.order_by("key") if node.key not in {each.key for each in late}]
    found = [trouble_of(node, now=now) for node in late]
    names = sorted({node.name for node in alive})
    if len(names) > 1 and not is_store_shared:
        found.append(f"{', '.join(names)} run, but their blob store is a folder, which cannot be shared")
    return found + differences(alive)


def trouble_of(node: Node, *, now: datetime) -> str:
    """What is wrong with a part that is missed."""
    who, at = f"{node.part} on {node.name}", f"{node.at:%Y-%m-%d %H:%M} UTC"
    if node.at > now:
        return f"{who} notes that it is {at}, which is not yet: set the clocks by NTP"
    return f"{who} is not heard of since {at}"


def differences(nodes: Sequence[Node]) -> list[str]:
    """The settings that are not the same on all of these nodes."""
    found = []
    for name in sorted({name for node in nodes for name in node.settings}):
        values = {node.name: node.settings[name] for node in nodes if name in node.settings}
        if len(set(values.values())) > 1:
            found.append(f"{name} is not the same on {', '.join(sorted(values))}")
    return found
