"""What staff typed in vain, as their session had ended: it is back once they sign in."""

import re
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext as _

from filsluss.models import TransferFile
from filsluss.pages.context import posted_text
from filsluss.rules.paths import OVERSEE

OVERSEE_PATH = OVERSEE.path()
ACT = re.compile(
    rf"{OVERSEE_PATH}/(?P<of>transfers|files)/(?P<id>[A-Z0-9]{{4}}-[A-Z0-9]{{4}})"
    "/(?P<act>close|withdraw|release|remove)"
)
BLOCK = re.compile(rf"{OVERSEE_PATH}/blocked/add")
PERSON = re.compile(rf"{OVERSEE_PATH}/persons/[0-9]{{1,18}}")
FIELDS = {ACT: ("reason",), BLOCK: ("value", "reason", "days"), PERSON: ("role", "scope", "days")}
"""The forms, by the paths that they are sent to, and what is typed into each."""
KEY = "unsent-form"


class Unsent(NamedTuple):
    """The path that the form was sent to, and what was typed into it, by field."""

    path: str
    typed: dict[str, str]

    @property
    def field(self) -> str:
        """The id of the first field of the form, on its page."""
        found = ACT.fullmatch(self.path)
        if not found:
            return next(iter(self.typed))
        fields = {"remove": f"reason-{found['id']}", "release": f"reason-release-{found['id']}"}
        return fields.get(found["act"], f"reason-{found['act']}")

    @property
    def page(self) -> str:
        """The path of the page that has the form; of the list of cases if there is no such file."""
        found = ACT.fullmatch(self.path)
        if not found:
            return self.path.removesuffix("/add")
        public_id = found["id"]
        if found["of"] == "files":
            file = TransferFile.objects.filter(public_id=public_id).select_related("transfer").first()
            public_id = file.transfer.public_id if file else ""
        return f"{OVERSEE_PATH}/transfers/{public_id}" if public_id else OVERSEE_PATH


def posted(request: HttpRequest) -> Unsent | None:
    """What was typed into such a form, or was kept in the sign-in form since then; None for nothing."""
    if request.method != "POST":
        return None
    kept_path = request.POST.get("unsent_path", "")
    path, prefix = (kept_path, "unsent_") if kept_path else (request.path, "")
    names = next((fields for form, fields in FIELDS.items() if form.fullmatch(path)), ())
    typed = {name: posted_text(request, prefix + name) for name in names}
    return Unsent(path, typed) if any(typed.values()) else None


def keep(request: HttpRequest, unsent: Unsent) -> None:
    """Keeps it in the session of whoever is signed in, until its page is shown."""
    request.session[KEY] = list(unsent)


def page_kept(request: HttpRequest) -> str:
    """The page that something is kept for; empty if nothing is."""
    kept = request.session.get(KEY)
    return Unsent(*kept).page if kept else ""


def taken(request: HttpRequest, page: str) -> Unsent | None:
    """What was kept for this page; it is kept no longer."""
    kept = request.session.get(KEY)
    unsent = Unsent(*kept) if kept else None
    if unsent is None or unsent.page != page:
        return None
    del request.session[KEY]
    return unsent


def kept_words() -> str:
    return _("Nothing has been done yet. What you wrote is still here: check it and send it again.")
