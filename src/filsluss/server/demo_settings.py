"""The settings of `filsluss demo`: loopback only, letters in files, and a pretend sign-in of its own."""

import argparse
import os
import secrets
from collections.abc import Sequence

from filsluss.conf.names import PREFIX, Name
from filsluss.rules.paths import DEMO
from filsluss.rules.permissions import StaffRole
from filsluss.server.supervisor import port_number


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port_number, default=8000, help="the port on loopback (8000)")
    parser.add_argument(
        "--data", default="./demo-data", help="the folder everything is kept in (./demo-data)"
    )


def apply(argv: Sequence[str]) -> None:
    """Replaces every FILSLUSS_ variable by the demo's own, before the settings are read."""
    parser = argparse.ArgumentParser(prog="filsluss demo", add_help=False)
    add_demo_arguments(parser)
    chosen, _ = parser.parse_known_args(argv)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    base_url = f"http://localhost:{chosen.port}"
    by_group = (StaffRole.ADMINISTRATOR, StaffRole.AUDITOR)
    os.environ |= {
        Name.CONFIG: "",
        Name.DEMO: "1",
        Name.BASE_URL: base_url,
        Name.ORGANISATION: "Landstinget Dalarna",
        Name.INSIDE_DOMAINS: "ltdalarna.se",
        Name.INSIDE_NETWORKS: "127.0.0.0/8,::1/128",
        Name.SMTP_URL: "smtp://localhost",
        Name.MAIL_FROM: "filsluss@ltdalarna.se",
        Name.SUPPORT_EMAIL: "support@ltdalarna.se",
        Name.DATA_DIR: chosen.data,
        Name.THREADS: "64",
        Name.UNDO_HOURS: "24",
        Name.OIDC_ISSUER: base_url + DEMO.path("provider"),
        Name.OIDC_CLIENT_ID: "filsluss",
        Name.OIDC_CLIENT_SECRET: secrets.token_urlsafe(32),
        Name.ROLE_GROUPS: ", ".join(f"{role}={role}" for role in by_group),
        "no_proxy": "localhost",  # its sign-in is asked on this machine, whatever proxy there is
    }
