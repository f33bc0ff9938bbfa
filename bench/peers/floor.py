"""The floor: a POST becomes a file and a row of SQLite, both synced, and no rule is kept. Run by gunicorn."""

import os
import secrets
import sqlite3
import threading

folder, local, turn = os.environ["FLOOR_FOLDER"], threading.local(), threading.Lock()
directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


def database() -> sqlite3.Connection:
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(f"{folder}/../rows", isolation_level=None, timeout=20)
        local.connection.execute("PRAGMA journal_mode=WAL")
        local.connection.execute("PRAGMA synchronous=FULL")
        local.connection.execute("CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, size INTEGER)")
    return local.connection


def application(environ, start_response):
    body, name = environ["wsgi.input"].read(), secrets.token_urlsafe(16)
    fd = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, body)
    os.fdatasync(fd)
    os.close(fd)
    os.fsync(directory)
    with turn:
        database().execute("INSERT INTO file VALUES (?, ?)", (name, len(body)))
    headers = [("Location", f"/files/{name}"), ("Upload-Offset", str(len(body))), ("Content-Length", "0")]
    start_response("201 Created", headers)
    return []
