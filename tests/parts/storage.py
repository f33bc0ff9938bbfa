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


def blobs(service: Service) -> dict[str, Path]:
    """Every blob on the disk by its name."""
    return {path.name: path for path in (service.data_dir / "blobs").glob("?.d/*")}
