"""SQLite in simulated processes: who finds the file locked waits in virtual time, so that others go on.

SQLite's own busy handler sleeps in C, in real time, and whoever holds the lock could never give it back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from harness.simulation.descriptors import WORLD

STEP_S = 0.025
"""Between two tries; SQLite's own handler waits between 1 and 100 ms (`sqliteDefaultBusyCallback`)."""
LOCKED = ("database is locked", "database table is locked", "database schema is locked")


def _patiently(connection: Any, call: Callable[[], Any]) -> Any:
    ends_s = time.monotonic() + getattr(connection, "patience_s", 5.0)
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if str(error) not in LOCKED or time.monotonic() >= ends_s or WORLD.kernel.running is None:
                raise
        time.sleep(STEP_S)


class PatientCursor(sqlite3.Cursor):
    """A cursor that waits in virtual time."""

    def execute(self, *args: Any) -> Any:
        """As the original's."""
        return _patiently(self.connection, lambda: sqlite3.Cursor.execute(self, *args))

    def executemany(self, *args: Any) -> Any:
        """As the original's."""
        return _patiently(self.connection, lambda: sqlite3.Cursor.executemany(self, *args))


class PatientConnection(sqlite3.Connection):
    """A connection that waits in virtual time."""

    patience_s = 5.0

    def cursor(self, factory: Any = PatientCursor) -> Any:
        """As the original's."""
        return super().cursor(factory)

    def execute(self, *args: Any) -> Any:
        """As the original's."""
        return self.cursor().execute(*args)

    def executemany(self, *args: Any) -> Any:
        """As the original's."""
        return self.cursor().executemany(*args)

    def commit(self) -> None:
        """As the original's."""
        _patiently(self, lambda: sqlite3.Connection.commit(self))


def install() -> None:
    """After the interlock, which moves the files; before Django takes the names."""
    original = sqlite3.connect
    module: Any = sqlite3

    def connect(database: Any, timeout: float = 5.0, *args: Any, **options: Any) -> Any:
        if not args:
            options.setdefault("factory", PatientConnection)
        connection = original(database, 0.0, *args, **options)
        if isinstance(connection, PatientConnection):
            connection.patience_s = timeout
        return connection

    module.connect = module.dbapi2.connect = connect
    module.dbapi2.Cursor = PatientCursor
