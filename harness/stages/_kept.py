"""Stages that a session hands on: the servers of one world, emptied, for the next one.

A world has its servers for itself while it is open, and the clock that they share; only when it is over
does the next one move in. What strikes a whole broker strikes nobody else.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.container_launcher import ContainerLauncher
from harness.database import SqliteDatabase
from harness.errors import HarnessError
from harness.stage import StageSettings
from harness.stages._base import Base, StartWith, new_base
from harness.warp.clock import SharedClock

MOST = 4
"""How many bases wait at once, for worlds with several settings: a node of RabbitMQ takes 120 MB."""
MOST_NAMES = 40
"""A base on which so many names have had an address is not handed on: a network has sixty."""


class Shelf:
    """The bases that wait for a world, and what each is fit for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Hashable, Base, float]] = []

    @contextmanager
    def lent(self, settings: StageSettings, start_with: StartWith) -> Iterator[Base]:
        """A base for one world: one that waits, emptied, else a new one; it waits again after a good end."""
        key = _key(settings)
        base, offset_s = self._take(key) or (new_base(settings, start_with), 0.0)
        if base.fresh and base.shared is not None:
            offset_s = base.shared.wall_s() - base.shared.now_s()
        waits = False
        try:
            yield base
            waits = key is not None and _emptied(base, offset_s)
        finally:
            if not waits:
                base.close()
        if waits:
            self._waiting.append((key, base, offset_s))
            if len(self._waiting) > MOST:
                self._spare().close()

    def close(self) -> None:
        """End all that wait."""
        while self._waiting:
            self._waiting.pop()[1].close()

    def _spare(self) -> Base:
        """Of those of which most wait, the one that has waited longest."""
        alike = Counter(fit for fit, _, _ in self._waiting)
        place = max(range(len(self._waiting)), key=lambda place: (alike[self._waiting[place][0]], -place))
        return self._waiting.pop(place)[1]

    def _take(self, key: Hashable) -> tuple[Base, float] | None:
        for place, (fit, base, offset_s) in enumerate(self._waiting):
            if fit == key:
                del self._waiting[place]
                return base, offset_s
        return None


def _key(settings: StageSettings) -> Hashable:
    """What must be equal for a base to be handed on; None where it never is."""
    if settings.database != "sqlite":
        return None
    servers = settings.contract.servers.get(settings.broker) or {}
    given = tuple(sorted((name, repr(value)) for name, value in servers.items()))
    own = tuple(sorted({**settings.contract.images, **dict(settings.images)}.items()))
    engine = os.environ.get("DOCKER_HOST", "")
    return settings.broker, settings.server, settings.warp, own, given, engine


def _emptied(base: Base, offset_s: float) -> bool:
    """End everything but the servers, and have those forget everything; whether they are as good as new."""
    launcher = base.launcher
    if not isinstance(launcher, ContainerLauncher) or len(launcher.known()) > MOST_NAMES:
        return False
    servers = {"broker": base.broker, "results": base.results, "cache": base.cache, "mail": base.mail}
    fit: list[bool] = []
    try:
        launcher.end_all_but(servers)
        launcher.together(*(lambda each=each: fit.append(each.renew()) for each in servers.values()))
    except HarnessError:
        return False
    launcher.environment.clear()
    base.services.clear()
    _empty(launcher.folder, set(servers))
    base.database = SqliteDatabase(launcher.folder / "database")
    if base.shared is not None:
        base.shared.step_wall(offset_s - (base.shared.wall_s() - base.shared.now_s()))
        _release_dead(base.shared)
        base.shared.reset_lateness()
    return len(fit) == len(servers) and all(fit)


def _release_dead(clock: SharedClock) -> None:
    """Forget who waited and is gone. The living are not woken for it: ``epmd`` ends when it is, too early."""
    for slot in clock.slots():
        threads = Path("/proc", str(slot.pid), "task")
        if not (threads / str(slot.tid)).exists() and not (slot.tid < 0 and threads.exists()):
            clock.release(slot)


def _empty(folder: Path, servers: set[str]) -> None:
    """Remove what the world has written, but not the servers' own files and the clock."""
    stays = {"clock", "owner.json", "sessions", "logs", "orders", "files", "tmp", "rabbitmq", *servers}
    within = [path for name in ("orders", "files", "tmp") for path in (folder / name).glob("*")]
    logs = [path for path in (folder / "logs").iterdir() if path.stem not in servers]
    for path in [*(each for each in folder.iterdir() if each.name not in stays), *within, *logs]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
    for name in servers:
        with suppress(OSError):
            (folder / "logs" / f"{name}.log").write_bytes(b"")
