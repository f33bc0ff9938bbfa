"""A page with a form: shows it, sends what was typed, and shows it again with what is wrong in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from filsluss.actions.limits import LimitReached
from filsluss.actions.transitions import StepRefused
from filsluss.pages import errors
from filsluss.pages.context import asks_about_number, only_language_is_switched, printable
from filsluss.pages.error_messages import form_problems
from filsluss.rules.refusals import FormRefused


@dataclass(frozen=True)
class Form:
    """What was typed, by field, and how the page shows it: the status, problem codes by field, a notice.

    `order`: the fields as they stand on the page.
    """

    typed: Mapping[str, str]
    order: Sequence[str] = ()
    status: int = 200
    problems: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""

    def values(self) -> dict[str, Any]:
        """For the template."""
        found = form_problems(self.problems, order=self.order, typed=self.typed)
        return {
            "typed": {name: printable(text) for name, text in self.typed.items()},
            "problems": found,
            "errors": {problem.field: problem.text for problem in found},
            "asks_about_number": asks_about_number(self.problems, self.typed),
            "notice": self.notice,
        }


Show = Callable[[Form], HttpResponse]
Send = Callable[[], str | HttpResponse]


def form_page(
    request: HttpRequest,
    form: Form,
    *,
    show: Show,
    send: Send,
    late: Callable[[], HttpResponse] | None = None,
) -> HttpResponse:
    """Answers with the form, or, if it was sent, with what `send` returns: a page, or an address to go to.

    A form that `send` refuses is shown again as it was typed, with 422 or 429. `late` makes the page for a
    StepRefused.
    """
    if request.method != "POST" or only_language_is_switched(request):
        return show(form)
    try:
        done = send()
    except FormRefused as refused:
        return show(replace(form, status=refused.status, problems=refused.problems))
    except LimitReached as reached:
        shown = show(replace(form, status=reached.status, notice=errors.limit_text(reached)))
        return errors.with_retry_after(shown, reached)
    except StepRefused:
        if late is None:
            raise
        return late()
    return HttpResponseRedirect(done, status=303) if isinstance(done, str) else done
