"""The stage's own database for the app: SQLite files in the stage's folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

BUSY_WITHIN_S = 5.0


class SqliteDatabase:
    """One file for each Django alias; the handle that faults take hold of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hidden = folder.with_name(folder.name + "-hidden")
        self._locks: list[sqlite3.Connection] = []
        folder.mkdir(exist_ok=True)

    def django_settings(self, alias: str) -> dict[str, Any]:
        """The ``DATABASES`` entry that the probe puts in the place of the app's."""
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(self.folder / f"{alias}.sqlite3"),
            "OPTIONS": {"timeout": BUSY_WITHIN_S},
        }

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """All rows of a table in any of the files; empty where there is no such table."""
        found: list[dict[str, Any]] = []
        for path in sorted(self.folder.glob("*.sqlite3")):
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_WITHIN_S)) as connection:
                connection.row_factory = sqlite3.Row
                known = "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?"
                if connection.execute(known, (table,)).fetchone():
                    quoted = table.replace('"', '""')
                    found += [dict(row) for row in connection.execute(f'SELECT * FROM "{quoted}"')]  # noqa: S608
        return found

    def refuse(self) -> None:
        """New connections fail until `restore`: the folder is moved away, between two transactions.

        In the middle of one its journal would be moved too, outlive the commit, and undo it afterwards
        (https://www.sqlite.org/howtocorrupt.html, section 1.4).
        """
        if self.folder.exists():
            self.lock()
            self.folder.rename(self._hidden)
            self._unlock()

    def lock(self) -> None:
        """Every write waits and then fails with "database is locked", until `restore`."""
        for path in sorted(self.folder.glob("*.sqlite3")):
            connection = sqlite3.connect(path, timeout=BUSY_WITHIN_S, isolation_level=None, check_same_thread=False)
            self._locks.append(connection)
            connection.execute("BEGIN EXCLUSIVE")

    def drop_connections(self) -> None:
        """SQLite has no connections that a server could close."""

    def restore(self) -> None:
        """Undo `refuse` and `lock`."""
        self._unlock()
        if self._hidden.exists() and not self.folder.exists():
            self._hidden.rename(self.folder)

    def _unlock(self) -> None:
        while self._locks:
            connection = self._locks.pop()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()
