"""The settings of sign-in: rows of the table, and which of them contradict each other."""

from filsluss.conf import sign_in_readers as read
from filsluss.conf.names import Name
from filsluss.conf.readers import hours, integer, minutes, name, secret
from filsluss.conf.setting import Setting, Values
from filsluss.identity.config import ProviderConfig
from filsluss.rules.addresses import is_inside
from filsluss.rules.identity import ClaimNames
from filsluss.rules.paths import STAFF_RETURN
from filsluss.rules.sign_in import LocalSignIn, SignIn

SIGN_IN = (
    Setting(
        Name.OIDC_ISSUER,
        read.issuer,
        "the OpenID Connect provider that your staff sign in with, exactly as it names itself; see "
        "[Sign-in](sign-in.md)",
    ),
    Setting(Name.OIDC_CLIENT_ID, read.one_word, "the name that the provider knows this service by"),
    Setting(
        Name.OIDC_CLIENT_SECRET,
        secret,
        f"what the provider knows it by; or `{Name.OIDC_PRIVATE_KEY}`",
        is_secret=True,
    ),
    Setting(
        Name.OIDC_PRIVATE_KEY,
        read.private_key,
        "a private key (PEM, RSA or EC), whose public half the provider has: `private_key_jwt`",
        is_secret=True,
        is_in_lines=True,
    ),
    Setting(
        Name.OIDC_SCOPE,
        read.scope,
        "what is asked for, with blanks between; `openid` is one of them",
        default="openid email profile",
    ),
    Setting(
        Name.OIDC_ADDRESS_CLAIM, read.claim_name, "the claim that holds a person's address", default="email"
    ),
    Setting(
        Name.OIDC_ROLES_CLAIM,
        read.claim_name,
        "the claim that lists a person's groups; a dot leads into it, as in `realm_access.roles`",
        default="groups",
    ),
    Setting(
        Name.OIDC_ACR,
        read.words,
        "the levels of assurance that are accepted (`acr`), with blanks between; empty: what the provider "
        "thinks enough",
    ),
    Setting(Name.OIDC_NAME, name, "what your staff call the sign-in; shown on its button and its pages"),
    Setting(
        Name.OIDC_CA,
        read.certificates,
        "a file of certificates (PEM) that the provider's is checked against",
        unset="those of the system",
    ),
    Setting(
        Name.ROLE_GROUPS,
        read.role_groups,
        "which group gives which role: `fts-admin=administrator, fts-reg=registrar:region.example`; the "
        "domain is what a registrar answers for",
        policy="role_groups",
    ),
    Setting(
        Name.SHARED_MAILBOXES,
        read.shared_mailboxes,
        "whose group may answer requests to a shared mailbox: `registrator@region.example=fts-reg`",
        policy="shared_mailboxes",
    ),
    Setting(
        Name.SIGN_IN,
        read.sign_in,
        "`off`; `offered`: whoever signs in sends at once, all others by their mailbox, and an inside "
        "network opens nothing; `required`: who has an inside address signs in to send",
        default=lambda values: SignIn.OFFERED if values[Name.OIDC_ISSUER] else SignIn.OFF,
        unset="`off` without an issuer, else `offered`",
        policy="sign_in",
    ),
    Setting(
        Name.DECIDE_SIGN_IN,
        read.yes_or_no,
        "`yes`: a request is answered only by its approver, signed in; a link that was forwarded answers "
        "nothing",
        default="no",
        policy="decide_sign_in",
    ),
    Setting(
        Name.LOCAL_SIGN_IN,
        read.local_sign_in,
        "whether accounts of this service (`filsluss admin`) sign in: `yes`; `break-glass`: each time "
        f"`{Name.ADMIN_EMAIL}` gets an email; `no`",
        default=lambda values: LocalSignIn.BREAK_GLASS if values[Name.OIDC_ISSUER] else LocalSignIn.YES,
        unset="`yes` without an issuer, else `break-glass`",
        policy="local_sign_in",
    ),
    Setting(
        Name.SESSION_HOURS,
        hours(1, 24),
        "how long somebody who signed in stays so",
        default="8",
        policy="session_lasts",
    ),
    Setting(
        Name.SESSION_IDLE,
        minutes(1, 1440),
        "and for how many minutes without opening a page",
        default="60",
        policy="session_idle",
    ),
    Setting(
        Name.FRESH_MINUTES,
        minutes(1, 60),
        "for how many minutes a sign-in is proof enough for what cannot be undone",
        default="10",
        policy="fresh_for",
    ),
    Setting(
        Name.RELEASE_PERSONS,
        integer(1, 2),
        "how many different administrators or security officers let an unscanned file through, within 24 "
        "hours: `1` or `2`; the second never with a break-glass account",
        default="1",
        policy="release_persons",
    ),
)

OF_PROVIDER = (
    *(Name.OIDC_CLIENT_ID, Name.OIDC_CLIENT_SECRET, Name.OIDC_PRIVATE_KEY, Name.OIDC_ACR, Name.OIDC_NAME),
    *(Name.OIDC_CA, Name.ROLE_GROUPS, Name.SHARED_MAILBOXES, Name.DECIDE_SIGN_IN),
)
"""They mean nothing without an issuer."""


def contradiction(values: Values) -> str:
    """What is wrong with the settings of sign-in together, in one line; empty if nothing is."""
    if values[Name.LOCAL_SIGN_IN] is LocalSignIn.NO and not values[Name.ROLE_GROUPS]:
        return f"{Name.LOCAL_SIGN_IN}: with no, nobody could oversee; set {Name.ROLE_GROUPS}, too"
    if values[Name.LOCAL_SIGN_IN] is LocalSignIn.NO and values[Name.SIGN_IN] is SignIn.OFF:
        return f"{Name.LOCAL_SIGN_IN}: with no, {Name.SIGN_IN} cannot be off, or nobody could oversee"
    if not values[Name.OIDC_ISSUER]:
        alone = [name for name in OF_PROVIDER if values[name]]
        if values[Name.SIGN_IN] is not SignIn.OFF:
            alone.append(Name.SIGN_IN)
        return f"{alone[0]}: set {Name.OIDC_ISSUER}, too, or remove it" if alone else ""
    if not values[Name.OIDC_CLIENT_ID]:
        return f"{Name.OIDC_CLIENT_ID} is missing"
    if bool(values[Name.OIDC_CLIENT_SECRET]) == bool(values[Name.OIDC_PRIVATE_KEY]):
        return f"set one of {Name.OIDC_CLIENT_SECRET} and {Name.OIDC_PRIVATE_KEY}"
    if values[Name.DECIDE_SIGN_IN] and values[Name.SIGN_IN] is SignIn.OFF:
        return f"{Name.DECIDE_SIGN_IN} needs {Name.SIGN_IN} offered or required"
    return _outside(values)


def _outside(values: Values) -> str:
    """What is said of people inside, and names a domain that is not."""
    addresses = [(Name.SHARED_MAILBOXES, box.address, box.address) for box in values[Name.SHARED_MAILBOXES]]
    scopes = [each.scope for each in values[Name.ROLE_GROUPS] if each.scope]
    addresses += [(Name.ROLE_GROUPS, scope, f"x@{scope.removeprefix('.')}") for scope in scopes]
    for setting, shown, address in addresses:
        if not is_inside(address, domains=values[Name.INSIDE_DOMAINS]):
            return f"{setting}: {shown} is in no inside domain"
    return ""


def provider(values: Values) -> ProviderConfig | None:
    """The provider that the settings name; None if they name none."""
    if not values[Name.OIDC_ISSUER]:
        return None
    needs_groups = bool(values[Name.ROLE_GROUPS] or values[Name.SHARED_MAILBOXES])
    return ProviderConfig(
        issuer=values[Name.OIDC_ISSUER],
        client_id=values[Name.OIDC_CLIENT_ID],
        return_to=values[Name.BASE_URL] + STAFF_RETURN,
        client_secret=values[Name.OIDC_CLIENT_SECRET],
        private_key=values[Name.OIDC_PRIVATE_KEY],
        scope=values[Name.OIDC_SCOPE],
        claims=ClaimNames(values[Name.OIDC_ADDRESS_CLAIM], values[Name.OIDC_ROLES_CLAIM], needs_groups),
        acr=values[Name.OIDC_ACR],
        name=values[Name.OIDC_NAME],
        ca=values[Name.OIDC_CA],
    )
