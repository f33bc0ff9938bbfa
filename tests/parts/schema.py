"""The tables of a service as its database describes them: columns, constraints and indexes."""

import re
import sqlite3
from contextlib import closing

import psycopg

from tests.parts.service import Service

COLUMNS = """
SELECT table_name, concat_ws(' ', column_name, data_type, character_maximum_length, is_nullable,
    column_default, is_identity, collation_name)
  FROM information_schema.columns WHERE table_schema = 'public'
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace
"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"
NAME_OF_INDEX = re.compile(r"(?<=INDEX )\S+(?= ON)")
CASTS = re.compile(r"::[a-z ]+(\[\])?|[()]")
"""A dump that was loaded says some of them elsewhere."""

Schema = dict[str, list[str]]


def schema_of(service: Service) -> Schema:
    """What each table is made of; the names of indexes and the order of columns do not count."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        return of_postgres(url)
    found: Schema = {}
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3")) as database:
        for table, sql in database.execute("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
            parts = definitions(sql) if sql.startswith("CREATE TABLE") else [NAME_OF_INDEX.sub("", sql)]
            found[table] = sorted([*found.get(table, ()), *parts])
    return found


def of_postgres(url: str) -> Schema:
    found: Schema = {}
    with psycopg.connect(url) as server:
        for question in (COLUMNS, CONSTRAINTS, INDEXES):
            for table, text in server.execute(question).fetchall():
                found[table] = sorted([*found.get(table, ()), CASTS.sub("", NAME_OF_INDEX.sub("", text))])
    return found


def definitions(sql: str) -> list[str]:
    """The parts of a CREATE TABLE: its columns and its constraints."""
    parts, depth = [""], 0
    for char in sql[sql.index("(") + 1 : sql.rindex(")")]:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]
