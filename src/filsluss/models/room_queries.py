"""The compiled queries of room: what files take of an account, and what uploads may still take of a disk."""

from typing import Any

from django.db.models import BigIntegerField, Case, Count, DateTimeField, F, Func, Q, Sum, When

from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param
from filsluss.models.file import TransferFile
from filsluss.models.transfer import Transfer
from filsluss.rules.lifecycle import FileState

PIECE = 64 << 20
"""The most bytes that a writer reserves, or writes before it looks at the disk again."""
KEPT_FROM = 20
"""A promise is being kept from the moment when a twentieth of its bytes has come."""


def total(of: Any, *, function: str = "SUM") -> Func:
    """An aggregate over all rows as a column, which `aggregate` cannot give a compiled query."""
    return Func(of, function=function, output_field=BigIntegerField())


def total_where(condition: Q, amount: Any) -> Func:
    return total(Case(When(condition, then=amount), default=0, output_field=BigIntegerField()))


ROW = BigIntegerField()
UPLOADING = Q(state=FileState.UPLOADING)
HOLDS = Q(size__gt=F("arrived"), active_at__gt=Param("since", DateTimeField()))
"""The rest of the file is promised; see `TransferFile.taken_at`."""
IS_KEPT = Q(size__lte=F("arrived") * KEPT_FROM)
LOCKED_TRANSFER = CompiledQuery(
    lambda: (
        Transfer.objects.select_for_update()
        .filter(pk=Param("transfer", ROW))
        .values_list("state", "open_until", "closed_reason", "one_letter", "receipts")
    )
)
OF_TRANSFER = Q(transfer=Param("transfer", ROW)) & ~Q(pk=Param("but", ROW))
BY_STATE = CompiledQuery(
    lambda: (
        TransferFile.objects.filter(OF_TRANSFER)
        .order_by()
        .values_list("state")
        .annotate(count=Count("pk"), size=Sum("size"))
    )
)
"""How many files of a transfer are in each state, and their sizes, from an index alone."""
COMING = CompiledQuery(
    lambda: TransferFile.objects.filter(OF_TRANSFER, UPLOADING).values_list(
        total(Case(When(HOLDS, then=F("size")), default=F("arrived"), output_field=BigIntegerField()))
    )
)
"""What the unfinished files of a transfer take."""
OUTSTANDING = CompiledQuery(
    lambda: (
        TransferFile.objects.filter(UPLOADING)
        .exclude(pk=Param("but", ROW))
        .values_list(
            total_where(HOLDS & IS_KEPT, F("size") - F("arrived")),
            total_where(HOLDS & ~IS_KEPT, F("size") - F("arrived")),
            total(
                Case(
                    When(arrived__gt=F("acknowledged") + PIECE, then=PIECE),
                    When(arrived__gt=F("acknowledged"), then=F("arrived") - F("acknowledged")),
                    default=0,
                    output_field=BigIntegerField(),
                )
            ),
        )
    )
)
RESERVED = CompiledUpdate(
    lambda: TransferFile.objects.filter(UPLOADING, pk=Param("file", ROW), epoch=Param("epoch", ROW)),
    arrived=Param("arrived", ROW),
    active_at=Param("now", DateTimeField()),
)
