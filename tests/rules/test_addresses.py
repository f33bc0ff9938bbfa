"""Addresses: what is taken, what is refused, who is inside and who is the same person."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.rules.addresses import (
    AddressRefused,
    ascii_domain,
    canonical,
    is_inside,
    pasted_address,
    read_address,
)

FORMS = json.loads((Path(__file__).parents[1] / "data" / "addresses.json").read_text())
DOMAINS = ("ltdalarna.se",)


def outcome_of(typed: str) -> dict[str, str]:
    try:
        stored = read_address(typed)
    except AddressRefused as refused:
        return {"outcome": "refused", "code": refused.code}
    return {"outcome": "inside" if is_inside(stored, domains=DOMAINS) else "outside", "stored": stored}


def code_of(typed: str) -> str:
    with pytest.raises(AddressRefused) as refused:
        read_address(typed)
    return refused.value.code


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["form"])
def test_each_known_trick_with_an_address_has_the_outcome_it_must_have(form: dict[str, str]) -> None:
    expected = {key: form[key] for key in form if key not in ("form", "typed")}
    assert outcome_of(form["typed"]) == expected


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["form"])
def test_a_trick_that_was_never_read_is_inside_only_if_it_would_be_once_read(form: dict[str, str]) -> None:
    assert is_inside(form["typed"], domains=DOMAINS) == (form["outcome"] == "inside")


def test_of_all_known_forms_three_are_inside_and_they_are_ascii() -> None:
    assert len({form["typed"] for form in FORMS}) == len(FORMS) == 95
    inside = [form["typed"] for form in FORMS if form["outcome"] == "inside"]
    assert inside == ["anna@ltdalarna.se", "Anna.Berg@LTDALARNA.SE", "anna+x@ltdalarna.se"]


@given(
    st.text(min_size=1, max_size=12)
    | st.text("ltdarn.se\u017f\u212a\u0130\u0131\uff4c\u00ad\u200b\u00aa\u3002")
)
def test_no_other_spelling_becomes_an_ascii_domain(domain: str) -> None:
    converted = ascii_domain(domain)
    assert domain.isascii() or not converted.isascii() or "xn--" in converted


@pytest.mark.parametrize(
    "typed",
    [
        "Bo Ek <bo@kund.example>",
        '"Ek, Bo" <bo@kund.example>',
        "'Bo Ek' <bo@kund.example>;",
        "Bo Ek [mailto:bo@kund.example]",
        "bo@kund.example;",
        "bo@kund.example ,",
        "mailto:bo@kund.example",
        "MAILTO:bo@kund.example?subject=Ritning&body=Hej",
        "<mailto:bo@kund.example>",
        "Bo Ek <mailto:bo@kund.example?subject=Hej>",
        "'bo@kund.example'",
        "\u201cbo@kund.example\u201d",
        "\u201ebo@kund.example\u201c",
        "\u00abbo@kund.example\u00bb",
        "bo@kund.example <bo@kund.example>",
        "Bo@Kund.example <bo@kund.example>",
        '"bo@kund.example" <bo@kund.example>;',
        "'bo@kund.example' <bo@kund.example>",
        "bo@kund.example<mailto:bo@kund.example>",
        "bo@kund.example <mailto:bo@kund.example>",
        "Bo Ek (bo@kund.example)",
        "Ek Bo (Kund AB) <bo@kund.example>",
        "Bo Ek [extern] <bo@kund.example>;",
        "bo@kund.example (Bo Ek)",
        "Bo Ek [bo@kund.example]",
        "SMTP:bo@kund.example",
        "Bo Ek <smtp:bo@kund.example>",
        "mailto:bo%40kund.example",
        "mailto:%62o@kund.example?cc=a@b.se",
        "\u00a0bo@kund.example\u202f\t\r\n",
    ],
)
def test_what_mail_programs_copy_with_an_address_is_read(typed: str) -> None:
    assert read_address(pasted_address(typed)) == "bo@kund.example"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Anna <anna@ltdalarna.se>, Bo <bo@evil.com>", "several"),
        ("anna@ltdalarna.se <bo@evil.com>", "several"),
        ("<x@evil.com>anna@ltdalarna.se", "malformed"),
        ("anna@ltdalarna.se <mailto:bo@evil.com>", "several"),
        ("anna@ltdalarna.se<bo@evil.com>", "malformed"),
        ("anna@ltdalarna.se (bo@evil.com)", "several"),
        ("bo@evil.com (anna@ltdalarna.se)", "several"),
        ("anna(x)@ltdalarna.se", "malformed"),
        ("anna@ltdalarna.se(x)", "malformed"),
        ("anna@ltdalarna.se [bo@evil.com]", "several"),
        ("smtp:anna@ltdalarna.se,bo@evil.com", "several"),
        ("mailto:bo%00@evil.com", "unseen"),
        ("mailto:bo%E2%80%8B@evil.com", "unseen"),
        ("mailto:anna@ltdalarna.se%2Cbo@evil.com", "several"),
        ("mailto:anna%2540ltdalarna.se", "malformed"),
        ("Bo\0 <bo@evil.com>", "unseen"),
        ("bo@evil.com\0", "unseen"),
        ("\x1cbo@evil.com", "unseen"),
        ("\u200bbo@evil.com", "unseen"),
        ("bo@evil.com\ufeff", "unseen"),
        ("\x1f", "unseen"),
        ("mailto:", "empty"),
        ("<>", "empty"),
    ],
)
def test_nothing_unseen_is_dropped_from_what_was_pasted(typed: str, code: str) -> None:
    assert code_of(pasted_address(typed)) == code


@given(st.sampled_from(FORMS))
def test_pasting_brings_no_known_trick_inside(form: dict[str, str]) -> None:
    outcome = outcome_of(pasted_address(form["typed"]))["outcome"]
    plain = form["typed"].strip(" \n") == "anna@ltdalarna.se" or form["form"] == "name and angle brackets"
    assert outcome != "inside" or form["outcome"] == "inside" or plain


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("   ", "empty"),
        ("anna@ltdalarna.se bo@evil.com", "several"),
        ("Anna <anna@ltdalarna.se>, Bo <bo@evil.com>", "several"),
        ("anna@ltdalarna.se,", "malformed"),
        ("a\u030asa@ltdalarna.se", "not_ascii_local"),
        ("åsa@ltdalarna.\u017fe", "malformed"),
        ("åsa", "malformed"),
        ("anna", "malformed"),
        ("anna@", "malformed"),
        ("@ltdalarna.se", "malformed"),
        ("-oX@ltdalarna.se", "malformed"),
        ("anna@mail.LocalHost", "malformed"),
        ("anna@-a.se", "malformed"),
        ("anna@a-.se", "malformed"),
        ("anna@a..se", "malformed"),
        ("anna@" + "a" * 64 + ".se", "malformed"),
        ("anna@ltdalarna.se\ud800", "malformed"),
    ],
)
def test_a_refusal_says_what_is_wrong(typed: str, code: str) -> None:
    assert code_of(typed) == code


@pytest.mark.parametrize(
    "typed",
    ["o'brien@example.com", "a_b-c.d+e@x-1.example.co.uk", "a" * 64 + "@a.se", "r&d@1a.se", "a@localhost.se"],
)
def test_common_addresses_are_stored_as_typed(typed: str) -> None:
    assert read_address(typed) == typed


def test_the_longest_address_has_254_characters() -> None:
    longest = "a" * 64 + "@" + "b" * 62 + "." + "c" * 62 + "." + "d" * 60 + ".se"
    assert (len(longest), read_address(longest)) == (254, longest)
    assert code_of(longest.replace("@", "@x", 1)) == "malformed"


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("anna@ltdalarna.se", True),
        ("anna@sub.ltdalarna.se", True),
        ("anna@a.b.ltdalarna.se", True),
        ("anna@evilltdalarna.se", False),
        ("anna@ltdalarna.se.evil.com", False),
    ],
)
def test_a_leading_dot_admits_the_domain_and_all_below_it(address: str, inside: bool) -> None:
    assert is_inside(address, domains=("example.org", ".LTDalarna.se")) == inside


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Anna.Berg+x+y@LTDALARNA.SE", "anna.berg@ltdalarna.se"),
        ("anna@ltdalarna.se", "anna@ltdalarna.se"),
        ("+46@ltdalarna.se", "+46@ltdalarna.se"),
    ],
)
def test_one_person_has_one_key_whatever_the_case_and_tag(address: str, key: str) -> None:
    assert canonical(address) == key


@given(st.text(st.sampled_from("aZ9.+-_'@,; \t\né\u200b\u017f%\"<"), max_size=30) | st.text(max_size=30))
def test_what_is_stored_is_plain_ascii_and_reads_back_as_itself(typed: str) -> None:
    stored = outcome_of(typed).get("stored", "a@b.se")
    assert (stored.isascii(), stored.isprintable(), stored.count("@")) == (True, True, 1)
    assert (read_address(stored), canonical(canonical(stored))) == (stored, canonical(stored))


@given(st.from_regex(r"[a-z]{1,5}(\+[a-z]{1,3})?@[a-z]{1,3}\.(se|com)", fullmatch=True))
def test_a_tag_or_another_case_never_moves_anyone_in_or_out(address: str) -> None:
    domains = ("a.se", ".b.com")
    assert is_inside(address.upper(), domains=domains) == is_inside(canonical(address), domains=domains)
