"""A PostgreSQL server of the stage's own, on a loopback port, as the app's database."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.broker import Availability, Launcher
from harness.errors import StageError

READY_WITHIN_S = 60.0
LOCK_WITHIN_S = 5.0
NOBODY = 65534
"""Who is nobody in every image of Debian."""
INITDB = ("--no-sync", "-E", "UTF8", "--locale=C", "--no-instructions")
SETTINGS = {
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "dynamic_shared_memory_type": "mmap",  # files in the data folder: nothing stays in /dev/shm
}


class PostgresDatabase:
    """A PostgreSQL server of the stage's own; all Django aliases share its one database.

    Trust authentication on a loopback port, no socket file, nothing synchronised to disk. `postgres`
    refuses to run as root (``src/backend/main/main.c``): there it runs as ``postgres`` or ``nobody``,
    who cannot read the stage's clock: its own ``now()`` is then the machine's.
    """

    NAME = "app"

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.folder = launcher.folder / "postgres"
        self.host, self.port = launcher.host("postgres"), launcher.free_port()
        self.pid = 0
        self._lock: Any = None
        self._reader: Any = None
        self._data = "data"

    @classmethod
    def available(cls) -> Availability:
        """Whether there are the server's binaries and psycopg."""
        if find_spec("psycopg") is None:
            return Availability(False, "psycopg is not installed", "pip install 'celery-harness[postgres]'")
        binaries = find_binaries()
        if binaries is None:
            return Availability(False, "there is no PostgreSQL server", "apt install postgresql")
        return Availability(True, version=f"PostgreSQL in {binaries}")

    def django_settings(self, alias: str) -> dict[str, Any]:  # noqa: ARG002 - as `SqliteDatabase` has it
        """The ``DATABASES`` entry that the probe puts in the place of the app's, whatever the alias."""
        host, port = self.address
        where = {"NAME": self.NAME, "USER": self.NAME, "PASSWORD": "", "HOST": host, "PORT": str(port)}
        return {"ENGINE": "django.db.backends.postgresql", **where}

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.host, self.port

    def launch(self) -> None:
        """Create the data, which takes a second or two, and start the server; `ready` waits."""
        self.folder.mkdir()
        data = str(self.folder / "data")
        create = ["-D", data, "-U", self.NAME, "-A", "trust", *INITDB]
        pid = self.launcher.launch("postgres-initdb", self._command("initdb", *create))
        self._wait(lambda: self.launcher.ended(pid), "create its data")
        self.launcher.end(pid)
        if self.launcher.separate:  # `initdb` lets the loopback in only
            with Path(data, "pg_hba.conf").open("a", encoding="utf-8") as file:
                file.write("host all all samenet trust\nhost replication all samenet trust\n")
        self._run("data")

    def _run(self, data: str) -> None:
        """Start the server on a folder of data; `_wait` for it."""
        settings = [f"--{name}={value}" for name, value in (SETTINGS | self._listening()).items()]
        self.pid = self.launcher.launch(
            "postgres", self._command("postgres", "-D", str(self.folder / data), *settings)
        )

    def _command(self, program: str, *arguments: str) -> list[str]:
        """One of PostgreSQL's programs: this machine's, or that of the image in a container of its own."""
        binaries = find_binaries()
        if self.launcher.separate:
            here = f'PATH="$PATH:{binaries}" exec "$@"'
            return ["/bin/sh", "-c", here, "sh", *unprivileged_in_image(self.folder), program, *arguments]
        if binaries is None:
            raise StageError("There is no PostgreSQL server.", remedy=self.available().remedy)
        return [*unprivileged(self.folder), str(binaries / program), *arguments]

    def _listening(self) -> dict[str, str]:
        return {"listen_addresses": self.host, "port": str(self.port)}

    def ready(self) -> None:
        """Wait until it answers, and make the database."""
        self._wait(self._answers, "answer")
        with self._session("postgres") as session:
            session.execute(f"CREATE DATABASE {self.NAME}")

    def start(self) -> None:
        """Start and wait until it answers."""
        self.launch()
        self.ready()

    def stop(self) -> None:
        """End it for good. SIGQUIT ends its children, and gives its shared memory back (``postgres(1)``)."""
        if self.pid:
            pid, self.pid = self.pid, 0
            os.kill(pid, signal.SIGQUIT)
            self._wait(lambda: self.launcher.ended(pid), "end")
            self.launcher.end(pid)

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """All rows of a table; empty where there is no such table. Also while the app is locked out."""
        with nullcontext(self._reader) if self._reader is not None else self._session() as session:
            (name,) = session.execute("SELECT to_regclass(quote_ident(%s))::text", (table,)).fetchone()
            if name is None:
                return []
            found = session.execute(f"SELECT * FROM {name}")  # noqa: S608 - quoted by the server
            names = [column.name for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def refuse(self) -> None:
        """New connections fail until `restore`: ``ALTER DATABASE ... ALLOW_CONNECTIONS false``."""
        if self._reader is None:
            self._reader = self._session()
        self._order(f"ALTER DATABASE {self.NAME} ALLOW_CONNECTIONS false")

    def lock(self) -> None:
        """Every write waits until `restore`: tables are locked in EXCLUSIVE mode, which lets readers in."""
        self._lock = session = self._session()
        session.autocommit = False
        session.execute(f"SET LOCAL lock_timeout = '{LOCK_WITHIN_S:g}s'")
        for (name,) in session.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        ):
            session.execute(f"LOCK TABLE {name} IN EXCLUSIVE MODE")

    def drop_connections(self) -> None:
        """``pg_terminate_backend`` for every connection to the database but the harness's own."""
        self._order(self._terminate())

    def restore(self) -> None:
        """Undo `refuse` and `lock`."""
        for session in (self._lock, self._reader):
            if session is not None:
                session.close()
        self._lock = self._reader = None
        self._wait(self._answers, "take connections")
        self._order(f"ALTER DATABASE {self.NAME} ALLOW_CONNECTIONS true")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """SIGSTOP for the server, so that it takes no connection, and for each of its backends."""
        stopped: list[int] = []
        try:
            for pid in (self.pid, *self._backends()):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
            yield
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextmanager
    def down(self) -> Iterator[None]:
        """It ends at once, without a checkpoint (SIGQUIT, ``postgres(1)``), and recovers from its log
        later.
        """
        self.stop()
        try:
            yield
        finally:
            self._run(self._data)
            self._wait(self._answers, "recover")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """``default_transaction_read_only`` for everybody, also for connections that are open."""
        self._configure("ALTER SYSTEM SET default_transaction_read_only = on", "on")
        try:
            yield
        finally:
            self._configure("ALTER SYSTEM RESET default_transaction_read_only", "off")

    @contextmanager
    def exhausted(self) -> Iterator[None]:
        """All slots are ours, also those for superusers; what the app held is closed and taken as well."""
        import psycopg

        held: list[Any] = []

        def taken() -> bool:
            with suppress(psycopg.OperationalError):
                while True:
                    held.append(self._session("postgres"))
            held[0].execute(self._terminate())
            return len(held) == slots  # a backend that is ending is not seen, and keeps its slot a while

        try:
            self._reader = self._reader or self._session()
            slots = int(self._told("SHOW max_connections")) - 1  # one is the reader's
            self._wait(taken, "give up its slots")
            yield
        finally:
            for session in held:
                session.close()
            self.restore()

    def copied(self) -> Callable[[], None]:
        """``pg_basebackup`` of now; what is returned ends the server and runs the copy on its address."""
        copy = f"data-{time.monotonic_ns()}"
        reach = ["-h", self.host, "-p", str(self.port), "-U", self.NAME]
        command = self._command(
            "pg_basebackup", "-D", str(self.folder / copy), *reach, "-c", "fast", "--no-sync"
        )
        pid = self.launcher.launch("postgres-standby", command)
        self._wait(lambda: self.launcher.ended(pid), "copy its data")
        self.launcher.end(pid)
        if not (self.folder / copy / "PG_VERSION").exists():
            raise StageError(f"PostgreSQL was not copied: {self.launcher.log('standby')[-300:]}")

        def take_over() -> None:
            self.stop()
            self._data = copy
            self._run(copy)
            self._wait(self._answers, "take over")

        return take_over

    def _backends(self) -> list[int]:
        """Each is a session leader of its own (``src/backend/utils/init/miscinit.c``)."""
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in text.split()]

    def _terminate(self) -> str:
        own = [session.info.backend_pid for session in (self._lock, self._reader) if session is not None]
        chosen = f"datname = '{self.NAME}' AND pid <> ALL (ARRAY{own}::int[])"
        return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {chosen}"  # noqa: S608

    def _configure(self, statement: str, wanted: str) -> None:
        """Change a setting of the whole server, and wait until it holds: the reload is told by a signal."""
        with self._session("postgres") as session:
            session.execute("SET default_transaction_read_only = off")
            session.execute(statement)
            session.execute("SELECT pg_reload_conf()")
        self._wait(lambda: self._told("SHOW default_transaction_read_only") == wanted, "reload")

    def _told(self, query: str) -> Any:
        with self._session("postgres") as session:
            return session.execute(query).fetchone()[0]

    def _order(self, statement: str) -> None:
        with self._session("postgres") as session:
            session.execute(statement)

    def _session(self, database: str = NAME) -> Any:
        import psycopg

        host, port = self.address
        return psycopg.connect(
            host=host, port=port, user=self.NAME, dbname=database, autocommit=True, connect_timeout=5
        )

    def _answers(self) -> bool:
        import psycopg

        with suppress(psycopg.OperationalError), self._session("postgres"):
            return True
        return False

    def _wait(self, fact: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not fact():
            if self.pid and self.launcher.ended(self.pid):
                raise StageError("PostgreSQL ended.", remedy="See postgres.log and initdb.log of the stage.")
            if time.monotonic() > deadline:
                raise StageError(f"PostgreSQL did not {what} within {READY_WITHIN_S:g} s.")
            time.sleep(0.01)  # polls a process that has no other way to tell; bounded above


def find_binaries() -> Path | None:
    """The folder with `postgres` and `initdb`: from PATH, else the newest that Debian keeps."""
    found = shutil.which("initdb")
    homes = [Path(found).resolve().parent] if found else []
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    homes += sorted(versions, key=lambda path: -int(path.parent.name))
    return next((home for home in homes if (home / "postgres").exists() and (home / "initdb").exists()), None)


def unprivileged_in_image(folder: Path) -> list[str]:
    """As `unprivileged`, where there need be no Python: every image of Debian has ``setpriv`` and nobody."""
    if os.geteuid() != 0:
        return []
    os.chown(folder, NOBODY, NOBODY)
    folder.parent.chmod(0o711)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def unprivileged(folder: Path) -> list[str]:
    """The beginning of a command that root runs as somebody else, who gets `folder`; empty if not root."""
    if os.geteuid() != 0:
        return []
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    folder.parent.chmod(0o711)  # to pass through, not to look around
    become = "import os, sys; a = sys.argv; os.setgroups([]); os.setgid(int(a[2])); os.setuid(int(a[1]))"
    return [
        sys.executable,
        "-I",
        "-c",
        f"{become}; os.execv(a[3], a[3:])",
        str(user.pw_uid),
        str(user.pw_gid),
    ]
