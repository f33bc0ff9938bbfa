"""The audit trail: one entry for everything that happened, kept longer than the people in it."""

from django.db import models


class AuditEntry(models.Model):
    """What was typed, and who it was, is blanked when the transfer is forgotten; the fact itself stays.

    `person` is who acted where that is known beyond the role: `user:<id>` of somebody who signed in,
    `os:<account>` of a command; empty for parties (see `party_public_id`) and for rules.
    """

    at = models.DateTimeField()
    transfer_public_id = models.CharField(max_length=9)
    file_public_id = models.CharField(max_length=9, blank=True, default="")
    step = models.CharField(max_length=32)
    role = models.CharField(max_length=16)
    party_public_id = models.CharField(max_length=22, blank=True, default="")
    person = models.CharField(max_length=254, blank=True, default="")
    reason_code = models.CharField(max_length=32, blank=True, default="", help_text="why, as a fixed word")
    reason = models.CharField(max_length=500, blank=True, default="", help_text="why, as it was typed")
    about = models.CharField(max_length=255, blank=True, default="", help_text="the name of the file")
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")

    # Empty until the parts that fill them are built: the security log and what it shares with a proxy's log.
    proof = models.CharField(max_length=8, blank=True, default="")
    network = models.CharField(max_length=64, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    detail = models.JSONField(null=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["transfer_public_id"], name="audit_transfer"),
            models.Index(fields=["step", "at"], name="audit_step"),
            models.Index(fields=["at", "id"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.transfer_public_id} {self.step}"


FORGOTTEN = {"reason": "", "about": "", "person": "", "network": "", "request_id": "", "detail": None}
"""What forgetting leaves of the columns that may hold a name, an address, a network or a typed word."""


class SecurityEvent(models.Model):
    """A kind of event that a network or an account caused in one minute, and how often.

    Refusals are counted, so that an attack costs no row a request. Empty until the security log is built.
    """

    at = models.DateTimeField(help_text="the minute")
    kind = models.CharField(max_length=32)
    outcome = models.CharField(max_length=16)
    account = models.CharField(max_length=254, blank=True, default="", help_text="HMAC of an unknown name")
    person = models.CharField(max_length=254, blank=True, default="")
    transfer_public_id = models.CharField(max_length=9, blank=True, default="")
    network = models.CharField(max_length=64, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="", help_text="of the first")
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["at", "kind", "outcome", "account", "network", "person", "transfer_public_id"],
                name="security_event_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} {self.outcome} x{self.count}"
