"""Settings for help and version, which need an installation no more than they leave one behind."""

import os

from filsluss.conf.names import PREFIX, Name


def apply() -> None:
    """Replaces every FILSLUSS_ variable, before the settings are read; no file is read, made or opened."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ |= {
        Name.CONFIG: "",
        Name.BASE_URL: "http://localhost",
        Name.ORGANISATION: "-",
        Name.INSIDE_DOMAINS: "example.se",
        Name.SMTP_URL: "smtp://localhost",
        Name.MAIL_FROM: "filsluss@example.se",
        Name.DATA_DIR: os.path.dirname(__file__),  # it is there, so that none is made
        Name.SECRET_KEY: "of no installation",
    }
