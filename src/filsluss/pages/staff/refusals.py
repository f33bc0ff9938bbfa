"""Pages for a sign-in that did not work: why, in the words of whoever signs in, and what to do next."""

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from filsluss.actions.limits import LimitReached
from filsluss.pages import errors
from filsluss.pages.staff.access import sign_in_address
from filsluss.rules.sign_in import Flow, SignIn

START = errors.NEW_REQUEST


def provider_away(request: HttpRequest) -> HttpResponse:
    """503: the sign-in cannot be asked; where the mailbox is a way, too, it is named."""
    offered = settings.POLICY.sign_in is SignIn.OFFERED
    by_mailbox = _("You can send files all the same: make a request, and the link comes to your mailbox.")
    response = errors.error_page(
        request,
        503,
        _("The sign-in does not work right now"),
        _("The service that you sign in with does not answer. Nothing is wrong with your account."),
        by_mailbox if offered else _("Try again in a few minutes."),
        links=(START, errors.HELP) if offered else (errors.HELP,),
    )
    response.headers["Retry-After"] = "30"
    return response


def too_many(request: HttpRequest, reached: LimitReached) -> HttpResponse:
    page = errors.error_page(
        request,
        429,
        _("Too many attempts"),
        _("Very many sign-ins have begun from your network. %(when)s")
        % {"when": errors.wait_text(reached.retry_after or 0)},
    )
    return errors.with_retry_after(page, reached)


def unknown_flow(request: HttpRequest) -> HttpResponse:
    """400: the sign-in took too long, was begun in another browser, or by another site."""
    words = _("It took more than ten minutes, or it was begun in another browser. Sign in again.")
    return not_completed(request, words, "")


def ended_there(request: HttpRequest, flow: Flow) -> HttpResponse:
    """400: the provider sends an error; whoever signs in has read there why."""
    words = _(
        "It was cancelled, or you are not allowed to sign in to this service. Nothing has been changed."
    )
    return not_completed(request, words, flow.next)


def not_completed(request: HttpRequest, words: str, back: str) -> HttpResponse:
    """400: why it was not, and a way to sign in again, to the page `back`."""
    again = sign_in_again(request, back)
    return errors.error_page(request, 400, _("The sign-in was not completed"), words, more={"first": again})


def refused(request: HttpRequest, code: str, flow: Flow) -> HttpResponse:
    """403: somebody signed in there who may not here, or what was said of them cannot be believed."""
    heading, *text = reason(code)
    again = sign_in_again(request, flow.next, is_fresh=flow.is_fresh)
    return errors.error_page(request, 403, heading, *text, more={"first": again})


def stale(request: HttpRequest, back: str) -> HttpResponse:
    """403: what is wanted needs a sign-in of the last minutes; what was typed waits at `back`."""
    return errors.error_page(
        request,
        403,
        _("You need to sign in again"),
        _("What you want to do cannot be undone, so you need to sign in again first. Nothing has been done."),
        _("What you wrote is kept, and you can send it after you have signed in."),
        more={"first": sign_in_again(request, back, is_fresh=True)},
    )


def sign_in_again(request: HttpRequest, back: str, *, is_fresh: bool = False) -> Sequence[tuple[str, str]]:
    return ((sign_in_address(back, request=request, is_fresh=is_fresh), _("Sign in again")),)


def reason(code: str) -> tuple[str, ...]:
    """Heading and text for a code; those about signatures and claims are one for people."""
    organisation = {
        "organisation": settings.POLICY.organisation,
        "at_organisation": settings.POLICY.at_organisation(translation.get_language()),
    }
    cannot = _("You cannot sign in here")
    administrator = _("Ask those who look after the accounts %(at_organisation)s to mend it.") % organisation
    words = {
        "address_missing": (cannot, _("Your account has no email address that can be used."), administrator),
        "address_unverified": (
            cannot,
            _("The email address of your account has not been verified."),
            administrator,
        ),
        "address_outside": (
            cannot,
            _("Your account’s email address is not one of %(organisation)s’s.") % organisation,
            _("You can make a request without signing in."),
        ),
        "too_many_groups": (
            cannot,
            _("Your account is in so many groups that the sign-in leaves them out."),
            _("The administrators can let it send only the groups that this service needs."),
        ),
        "subject_missing": (cannot, _("The sign-in does not say who you are."), administrator),
        "address_taken": (
            cannot,
            _("Another account has the same email address, so nobody knows whose it is."),
            _("The administrators have been told. They decide which of the two is yours."),
        ),
        "shut_out": (cannot, _("Your account may not be used in this service."), administrator),
        "level": (
            _("A stronger sign-in is needed"),
            _("Sign in again, and choose a way with a second step, such as a code or a card."),
        ),
        "stale": (
            _("You need to sign in again"),
            _("What you want to do needs a new sign-in, but the old one was used. Sign in again."),
        ),
        "clock": (
            _("The sign-in was not completed"),
            _(
                "The clocks of this service and of the sign-in are minutes apart. Try again. If that does "
                "not help, tell the administrators."
            ),
        ),
        "code": (
            _("The sign-in was not completed"),
            _("It had been used already, or took too long. Sign in again."),
        ),
    }
    default = (
        _("The sign-in was not completed"),
        _("The answer of the sign-in could not be verified, so it was not used. Try again in a minute."),
    )
    return words.get(code, default)
