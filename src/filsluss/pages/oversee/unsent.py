"""A reason that an administrator typed in vain, as their session had ended: it is back once they sign in."""

import re
from typing import NamedTuple

from django.http import HttpRequest

from filsluss.models import Transfer, TransferFile
from filsluss.pages.context import posted_text
from filsluss.rules.paths import OVERSEE

OVERSEE_PATH = OVERSEE.path()
ACT = re.compile(
    rf"{OVERSEE_PATH}/(?P<of>transfers|files)/(?P<id>[A-Z0-9]{{4}}-[A-Z0-9]{{4}})"
    "/(?P<act>close|withdraw|release|remove)"
)
KEY = "unsent"


class Unsent(NamedTuple):
    """The path of the act that the reason was typed for, and the reason."""

    path: str
    reason: str

    @property
    def field(self) -> str:
        """The id of the field that the reason belongs to, on the page of the case."""
        found = ACT.fullmatch(self.path)
        assert found
        fields = {"remove": f"reason-{found['id']}", "release": f"reason-release-{found['id']}"}
        return fields.get(found["act"], f"reason-{found['act']}")

    @property
    def case_page(self) -> str:
        """The path of the page of the case; of the list if there is no such file."""
        found = ACT.fullmatch(self.path)
        assert found
        public_id = found["id"]
        if found["of"] == "files":
            file = TransferFile.objects.filter(public_id=public_id).select_related("transfer").first()
            public_id = file.transfer.public_id if file else ""
        return f"{OVERSEE_PATH}/transfers/{public_id}" if public_id else OVERSEE_PATH


def posted(request: HttpRequest) -> Unsent | None:
    """What was typed into the form of an act, or was kept in the sign-in form since then."""
    if request.method != "POST":
        return None
    path = request.POST.get("unsent_path", "") or request.path
    reason = posted_text(request, "unsent_reason") or posted_text(request, "reason")
    return Unsent(path, reason) if reason and ACT.fullmatch(path) else None


def keep(request: HttpRequest, unsent: Unsent) -> None:
    """Keeps it in the session of whoever is signed in, until the page of the case is shown."""
    request.session[KEY] = list(unsent)


def page_kept(request: HttpRequest) -> str:
    """The page of the case that something is kept for; empty if nothing is."""
    kept = request.session.get(KEY)
    return Unsent(*kept).case_page if kept else ""


def taken(request: HttpRequest, row: Transfer) -> Unsent | None:
    """What was kept for this case; it is kept no longer."""
    kept = request.session.get(KEY)
    unsent = Unsent(*kept) if kept else None
    if unsent is None or not unsent.case_page.endswith(f"/{row.public_id}"):
        return None
    del request.session[KEY]
    return unsent
