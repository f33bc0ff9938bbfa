"""The addresses of the branding's assets."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from filsluss.pages.branding import asset_at, current
from filsluss.pages.decorators import allow_methods

MEDIA_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
FOR_EVER = "public, max-age=31536000, immutable"
ALONE = "default-src 'none'; sandbox"
"""An SVG is a whole document to whoever opens it by itself: there it may do nothing."""


@allow_methods("GET")
def mark(request: HttpRequest) -> HttpResponse:
    """For browsers that ask for an icon without having read a page."""
    return HttpResponseRedirect(current().mark)


@allow_methods("GET")
def branding_asset(request: HttpRequest, name: str) -> HttpResponse:
    """A part of the organisation's own dress, kept for ever by whoever asks; 404 once it is not worn."""
    piece = asset_at(f"/{name}")
    if piece is None:
        raise Http404
    headers = {"Cache-Control": FOR_EVER, "Content-Security-Policy": ALONE}
    return HttpResponse(piece.content, MEDIA_TYPES[piece.kind], headers=headers)
