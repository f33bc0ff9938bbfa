"""Which numbers are taken for personal identity numbers; all of them are examples, nobody's."""

from datetime import date

import pytest

from filsluss.rules.personal_number import has_personal_number

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "811218-9876",
        "8112189876",
        "19811218-9876",
        "198112189876",
        "811218 9876",
        "811218+9876",
        "811218\u20139876",
        "Gäller 811218-9876, se bilaga",
        "(811218-9876)",
        "701063-2391",  # a coordination number: day 3 plus 60
        "19701063-2391",
        "Ring mig på 0705121234",  # a telephone number that happens to have both
        "000229-0005",  # 2000 was a leap year
    ],
)
def test_a_number_with_a_date_and_its_check_digit_is_one(text: str) -> None:
    assert has_personal_number(text, today=TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ritning 20251125 1430",
        "Ring mig på 0705121235",
        "Order 2511251234",
        "811218-9875",  # the check digit
        "811318-9874",  # month 13
        "811232-9878",  # day 32
        "811292-9875",  # day 32 plus 60
        "20811218-9876",  # in the future
        "20261125-0000",
        "1811218-9876",  # part of a longer number
        "811218-98761",
        "811218--9876",
        "811218-987",
        "00000000-0000",
        "0000000000",
    ],
)
def test_a_telephone_number_an_order_or_a_time_is_none(text: str) -> None:
    assert not has_personal_number(text, today=TODAY)


def test_of_all_numbers_of_one_day_one_of_ten_has_the_right_check_digit() -> None:
    found = [has_personal_number(f"251125{number:04d}", today=TODAY) for number in range(10_000)]
    assert sum(found) == 1000
