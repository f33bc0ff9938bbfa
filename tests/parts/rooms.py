"""A house that people have used, and every page of it by name: what is seen by whom, in every phase."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Page, Route

from tests.parts import people
from tests.parts.house import Answer, House
from tests.parts.people import ANNA, BO, FORM, FROM_OUTSIDE, THROUGH, path_of
from tests.parts.post import Arrived, Post

PASSWORD = "en lång mening som ingen gissar"
ADMINISTRATOR = {
    "DJANGO_SUPERUSER_USERNAME": "eva",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    "DJANGO_SUPERUSER_EMAIL": "",
}
ELSEWHERE = {"Origin": "https://elsewhere.example"}
FILES = {
    "Ritning plan 2.pdf": 1_300_000,
    "Bilder från kontrollen åäö.zip": 4_600_000,
    "LÄSMIG – viktigt, läs först, innan apparaten ställs upp i rum 14 på plan 2.txt": 812,
}


@dataclass(frozen=True)
class Room:
    """A page: how it is asked for, and the status it answers with."""

    path: str
    status: int = 200
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    signed_in: bool = False

    @property
    def is_plain(self) -> bool:
        return self.method == "GET" and not self.headers

    def address(self, language: str) -> str:
        return f"{self.path}{'&' if '?' in self.path else '?'}lang={language}"


def posted(path: str, form: Mapping[str, str], status: int = 422) -> Room:
    return Room(path, status, form=form, method="POST")


class LivedIn:
    """One installation in which every kind of transfer has been; `rooms` are its pages by name."""

    def __init__(self, house: House, post: Post) -> None:
        self.house, self.post = house, post
        house.env |= ADMINISTRATOR
        house.run("createsuperuser", "--noinput")
        self.cookies = self.sign_in()
        self.rooms = {
            **self.open_to_all(), **self.applications(), **self.accounts(), **self.oversight(),
            **self.errors(), **self.held(),
        }  # fmt: skip

    def letter(self, kind: str, transfer: str) -> Arrived:
        """The letter of that kind about that transfer, once it has come."""
        self.post.wait_for(kind, count=len(self.post.of(kind)) or 1)
        return next(letter for letter in self.post.of(kind) if letter.transfer == transfer)

    def sign_in(self) -> dict[str, str]:
        first = self.house.get("/oversee/sign-in")
        guard = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', first.text)[0]
        cookie = str(first.headers["Set-Cookie"]).partition(";")[0]
        form = {"username": "eva", "password": PASSWORD, "csrfmiddlewaretoken": guard}
        answer = self.house.request(
            "POST", "/oversee/sign-in", form, {"Cookie": cookie, "Origin": self.house.url}
        )
        assert answer.status == 303, answer.text
        given = [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie", [])]
        return dict(pair.split("=", 1) for pair in given)

    def open_to_all(self) -> dict[str, Room]:
        names = ("code", "help", "terms", "privacy", "accessibility", "sent")
        return {
            "apply": Room("/"),
            "apply-wrong": posted("/", {"sender_email": "anna", "recipient_outside": "1", "days": "7"}),
            **{name: Room(f"/{name}") for name in names},
            "code-wrong": posted("/code", {"code": "AAAA-AAAA-AAAA"}),
            "sign-in": Room("/oversee/sign-in"),
        }

    def applications(self) -> dict[str, Room]:
        """Inbound and through, waiting, approved and rejected."""
        waiting = people.apply(self.house, FROM_OUTSIDE).location
        self.post.wait_for("approval-requested")
        decide = path_of(self.post.of("approval-requested")[-1].links("decide")[0])
        people.apply(self.house, THROUGH)
        asked = self.post.wait_for("approval-requested", count=2)[-1]
        through = path_of(asked.links("decide")[0])
        return {
            "status-waiting": Room(waiting),
            "decide": Room(decide),
            "decide-through": Room(through),
            "decide-wrong-days": posted(decide, {"decision": "approve", "days": ""}),
            "decide-wrong-reason": posted(decide, {"decision": "reject", "rejection_reason": ""}),
            **self.decided(),
        }

    def decided(self) -> dict[str, Room]:
        first = people.apply(self.house, FROM_OUTSIDE).location
        letter = self.post.wait_for("approval-requested", count=3)[-1]
        approver = people.approve(self.house, letter).location
        second = people.apply(self.house, FROM_OUTSIDE).location
        other = self.post.wait_for("approval-requested", count=4)[-1]
        people.reject(self.house, other, "Vi väntar inga filer från er.")
        return {
            "status-approved": Room(first),
            "status-approver": Room(approver),
            "report": Room(f"{approver}/report"),
            "report-sent": Room(f"{approver}/report?reported=1"),
            "report-wrong": posted(f"{approver}/report", {"abuse": ""}),
            "status-rejected": Room(second),
            "decided": Room(path_of(letter.links("decide")[0]), 410),
        }

    def accounts(self) -> dict[str, Room]:
        """An empty account, one with files, and one that is over."""
        empty = people.apply(self.house, FORM).location
        busy = people.apply(self.house, FORM).location
        for name, size in FILES.items():
            people.send_tus(self.house, busy, b"x" * size, filename=name, with_code="1")
        ready = self.post.wait_for("file-ready", count=len(FILES), seconds=60)
        people.announce(self.house, busy, 900_000_000, filename="Film från provkörningen.mov")
        code = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", ready[0].text)[0]
        self.transfer = ready[0].transfer
        self.upload, self.ready, self.code = busy, ready, code
        return {
            "upload-empty": Room(empty),
            "upload": Room(busy),
            "upload-no-file": posted(busy, {}, 400),
            "download": Room(path_of(ready[0].links("download")[0])),
            "download-code": Room(self.house.post("/code", {"code": code}).location),
            "status-recipient": Room(
                path_of(ready[0].links("status")[0]) if ready[0].links("status") else "/help"
            ),
            **self.over(),
        }

    def over(self) -> dict[str, Room]:
        closed = people.apply(self.house, FORM).location
        people.send_tus(self.house, closed, b"x" * 4096, filename="Fel fil.pdf")
        letter = self.post.wait_for("file-ready", count=len(FILES) + 1)[-1]
        self.house.run("close", letter.transfer, "--reason", "Filen innehöll uppgifter om en patient.")
        return {
            "upload-over": Room(closed, 410),
            "download-over": Room(path_of(letter.links("download")[0]), 410),
        }

    def oversight(self) -> dict[str, Room]:
        case = f"/oversee/transfers/{self.transfer}"
        return {
            "oversee": Room("/oversee", signed_in=True),
            "oversee-search": Room("/oversee?q=finns-inte&state=open", signed_in=True),
            "oversee-case": Room(case, signed_in=True),
        }

    def held(self) -> dict[str, Room]:
        """From here on the virus check is away: an alarm is on, and a file waits to be let through."""
        self.house.env["FILSLUSS_CLAMD"] = f"unix:{self.house.data_dir}/no-clamd"
        self.house.stop()
        self.house.start()
        upload = people.apply(self.house, FORM).location
        people.send_tus(self.house, upload, b"x" * 4096, filename="Ritning, inte kontrollerad.pdf")
        newest = self.seen_by_administrator("/oversee", 'id="alarms"')
        case = re.findall(r'href="(/oversee/transfers/[0-9A-Z-]+)', newest)[0]
        page = self.seen_by_administrator(case, "/release")
        (release,) = re.findall(r'action="(/oversee/files/[0-9A-Z-]+/release)', page)
        no_reason = {"reason": "", "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        return {
            "oversee-held": Room(case, signed_in=True),
            "oversee-held-wrong": Room(release, 422, form=no_reason, method="POST", signed_in=True),
            "upload-held": Room(upload),
        }

    def seen_by_administrator(self, path: str, wanted: str) -> str:
        """The page, once that stands in it."""
        end = time.monotonic() + 60
        while wanted not in (text := self.house.get(path, Cookie=self.cookie).text):
            assert time.monotonic() < end, f"{path} does not show {wanted}"
            time.sleep(0.1)
        return text

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def errors(self) -> dict[str, Room]:
        return {
            "not-found": Room("/finns-inte", 404),
            "link-unknown": Room(f"/upload/{'A' * 43}", 404),
            "foreign-form": Room("/code", 403, form={"code": "x"}, headers=ELSEWHERE, method="POST"),
            "wrong-method": Room("/help", 405, form={"a": "b"}, method="POST"),
        }

    @cache  # noqa: B019 - asked once, as some doors count how often
    def answer(self, name: str, language: str) -> Answer:
        room = self.rooms[name]
        headers = dict(room.headers)
        if room.signed_in:
            headers["Cookie"] = self.cookie
        body = dict(room.form) if room.form is not None else None
        return self.house.request(room.method, room.address(language), body, headers)

    def enter(self, page: Page, name: str, language: str) -> None:
        """Shows the room; what no link leads to is asked for here and handed to the browser as the answer."""
        room = self.rooms[name]
        address = self.house.url + room.address(language)
        if room.signed_in:
            self.lend_cookies(page.context)
        if not room.is_plain:
            answer = self.answer(name, language)
            page.route(address, lambda route: hand(route, answer), times=1)
        response = page.goto(address)
        assert response is not None
        assert (name, response.status) == (name, room.status)

    def lend_cookies(self, context: BrowserContext) -> None:
        context.add_cookies(
            [
                {"name": name, "value": value, "url": f"{self.house.url}/oversee"}
                for name, value in self.cookies.items()
            ]
        )


def hand(route: Route, answer: Answer) -> None:
    route.fulfill(status=answer.status, headers=dict(answer.headers), body=answer.body)


def as_form(values: Mapping[str, str]) -> str:
    return urlencode(values)


__all__ = ["ANNA", "BO", "LivedIn", "Room"]
