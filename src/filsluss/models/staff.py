"""The persons who sign in: their sessions, second factors and roles."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.rules.encryption import is_encrypted


class Person(models.Model):
    """Somebody who signs in: with a provider, as `issuer` and `subject` tell, or here, where both are ours.

    A local account has the issuer "" and its user's primary key as subject. `user` is Django's, for its
    session; the trail names a person as `user:<its primary key>`. The address is what the provider last said,
    and is no key: it may change its owner.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="person")
    issuer = models.CharField(max_length=255, blank=True, default="")
    subject = models.CharField(max_length=255)
    name = models.CharField(max_length=100, blank=True, default="")
    address = models.CharField(max_length=254, blank=True, default="")
    canonical = models.CharField(max_length=254, blank=True, default="", help_text="as that of a party")
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="when they last signed in")
    shut_at = models.DateTimeField(null=True, help_text="since when they may not sign in")

    class Meta:
        indexes = [models.Index(fields=["canonical"], name="person_canonical")]
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="person_once")]

    def __str__(self) -> str:
        return f"person {self.pk}"

    @property
    def is_local(self) -> bool:
        """Whether they sign in here, with a password and a second factor, and not with the provider."""
        return not self.issuer

    @property
    def trail_name(self) -> str:
        """What `AuditEntry.person` holds of them."""
        return f"user:{self.user_id}"


class StaffSession(models.Model):
    """A session of a person who is signed in; without this row their cookie opens nothing.

    `session_key` is the SHA-256 of the session's key. `sid` is what the provider calls its own session. `how`
    names the last factor that was given (`rules/sign_in.py`). `proved_at` is when they last proved who they
    are (`auth_time` of a provider); null if it does not say. `mailboxes` are the shared ones that they answer
    for.
    """

    session_key = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sessions")
    sid = models.CharField(max_length=255, blank=True, default="")
    how = models.CharField(max_length=16)
    network = models.CharField(max_length=64, blank=True, default="")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True)
    mailboxes = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="staff_session_seen")]

    def __str__(self) -> str:
        return f"session {self.pk} of {self.person_id}"


class Passkey(models.Model):
    """A passkey of a local account; both texts are base64url. A counter that falls shows a copy."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="passkeys")
    credential_id = models.CharField(max_length=1400, unique=True)
    credential_data = models.TextField(help_text="with the public key (WebAuthn 6.5.1)")
    name = models.CharField(max_length=100, blank=True, default="")
    sign_count = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"passkey {self.pk} of {self.person_id}"


class Totp(models.Model):
    """The secret that an app makes codes of (RFC 6238), in base32. No step is taken twice."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="totp")
    secret = EncryptedTextField(key_use="second-factor")
    last_step = models.BigIntegerField(default=0, help_text="of the last code that was taken")
    made_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True, help_text="when the first code was taken; null: not in force")

    def __str__(self) -> str:
        return f"app of {self.person_id}"

    @property
    def is_readable(self) -> bool:
        """Whether a secret key of the settings decrypts the secret."""
        return not is_encrypted(self.secret)


class EnrolmentLink(models.Model):
    """The link by which a local account gets a password and a second factor: once, until `ends_at`.

    A newer link of the same account takes its place. `digest` is the SHA-256 of its token.
    """

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="enrolment_link")
    digest = models.CharField(max_length=64, unique=True)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"link of {self.person_id}"


class RecoveryCode(models.Model):
    """A code that stands for a lost factor, once: its HMAC under a key that is drawn for them all."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.pk} of {self.person_id}"


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    def in_force_at(self, now: datetime) -> RoleGrantQuerySet:
        """Grants that have not run out, of persons who are not shut out."""
        return self.filter(Q(until=None) | Q(until__gt=now), person__shut_at=None)


class RoleGrant(models.Model):
    """A role of a person.

    `scope` is the domain that the role is held for; empty: all of them. `by` is `BY_CLAIM`, or who gave it,
    as `AuditEntry.person` names them: what a claim gave, a claim takes away; what a person gave, it does not.
    """

    BY_CLAIM = "claim"

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=16)
    scope = models.CharField(max_length=254, blank=True, default="")
    by = models.CharField(max_length=254)
    given_at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "scope", "by"], name="role_grant_once")
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.person_id}"
