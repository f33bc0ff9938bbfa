"""The block list: addresses and domains that nobody is written to for, each until a day."""

from django.db import models


class Blocked(models.Model):
    """A mailbox, a domain or a suffix (`rules.blocking`); deleted when `until` is over.

    `by`: who added it, as `AuditEntry.person`. Values and reasons are personal data.
    """

    kind = models.CharField(max_length=8)
    value = models.CharField(max_length=255, unique=True)
    reason = models.CharField(max_length=500)
    until = models.DateTimeField()
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
