"""What the house remembers about itself and about knocks on its doors."""

from datetime import datetime

from django.db import models


class Attempt(models.Model):
    """Something that is counted per network: an application, or a wrong code."""

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


class Heartbeat(models.Model):
    """When a part of the house last showed that it is alive."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Alarm(models.Model):
    """One thing that is watched: wrong since `since`, or well; `value` and `limit` are figures or words."""

    name = models.CharField(max_length=32, primary_key=True)
    since = models.DateTimeField(null=True)
    is_told = models.BooleanField(default=False, help_text="whether a letter has told of it since then")
    told_at = models.DateTimeField(null=True, help_text="when the administrators last got a letter")
    value = models.CharField(max_length=300, blank=True, default="")
    limit = models.CharField(max_length=100, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class Pause(models.Model):
    """A clock is not trusted: since when, by the steady clock of that start of the machine, and why."""

    name = models.CharField(max_length=32, primary_key=True)
    why = models.CharField(max_length=300)
    boot_id = models.CharField(max_length=36)
    steady = models.FloatField()

    def __str__(self) -> str:
        return self.why


class RowLock(models.Model):
    """A row to lock: whoever counts and then acts on the count passes it one at a time."""

    name = models.CharField(max_length=32, primary_key=True)
    passed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


def serialize_on(name: str, *, now: datetime) -> None:
    """Waits for its turn, and holds it until the caller's transaction ends."""
    RowLock.objects.update_or_create(name=name, defaults={"passed_at": now})


class Installation(models.Model):
    """What every process of this installation must agree on, by name: the oldest program that may run."""

    name = models.CharField(max_length=32, primary_key=True)
    value = models.CharField(max_length=300)

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
