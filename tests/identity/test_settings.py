"""The settings of sign-in: what they become, and which contradict each other."""

import pytest

from filsluss.rules.permissions import StaffRole
from filsluss.rules.sign_in import GroupRole, SharedMailbox, SignIn
from tests.identity.issuer import KEYS
from tests.test_settings import read, refusal

__all__ = ["read", "refusal"]  # fixtures

WHOLE = {
    "OIDC_ISSUER": "https://id.region.example/tenant/v2.0",
    "OIDC_CLIENT_ID": "filsluss",
    "OIDC_CLIENT_SECRET": "a secret",
}


def test_without_an_issuer_nobody_signs_in_with_one(read):
    found = read()
    assert (found["IDENTITY_PROVIDER"], found["POLICY"].sign_in) == (None, SignIn.OFF)


def test_with_an_issuer_sign_in_is_offered(read):
    found = read(**WHOLE, BASE_URL="https://fts.region.example")
    provider = found["IDENTITY_PROVIDER"]
    assert (provider.issuer, found["POLICY"].sign_in) == (WHOLE["OIDC_ISSUER"], SignIn.OFFERED)
    assert provider.return_to == "https://fts.region.example/staff/return"
    assert ("a secret" in repr(provider), provider.claims.needs_groups) == (False, False)


def test_groups_give_roles_and_mailboxes(read):
    found = read(
        **WHOLE,
        ROLE_GROUPS="fts-admin=administrator, CN=reg=registrar:ltdalarna.se",
        SHARED_MAILBOXES="registrator@ltdalarna.se=fts-reg",
        SIGN_IN="required",
        DECIDE_SIGN_IN="yes",
    )
    policy = found["POLICY"]
    assert policy.role_groups == (
        GroupRole("fts-admin", StaffRole.ADMINISTRATOR),
        GroupRole("CN=reg", StaffRole.REGISTRAR, "ltdalarna.se"),
    )
    assert policy.shared_mailboxes == (SharedMailbox("registrator@ltdalarna.se", "fts-reg"),)
    assert (policy.sign_in, policy.decide_sign_in) == (SignIn.REQUIRED, True)
    assert found["IDENTITY_PROVIDER"].claims.needs_groups


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"SIGN_IN": "offered"}, "SIGN_IN: set FILSLUSS_OIDC_ISSUER, too"),
        ({"OIDC_CLIENT_ID": "x"}, "OIDC_CLIENT_ID: set FILSLUSS_OIDC_ISSUER, too"),
        ({**WHOLE, "OIDC_CLIENT_ID": None}, "OIDC_CLIENT_ID is missing"),
        ({**WHOLE, "OIDC_CLIENT_SECRET": None}, "set one of"),
        ({**WHOLE, "OIDC_PRIVATE_KEY": KEYS[0].as_pem(private=True).decode()}, "set one of"),
        ({**WHOLE, "OIDC_ISSUER": "http://id.region.example"}, "OIDC_ISSUER: cannot read"),
        ({**WHOLE, "OIDC_ISSUER": "https://id.region.example/?a=b"}, "OIDC_ISSUER: cannot read"),
        ({**WHOLE, "OIDC_SCOPE": "email"}, "must hold openid"),
        ({**WHOLE, "OIDC_CA": "/dev/zero"}, "is not a file"),
        ({**WHOLE, "OIDC_CA": __file__}, "holds no certificates"),
        ({**WHOLE, "ROLE_GROUPS": "fts=boss"}, "roles are administrator"),
        ({**WHOLE, "ROLE_GROUPS": "fts=auditor:ltdalarna.se"}, "only registrar is held for a domain"),
        ({**WHOLE, "SHARED_MAILBOXES": "x@y.example=g"}, "x@y.example is in no inside domain"),
        ({**WHOLE, "SHARED_MAILBOXES": "x@ltdalarna.se"}, "must be address=group"),
        ({**WHOLE, "SIGN_IN": "off", "DECIDE_SIGN_IN": "yes"}, "DECIDE_SIGN_IN needs"),
        ({**WHOLE, "LOCAL_SIGN_IN": "no"}, "nobody could oversee"),
        (
            {**WHOLE, "LOCAL_SIGN_IN": "no", "ROLE_GROUPS": "fts=administrator", "SIGN_IN": "off"},
            "nobody could oversee",
        ),
        (
            {**WHOLE, "OIDC_CLIENT_SECRET": None, "OIDC_PRIVATE_KEY": "x"},
            "cannot read its value",
        ),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start_in_one_line(refusal, own, said):
    line = refusal(**own)
    assert (said in line, "\n" in line, "BEGIN" in line) == (True, False, False), line
