"""The stage's own database: its rows can always be read, and what is done to it is undone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.database import SqliteDatabase
from harness.errors import StageError
from harness.launcher import ProcessLauncher
from harness.postgres_server import PostgresDatabase
from harness.stage import Database


@pytest.fixture
def sqlite(tmp_path: Path) -> SqliteDatabase:
    """A database with two aliases, and a file that the app opened itself."""
    database = SqliteDatabase(tmp_path / "database")
    for alias, n in (("default", 1), ("other", 2)):
        create(Path(database.django_settings(alias)["NAME"]), n)
    (tmp_path / "files" / "sqlite").mkdir(parents=True)
    create(tmp_path / "files" / "sqlite" / "shop.db", 3)
    return database


def create(path: Path, n: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sales (n INTEGER)")
        connection.execute("INSERT INTO sales VALUES (?)", (n,))


def insert(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0)) as connection, connection:
        connection.execute("INSERT INTO sales VALUES (0)")


def numbers(database: Database) -> list[int]:
    return sorted(row["n"] for row in database.rows("sales"))


def test_the_settings_for_django_lie_in_the_stage_s_folder_and_can_be_filled_in_later(
    sqlite: SqliteDatabase,
) -> None:
    entry = sqlite.django_settings("{alias}")
    assert entry["ENGINE"] == "django.db.backends.sqlite3"
    assert entry["NAME"] == str(sqlite.folder / "{alias}.sqlite3")


def test_rows_come_from_every_file_and_a_table_that_is_nowhere_has_none(sqlite: SqliteDatabase) -> None:
    assert numbers(sqlite) == [1, 2, 3]
    assert sqlite.rows("purchases") == []
    assert sqlite.rows('odd "name"') == []


def test_what_is_no_database_is_passed_over(sqlite: SqliteDatabase) -> None:
    (sqlite.folder / "default.sqlite3-journal").write_bytes(b"")
    (sqlite.folder / "notes.txt").write_text("no database", encoding="ascii")
    assert numbers(sqlite) == [1, 2, 3]


@pytest.mark.parametrize(
    "place", ["database/default.sqlite3", "database/other.sqlite3", "files/sqlite/shop.db"]
)
def test_a_lock_stops_writers_of_every_file_but_not_the_harness(
    place: str, sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    sqlite.lock()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        insert(tmp_path / place)
    assert numbers(sqlite) == [1, 2, 3]
    sqlite.restore()
    insert(tmp_path / place)
    assert numbers(sqlite) == [0, 1, 2, 3]


@pytest.mark.parametrize("place", ["database/default.sqlite3", "files/sqlite/shop.db"])
def test_refused_connections_meet_no_file_but_the_harness_reads_on(
    place: str, sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    sqlite.refuse()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(tmp_path / place)
    assert numbers(sqlite) == [1, 2, 3]
    sqlite.restore()
    insert(tmp_path / place)
    assert numbers(sqlite) == [0, 1, 2, 3]


def test_nothing_can_be_made_in_the_place_of_a_refused_database(sqlite: SqliteDatabase) -> None:
    """The interlock copies the user's own file to a place where there is none."""
    sqlite.refuse()
    assert (sqlite.folder / "default.sqlite3").exists()
    assert (sqlite.folder.parent / "files" / "sqlite" / "shop.db").exists()


def test_a_transaction_under_way_is_neither_seen_nor_torn_when_connections_are_refused(
    sqlite: SqliteDatabase,
) -> None:
    """The journal goes with its file: a reader finds out what was not committed."""
    path = sqlite.folder / "default.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO sales VALUES (99)")
        sqlite.refuse()
        assert numbers(sqlite) == [1, 2, 3]
        sqlite.restore()
    assert numbers(sqlite) == [1, 2, 3]


def test_a_lock_that_somebody_else_holds_is_said_and_undone(
    sqlite: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.database.BUSY_WITHIN_S", 0.05)
    with closing(sqlite3.connect(sqlite.folder / "other.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StageError, match=r"other\.sqlite3 could not be locked"):
            sqlite.lock()
    sqlite.restore()
    insert(sqlite.folder / "default.sqlite3")


def test_undoing_twice_or_for_nothing_is_no_error(sqlite: SqliteDatabase) -> None:
    sqlite.restore()
    sqlite.lock()
    sqlite.refuse()
    sqlite.refuse()
    assert numbers(sqlite) == [1, 2, 3]
    sqlite.restore()
    sqlite.restore()
    insert(sqlite.folder / "default.sqlite3")


def test_dropping_connections_of_sqlite_says_that_there_are_none(
    sqlite: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    sqlite.drop_connections()
    assert "no connections" in caplog.text


@pytest.fixture(scope="module")
def launcher() -> Iterator[ProcessLauncher]:
    """A launcher on the machine's own clock."""
    folder, token = ProcessLauncher.new_folder()
    launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def server(launcher: ProcessLauncher) -> PostgresDatabase:
    """A running server with one table."""
    availability = PostgresDatabase.available()
    if not availability.ok:
        if os.environ.get("CI"):
            pytest.fail(f"{availability.why}: {availability.remedy}")
        pytest.skip(f"{availability.why}: {availability.remedy}")
    database = PostgresDatabase(launcher)
    database.start()
    with client(database) as connection:
        connection.execute("CREATE TABLE sales (n integer)")
        connection.execute("INSERT INTO sales VALUES (1)")
    return database


@pytest.fixture
def postgres(server: PostgresDatabase) -> Iterator[PostgresDatabase]:
    """The server, restored after each test."""
    yield server
    server.restore()


def client(database: PostgresDatabase) -> Any:
    """A connection as Django makes it from the settings."""
    psycopg = pytest.importorskip("psycopg")
    entry = database.django_settings("default")
    return psycopg.connect(
        dbname=entry["NAME"], user=entry["USER"], host=entry["HOST"], port=entry["PORT"], autocommit=True
    )


def test_postgresql_gives_rows_and_none_of_a_table_that_there_is_not(postgres: PostgresDatabase) -> None:
    assert numbers(postgres) == [1]
    assert postgres.rows("purchases") == []
    assert postgres.rows('odd "name"') == []


def test_postgresql_refuses_new_connections_keeps_the_open_ones_and_the_harness_reads_on(
    postgres: PostgresDatabase,
) -> None:
    psycopg = pytest.importorskip("psycopg")
    with client(postgres) as connection:
        postgres.refuse()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="not currently accepting"):
            client(postgres)
        assert numbers(postgres) == [1]
        postgres.restore()
    client(postgres).close()


def test_a_lock_in_postgresql_makes_writers_wait_and_lets_readers_in(postgres: PostgresDatabase) -> None:
    psycopg = pytest.importorskip("psycopg")
    postgres.lock()
    with client(postgres) as connection:
        connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("UPDATE sales SET n = 2")
        assert numbers(postgres) == [1]
        postgres.restore()
        connection.execute("UPDATE sales SET n = 1")


def test_postgresql_drops_open_connections_and_takes_new_ones(postgres: PostgresDatabase) -> None:
    psycopg = pytest.importorskip("psycopg")
    connection = client(postgres)
    postgres.drop_connections()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    client(postgres).close()


def test_faults_may_overlap_and_dropping_leaves_the_harness_s_own_lock(postgres: PostgresDatabase) -> None:
    postgres.lock()
    postgres.refuse()
    postgres.drop_connections()
    assert numbers(postgres) == [1]
    postgres.restore()
    client(postgres).close()


def test_a_server_that_is_killed_with_its_harness_leaves_no_process_and_no_shared_memory(
    server: PostgresDatabase,
) -> None:
    """The segment is System V's, and outlives a SIGKILL; the reaper gives it back."""
    folder, token = ProcessLauncher.new_folder()
    launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
    database = PostgresDatabase(launcher)
    database.start()
    segment = int((database.folder / "data" / "postmaster.pid").read_text("utf-8").splitlines()[6].split()[1])
    assert segment in segments()
    with client(database):
        os.kill(database.pid, signal.SIGKILL)
        launcher.close()
    assert segment not in segments()
    assert not folder.exists()
    deadline = time.monotonic() + 60
    while str(database.port) in commands() and time.monotonic() < deadline:
        time.sleep(0.01)  # its children notice by themselves; bounded above
    assert str(database.port) not in commands()


def test_an_orderly_stop_ends_the_server(launcher: ProcessLauncher, server: PostgresDatabase) -> None:
    folder, token = ProcessLauncher.new_folder()
    own = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
    database = PostgresDatabase(own)
    database.start()
    pid = database.pid
    database.stop()
    assert own.ended(pid)
    assert not (database.folder / "data" / "postmaster.pid").exists()
    own.close()


def segments() -> list[int]:
    """Identifiers of System V segments (``proc(5)``, ``/proc/sysvipc/shm``)."""
    lines = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    return [int(line.split()[1]) for line in lines]


def commands() -> str:
    """All command lines of the machine."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
