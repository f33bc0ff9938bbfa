"""The URLs of the pages, and the health and metrics endpoints; the byte paths are in filsluss.streams."""

from django.urls import path, re_path, register_converter

from filsluss.ops import health, metrics
from filsluss.pages import (
    abuse_report,
    accessibility_feedback,
    apply,
    assets,
    decide,
    demo,
    demo_provider,
    download,
    errors,
    genuine,
    info,
    lost_link,
    own_case,
    pickup_code,
    prefilled_link,
    status,
    upload,
)
from filsluss.pages.oversee import (
    acts,
    audit_csv,
    blocked,
    factors,
    persons,
    second_step,
    security,
    sign_in,
    transfers,
)
from filsluss.pages.staff import apply as staff_apply
from filsluss.pages.staff import decide as staff_decide
from filsluss.pages.staff import home as staff_home
from filsluss.pages.staff import sign_in as staff_sign_in
from filsluss.rules import paths as at
from filsluss.rules.tokens import TOKEN_PATTERN


class TokenConverter:
    """A link's token; drops punctuation after it that a mail program took for a part of the link."""

    regex = TOKEN_PATTERN + r"[.,;:!\x29>\]]*"  # \x29: Django would take a plain ) for one of its own

    def to_python(self, value: str) -> str:
        return value.rstrip(".,;:!)>]")

    def to_url(self, value: str) -> str:
        return value


class PublicIdConverter:
    regex = "[2-9A-Z]{4}-[2-9A-Z]{4}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class RowIdConverter(PublicIdConverter):
    regex = "[A-Za-z0-9_-]{22}"


register_converter(RowIdConverter, "row")
register_converter(TokenConverter, "token")
register_converter(PublicIdConverter, "id")

LINK = "<token:token>"

urlpatterns = [
    path(at.START.route(), apply.application, name="apply"),
    path(at.SENT.route(), apply.sent, name="sent"),
    path(at.DECIDE.route(LINK), decide.decision, name="decide"),
    path(at.UPLOAD.route(LINK), upload.account, name="upload"),
    path(at.UPLOAD.route(LINK, "remove"), upload.remove, name="remove"),
    path(at.UPLOAD.route(LINK, "send-now"), upload.send, name="send-now"),
    path(at.UPLOAD.route(LINK, "code"), pickup_code.shown_code, name="shown-code"),
    path(at.STATUS.route(LINK), status.status, name="status"),
    path(at.STATUS.route(LINK, "withdraw"), own_case.withdraw_request, name="withdraw"),
    path(at.STATUS.route(LINK, "correct"), own_case.correct_request, name="correct"),
    path(at.STATUS.route(LINK, "again"), own_case.apply_again, name="again"),
    path(at.STATUS.route(LINK, "send-again"), own_case.resend, name="resend"),
    path(at.STATUS.route(LINK, "report"), abuse_report.abuse_report, name="report"),
    path(at.DOWNLOAD.route(LINK), download.pickup, name="download"),
    path(at.DOWNLOAD.route(LINK, "ask-again"), download.ask_again, name="ask-again"),
    path(at.CODE.route(), download.code, name="code"),
    path(at.OVERSEE.route(), transfers.transfers, name="oversee"),
    path(at.OVERSEE.route(""), transfers.transfers),
    path(at.OVERSEE.route("sign-in"), sign_in.sign_in, name="sign-in"),
    path(at.OVERSEE.route("sign-in", "code"), second_step.code, name="sign-in-code"),
    path(at.OVERSEE.route("me", "prove"), second_step.prove, name="prove"),
    path(at.OVERSEE.route("me", "factors"), factors.factors, name="factors"),
    path(at.OVERSEE.route("persons"), persons.persons, name="oversee-persons"),
    path(at.OVERSEE.route("persons", "<int:pk>"), persons.change, name="oversee-person"),
    path(at.OVERSEE.route("sign-out"), sign_in.sign_out, name="sign-out"),
    path(at.OVERSEE.route("session"), sign_in.session, name="session"),
    path(at.OVERSEE.route("transfers", "<id:public_id>"), transfers.transfer, name="oversee-transfer"),
    path(at.OVERSEE.route("security"), security.security_log, name="oversee-security"),
    path(at.OVERSEE.route("blocked"), blocked.blocked, name="oversee-blocked"),
    path(at.OVERSEE.route("blocked", "add"), blocked.add, name="oversee-blocked-add"),
    path(at.OVERSEE.route("blocked", "<int:pk>", "remove"), blocked.remove, name="oversee-blocked-remove"),
    path(at.OVERSEE.route("trail.csv"), audit_csv.audit_csv, name="oversee-trail"),
    path(
        at.OVERSEE.route("transfers", "<id:public_id>", "trail.csv"),
        audit_csv.audit_csv,
        name="oversee-transfer-trail",
    ),
    path(at.OVERSEE.route("transfers", "<id:public_id>", "close"), acts.close, name="oversee-close"),
    path(at.OVERSEE.route("transfers", "<id:public_id>", "withdraw"), acts.withdraw, name="oversee-withdraw"),
    path(at.OVERSEE.route("transfers", "<id:public_id>", "extend"), acts.extend, name="oversee-extend"),
    path(at.OVERSEE.route("files", "<id:public_id>", "release"), acts.release, name="oversee-release"),
    path(at.OVERSEE.route("files", "<id:public_id>", "remove"), acts.remove, name="oversee-remove"),
    path(at.OVERSEE.route("files", "<id:public_id>", "give-back"), acts.give_back, name="oversee-give-back"),
    path(
        at.OVERSEE.route("letters", "<row:public_id>", "send-again"),
        acts.send_again,
        name="oversee-send-again",
    ),
    path(at.STAFF.route(), staff_home.home, name="staff"),
    path(at.STAFF.route("sign-in"), staff_sign_in.sign_in, name="staff-sign-in"),
    path(at.STAFF.route("return"), staff_sign_in.come_back, name="staff-return"),
    path(at.STAFF.route("link", LINK), factors.follow_link, name="account-link"),
    path(at.STAFF.route("signed-in"), staff_sign_in.done, name="staff-signed-in"),
    path(at.STAFF.route("apply"), staff_apply.application, name="staff-apply"),
    path(at.STAFF.route("decide", LINK), staff_decide.decision, name="staff-decide"),
    path(at.STAFF.route("sessions", "end"), staff_sign_in.end_session, name="staff-end-session"),
    path(at.STAFF.route("sign-out"), staff_sign_in.sign_out, name="staff-sign-out"),
    path(
        at.STAFF.route("back-channel-logout"),
        staff_sign_in.back_channel_logout,
        name="staff-back-channel-logout",
    ),
    path(at.LOST_LINK.route(), lost_link.lost_link, name="lost-link"),
    path(at.GENUINE.route(), genuine.genuine, name="genuine"),
    path(at.LINK.route(), prefilled_link.prefilled_link, name="prefilled-link"),
    path(at.TERMS.route(), info.terms, name="terms"),
    path(at.PRIVACY.route(), info.privacy, name="privacy"),
    path(at.HELP.route(), info.help_page, name="help"),
    path(at.ACCESSIBILITY.route(), accessibility_feedback.statement, name="accessibility"),
    path(at.WELL_KNOWN.route("security.txt"), info.security_txt, name="security-txt"),
    path(at.HEALTHZ.route(), health.healthz, name="healthz"),
    path(at.READYZ.route(), health.readyz, name="readyz"),
    path(at.METRICS.route(), metrics.metrics, name="metrics"),
    path(at.FAVICON.route(), assets.mark),
    re_path(r"^((?:theme|mark|logo)-[0-9a-f]{12}\.(?:css|svg|png))$", assets.branding_asset),
    path(at.DEMO.route("mail"), demo.mail, name="demo-mail"),
    path(at.DEMO.route("mail", "<slug:name>"), demo.letter, name="demo-letter"),
    path(at.DEMO.route("mail", "<slug:name>", "html"), demo.letter_html, name="demo-letter-html"),
    path(
        at.DEMO.route("provider", at.WELL_KNOWN.route("openid-configuration")),
        demo_provider.metadata,
        name="demo-metadata",
    ),
    path(at.DEMO.route("provider", "keys"), demo_provider.keys, name="demo-keys"),
    path(at.DEMO.route("provider", "authorize"), demo_provider.authorize, name="demo-authorize"),
    path(at.DEMO.route("provider", "token"), demo_provider.token, name="demo-token"),
    path(at.DEMO.route("provider", "end"), demo_provider.end, name="demo-end"),
]

handler400, handler403 = errors.handler400, errors.handler403
handler404, handler500 = errors.handler404, errors.handler500
