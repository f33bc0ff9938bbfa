"""The views that serve the assets of the branding: stylesheet, logo and icon."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from filsluss.pages.branding import asset_at, current
from filsluss.pages.decorators import allow_methods

MEDIA_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
IMMUTABLE = "public, max-age=31536000, immutable"
SANDBOX = "default-src 'none'; sandbox"
"""An SVG that is opened by itself is a document of its own, which could run scripts without this."""


@allow_methods("GET")
def mark(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    """/favicon.ico, which browsers request without having seen a page that names the icon."""
    return HttpResponseRedirect(current().mark)


@allow_methods("GET")
def branding_asset(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001 -- Django calls it so
    """An asset by its name, which holds a hash of its content; 404 once the branding has changed."""
    asset = asset_at(f"/{name}")
    if asset is None:
        raise Http404
    headers = {"Cache-Control": IMMUTABLE, "Content-Security-Policy": SANDBOX}
    return HttpResponse(asset.content, MEDIA_TYPES[asset.kind], headers=headers)
