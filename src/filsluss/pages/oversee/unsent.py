"""What was typed into the page of an act in vain, as a session had ended: it is back after the sign-in."""

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
    "/(?:close|withdraw|release|remove|extend)"
)
BLOCK = re.compile(rf"{OVERSEE_PATH}/blocked/add")
PERSON = re.compile(rf"{OVERSEE_PATH}/persons/[0-9]{{1,18}}")
FIELDS = ("why", "days", "reason", "erase_now")
"""The fields of the acts, as they stand on their pages."""
FORMS = {
    ACT: FIELDS,
    BLOCK: ("value", "reason", "days"),
    PERSON: ("role", "scope", "days"),
}
"""Every form that is kept, by the path that it is sent to, with its fields."""
KEY = "unsent-form"


class Unsent(NamedTuple):
    """The path that the form was sent to, and what was typed, by field."""

    path: str
    fields: dict[str, str]

    @property
    def page(self) -> str:
        """The path of the page of the form; of the list if there is no such file."""
        found = ACT.fullmatch(self.path)
        if not found:
            return self.path.removesuffix("/add")
        is_file = found["of"] == "files"
        known = not is_file or TransferFile.objects.filter(public_id=found["id"]).exists()
        return self.path if known else OVERSEE_PATH

    @property
    def hidden(self) -> dict[str, str]:
        """The fields of a sign-in form that keep it."""
        return {"unsent_path": self.path, **{f"unsent_{name}": text for name, text in self.fields.items()}}


def posted(request: HttpRequest) -> Unsent | None:
    """What was typed into the form of an act, or was kept in the sign-in form since then."""
    if request.method != "POST":
        return None
    path = request.POST.get("unsent_path", "") or request.path
    names = next((fields for form, fields in FORMS.items() if form.fullmatch(path)), ())
    fields = {name: posted_text(request, f"unsent_{name}") or posted_text(request, name) for name in names}
    return Unsent(path, fields) if any(fields.values()) else None


def keep(request: HttpRequest, unsent: Unsent) -> None:
    """Keeps it in the session of whoever is signed in, until the page of the act is shown."""
    request.session[KEY] = list(unsent)


def page_kept(request: HttpRequest) -> str:
    """The page of the act that something is kept for; empty if nothing is."""
    kept = request.session.get(KEY)
    return Unsent(*kept).page if kept else ""


def taken(request: HttpRequest) -> Unsent | None:
    """What was kept for this page; it is kept no longer."""
    kept = request.session.get(KEY)
    unsent = Unsent(*kept) if kept else None
    if unsent is None or unsent.page != request.path:
        return None
    del request.session[KEY]
    return unsent


def kept_words() -> str:
    return _("Nothing has been done yet. What you wrote is still here: check it and send it again.")
