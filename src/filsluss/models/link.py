"""Links: URLs with a secret token. A row has the token's digest, and the values it is derived from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import models

from filsluss.models.file import TransferFile
from filsluss.models.party import Party
from filsluss.models.transfer import Transfer
from filsluss.rules.directions import Role
from filsluss.rules.refusals import Refused
from filsluss.rules.tokens import Purpose, digest_of, draw_nonce, link_token

STATUS_PURPOSE = {
    Role.SENDER: Purpose.STATUS_SENDER,
    Role.RECIPIENT: Purpose.STATUS_RECIPIENT,
    Role.APPROVER: Purpose.STATUS_APPROVER,
}
FILE_PURPOSES = (Purpose.DOWNLOAD, Purpose.PICKUP)


class LinkLost(Exception):
    """No key derives the link that was sent: the secret was changed without keeping the old one."""


class LinkRevoked(Refused):
    """The link has been revoked: 410, not 404. `language` is that of its letters."""

    def __init__(self, language: str = "") -> None:
        super().__init__("upload_gone")
        self.language = language


class LinkQuerySet(models.QuerySet["Link"]):
    def with_token(self, token: str, *purposes: Purpose) -> LinkQuerySet:
        """The link with that token, if it is for one of these purposes."""
        return self.filter(digest=digest_of(token), purpose__in=purposes)


class Link(models.Model):
    """A link of one party for one purpose. It is kept until its transfer is forgotten, to answer 410.

    `derived_from` is the string in the token's HMAC: the party's public id or, for links from before
    parties had rows, the public id of the transfer or the file.
    """

    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=16)
    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="links")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="links")
    file = models.ForeignKey(TransferFile, on_delete=models.CASCADE, null=True, related_name="links")
    derived_from = models.CharField(max_length=22)
    nonce = models.CharField(max_length=32)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = LinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.purpose} link of {self.transfer_id}"

    @classmethod
    def draw(
        cls, purpose: Purpose, *, key: bytes, party: Party, file: TransferFile | None = None, now: datetime
    ) -> Link:
        """A new link of that party, not saved."""
        nonce = draw_nonce()
        token = link_token(key, purpose=purpose, row=party.public_id, nonce=nonce)
        return cls(
            digest=digest_of(token),
            purpose=purpose.value,
            transfer_id=party.transfer_id,
            party=party,
            file=file,
            derived_from=party.public_id,
            nonce=nonce,
            made_at=now,
        )

    @classmethod
    def behind(cls, token: str, *purposes: Purpose) -> Link | None:
        """The link with that token, its transfer, party and file; None if unknown. Raises LinkRevoked."""
        found = cls.objects.with_token(token, *purposes).select_related("transfer", "party", "file").first()
        if found is None:
            return None
        if found.revoked_at is not None:
            raise LinkRevoked(found.party.language)
        if found.file is not None:
            found.file.transfer = found.transfer
        return found

    def token(self, keys: Sequence[bytes]) -> str:
        """The token, derived with the key that fits its digest; raises LinkLost if none does."""
        for key in keys:
            token = link_token(key, purpose=Purpose(self.purpose), row=self.derived_from, nonce=self.nonce)
            if digest_of(token) == self.digest:
                return token
        raise LinkLost(self.transfer_id)


def token_of(
    party: Party, purpose: Purpose, keys: Sequence[bytes], *, file: TransferFile | None = None
) -> str:
    """The token of a party's newest link for that purpose; raises LinkLost if none can be derived."""
    kept: dict[tuple[str, int | None], Link] = party.__dict__.get("_links", {})
    link = kept.get((purpose.value, file.pk if file else None))
    if link is None:
        links = Link.objects.filter(party=party, purpose=purpose, file=file, revoked_at=None)
        link = links.order_by("-pk").first()
    if link is None:
        raise LinkLost(party.public_id)
    return link.token(keys)


def keep_links(links: Iterable[Link]) -> None:
    """Caches new links on their parties, so that letters of the same transaction need no query."""
    for link in links:
        kept: dict[tuple[str, int | None], Link] = link.party.__dict__.setdefault("_links", {})
        kept[link.purpose, link.file_id] = link


def read_status_links(transfers: Iterable[Transfer]) -> None:
    """Caches the status links of all their parties, which have been read, by one query."""
    parties = {party.pk: party for transfer in transfers for party in transfer.parties.all()}
    purposes = [purpose.value for purpose in STATUS_PURPOSE.values()]
    links = Link.objects.filter(party__in=parties, purpose__in=purposes, revoked_at=None).order_by("pk")
    for link in links:
        link.party = parties[link.party_id]
    keep_links(links)
