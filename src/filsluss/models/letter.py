"""Letters in the outbox, and the transfers, parties and files that each is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import reduce

from django.db import models
from django.db.models import Exists, Expression, OuterRef, Q

from filsluss.models.compiled_queries import CompiledInsert
from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.models.file import TransferFile
from filsluss.models.party import Party
from filsluss.models.transfer import Transfer
from filsluss.rules.letter_kinds import VALID_UNTIL_DECIDED, VALID_WHILE_OPEN, LetterKind, Valid
from filsluss.rules.retries import LONGEST_PAUSE

BLANK = {"subject": "", "text": "", "html": "", "claimed_by": ""}
"""The columns that are blanked when the links in a letter must exist in the mailbox only."""


SKEW = timedelta(hours=1)
"""The clocks of processes differ by less, or one was set back."""
LONGEST_DELAY = LONGEST_PAUSE + SKEW
"""A next try that is farther away than that was set by a clock that was ahead."""


class Delivery(models.TextChoices):
    COLLECTING = "collecting"
    QUEUED = "queued"
    SENT = "sent"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"


class LetterQuerySet(models.QuerySet["Letter"]):
    def due_at(self, now: datetime) -> LetterQuerySet:
        """Queued letters whose next try is due, claimed or not, in the order of delivery.

        Also those that would wait longer than any letter does: the clock was set back.
        """
        return self.due_between(now, now + LONGEST_DELAY)

    def due_between(self, now: datetime | Expression, far: datetime | Expression) -> LetterQuerySet:
        """As `due_at`; `far` is LONGEST_DELAY after `now`. Both may be parameters."""
        return self.queued().waited_for(now, far).order_by("priority", "next_try_at", "id")

    def waited_for(self, now: datetime | Expression, far: datetime | Expression) -> LetterQuerySet:
        """Those whose next try is due, whatever has become of them; the arguments are of `due_between`."""
        # Without a comparison of times for the first try: the writer's clock may be ahead of ours.
        return self.filter(Q(tries=0) | Q(next_try_at__lte=now) | Q(next_try_at__gt=far))

    def still_true_at(self, now: datetime | Expression) -> LetterQuerySet:
        """Without letters that are untrue because of the time, and that no job has withdrawn yet."""
        late = Q(kind__in=VALID_UNTIL_DECIDED) & ~is_true(Valid.UNTIL_DECIDED, now)
        return self.exclude(late | (Q(kind__in=VALID_WHILE_OPEN) & ~is_true(Valid.WHILE_OPEN, now)))

    def of_validity_true_at(self, valid: Valid, now: datetime | Expression) -> LetterQuerySet:
        """As `still_true_at`, of letters whose kinds are all of that validity; quicker planned."""
        return self if valid is Valid.ALWAYS else self.filter(is_true(valid, now))

    def queued(self) -> LetterQuerySet:
        return self.filter(delivery=Delivery.QUEUED)

    def queued_row(self, row: int | Expression) -> LetterQuerySet:
        """The letter with that primary key, if it is queued."""
        # Asked whether it is queued, PostgreSQL may read all that are, by their index, which is the smaller.
        return self.filter(pk=row).exclude(
            delivery__in=[each for each in Delivery if each != Delivery.QUEUED]
        )

    def collecting(self) -> LetterQuerySet:
        return self.filter(delivery=Delivery.COLLECTING)

    def closing_at(self, now: datetime, *, within: timedelta) -> LetterQuerySet:
        """Those that close now, also if the clock was set back: they collect for `within` at the most."""
        return self.collecting().filter(Q(next_try_at__lte=now) | Q(next_try_at__gt=now + within + SKEW))

    def unsent(self) -> LetterQuerySet:
        """Letters that may still be sent."""
        return self.filter(delivery__in=(Delivery.QUEUED, Delivery.COLLECTING))

    def about(self, transfer: Transfer, file: TransferFile | None = None) -> LetterQuerySet:
        """Letters about a transfer, or about one file of it."""
        cases = LetterCase.objects.filter(transfer=transfer)
        return self.filter(pk__in=(cases.filter(file=file) if file else cases).values("letter"))

    def about_any(self, transfers: Collection[Transfer]) -> LetterQuerySet:
        """Letters about at least one of these transfers."""
        return self.filter(pk__in=LetterCase.objects.filter(transfer__in=transfers).values("letter"))

    def not_to(self, domains: Iterable[str]) -> LetterQuerySet:
        """Letters to readers of other domains."""
        return reduce(lambda rows, domain: rows.exclude(to__iendswith=f"@{domain}"), domains, self)

    def unclaimed_not_to(self, domains: Iterable[str]) -> LetterQuerySet:
        """Letters that are claimed, and those to readers of other domains."""
        return reduce(
            lambda rows, domain: rows.exclude(claimed_by="", to__iendswith=f"@{domain}"), domains, self
        )

    def of_no_case(self) -> LetterQuerySet:
        """Letters about no transfer, such as alarms."""
        return self.filter(~Exists(LetterCase.objects.filter(letter=OuterRef("pk"))))


class Letter(models.Model):
    """A letter to one address. Its text is encrypted while it waits, and blanked when it was sent.

    A letter that is given up keeps its text until its transfer is over, so that it can be sent again. One
    that is COLLECTING (several files or fetches) has no text yet: it closes at `next_try_at`, and is then
    rendered from what is still true. `cases` says what it is about.
    """

    public_id = models.CharField(max_length=22, unique=True)
    key = models.CharField(max_length=200, unique=True, help_text="what makes it the same letter again")
    kind = models.CharField(max_length=32)
    role = models.CharField(max_length=16, blank=True, default="")
    to = models.CharField(max_length=254)
    reply_to = models.CharField(max_length=254, blank=True, default="")
    language = models.CharField(max_length=2)
    subject = models.CharField(max_length=200, blank=True, default="")
    text = EncryptedTextField(blank=True, default="")
    html = EncryptedTextField(blank=True, default="")
    message_id = models.CharField(max_length=120)
    references = models.CharField(max_length=120, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=1, help_text="0 leaves before 1")
    again_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="again", help_text="sent once more"
    )
    collects = models.CharField(
        max_length=300, blank=True, default="", help_text="kind, mailbox and case: one collects for each"
    )

    delivery = models.CharField(max_length=16, choices=Delivery.choices, default=Delivery.QUEUED)
    written_at = models.DateTimeField()
    next_try_at = models.DateTimeField(
        help_text="when it is tried next; of one that collects, when it closes"
    )
    claimed_by = models.CharField(max_length=100, blank=True, default="", help_text="who is sending it now")
    claim_count = models.PositiveIntegerField(
        default=0, help_text="grows when it is claimed, and with each heartbeat of who claimed it"
    )
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    last_error = models.CharField(
        max_length=300, blank=True, default="", help_text="the last answer that was no"
    )
    failure = models.CharField(
        max_length=16, blank=True, default="", help_text="what that answer means, in a word of ours"
    )
    failed_at = models.DateTimeField(null=True, help_text="when that answer came")

    case_ids: frozenset[str] | None = None
    """The public ids of the transfers that it is about, if they were read with it."""

    objects = LetterQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["priority", "next_try_at"], name="letter_queued", condition=Q(delivery="queued")
            ),
            models.Index(fields=["given_up_at"], name="letter_given_up", condition=Q(delivery="given_up")),
            models.Index(fields=["to", "written_at"], name="letter_to_written"),
            models.Index(fields=["failed_at"], name="letter_failed", condition=Q(failed_at__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["collects"], name="letter_collects_once", condition=Q(delivery="collecting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.key})"

    @property
    def domain(self) -> str:
        """The domain of its reader's address."""
        return self.to.rpartition("@")[2].lower()


class LetterCase(models.Model):
    """A transfer that a letter is about, the party it is for (null for notices), and the file it names."""

    letter = models.ForeignKey(Letter, on_delete=models.CASCADE, related_name="cases")
    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="letter_cases")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, null=True, related_name="letter_cases")
    file = models.ForeignKey(TransferFile, on_delete=models.CASCADE, null=True, related_name="letter_cases")

    class Meta:
        # In SQL two NULLs are distinct, so each combination of null columns has its own constraint.
        constraints = [
            models.UniqueConstraint(
                fields=["letter", "transfer", "party", "file"],
                name="letter_case_once",
                condition=Q(party__isnull=False, file__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["letter", "transfer", "party"],
                name="letter_case_party_once",
                condition=Q(party__isnull=False, file__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["letter", "transfer", "file"],
                name="letter_case_file_once",
                condition=Q(party__isnull=True, file__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["letter", "transfer"],
                name="letter_case_notice_once",
                condition=Q(party__isnull=True, file__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.letter_id} about {self.transfer_id}"


def is_true(valid: Valid, now: datetime | Expression) -> Exists:
    """Whether of a letter's cases one has not come to the time after which letters of that validity lie."""
    ends = {Valid.UNTIL_DECIDED: "transfer__lapse_by", Valid.WHILE_OPEN: "transfer__open_until"}
    cases = LetterCase.objects.filter(letter=OuterRef("pk"))
    return Exists(cases.exclude(**{f"{ends[valid]}__lte": now}))


NEW_LETTER = CompiledInsert(
    Letter,
    "public_id key kind role to reply_to language subject text html message_id references priority delivery"
    " written_at next_try_at",
)
NEW_CASE = CompiledInsert(LetterCase, "letter_id transfer_id party_id file_id")


def list_closes_at(transfer: Transfer) -> datetime | None:
    """When the list of requests closes on which an undecided transfer waits; None if it waits for none."""
    if transfer.asked_at is not None or transfer.lapse_by is not None:
        return None
    lists = Letter.objects.collecting().filter(kind=LetterKind.APPROVALS_REQUESTED).about(transfer)
    return lists.values_list("next_try_at", flat=True).first()
