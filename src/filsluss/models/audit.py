"""The audit trail, whose entries are kept longer than the names in them, and security events."""

from django.db import models

from filsluss.models.compiled_queries import CompiledInsert


class AuditEntry(models.Model):
    """A step that was taken. Names and typed text are blanked when the transfer is forgotten.

    `person` identifies who was signed in, administrator or party: `user:<id>`; or `os:<account>` who ran a
    command. It is empty for a party who was not (see `party_public_id`) and for rules. `proof` is how the
    party had proved who they are when they took the step. `network` is the client's address, cut to its /24
    or /48 after 7 days; `request_id` is the one that the proxy logs, too.
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


NEW_ENTRY = CompiledInsert(
    AuditEntry,
    "at transfer_public_id file_public_id step role party_public_id person reason_code reason about size"
    " sha256 proof network request_id detail",
)
FORGOTTEN = {"reason": "", "about": "", "person": "", "network": "", "request_id": "", "detail": None}
"""The columns that may hold a name, an address, a network or typed text, and their values when forgotten."""
IS_FORGOTTEN = models.Q(reason="", about="", person="", network="", request_id="", detail__isnull=True)


class SecurityEvent(models.Model):
    """How often a network or an account caused one kind of event in one minute.

    Events are counted, so that an attack does not cost a row for each request. `person` is an administrator
    as in `AuditEntry`; `network` an IPv4 address or the /64 of an IPv6 address, cut after 7 days.
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
        indexes = [
            models.Index(fields=["kind", "outcome", "account"], name="security_event_account"),
            models.Index(fields=["kind", "at"], name="security_event_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["at", "kind", "outcome", "account", "network", "person", "transfer_public_id"],
                name="security_event_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} {self.outcome} x{self.count}"
