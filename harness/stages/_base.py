"""What a world stands on: a launcher, a clock, and the servers; for one world, or handed on to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import discovery
from harness.broker import Broker
from harness.database import SqliteDatabase
from harness.launcher import ProcessLauncher
from harness.mail_sink import MailSink
from harness.postgres_server import PostgresDatabase
from harness.redis_server import RedisServer
from harness.stage import StageSettings
from harness.warp import library
from harness.warp.clock import SharedClock

StartWith = Callable[[Mapping[str, Mapping[str, str]], Path, str], ProcessLauncher]
"""Makes a launcher of the clock's environment, the run's folder and its token."""


@dataclass(slots=True)
class Base:
    """Servers on a clock, and what started them. `fresh` until a world has been on it."""

    launcher: ProcessLauncher
    shared: SharedClock | None
    broker: Broker
    results: RedisServer
    cache: RedisServer
    mail: MailSink
    database: SqliteDatabase | PostgresDatabase
    fresh: bool = True
    services: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Addresses of what stands beside the stage, of one world's own (`harness.stages._services`)."""

    @property
    def servers(self) -> list[Any]:
        """All that are started; SQLite is none."""
        database = [self.database] if isinstance(self.database, PostgresDatabase) else []
        return [self.broker, self.results, self.cache, self.mail, *database]

    def start(self) -> None:
        """Start them all, and return at once; of a base that was handed on, all are up."""
        if self.fresh:
            self.fresh = False
            self.launcher.together(*(getattr(each, "launch", each.start) for each in self.servers))

    def ready(self) -> None:
        """Wait until each of them answers its protocol."""
        for server in self.servers:
            getattr(server, "ready", lambda: None)()

    def close(self) -> None:
        """End the servers and close our own connections to them; the launcher ends whatever else there is."""
        self.launcher.over = True
        try:
            stops = (getattr(each, "stop", None) for each in self.servers)
            self.launcher.together(*(stop for stop in stops if stop is not None))
        finally:
            self.launcher.close()


@contextmanager
def based(settings: StageSettings, start_with: StartWith) -> Iterator[Base]:
    """A base for one world, ended with it."""
    base = new_base(settings, start_with)
    try:
        yield base
    finally:
        base.close()


def new_base(settings: StageSettings, start_with: StartWith) -> Base:
    """Servers as they are asked for, not started yet."""
    folder, token = ProcessLauncher.new_folder()
    shared, environments = _shared_clock(settings, folder)
    launcher = start_with(environments, folder, token)
    try:
        kind: Any = discovery.find("brokers", settings.broker)
        given = settings.contract.servers.get(settings.broker)
        more = {"preferred": settings.server} if settings.broker == "redis" else {}
        return Base(
            launcher,
            shared,
            broker=kind(launcher, given, **more),
            results=RedisServer(launcher, "results"),
            cache=RedisServer(launcher, "cache"),
            mail=MailSink(launcher),
            database=(
                PostgresDatabase(launcher)
                if settings.database == "postgres"
                else SqliteDatabase(launcher.folder / "database")
            ),
        )
    except BaseException:
        launcher.close()
        raise


def _shared_clock(
    settings: StageSettings, folder: Path
) -> tuple[SharedClock | None, dict[str, dict[str, str]]]:
    if settings.warp == "off" or library.find() is None:
        return None, {"active": library.guard(), "passive": {}}
    shared = SharedClock.create(folder / "clock")
    return shared, {"active": shared.environment(passive=False), "passive": shared.environment(passive=True)}
