"""CSV exports: every cell is read as text by whatever program opens it."""

import csv
import io
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from filsluss.models import AuditEntry
from filsluss.pages.oversee import audit_csv
from filsluss.pages.oversee.audit_csv import BEFORE_FORMULA, TableFormat
from tests.pages.cases import open_transfer
from tests.parts import administrators

pytestmark = pytest.mark.django_db

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1", '=1","=2']
PLAIN = ["a=1", 'Ritning "plan 2", åäö.pdf', "två\nrader", "'=1", "(1)", "😀"]


@pytest.fixture
def administrator(client):
    administrators.sign_in(client, "admin")
    return client


def entry(words, public_id="K7PM-4QXD"):
    return AuditEntry.objects.create(
        at=timezone.now(),
        transfer_public_id=public_id,
        step="removed",
        role="sender",
        person=f"os:{words}",
        about=words,
        size=5,
        reason=words,
    )


def read_table(answer):
    body = b"".join(answer.streaming_content)
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("words", FORMULAS)
def test_c7_no_cell_of_an_export_begins_like_a_formula(administrator, words):
    entry(words)
    (row,) = read_table(administrator.get("/oversee/trail.csv"))
    # A tab or line end before the formula gets its own apostrophe: a spreadsheet may split there.
    shown = "'" + re.sub(r"\A[\t\r\n](?==)", r"\g<0>'", words)
    assert [row[name] for name in ("actor", "about", "reason")] == [shown] * 3


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("words", PLAIN)
def test_c7_all_other_words_come_as_they_were_typed(administrator, words):
    written = entry(words)
    (row,) = read_table(administrator.get("/oversee/trail.csv"))
    assert [row[name] for name in ("actor", "about", "reason")] == [words] * 3
    assert (row["size"], row["sha256"], row["step"]) == ("5", "", "removed")
    assert row["at"] == f"{written.at:%Y-%m-%dT%H:%M:%S}.{written.at.microsecond // 1000:03}Z"


def test_the_trail_stands_in_the_order_of_its_times_whatever_was_written_first(administrator, monkeypatch):
    monkeypatch.setattr(audit_csv, "BATCH", 2)
    now, minutes = timezone.now(), [3, 1, 2, 2, 2, 2, 0]
    for number, minute in enumerate(minutes):
        written = entry(str(number))
        AuditEntry.objects.filter(pk=written.pk).update(
            at=now - timedelta(days=1) + timedelta(minutes=minute)
        )
    rows = read_table(administrator.get("/oversee/trail.csv"))
    assert [row["about"] for row in rows] == ["6", "1", "2", "3", "4", "5", "0"]


def test_one_transfers_trail_holds_no_other_and_is_a_file_of_its_own_name(administrator):
    transfer = open_transfer()
    entry("en annan")
    answer = administrator.get(f"/oversee/transfers/{transfer.public_id}/trail.csv")
    assert {row["transfer"] for row in read_table(answer)} == {transfer.public_id}
    assert answer["Content-Disposition"] == f'attachment; filename="audit-trail-{transfer.public_id}.csv"'
    assert administrator.get("/oversee/transfers/AAAA-AAAA/trail.csv").status_code == 404


def test_the_trail_says_from_where_each_step_was_taken_and_how_that_person_had_proved_who_they_are(
    administrator,
):
    written = entry("x")
    AuditEntry.objects.filter(pk=written.pk).update(
        proof="network", network="192.0.2.7", request_id="0123456789abcdef"
    )
    for asked in ("", "?for=excel"):
        answer = administrator.get(f"/oversee/trail.csv{asked}")
        body = b"".join(answer.streaming_content).decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(body, newline=""), delimiter=";" if asked else ",")
        assert [row[name] for name in ("proof", "network", "request_id")] == [
            "network",
            "192.0.2.7",
            "0123456789abcdef",
        ]


def test_the_whole_trail_is_the_oldest_first_however_long_it_is(administrator):
    for number in range(2001):
        entry(f"nr {number}")
    rows = read_table(administrator.get("/oversee/trail.csv"))
    assert [row["about"] for row in rows] == [f"nr {number}" for number in range(2001)]


SPLIT = [
    "x;=1+1",
    "x;+1",
    "x,=1+1",
    "x\t=1+1",
    "x\n=1+1",
    "x\r@SUM(1)",
    "x; =1",
    'x;"=1',
    'x," =1","=2',
    "x;;=1",
    "x;\t=1",
    "x;\r=1",
    "x,－1",
    "=1;=2,=3\t=4",
    'a","=1";"=2',
    ";=cmd|' /C calc'!A1;\"",
]


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("asked", ["", "?for=excel"])
@pytest.mark.parametrize("words", SPLIT)
def test_no_cell_begins_like_a_formula_whichever_separator_a_spreadsheet_splits_at(
    administrator, words, asked
):
    entry(words)
    body = b"".join(administrator.get(f"/oversee/trail.csv{asked}").streaming_content).decode("utf-8-sig")
    own = ";" if asked else ","
    for delimiter in ";,\t":
        cells = [
            cell for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter) for cell in row
        ]
        if delimiter != own:
            cells += [cell.strip('" ') for line in body.splitlines() for cell in line.split(delimiter)]
        assert [cell for cell in cells if re.match(rf" *[{BEFORE_FORMULA}\t\r]", cell)] == []
    (row,) = csv.DictReader(io.StringIO(body, newline=""), delimiter=own)
    assert row["about"].replace("'", "") == words.replace("'", "")


def test_for_excel_there_are_semicolons_and_the_local_time(administrator):
    written = entry("Ritning; plan 2, åäö")
    answer = administrator.get("/oversee/trail.csv?for=excel")
    body = b"".join(answer.streaming_content)
    assert body.startswith(b'\xef\xbb\xbf"at";"local_time";"transfer";')
    (row,) = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";")
    local = written.at.astimezone(ZoneInfo("Europe/Stockholm"))
    assert row["local_time"] == f"{local:%Y-%m-%d %H:%M:%S}"
    assert row["at"].endswith("Z")
    assert row["about"] == "Ritning; plan 2, åäö"


def test_plain_csv_has_times_in_utc_only(administrator):
    entry("x")
    (row,) = read_table(administrator.get("/oversee/trail.csv"))
    assert "local_time" not in row
    assert row["at"].endswith("Z")


def test_the_room_offers_both_kinds_of_the_whole_trail_and_of_one_case(administrator):
    transfer = open_transfer()
    for page in ("/oversee/", f"/oversee/transfers/{transfer.public_id}"):
        words = administrator.get(page, {"lang": "sv"}, follow=True).content.decode()
        assert re.search(r'trail\.csv\?for=excel" download>för Excel<', words)
        assert re.search(r'trail\.csv" download>som CSV med tider i UTC<', words)


def test_an_ordinary_text_gets_no_apostrophe_in_either_kind():
    for words in ("två\n\nrader; och fler, till - slut", 'Ritning "plan 2", åäö.pdf', "a=1;b=2"):
        assert TableFormat().as_text(words) == TableFormat(";").as_text(words) == words
