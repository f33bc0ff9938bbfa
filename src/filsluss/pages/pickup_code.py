"""The sender sees the code of a file again: in groups, spelt, and as a picture for a telephone's camera."""

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.safestring import SafeString, mark_safe

from filsluss.actions.pickup_code import code_of, draw_again
from filsluss.installation import current_services
from filsluss.pages.context import posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.upload import ended, transfer_behind
from filsluss.rules.lifecycle import FileState
from filsluss.rules.paths import CODE, UPLOAD
from filsluss.rules.spelling import spelt
from filsluss.rules.tokens import show_code


@allow_methods("GET", "POST")
@private_page
def shown_code(request: HttpRequest, token: str) -> HttpResponse:
    """The code of one of the sender's own files, by POST: what follows links sees none, no address holds it.

    With `renew`, of a file whose code cannot be shown: a new one.
    """
    transfer, now = transfer_behind(request, token), timezone.now()
    if not transfer.is_open_at(now):
        return ended(request, transfer)
    if request.method != "POST":  # also after a switch of the language
        return HttpResponseRedirect(f"{UPLOAD.path(token)}?lang={translation.get_language()}", status=303)
    files = transfer.files.select_related("transfer").filter(state=FileState.READY, with_code=True)
    file = files.filter(public_id=posted_text(request, "file")).first()
    if file is None:
        raise Http404
    is_new = "renew" in request.POST
    code = draw_again(file, services=current_services(), now=now) if is_new else code_of(file)
    page = {
        "file": file,
        "action": UPLOAD.path(token),
        "groups": show_code(code).split("-") if code else [],
        "spelt": spelt(code, translation.get_language()),
        "picture": picture_of(f"{settings.POLICY.base_url}{CODE.path()}#{show_code(code)}") if code else "",
    }
    return render(request, "pages/shown_code.html", page)


def picture_of(address: str) -> SafeString:
    """A QR code (ISO/IEC 18004) as SVG without style; a fragment of the address never reaches a server."""
    drawn = segno.make(address, error="m", micro=False)
    return mark_safe(drawn.svg_inline(omitsize=True, svgclass=None, lineclass=None))  # noqa: S308 - of our own
