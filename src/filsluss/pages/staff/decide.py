"""The answer of an approver who is signed in: a forwarded link answers for nobody else."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from filsluss.actions.decide import may_answer
from filsluss.models import StaffSession
from filsluss.pages import errors
from filsluss.pages.decide import Answering, answer
from filsluss.pages.decorators import allow_methods
from filsluss.pages.links import link_behind
from filsluss.pages.staff.access import signed_in
from filsluss.rules.paths import STAFF
from filsluss.rules.tokens import Purpose


@allow_methods("GET", "POST")
@signed_in
def decision(request: HttpRequest, session: StaffSession, token: str) -> HttpResponse:
    link = link_behind(token, Purpose.DECIDE)
    if link.transfer.is_undecided_at(timezone.now()) and not may_answer(session, transfer=link.transfer):
        return errors.not_the_approver(request, session.person.address)
    return answer(request, Answering(link, STAFF.path("decide", token), session.person))
