"""The stage's own database for the app: SQLite files (`postgres_server` is the other)."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any

from harness.errors import StageError, UsageError

BUSY_WITHIN_S = 5.0
"""How long a lock is waited for, by the app (SQLite's ``timeout``) and by the harness."""
FILES = "files/sqlite"
"""Where in the stage's folder the interlock keeps the app's own SQLite files (`harness.probe.interlock`)."""
HIDDEN = "-hidden"
NO_SERVER = UsageError("SQLite is no server.", remedy="Run with --database postgres.")

log = logging.getLogger(__name__)


class SqliteDatabase:
    """One file for each Django alias, and the files that the app opens itself; faults take hold of all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._homes = (folder, folder.parent / FILES)
        self._locks: dict[Path, sqlite3.Connection] = {}
        folder.mkdir(exist_ok=True)

    def django_settings(self, alias: str) -> dict[str, Any]:
        """The ``DATABASES`` entry that the probe puts in the place of the app's."""
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(self.folder / f"{alias}.sqlite3"),
            "OPTIONS": {"timeout": BUSY_WITHIN_S},
        }

    def keep(self) -> dict[Path, bytes]:
        """The contents of all files, for `put_back`; nobody may have them open."""
        return {path: path.read_bytes() for home in self._homes for path in home.glob("*") if path.is_file()}

    def put_back(self, kept: Mapping[Path, bytes]) -> None:
        """All files as they were; nobody may have them open."""
        self.restore()
        for home in self._homes:
            for path in home.glob("*"):
                if path.is_file() and path not in kept:
                    path.unlink()
        for path, data in kept.items():
            path.write_bytes(data)

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """All rows of a table in any of the files; also while they are locked, or out of the app's reach."""
        found: list[dict[str, Any]] = []
        for path in self._files():
            if path in self._locks:
                found += _rows(self._locks[path], table)
                continue
            with closing(_connected(path, mode="ro")) as connection:
                found += _rows(connection, table)
        return found

    def refuse(self) -> None:
        """New connections fail until `restore`: "unable to open database file".

        Each file is moved away with its journal, and a folder takes its place: without one, SQLite, or
        the interlock that keeps copies of the app's files, would make a new file there.
        """
        for path in list(self._files()):
            hidden = _hidden(path.parent)
            if not path.parent.name.endswith(HIDDEN):
                hidden.mkdir(exist_ok=True)
                for part in [*path.parent.glob(f"{path.name}-*"), path]:
                    part.rename(hidden / part.name)
                path.mkdir()
                if path in self._locks:
                    self._locks[hidden / path.name] = self._locks.pop(path)

    def lock(self) -> None:
        """Every write waits and then fails with "database is locked", until `restore`."""
        for path in list(self._files()):  # to the end first: see there
            connection = self._locks[path] = _connected(path, mode="rw")
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise StageError(f"{path.name} could not be locked: {error}.") from error

    def drop_connections(self) -> None:
        """SQLite has no connections that a server could close."""
        log.warning("SQLite has no connections that a server could close: nothing is dropped.")

    def restore(self) -> None:
        """Undo `refuse` and `lock`."""
        while self._locks:
            _, connection = self._locks.popitem()
            connection.close()  # rolls back what is open
        for home in self._homes:
            for part in sorted(_hidden(home).glob("*")):
                with suppress(FileNotFoundError):
                    (home / part.name).rmdir()
                part.rename(home / part.name)

    def paused(self) -> AbstractContextManager[None]:
        """Only a server can be paused."""
        raise NO_SERVER

    def down(self) -> AbstractContextManager[None]:
        """Only a server can crash."""
        raise NO_SERVER

    def read_only(self) -> AbstractContextManager[None]:
        """Only a server can refuse to write."""
        raise NO_SERVER

    def exhausted(self) -> AbstractContextManager[None]:
        """Only a server has connection slots."""
        raise NO_SERVER

    def copied(self) -> Callable[[], None]:
        """Only a server has a standby."""
        raise NO_SERVER

    def _files(self) -> Iterator[Path]:
        """Every SQLite file, by its header (https://www.sqlite.org/fileformat.html), wherever it is now.

        A file that we have locked is not opened: closing it again would give the lock back, as POSIX has it
        (https://www.sqlite.org/howtocorrupt.html, section 2.2).
        """
        for home in self._homes:
            for path in sorted([*home.glob("*"), *_hidden(home).glob("*")]):
                if path in self._locks:
                    yield path
                    continue
                with suppress(OSError), path.open("rb") as file:
                    if file.read(16) == b"SQLite format 3\0":
                        yield path


def _hidden(folder: Path) -> Path:
    return folder.with_name(folder.name + HIDDEN)


def _connected(path: Path, *, mode: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_WITHIN_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    return connection


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    known = "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?"
    if not connection.execute(known, (table,)).fetchone():
        return []
    quoted = table.replace('"', '""')
    return [dict(row) for row in connection.execute(f'SELECT * FROM "{quoted}"')]  # noqa: S608 - quoted
