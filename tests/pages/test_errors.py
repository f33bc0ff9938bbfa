"""Every error is a page in the reader's language, with its own status, a link to go on and no blame."""

import re

import pytest
from django.test import RequestFactory
from django.utils import translation

from filsluss.pages import errors
from filsluss.rules.tokens import Purpose
from tests.pages.cases import FORM, ended, letter_link, link, open_transfer, pending, ready_file, refusal

SAID = {
    400: ("Något blev fel", "Something went wrong"),
    403: ("Formuläret skickades inte från den här tjänsten", "The form was not sent from this service"),
    404: ("Sidan finns inte", "Page not found"),
    405: ("Sidan kan inte användas på det sättet", "The page cannot be used that way"),
    410: ("Kontot är avslutat", "The account has ended"),
    413: ("Filer till bo@rontgen.example", "Files to bo@rontgen.example"),
    422: ("Godkänn eller avslå ansökan", "Approve or reject the request"),
    429: ("För många försök", "Too many attempts"),
    500: ("Något gick fel hos oss", "Something went wrong on our side"),
    503: ("Tjänsten startar om", "The service is restarting"),
    507: ("Filer till bo@rontgen.example", "Files to bo@rontgen.example"),
}
EXPLAINED = {
    413: ("En fil får vara högst 2 GB.", "A file can be up to 2 GB."),
    507: (
        "Det finns inte plats för fler filer just nu",
        "There is no room for more files right now",
    ),
}


def answers(inside, language):
    """One of each, as it would come about."""
    account = link(open_transfer(), Purpose.UPLOAD)
    file = letter_link(ready_file(open_transfer()))
    query, asked = f"?lang={language}", RequestFactory().get("/", {"lang": language})
    with translation.override(language):
        bad, broken = errors.handler400(asked), errors.handler500(asked)
    return [
        bad,
        inside.post(f"/{query}", FORM, headers={"Origin": "https://elsewhere.example"}),
        inside.get(f"/no/such/page{query}"),
        inside.post(f"/help{query}"),
        inside.get(link(ended(), Purpose.UPLOAD) + query),
        refusal(account, "too_large", lang=language),
        inside.post(link(pending(), Purpose.DECIDE) + query, {"decision": "approve"}),
        refusal(file, "rate_limited", lang=language),
        broken,
        refusal(file, "shutting_down", lang=language),
        refusal(account, "disk_full", lang=language),
    ]


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_error_is_a_page_in_the_readers_language(inside, read, language):
    found = {answer.status_code: answer for answer in answers(inside, language)}
    assert list(found) == list(SAID)
    for status, answer in found.items():
        page = read(answer)
        heading = re.sub("<[^>]+>", "", page.source.partition("<h1>")[2].partition("</h1>")[0])
        assert (status, heading) == (status, SAID[status][language == "en"])
        assert page.all("html") == [{"lang": language}]
        assert EXPLAINED.get(status, ("", ""))[language == "en"] in page.text
        assert len([each for each in page.all("a") if each["href"].startswith("/")]) > 3
