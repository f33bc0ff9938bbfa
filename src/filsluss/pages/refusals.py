"""The page that shows a person why a byte path refused their request, made by the page they came from."""

from typing import Any

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from filsluss.pages import download, upload
from filsluss.pages.middleware import LanguageMiddleware, page_for, read_query
from filsluss.rules.paths import DOWNLOAD, UPLOAD, ZIP, Prefix
from filsluss.rules.refusals import Refused

PAGES = {UPLOAD: upload.refused, DOWNLOAD: download.refused, ZIP: download.refused}


def refusal_page(environ: dict[str, Any], prefix: Prefix, token: str, refused: Refused) -> HttpResponseBase:
    """The page of the link with this token, in the reader's language; the request's body is left unread."""

    def show(request: HttpRequest) -> HttpResponseBase:
        try:
            return PAGES[prefix](request, token, refused)
        except Exception as fault:
            if page := page_for(request, fault):
                return page
            raise

    request = WSGIRequest(environ)
    read_query(request)
    guarded: Any = convert_exception_to_response(show)
    respond: Any = GZipMiddleware(LanguageMiddleware(guarded))
    response: HttpResponseBase = respond(request)
    return response
