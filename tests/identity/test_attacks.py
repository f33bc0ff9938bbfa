"""Attacks on the sign-in: whatever a token, an answer or a provider says, only the right one signs in."""

import base64
import hmac
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from joserfc import jwt
from joserfc.jws import JWSRegistry

from filsluss.models import Person, StaffSession
from tests.identity.issuer import ANNA, CLIENT, KEYS, compact, json_answer

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "https://other.example"


def refused(answer, visitor, status=403):
    """Nobody is signed in, and the page says so calmly."""
    text = answer.content.decode()
    assert (answer.status_code, "Traceback" in text) == (status, False), text[:3000]
    assert not visitor.is_signed_in
    assert not StaffSession.objects.exists()
    return text


def test_whoever_signs_in_has_a_session(visitor):
    answer = visitor.sign_in()
    assert (answer.status_code, answer["Location"]) == (303, "/staff")
    assert visitor.is_signed_in
    person = Person.objects.get()
    assert (person.issuer, person.subject) == (visitor.issuer.url, "anna-1")
    assert (person.address, person.name) == ("anna.berg@ltdalarna.se", "Anna Berg")


def unsigned(claims):
    return compact({"alg": "none"}, claims)


def without_signature(claims):
    return compact({"alg": "RS256", "kid": "one"}, claims)


def with_public_key_as_secret(claims):
    """HS256 with what everybody knows, as a verifier would take that did not look at the algorithm."""
    bare = compact({"alg": "HS256", "kid": "one"}, claims).rstrip(".")
    mac = hmac.digest(KEYS[0].as_pem(private=False), bare.encode(), "sha256")
    return f"{bare}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def by_another_key(claims):
    registry = JWSRegistry(algorithms=["RS256"])
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEYS[1], registry=registry)


def with_own_key_in_header(claims):
    registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    header = {"alg": "RS256", "kid": "one", "jwk": KEYS[1].as_dict(private=False)}
    return jwt.encode(header, claims, KEYS[1], registry=registry)


def critical(claims):
    """With a header that whoever does not know it must refuse (RFC 7515, 4.1.11)."""
    return signed_raw({"alg": "RS256", "kid": "one", "crit": ["must-know"], "must-know": True}, claims)


def signed_raw(header, claims):
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    bare = compact(header, claims).rstrip(".")
    return (
        f"{bare}."
        + base64.urlsafe_b64encode(KEYS[0].private_key.sign(bare.encode(), PKCS1v15(), SHA256()))
        .rstrip(b"=")
        .decode()
    )


@pytest.mark.parametrize(
    "forge",
    [
        *(unsigned, without_signature, with_public_key_as_secret, by_another_key, with_own_key_in_header),
        *(critical, lambda claims: "x", lambda claims: "", lambda claims: {"a": 1}, lambda claims: None),
        lambda claims: signed_raw({"alg": "RS256", "kid": ["one"]}, claims),
        lambda claims: signed_raw({"alg": ["RS256"], "kid": "one"}, claims),
        lambda claims: compact({"alg": "RS256", "kid": "one"}, claims, b"\0" * 256),
        lambda claims: "é" * 40 + "..",
    ],
)
def test_no_token_that_is_not_signed_by_the_provider_is_believed(visitor, forge):
    visitor.issuer.sign = forge
    refused(visitor.sign_in(), visitor)
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": OTHER},
        {"iss": None},
        {"iss": ["x"]},
        {"aud": "another"},
        {"aud": []},
        {"aud": ["another"]},
        {"aud": [CLIENT, "another"]},  # and no azp
        {"aud": {"a": CLIENT}},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ""},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 1 << 33},
        {"nbf": 1 << 33},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\u202eb"},
        {"at_hash": "another"},
        {"email": None},
        {"email": ["anna.berg@ltdalarna.se", "eva@ltdalarna.se"]},
        {"email": "anna.berg@ltdalarna.se\nBcc: x@y.example"},
        {"email": "anna.berg@ltdalarna.se.evil.example"},
        {"email": "Anna@ltda\u0142arna.se"},
        {"email_verified": False},
        {"email_verified": "false"},
        {"auth_time": time.time() + 7 * 86400},
    ],
)
def test_no_claim_that_is_anothers_or_of_another_time_is_believed(visitor, changed):
    visitor.issuer.userinfo = {"sub": "anna-1"}  # where an address is asked for that is not among them
    visitor.issuer.edit = lambda claims: {
        name: value for name, value in {**claims, **changed}.items() if value is not None
    }
    refused(visitor.sign_in(), visitor)
    assert not Person.objects.exists()


@pytest.mark.parametrize("state", ["", "x", "å" * 43, "%00", "A" * 43, "A" * 5000, "'; DROP TABLE"])
def test_an_answer_without_the_state_of_this_browser_is_refused(visitor, state):
    query = visitor.issuer.login(visitor.begin()["Location"])
    answer = visitor.client.get("/staff/return", {"code": "code", "state": state})
    assert "Logga in igen" in refused(answer, visitor, 400) or state is None
    assert visitor.issuer.asked["/token"] == 0
    assert visitor.come_back(query).status_code == 303  # the right one still works


def test_the_answer_of_another_browser_is_refused(visitor, make_visitor):
    """Whoever leads somebody to their own answer signs nobody in as themselves."""
    query = visitor.issuer.login(visitor.begin()["Location"])
    refused(make_visitor().come_back(query), visitor, 400)


def test_an_answer_is_used_once(visitor):
    query = visitor.issuer.login(visitor.begin()["Location"])
    assert visitor.come_back(query).status_code == 303
    assert visitor.come_back(query).status_code == 400


def test_an_answer_that_names_another_provider_is_refused(visitor):
    query = visitor.issuer.login(visitor.begin()["Location"])
    refused(visitor.come_back(f"{query}&iss=https%3A%2F%2Fother.example"), visitor)
    assert visitor.issuer.asked["/token"] == 0  # the code is shown to nobody


def test_a_provider_that_always_names_itself_must(visitor):
    visitor.issuer.metadata_edit = lambda found: {
        **found,
        "authorization_response_iss_parameter_supported": True,
    }
    refused(visitor.sign_in(), visitor)
    query = visitor.issuer.login(visitor.begin()["Location"])
    assert visitor.come_back(f"{query}&iss={visitor.issuer.url}").status_code == 303


def test_a_flow_is_over_after_ten_minutes(visitor, monkeypatch):
    query = visitor.issuer.login(visitor.begin()["Location"])
    later = timezone.now() + timezone.timedelta(minutes=11)
    monkeypatch.setattr("filsluss.pages.staff.sign_in.timezone.now", lambda: later)
    answer = visitor.come_back(query)
    monkeypatch.undo()
    assert answer.status_code == 400
    assert not visitor.is_signed_in


def test_the_cookie_of_a_flow_says_nothing_and_bears_no_change(visitor):
    query = visitor.issuer.login(visitor.begin()["Location"])
    ((name, cookie),) = ((n, c) for n, c in visitor.client.cookies.items() if n.startswith("flow-"))
    asked = parse_qs(urlsplit(query).path)
    assert asked["state"][0] not in cookie.value
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 600)
    visitor.client.cookies[name] = cookie.value[:-3] + "AAA"
    refused(visitor.come_back(query), visitor, 400)


def test_the_userinfo_of_another_person_is_refused(visitor):
    visitor.issuer.edit = lambda claims: {n: v for n, v in claims.items() if n != "email"}
    visitor.issuer.userinfo = {**ANNA, "sub": "eva-2"}
    refused(visitor.sign_in(), visitor)
    visitor.issuer.userinfo = ANNA
    assert visitor.sign_in().status_code == 303


def test_fifty_unknown_keys_cost_no_request_more(visitor):
    assert visitor.sign_in().status_code == 303
    visitor.client.cookies.clear()
    StaffSession.objects.all().delete()
    visitor.issuer.asked.clear()
    for number in range(50):
        visitor.issuer.sign = lambda claims, n=number: visitor.issuer.signed(claims, kid=f"unknown-{n}")
        assert visitor.sign_in().status_code == 403
        token = visitor.issuer.logout_token()
        forged = compact({"alg": "RS256", "kid": f"never-{number}"}, {"a": 1}, token.encode()[:256])
        assert visitor.client.post("/staff/back-channel-logout", {"logout_token": forged}).status_code == 400
    assert (visitor.issuer.asked["/keys"], visitor.is_signed_in) == (0, False)


@pytest.mark.parametrize(
    ("auth_time", "status"), [(0, 303), (-60, 303), (-600, 403), (-86400, 403), (None, 403), ("now", 403)]
)
def test_a_fresh_proof_is_of_just_now(visitor, auth_time, status):
    now = time.time()
    at = now + auth_time if isinstance(auth_time, int) else auth_time
    visitor.issuer.edit = lambda claims: {
        n: v for n, v in {**claims, "auth_time": at}.items() if v is not None
    }
    assert visitor.sign_in(fresh="1").status_code == status
    asked = parse_qs(urlsplit(visitor.begin(fresh="1")["Location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])


def test_the_level_of_assurance_that_is_asked_for_is_demanded(visitor, configure):
    configure(acr=("http://id.elegnamnden.se/loa/1.0/loa3",))
    refused(visitor.sign_in(), visitor)
    visitor.issuer.claims["acr"] = "http://id.elegnamnden.se/loa/1.0/loa3"
    assert visitor.sign_in().status_code == 303
    visitor.issuer.claims["acr"] = "loa1"
    assert visitor.sign_in(fresh="1").status_code == 403


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/staff/apply", "/staff/apply"),
        ("/oversee/security?day=1", "/oversee/security?day=1"),
        *(
            (wrong, "/staff")
            for wrong in (
                *(
                    "https://evil.example/staff",
                    "//evil.example/staff",
                    "/\\evil.example",
                    "/staffed",
                    "/",
                    "",
                ),
                *("/staff//evil", "javascript:alert(1)", "/staff\r\nSet-Cookie: a=b", "/staff/" + "x" * 600),
                *("/staff/å", "/upload/x", "//[", "//[x]/staff", "/staff/\\evil", "/staff\\@evil"),
            )
        ),
    ],
)
def test_the_sign_in_leads_to_pages_of_ours_only(visitor, asked, led):
    answer = visitor.sign_in(next=asked)
    assert (answer.status_code, answer["Location"]) == (303, led)


def test_a_provider_that_calls_itself_otherwise_is_never_asked(visitor):
    visitor.issuer.metadata_edit = lambda found: {**found, "issuer": OTHER}
    assert visitor.begin().status_code == 503


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", ["http://evil.example/x", "file:///etc/passwd", None, 7, "//x"])
def test_an_endpoint_that_is_no_https_address_is_never_asked(visitor, name, address):
    visitor.issuer.metadata_edit = lambda found: {**found, name: address}
    assert visitor.begin().status_code == 503


def test_no_redirect_of_the_provider_is_followed(visitor):
    visitor.issuer.instead["/keys"] = lambda: (302, {"Location": f"{visitor.issuer.url}/elsewhere"}, b"")
    refused(visitor.sign_in(), visitor, 503)
    assert visitor.issuer.asked["/elsewhere"] == 0


def test_keys_that_are_no_keys_are_left_out(visitor):
    public = KEYS[0].as_dict(private=False)
    mixed = [None, 7, {}, {"kty": "oct", "k": "AAAA", "kid": "one"}, {"kty": "EC", "crv": "P-1"}, public]
    visitor.issuer.instead["/keys"] = lambda: json_answer({"keys": mixed})
    assert visitor.sign_in().status_code == 303


def test_the_code_is_shown_with_proof_of_who_asks(visitor, configure):
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    assert visitor.sign_in().status_code == 303
    form, headers = visitor.issuer.token_requests[-1]
    assert headers["Authorization"].startswith("Basic ")
    assert "client_secret" not in form
    takes = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    visitor.issuer.metadata_edit = lambda found: {**found, **takes}
    configure(scope="openid profile email x")  # another configuration: the metadata are read anew
    assert visitor.sign_in(fresh="1").status_code == 303
    form, headers = visitor.issuer.token_requests[-1]
    assert (form["client_id"], "Authorization" in headers) == (CLIENT, False)
    for key in (KEYS[1].private_key, generate_private_key(SECP256R1())):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        configure(client_secret="", private_key=pem)
        assert visitor.sign_in(fresh="1").status_code == 303
        form, headers = visitor.issuer.token_requests[-1]
        assert "Authorization" not in headers
        assert "client_secret" not in form
        assert form["client_assertion"].count(".") == 2
