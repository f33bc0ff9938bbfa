"""The parties of transfers: sender, recipient and approver, with their addresses."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from filsluss.models.sorted_field import CodePointCharField
from filsluss.rules.addresses import canonical
from filsluss.rules.directions import Proof, Role
from filsluss.rules.search import fold
from filsluss.rules.tokens import draw_row_id


class Party(models.Model):
    """A person in one role of a transfer; somebody with two roles has two rows.

    `proof` is how they have proved that the address is theirs.
    """

    public_id = models.CharField(max_length=22, unique=True)
    transfer = models.ForeignKey("filsluss.Transfer", on_delete=models.CASCADE, related_name="parties")
    role = models.CharField(max_length=16)
    name = models.CharField(max_length=100, blank=True, default="")
    address = models.CharField(max_length=254)
    canonical = CodePointCharField(max_length=254, help_text="the address in lower case, without its tag")
    folded = CodePointCharField(max_length=600, help_text="name and address as search looks for them")
    language = models.CharField(max_length=2)
    proof = models.CharField(max_length=8, default=Proof.NONE.value)
    proved_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["canonical", "transfer"], name="party_by_canonical"),
            models.Index(fields=["folded", "transfer"], name="party_by_folded"),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.transfer_id}"

    @classmethod
    def draw(cls, role: Role, *, address: str, name: str = "", language: str) -> Party:
        """A new row with its random public id, of no transfer yet and not saved."""
        return cls(
            public_id=draw_row_id(),
            role=role.value,
            name=name,
            address=address,
            canonical=canonical(address),
            folded=folded_party(name, address),
            language=language,
        )

    def prove(self, proof: Proof, *, now: datetime) -> None:
        """Records a proof, unless the same or a stronger one is recorded."""
        if Proof(self.proof) not in proof.weaker():
            return
        weaker = Party.objects.filter(pk=self.pk, proof__in=proof.weaker())
        if weaker.update(proof=proof.value, proved_at=now):
            self.proof, self.proved_at = proof.value, now


def folded_party(name: str, address: str) -> str:
    """The value of `Party.folded`: the name first, since a search compares prefixes."""
    return fold(f"{name} {address}".strip())
