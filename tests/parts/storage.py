"""A service's rows and blobs, read directly: from its database with SQL, and from its blob folder."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.parts.service import Service


def rows(service: Service, question: str) -> list[tuple[Any, ...]]:
    """What one SELECT answers; the question has no parameters, so that both databases read it alike."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            return server.execute(question).fetchall()
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3", timeout=30)) as file:
        return file.execute(question).fetchall()


def change(service: Service, statement: str) -> None:
    """Runs one statement that changes rows, without the service."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            server.execute(statement)
        return
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3", timeout=30)) as file, file:
        file.execute(statement)


def status_link(service: Service, transfer: str, role: str) -> str:
    """The path of the newest status page of the party of that role, whether or not a letter names it."""
    code = (
        "from django.conf import settings; from filsluss.models import Link\n"
        f"of_role = Link.objects.filter(purpose='status-{role}')\n"
        f"found = of_role.filter(transfer__public_id={transfer!r}).latest('pk')\n"
        "print('/status/' + found.token(settings.POLICY.link_keys))"
    )
    return service.run("shell", "--no-imports", "-c", code).stdout.strip()


def blobs(service: Service) -> dict[str, Path]:
    """Every blob on the disk by its name."""
    return {path.name: path for path in (service.data_dir / "blobs").glob("?.d/*")}
