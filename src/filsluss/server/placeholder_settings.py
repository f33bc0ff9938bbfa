"""Settings for help and version, which need an installation no more than they leave one behind."""

import os


def apply() -> None:
    """Replaces every FILSLUSS_ variable, before the settings are read; no file is read, made or opened."""
    for name in [name for name in os.environ if name.startswith("FILSLUSS_")]:
        del os.environ[name]
    os.environ |= {
        "FILSLUSS_CONFIG": "",
        "FILSLUSS_BASE_URL": "http://localhost",
        "FILSLUSS_ORGANISATION": "-",
        "FILSLUSS_INSIDE_DOMAINS": "example.se",
        "FILSLUSS_SMTP_URL": "smtp://localhost",
        "FILSLUSS_MAIL_FROM": "filsluss@example.se",
        "FILSLUSS_DATA_DIR": "/",
        "FILSLUSS_SECRET_KEY": "of no installation",
    }
