"""A service with data in every state, and every one of its pages by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Page, Route

from tests.parts import administrators, people
from tests.parts.eventually import eventually
from tests.parts.mail_server import MailServer, ReceivedLetter
from tests.parts.people import ANNA, BO, FORM, FROM_OUTSIDE, THROUGH, path_of
from tests.parts.service import Response, Service
from tests.parts.storage import status_link

ELSEWHERE = {"Origin": "https://elsewhere.example"}
FILES = {
    "Ritning plan 2.pdf": 1_300_000,
    "Bilder från kontrollen åäö.zip": 4_600_000,
    "LÄSMIG – viktigt, läs först, innan apparaten ställs upp i rum 14 på plan 2.txt": 812,
}


@dataclass(frozen=True)
class PageRequest:
    """How a page is requested, and the status of the response."""

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


def posted(path: str, form: Mapping[str, str], status: int = 422) -> PageRequest:
    return PageRequest(path, status, form=form, method="POST")


class PopulatedService:
    """One installation with transfers in every state; `pages` are its pages by name."""

    def __init__(self, service: Service, mail_server: MailServer) -> None:
        self.service, self.mail_server = service, mail_server
        self.cookies = administrators.enrol(service).cookies
        self.pages = {
            **self.open_to_all(),
            **self.applications(),
            **self.accounts(),
            **self.oversight(),
            **self.errors(),
            **self.held(),
        }

    def letter(self, kind: str, transfer: str) -> ReceivedLetter:
        """The letter of that kind about that transfer, once it has come."""
        self.mail_server.wait_for(kind, count=len(self.mail_server.of(kind)) or 1)
        return next(letter for letter in self.mail_server.of(kind) if letter.transfer == transfer)

    def open_to_all(self) -> dict[str, PageRequest]:
        names = ("code", "help", "terms", "privacy", "accessibility", "sent", "lost-link", "link")
        return {
            "apply": PageRequest("/"),
            "apply-wrong": posted("/", {"sender_email": "anna", "recipient_outside": "1", "days": "7"}),
            **{name: PageRequest(f"/{name}") for name in names},
            "code-wrong": posted("/code", {"code": "AAAA-AAAA-AAAA"}),
            "lost-link-wrong": posted("/lost-link", {"own_email": "anna"}),
            "lost-link-asked": PageRequest("/lost-link?asked=1"),
            "link-made": posted("/link", {"link_to": ANNA, "link_why": "Ritningar"}, 200),
            "link-wrong": posted("/link", {"link_to": "anna", "link_approver": "eva@konsult.example"}),
            "apply-meant": posted(
                "/", {**FROM_OUTSIDE, "recipient_email": "maria@ltdalarna.com", "accept_terms": ""}
            ),
            "sign-in": PageRequest("/oversee/sign-in"),
        }

    def applications(self) -> dict[str, PageRequest]:
        """Inbound and through, waiting, approved and rejected."""
        waiting = people.apply(self.service, FROM_OUTSIDE).location
        self.mail_server.wait_for("approval-requested")
        decide = path_of(self.mail_server.of("approval-requested")[-1].links("decide")[0])
        outside_both = people.apply(self.service, THROUGH).location
        asked = self.mail_server.wait_for("approval-requested", count=2)[-1]
        through = path_of(asked.links("decide")[0])
        return {
            "status-waiting": PageRequest(waiting),
            "correct": PageRequest(f"{waiting}/correct"),
            "status-through": PageRequest(outside_both),
            "decide": PageRequest(decide),
            "decide-through": PageRequest(through),
            "decide-wrong-days": posted(decide, {"decision": "approve", "days": ""}),
            "decide-wrong-reason": posted(decide, {"decision": "reject", "rejection_reason": ""}),
            **self.decided(),
        }

    def decided(self) -> dict[str, PageRequest]:
        first = people.apply(self.service, FROM_OUTSIDE).location
        letter = self.mail_server.wait_for("approval-requested", count=3)[-1]
        approver = people.approve(self.service, letter).location
        second = people.apply(self.service, FROM_OUTSIDE).location
        other = self.mail_server.wait_for("approval-requested", count=4)[-1]
        people.reject(self.service, other, "Vi väntar inga filer från er.")
        return {
            "status-approved": PageRequest(first),
            "again": PageRequest(f"{first}/again"),
            "correct-late": PageRequest(f"{first}/correct", 409),
            "status-sent-again": PageRequest(f"{first}?done=sent-again"),
            "status-approver": PageRequest(approver),
            "report": PageRequest(f"{approver}/report"),
            "report-sent": PageRequest(f"{approver}/report?reported=1"),
            "report-wrong": posted(f"{approver}/report", {"abuse": ""}),
            "status-rejected": PageRequest(second),
            "decided": PageRequest(path_of(letter.links("decide")[0]), 410),
        }

    def accounts(self) -> dict[str, PageRequest]:
        """An empty account, one with files, and one that is over."""
        empty = people.apply(self.service, FORM).location
        busy = people.apply(self.service, FORM).location
        for name, size in FILES.items():
            people.send_tus(self.service, busy, b"x" * size, filename=name, with_code="1")
        ready = self.mail_server.wait_for("file-ready", count=len(FILES))
        people.announce(self.service, busy, 900_000_000, filename="Film från provkörningen.mov")
        code = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", ready[0].text)[0]
        self.transfer = ready[0].transfer
        self.upload, self.ready, self.code = busy, ready, code
        return {
            "upload-empty": PageRequest(empty),
            "upload": PageRequest(busy),
            "upload-no-file": posted(busy, {}, 400),
            "download": PageRequest(path_of(ready[0].links("download")[0])),
            "download-code": PageRequest(self.service.post("/code", {"code": code}).location),
            "status-recipient": PageRequest(status_link(self.service, self.transfer, "recipient")),
            **self.over(),
        }

    def over(self) -> dict[str, PageRequest]:
        closed = people.apply(self.service, FORM).location
        people.send_tus(self.service, closed, b"x" * 4096, filename="Fel fil.pdf")
        letter = self.mail_server.wait_for("file-ready", count=len(FILES) + 1)[-1]
        self.service.run("close", letter.transfer, "--reason", "Filen innehöll uppgifter om en patient.")
        return {
            "upload-over": PageRequest(closed, 410),
            "download-over": PageRequest(path_of(letter.links("download")[0]), 410),
        }

    def oversight(self) -> dict[str, PageRequest]:
        case = f"/oversee/transfers/{self.transfer}"
        return {
            "oversee": PageRequest("/oversee", signed_in=True),
            "oversee-search": PageRequest("/oversee?q=finns-inte&state=open", signed_in=True),
            "oversee-case": PageRequest(case, signed_in=True),
            "oversee-security": PageRequest("/oversee/security", signed_in=True),
            "oversee-close": PageRequest(f"{case}/close", signed_in=True),
            "oversee-extend": PageRequest(f"{case}/extend", signed_in=True),
            **self.removals(case),
        }

    def removals(self, case: str) -> dict[str, PageRequest]:
        """The page of a removal, as it comes back without a reason, and a case with a removed file."""
        page = self.service.get(case, Cookie=self.cookie).text
        remove = re.findall(r'href="(/oversee/files/[0-9A-Z-]+/remove)', page)[0]
        form = {"why": "", "reason": "", "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        upload = people.apply(self.service, FORM).location
        people.send_tus(self.service, upload, b"x" * 4096, filename="Till fel mottagare.pdf")
        letter = self.mail_server.wait_for("file-ready", count=len(FILES) + 2)[-1]
        other = f"/oversee/transfers/{letter.transfer}"
        file = re.findall(
            r"/oversee/files/([0-9A-Z-]+)/remove", self.service.get(other, Cookie=self.cookie).text
        )
        self.service.run("remove", file[0], "--reason", "Fel mottagare.", "--why", "wrong-recipient")
        return {
            "oversee-remove": PageRequest(remove, signed_in=True),
            "oversee-remove-wrong": PageRequest(remove, 422, form=form, method="POST", signed_in=True),
            "oversee-removed": PageRequest(other, signed_in=True),
        }

    def held(self) -> dict[str, PageRequest]:
        """From here on clamd does not answer: an alarm is raised, and a file waits to be released."""
        self.service.env["FILSLUSS_CLAMD"] = f"unix:{self.service.data_dir}/no-clamd"
        self.service.stop()
        self.service.start()
        upload = people.apply(self.service, FORM).location
        people.send_tus(
            self.service, upload, b"x" * 4096, filename="Ritning 19121212-1212, inte kontrollerad.pdf"
        )
        newest = self.seen_by_administrator("/oversee", 'id="alarms"')
        case = re.findall(r'href="(/oversee/transfers/[0-9A-Z-]+)', newest)[0]
        page = self.seen_by_administrator(case, "/release")
        (release,) = re.findall(r'href="(/oversee/files/[0-9A-Z-]+/release)', page)
        no_reason = {"reason": "", "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        return {
            "oversee-held": PageRequest(case, signed_in=True),
            "oversee-held-wrong": PageRequest(release, 422, form=no_reason, method="POST", signed_in=True),
            "upload-held": PageRequest(upload),
        }

    def seen_by_administrator(self, path: str, wanted: str) -> str:
        """The page, once it contains that text."""
        return eventually(
            lambda: self.service.get(path, Cookie=self.cookie).text, lambda text: wanted in text, seconds=60
        )

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def errors(self) -> dict[str, PageRequest]:
        return {
            "not-found": PageRequest("/finns-inte", 404),
            "link-unknown": PageRequest(f"/upload/{'A' * 43}", 404),
            "foreign-form": PageRequest("/code", 403, form={"code": "x"}, headers=ELSEWHERE, method="POST"),
            "wrong-method": PageRequest("/help", 405, form={"a": "b"}, method="POST"),
        }

    @cache  # noqa: B019 - requested once, as some endpoints are rate-limited
    def answer(self, name: str, language: str) -> Response:
        request = self.pages[name]
        headers = dict(request.headers)
        if request.signed_in:
            headers["Cookie"] = self.cookie
        body = dict(request.form) if request.form is not None else None
        return self.service.request(request.method, request.address(language), body, headers)

    def open_page(self, page: Page, name: str, language: str) -> None:
        """Opens a page; one that is no plain GET is requested here and its response given to the browser."""
        request = self.pages[name]
        address = self.service.url + request.address(language)
        if request.signed_in:
            self.lend_cookies(page.context)
        if not request.is_plain:
            answer = self.answer(name, language)
            page.route(address, lambda route: fulfill(route, answer), times=1)
        response = page.goto(address)
        assert response is not None
        assert (name, response.status) == (name, request.status)

    def lend_cookies(self, context: BrowserContext) -> None:
        context.add_cookies(
            [
                {"name": name, "value": value, "url": f"{self.service.url}/oversee"}
                for name, value in self.cookies.items()
            ]
        )


def fulfill(route: Route, answer: Response) -> None:
    route.fulfill(status=answer.status, headers=dict(answer.headers), body=answer.body)


def as_form(values: Mapping[str, str]) -> str:
    return urlencode(values)


__all__ = ["ANNA", "BO", "PageRequest", "PopulatedService"]
