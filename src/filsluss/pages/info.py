"""The pages that only inform: terms, privacy, help."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from filsluss.pages import presenters
from filsluss.pages.decorators import View, allow_methods
from filsluss.rules.application import TERMS_DATE, TERMS_VERSION


def text_page(name: str) -> View:
    """A view that renders the template of that name."""

    @allow_methods("GET")
    def show(request: HttpRequest) -> HttpResponse:
        response = render(request, f"pages/{name}.html")
        response.headers["Cache-Control"] = "no-cache"
        return response

    return show


privacy, help_page = text_page("privacy"), text_page("help")


@allow_methods("GET")
def terms(request: HttpRequest) -> HttpResponse:
    page = {"terms_version": TERMS_VERSION, "terms_date": presenters.day(TERMS_DATE)}
    response = render(request, "pages/terms.html", page)
    response.headers["Cache-Control"] = "no-cache"
    return response
