"""The page on which a party reports abuse of a case to the administrators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from filsluss.actions.feedback import send_abuse_report
from filsluss.installation import current_services
from filsluss.pages import presenters
from filsluss.pages.context import NUMBER_BOX, client_of, posted_text, use_language
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.links import report_page
from filsluss.pages.status import case_behind

FIELD = "abuse"


@allow_methods("GET", "POST")
@private_page
def abuse_report(request: HttpRequest, token: str) -> HttpResponse:
    transfer, party = case_behind(token)
    use_language(request, party.language)
    typed = {field: posted_text(request, field) for field in (FIELD, NUMBER_BOX)}

    def send() -> str:
        send_abuse_report(
            typed[FIELD],
            transfer=transfer,
            by=party,
            numbers_confirmed=bool(typed[NUMBER_BOX]),
            services=current_services(),
            now=timezone.now(),
            client=client_of(request),
        )
        return f"{report_page(party)}?lang={translation.get_language()}&reported=1"

    def show(form: Form) -> HttpResponse:
        page = {
            "transfer": transfer,
            "sender_name": presenters.sender_name(transfer),
            "action": report_page(party),
            "reported": request.GET.get("reported") == "1" and request.method == "GET",
        }
        return render(request, "pages/abuse_report.html", page | form.values(), status=form.status)

    return form_page(request, Form(typed, (FIELD,)), show=show, send=send)
