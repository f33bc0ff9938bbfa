"""Administrators of tests: signed in with a second factor, in this process or with a service that runs."""

import re
from typing import Any
from urllib.parse import urlsplit

import pyotp
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from filsluss.actions import local_accounts
from filsluss.actions.second_factors import app_of
from filsluss.actions.staff_sessions import begin_session
from filsluss.models import AuditEntry, Person, RoleGrant, Totp
from filsluss.rules.addresses import canonical
from filsluss.rules.permissions import StaffRole
from filsluss.rules.sign_in import How
from tests.parts.service import Response, Service

NAME, PASSWORD = "eva", "en lång mening som ingen gissar"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def make_account(name: str = NAME, password: str = PASSWORD, *roles: tuple[StaffRole, str]) -> Person:
    """A local account with an app in force and these roles; an administrator without any."""
    now = timezone.now()
    local_accounts.add(name, by="os:test", now=now)
    person = Person.objects.get(user__username=name)
    person.user.set_password(password)
    person.user.save()
    app_of(person, now=now)
    Totp.objects.filter(person=person).update(proved_at=now)
    if roles:
        person.grants.all().delete()
    AuditEntry.objects.filter(person="os:test").delete()  # it was there before
    for role, scope in roles:
        RoleGrant.objects.create(person=person, role=role, scope=scope, by="os:test", given_at=now)
    return person


def sign_in(client: Client, name: str = NAME, *roles: tuple[StaffRole, str]) -> User:
    """Opens a session with a factor just given, without the pages for it; makes the account if needed."""
    person = Person.objects.filter(user__username=name).first() or make_account(name, PASSWORD, *roles)
    client.force_login(person.user, backend=BACKEND)
    now = timezone.now()
    begin_session(person, key=client.session.session_key or "", how=How.TOTP, proved_at=now, now=now)
    return person.user


def provider_person(
    address: str, *, issuer: str = "https://id.example", subject: str = "", name: str = ""
) -> Person:
    """Somebody of a sign-in provider, known from before."""
    now, user = timezone.now(), User.objects.create(username=f"provider:{User.objects.count()}")
    return Person.objects.create(
        user=user,
        issuer=issuer,
        subject=subject or user.username,
        name=name or address.partition("@")[0],
        address=address,
        canonical=canonical(address),
        made_at=now,
        seen_at=now,
    )


def sign_in_provider(client: Client, address: str, **own: str) -> Person:
    """Opens a session of somebody of a sign-in provider, without asking one."""
    person, now = provider_person(address, **own), timezone.now()
    client.force_login(person.user, backend=BACKEND)
    begin_session(person, key=client.session.session_key or "", how=How.PROVIDER, proved_at=now, now=now)
    return person


def code_of(person: Person) -> str:
    """What the app shows now; its last step is forgotten, so that tests need not wait for the next."""
    Totp.objects.filter(person=person).update(last_step=0)
    return pyotp.TOTP(Totp.objects.get(person=person).secret).now()


def through_the_pages(
    client: Client, *, name: str = NAME, password: str = PASSWORD, query: str = "", **own: Any
) -> Any:
    """Password and code, as a browser sends them; the last answer."""
    form = {"username": name, "password": password}
    answer = client.post(f"/oversee/sign-in{query}", form, **own)
    if answer.status_code != 303 or "/sign-in/code" not in answer["Location"]:
        return answer
    given = {"code": code_of(Person.objects.get(user__username=name))}
    return client.post(answer["Location"], given, **own)


class Browser:
    """A browser with cookies, at a service that runs."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.cookies: dict[str, str] = {}

    @property
    def jar(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def get(self, path: str) -> Response:
        return self._kept(self.service.request("GET", path, headers={"Cookie": self.jar}))

    def post(self, path: str, **form: str) -> Response:
        """The form with the token of the last page."""
        head = {"Cookie": self.jar, "Origin": self.service.env["FILSLUSS_BASE_URL"]}
        given = {**form, "csrfmiddlewaretoken": self.token}
        return self._kept(self.service.request("POST", path, given, head))

    def _kept(self, answer: Response) -> Response:
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        found = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.text)
        self.token = found[0] if found else getattr(self, "token", "")
        return answer


def enrol(service: Service, name: str = NAME, *, command: str = "add") -> Browser:
    """Makes the account of that name (or unlocks it) and signs it in, by the link and an app."""
    browser = Browser(service)
    link = path_of_link(service, name, command=command)
    browser.get(link)
    chosen = browser.post(link, password=PASSWORD)
    assert chosen.status == 303, chosen.text
    page = browser.get(chosen.location)
    answer = browser.post(chosen.location, act="app", code=pyotp.TOTP(secret_on(page.text)).now())
    assert answer.status == 200, answer.text
    return browser


def path_of_link(service: Service, name: str, *, command: str = "add") -> str:
    """The path of the one-time link that the command prints."""
    said = service.run("admin", command, name).stdout
    return urlsplit(said.split()[-1]).path


def secret_on(page: str) -> str:
    """The app's secret, as the page shows it as text."""
    (found,) = re.findall(r'<code translate="no">([A-Z2-7 ]+)</code>', page)
    return found.replace(" ", "")
