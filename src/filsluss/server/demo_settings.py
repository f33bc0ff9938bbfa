"""The settings of `filsluss demo`: loopback only, and letters are written to files."""

import argparse
import os
from collections.abc import Sequence

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
    for name in [name for name in os.environ if name.startswith("FILSLUSS_")]:
        del os.environ[name]
    os.environ |= {
        "FILSLUSS_CONFIG": "",
        "FILSLUSS_DEMO": "1",
        "FILSLUSS_BASE_URL": f"http://localhost:{chosen.port}",
        "FILSLUSS_ORGANISATION": "Landstinget Dalarna",
        "FILSLUSS_INSIDE_DOMAINS": "ltdalarna.se",
        "FILSLUSS_INSIDE_NETWORKS": "127.0.0.0/8,::1/128",
        "FILSLUSS_SMTP_URL": "smtp://localhost",
        "FILSLUSS_MAIL_FROM": "filsluss@ltdalarna.se",
        "FILSLUSS_SUPPORT_EMAIL": "support@ltdalarna.se",
        "FILSLUSS_DATA_DIR": chosen.data,
        "FILSLUSS_THREADS": "64",
    }
