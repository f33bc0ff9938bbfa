"""What a program chooses in the query of a PUT: a code for the file, and the letters about it."""

from urllib.parse import parse_qs

from filsluss.actions.choices import Choices, is_choice, read_choices
from filsluss.streams.request import MOST_FIELDS, Request
from filsluss.streams.responses import Refusal


def queried_choices(request: Request) -> Choices:
    """Refuses a value that nobody knows, a misspelt name, and a choice that is made twice."""
    try:
        return read_choices({name: value for name, (value,) in _queried(request).items()})
    except ValueError:
        raise Refusal("metadata_invalid") from None


def refuse_queried_choices(request: Request) -> None:
    """For a form and for tus, whose choices stand elsewhere: a file must not go out without its code."""
    if _queried(request):
        raise Refusal("metadata_invalid")


def _queried(request: Request) -> dict[str, list[str]]:
    query = request.environ.get("QUERY_STRING", "")
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal("metadata_invalid") from None
    return {name: values for name, values in fields.items() if is_choice(name)}
