"""Sign-out that the provider tells of: a right token ends sessions, and no other does."""

import pytest

from filsluss.models import StaffSession

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/staff/back-channel-logout"


def tell(visitor, **own):
    return visitor.client.post(ADDRESS, {"logout_token": visitor.issuer.logout_token(**own)})


def test_it_ends_every_session_of_the_person(visitor, make_visitor):
    other = make_visitor()
    assert (visitor.sign_in().status_code, other.sign_in().status_code) == (303, 303)
    answer = tell(visitor)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (visitor.is_signed_in, other.is_signed_in) == (False, False)


def test_or_only_the_one_that_it_names(visitor, make_visitor):
    other = make_visitor()
    visitor.issuer.claims["sid"] = "first"
    visitor.sign_in()
    visitor.issuer.claims["sid"] = "second"
    other.sign_in()
    assert tell(visitor, sid="first", sub=None).status_code == 200
    assert (visitor.is_signed_in, other.is_signed_in) == (False, True)


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"events": {}},
        {"events": None},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": 1}},
        {"nonce": "x"},
        {"jti": None},
        {"iat": 1, "exp": None},
        {"iat": -(10**400), "exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": "", "sid": ""},
        {"exp": 1},
    ],
)
def test_no_other_token_ends_anything(visitor, wrong):
    visitor.sign_in()
    assert tell(visitor, **wrong).status_code == 400
    assert visitor.is_signed_in


def test_an_id_token_is_no_logout_token(visitor):
    visitor.sign_in()
    token = visitor.issuer.signed(visitor.issuer.id_claims("n"))
    assert visitor.client.post(ADDRESS, {"logout_token": token}).status_code == 400
    assert visitor.is_signed_in


def test_a_token_that_was_taken_ends_no_later_session(visitor):
    visitor.sign_in()
    token = visitor.issuer.logout_token()
    assert visitor.client.post(ADDRESS, {"logout_token": token}).status_code == 200
    visitor.sign_in()
    assert visitor.client.post(ADDRESS, {"logout_token": token}).status_code == 400
    assert visitor.is_signed_in
    assert tell(visitor, jti="j2").status_code == 200
    assert not visitor.is_signed_in


@pytest.mark.parametrize("name", ["sub", "sid"])
def test_a_name_that_no_database_takes_names_nobody(visitor, name):
    visitor.issuer.claims["sid"] = "a\0b"
    visitor.sign_in()
    assert StaffSession.objects.get().sid == ""
    assert tell(visitor, **{"sub": None, "sid": None, name: "a\0b"}).status_code == 400
    assert visitor.is_signed_in


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "å", "\0", "x" * 100_000])
def test_what_is_no_token_ends_nothing(visitor, text):
    visitor.sign_in()
    assert visitor.client.post(ADDRESS, {"logout_token": text}).status_code == 400
    assert (visitor.is_signed_in, StaffSession.objects.count()) == (True, 1)


def test_it_wants_no_token_of_a_form(visitor):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    visitor.sign_in()
    form = {"logout_token": visitor.issuer.logout_token()}
    assert strict.post(ADDRESS, form).status_code == 200
    assert strict.get(ADDRESS).status_code == 405
    assert not visitor.is_signed_in
