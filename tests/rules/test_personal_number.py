"""Which numbers are taken for personal identity numbers; all of them are examples, nobody's."""

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

import filsluss
from filsluss.rules.personal_number import has_personal_number

TODAY = date(2026, 11, 24)
SCRIPT = Path(filsluss.__file__).parent / "static" / "filsluss" / "personal-number.js"
NUMBERS = (
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
    "811218\u00a09876",
    "811218\u202f9876",
    "811218\u20079876",
    "811218\t9876",
    "811218\n9876",
    "811218 - 9876",
    "811218  9876",
    "811218\u00ad-9876",
    "811218\u200b9876",
    "811218\uff0d9876",
    "811218\ufe639876",
    "811218/9876",
    "rtg_811218_9876_hand.pdf",
    "\uff18\uff11\uff11\uff12\uff11\uff18-\uff19\uff18\uff17\uff16",  # full-width digits
    "1981-12-18-9876",
    "81-12-18-9876",
    "1981.12.18-9876",
    "81 12 18 - 9876",
    "1981-12-18+9876",
    "1970-10-63-2391",
)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_with_a_date_and_its_check_digit_is_one(text: str) -> None:
    assert has_personal_number(text, today=TODAY)


OTHERS = (
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
    "1981-12-18 9876",  # a day, and perhaps a time
    "1981.12.18 9876",
    "81 12 18 9876",
    "81-12.18-9876",
    "070-512 12 34",
    "+46 70 512 12 34",
    "08-123 456 78",
    "556036-0793",  # a company's
    "16556036-0793",
    "212000-0142",
    "5050-1055",
    "SE12 3456 7890 1234 5678 90",
    "4000 1234 5678 9010",
    "8112189876543",
    "978-91-7000-150-3",
    "192.168.100.200",
    "RS 2026-01234",
    "811218-987",
    "00000000-0000",
    "0000000000",
)


@pytest.mark.parametrize("text", OTHERS)
def test_a_telephone_number_an_order_or_a_time_is_none(text: str) -> None:
    assert not has_personal_number(text, today=TODAY)


def test_of_all_numbers_of_one_day_one_of_ten_has_the_right_check_digit() -> None:
    found = [has_personal_number(f"251125{number:04d}", today=TODAY) for number in range(10_000)]
    assert sum(found) == 1000


@pytest.mark.skipif(not shutil.which("node"), reason="node is not here (apt-get install nodejs)")
def test_the_script_of_the_upload_page_says_the_same(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path / "script.mjs")
    texts = [*NUMBERS, *OTHERS, *(f"251125-{number:04d}" for number in range(2000))]
    code = f"""
        import {{ hasPersonalNumber }} from "{tmp_path / "script.mjs"}";
        const texts = {json.dumps(texts)}, today = new Date("{TODAY}");
        console.log(JSON.stringify(texts.map((text) => hasPersonalNumber(text, today))));
    """
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True
    )
    found = [has_personal_number(text, today=TODAY) for text in texts]
    assert json.loads(ran.stdout) == found
    assert sum(found) == len(NUMBERS) + 200
