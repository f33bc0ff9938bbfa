"""A house's rows, read past the house: with SQL, from the file or server where they lie."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.parts.house import House


def rows(house: House, question: str) -> list[tuple[Any, ...]]:
    """What one SELECT answers; the question has no parameters, so that both databases read it alike."""
    if url := house.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            return server.execute(question).fetchall()
    with closing(sqlite3.connect(house.data_dir / "filsluss.sqlite3", timeout=30)) as file:
        return file.execute(question).fetchall()


def blobs(house: House) -> dict[str, Path]:
    """Every blob on the disk by its name."""
    return {path.name: path for path in (house.data_dir / "blobs").glob("?.d/*")}
