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
    download,
    info,
    status,
    upload,
)
from filsluss.pages.oversee import acts, audit_csv, security, sign_in, transfers
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

urlpatterns = [
    path("", apply.application, name="apply"),
    path("sent", apply.sent, name="sent"),
    path("decide/<token:token>", decide.decision, name="decide"),
    path("upload/<token:token>", upload.account, name="upload"),
    path("upload/<token:token>/remove", upload.remove, name="remove"),
    path("upload/<token:token>/send-now", upload.send, name="send-now"),
    path("status/<token:token>", status.status, name="status"),
    path("status/<token:token>/report", abuse_report.abuse_report, name="report"),
    path("download/<token:token>", download.pickup, name="download"),
    path("code", download.code, name="code"),
    path("oversee", transfers.transfers, name="oversee"),
    path("oversee/", transfers.transfers),
    path("oversee/sign-in", sign_in.sign_in, name="sign-in"),
    path("oversee/sign-out", sign_in.sign_out, name="sign-out"),
    path("oversee/session", sign_in.session, name="session"),
    path("oversee/transfers/<id:public_id>", transfers.transfer, name="oversee-transfer"),
    path("oversee/security", security.security_log, name="oversee-security"),
    path("oversee/trail.csv", audit_csv.audit_csv, name="oversee-trail"),
    path("oversee/transfers/<id:public_id>/trail.csv", audit_csv.audit_csv, name="oversee-transfer-trail"),
    path("oversee/transfers/<id:public_id>/close", acts.close, name="oversee-close"),
    path("oversee/transfers/<id:public_id>/withdraw", acts.withdraw, name="oversee-withdraw"),
    path("oversee/files/<id:public_id>/release", acts.release, name="oversee-release"),
    path("oversee/files/<id:public_id>/remove", acts.remove, name="oversee-remove"),
    path("oversee/letters/<row:public_id>/send-again", acts.send_again, name="oversee-send-again"),
    path("terms", info.terms, name="terms"),
    path("privacy", info.privacy, name="privacy"),
    path("help", info.help_page, name="help"),
    path("accessibility", accessibility_feedback.statement, name="accessibility"),
    path(".well-known/security.txt", info.security_txt, name="security-txt"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("favicon.ico", assets.mark),
    re_path(r"^((?:theme|mark|logo)-[0-9a-f]{12}\.(?:css|svg|png))$", assets.branding_asset),
    path("demo/mail", demo.mail, name="demo-mail"),
    path("demo/mail/<slug:name>", demo.letter, name="demo-letter"),
    path("demo/mail/<slug:name>/html", demo.letter_html, name="demo-letter-html"),
]

handler400 = "filsluss.pages.errors.handler400"
handler403 = "filsluss.pages.errors.handler403"
handler404 = "filsluss.pages.errors.handler404"
handler500 = "filsluss.pages.errors.handler500"
