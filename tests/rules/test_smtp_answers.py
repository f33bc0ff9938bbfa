"""What answers of real mail servers mean: a table of them, each with what it is about."""

import json
from pathlib import Path

import pytest

from filsluss.rules.smtp_answers import Answer, Concerns, Failure, Verb, Verdict, is_ambiguous, judge

TABLE = json.loads((Path(__file__).parents[1] / "data" / "smtp_answers.json").read_text())
each_answer = pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['verb']} {row['answer'][:40]}")
POLICY = Answer(Verb.RCPT, 554, "5.7.1 <bo@rontgen.example>: Access denied")


def answer_of(row: dict[str, str]) -> Answer:
    code, _, text = row["answer"].partition(" ")
    return Answer(Verb(row["verb"]), int(code), text)


def verdict_of(row: dict[str, str]) -> Verdict:
    return Verdict(Concerns(row["concerns"]), Failure(row["failure"]))


def test_the_table_knows_many_answers_of_many_servers_to_every_command():
    assert len(TABLE) >= 40
    assert {row["verb"] for row in TABLE} == set(Verb)
    named = {row["server"].partition(",")[0] for row in TABLE}
    assert named >= {"Postfix", "Exchange", "Exchange Online", "Gmail", "Halon", "docker-mailserver"}


@each_answer
def test_an_answer_is_about_what_its_server_means(row):
    assert judge(answer_of(row)) == verdict_of(row)


@each_answer
def test_only_one_answer_means_something_else_when_another_domain_gave_it_too(row):
    elsewhere = row.get("when_met_elsewhere", row)
    assert judge(answer_of(row), met_elsewhere=True) == verdict_of(elsewhere)
    assert is_ambiguous(answer_of(row)) == ("when_met_elsewhere" in row)


@pytest.mark.parametrize("code", [550, 553, 554])
@pytest.mark.parametrize("words", ["Relay access denied", "HELO rejected", "helo: no", "we do not relay"])
@pytest.mark.parametrize("verb", [Verb.RCPT, Verb.DATA])
def test_what_speaks_of_relaying_or_of_our_name_is_about_us_whatever_its_code(code, words, verb):
    for text in (words, f"5.7.1 {words}", f"5.7.0 <bo@rontgen.example>: {words}"):
        assert judge(Answer(verb, code, text)).concerns is Concerns.US


@pytest.mark.parametrize("name", ["relay@x.example", "helo@x.example", "bo@relay.example", "bo@x.example"])
def test_a_name_in_the_answer_is_not_taken_for_its_words(name):
    for text in (f"5.1.1 <{name}>: unknown", f"5.1.1 {name} unknown", "5.1.1 unknown at relay.x.example:25"):
        assert judge(Answer(Verb.RCPT, 550, text)) == Verdict(Concerns.READER, Failure.UNKNOWN)


@pytest.mark.parametrize("detail", [23, 25, 26, 27, 28, 29])
def test_what_is_said_of_our_domain_or_address_is_about_us_at_once(detail):
    for verb in (Verb.RCPT, Verb.DATA):
        assert judge(Answer(verb, 550, f"5.7.{detail} no")).concerns is Concerns.US


def test_before_the_reader_is_named_nothing_is_about_the_reader():
    for verb in (Verb.BEFORE, Verb.MAIL):
        for code in range(400, 600):
            for text in ("", "no", "5.1.1 no", "5.7.1 no", "5.2.1 no", "4.7.1 no"):
                assert judge(Answer(verb, code, text)).concerns in (
                    Concerns.US,
                    Concerns.NOW,
                    Concerns.LETTER,
                )


def test_a_final_verdict_needs_a_5xx():
    for verb in Verb:
        for code in (*range(200, 500), -1):
            for text in ("", "4.1.1 no", "5.1.1 no", "5.7.1 no", "relay denied"):
                assert not judge(Answer(verb, code, text)).is_final


@pytest.mark.parametrize("text", ["", "5", "5.7", "5.7.1.9 x", "15.7.1 x", "5.7.1000 x", "\x00", "ü" * 900])
def test_an_answer_that_no_server_should_give_has_a_verdict_too(text):
    for verb in Verb:
        for code in (-1, 0, 200, 354, 421, 499, 500, 550, 599, 600):
            assert isinstance(judge(Answer(verb, code, text)), Verdict)


def test_an_answer_of_several_lines_is_judged_by_its_first_code():
    text = "5.7.26 This mail has been blocked\n5.7.26 because the sender is unauthenticated"
    assert judge(Answer(Verb.DATA, 550, text)).concerns is Concerns.US
    assert is_ambiguous(POLICY)
