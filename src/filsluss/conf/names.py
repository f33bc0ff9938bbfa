"""The names of the settings, as they stand in the environment and in the settings file."""

from enum import StrEnum, auto

PREFIX = "FILSLUSS_"


class Name(StrEnum):
    """A setting. Its value is its whole name, such as FILSLUSS_BASE_URL, which messages may say."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return PREFIX + name

    CONFIG = auto()
    DEMO = auto()

    BASE_URL = auto()
    ORGANISATION = auto()
    INSIDE_DOMAINS = auto()
    SMTP_URL = auto()
    MAIL_FROM = auto()
    SMTP_HELO = auto()
    MAIL_CONNECTIONS = auto()
    INSIDE_NETWORKS = auto()
    TRUSTED_PROXIES = auto()
    DATA_DIR = auto()
    NODE = auto()
    DATABASE_URL = auto()
    DATABASE_DIRECT_URL = auto()
    BLOB_URL = auto()
    SECRET_KEY = auto()
    SECRET_KEY_OLD = auto()
    MAX_TRANSFER_SIZE = auto()
    MAX_FILE_SIZE = auto()
    MAX_DAYS = auto()
    DEFAULT_DAYS = auto()
    DECISION_DAYS = auto()
    LETTERS_PER_DAY = auto()
    LIST_MINUTES = auto()
    OUTBOUND_PER_DAY = auto()
    APPLICATIONS_PER_HOUR = auto()
    WRONG_CODES = auto()
    REPORTS_PER_DAY = auto()
    FEEDBACK_PER_DAY = auto()
    FORGET_DAYS = auto()
    SECURITY_LOG_DAYS = auto()
    AUDIT_DAYS = auto()
    UNDO_HOURS = auto()
    FREE_SPACE = auto()
    THREADS = auto()
    WEB_PROCESSES = auto()
    LANGUAGE = auto()
    AT = auto()
    TIME_ZONE = auto()
    SUPPORT_EMAIL = auto()
    ADMIN_EMAIL = auto()
    CONTROLLER = auto()
    LEGAL_BASIS = auto()
    DATA_PROTECTION_EMAIL = auto()
    ACCESSIBILITY = auto()
    CLAMD = auto()
    ACCENT = auto()
    LOGO = auto()
    ACCEL = auto()
    METRICS_NETWORKS = auto()
    LOG = auto()
    OIDC_ISSUER = auto()
    OIDC_CLIENT_ID = auto()
    OIDC_CLIENT_SECRET = auto()
    OIDC_PRIVATE_KEY = auto()
    OIDC_SCOPE = auto()
    OIDC_ADDRESS_CLAIM = auto()
    OIDC_ROLES_CLAIM = auto()
    OIDC_ACR = auto()
    OIDC_NAME = auto()
    OIDC_CA = auto()
    ROLE_GROUPS = auto()
    SHARED_MAILBOXES = auto()
    SIGN_IN = auto()
    DECIDE_SIGN_IN = auto()
    LOCAL_SIGN_IN = auto()
    SESSION_HOURS = auto()
    SESSION_IDLE = auto()
    FRESH_MINUTES = auto()
    RELEASE_PERSONS = auto()
    S3_ACCESS_KEY = auto()
    S3_SECRET_KEY = auto()

    @property
    def of_file(self) -> str:
        """The name of the path of a file that holds the value, which a secret has, too."""
        return f"{self}_FILE"
