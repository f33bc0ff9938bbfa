"""Operational state: attempts, link requests, heartbeats, nodes, alarms, clock hold, locks, installation."""

from datetime import datetime

from django.db import models

from filsluss.models.encrypted_field import EncryptedTextField


class Attempt(models.Model):
    """Something that is limited for each network: an application, a wrong code, a sign-in."""

    kind = models.CharField(max_length=16)
    network = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["kind", "network", "at"], name="attempt_network"),
            models.Index(fields=["kind", "at"], name="attempt_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.network}"


class LinkRequest(models.Model):
    """Somebody asks for the links of a mailbox, whoever's that is; deleted by the job that looks it up."""

    address = EncryptedTextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"request for links {self.pk}"


class Heartbeat(models.Model):
    """When a part of the service last ran."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """A part of the service on one machine: when it last ran, and with which program and settings."""

    key = models.CharField(max_length=80, primary_key=True, help_text="part@name")
    name = models.CharField(max_length=64)
    part = models.CharField(max_length=16)
    at = models.DateTimeField()
    version = models.CharField(max_length=32)
    settings = models.JSONField(default=dict, help_text="a digest of each setting that nodes must share")

    def __str__(self) -> str:
        return self.key


class Alarm(models.Model):
    """A condition that is checked: raised since `since`, or null. `value` and `limit` are shown as text."""

    name = models.CharField(max_length=32, primary_key=True)
    since = models.DateTimeField(null=True)
    is_told = models.BooleanField(default=False, help_text="whether a letter has told of it since then")
    told_at = models.DateTimeField(null=True, help_text="when the administrators last got a letter")
    value = models.CharField(max_length=300, blank=True, default="")
    limit = models.CharField(max_length=100, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class Pause(models.Model):
    """The clock is not trusted, and why: since `steady`, in seconds of the monotonic clock of that boot."""

    name = models.CharField(max_length=100, primary_key=True, help_text="what is paused, and on which node")
    why = models.CharField(max_length=300)
    boot_id = models.CharField(max_length=36)
    steady = models.FloatField()

    def __str__(self) -> str:
        return self.why


class RowLock(models.Model):
    """A row that is locked by whoever counts rows and then acts on the count."""

    name = models.CharField(max_length=32, primary_key=True)
    passed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


def serialize_on(name: str, *, now: datetime) -> None:
    """Locks the row of that name until the caller's transaction ends."""
    RowLock.objects.update_or_create(name=name, defaults={"passed_at": now})


class Installation(models.Model):
    """A value that all processes must agree on, such as the oldest program that may run."""

    name = models.CharField(max_length=32, primary_key=True)
    value = models.CharField(max_length=300)

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
