"""The idea of a stage: where an app runs for real, and the handles by which faults get hold of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from harness.broker import Availability, Broker, Server
from harness.contract import Contract
from harness.history import Event


@dataclass(frozen=True, slots=True)
class StageSettings:
    """What a stage is asked for.

    `app` is what Celery's ``-A`` takes, imported with `workdir` as the working directory. `warp`
    is ``auto``, ``off`` or a fixed rate. `folder` is where the stage keeps its files while it runs.
    """

    app: str
    contract: Contract
    workdir: Path
    broker: str = "redis"
    warp: str = "auto"
    seed: int = 0
    database: str = "sqlite"
    """``sqlite``, or ``postgres`` where its binaries are there."""
    server: str | None = None
    """The server binary to prefer (``valkey-server``, ``redis-server``); None takes the default."""
    environment: Mapping[str, str] = field(default_factory=dict)
    proxies: tuple[str, ...] = ()
    """Servers that a proxy stands before, so that faults can strike at single commands: of `SERVERS`."""
    images: tuple[tuple[str, str], ...] = ()
    """Images of the user's own on the containers stage: role and reference."""
    services: Mapping[str, Any] = field(default_factory=dict)
    """Containers of testcontainers, not started yet, that stand beside the containers stage: by name. The app
    reaches each by the address that ``{NAME}`` is in its environment."""


SERVERS = ("broker", "results", "cache", "database")
"""What the app reaches by a protocol that the proxy knows (`harness.proxy`); SQLite is no server."""


class Clock(Protocol):
    """The stage's clock, in seconds since the run began; `step_wall` moves the wall clock only."""

    def now_s(self) -> float: ...

    def step_wall(self, seconds: float) -> None: ...


class Worker(Protocol):
    """One running ``celery worker`` and what may be done to it."""

    @property
    def name(self) -> str:
        """The layout's name, with ``-2``, ``-3`` for replicas (``critical``, ``critical-2``)."""

    @property
    def queues(self) -> tuple[str, ...]: ...

    @property
    def pid(self) -> int:
        """The main process; 0 while it does not run."""

    def children(self) -> tuple[int, ...]:
        """The pool's processes."""

    def processes(self) -> tuple[int, ...]:
        """The main process, its children, and the shell that it may run under (`WorkerLayout.shell`)."""

    def kill(self) -> None:
        """SIGKILL the main process and its children at once; returns when they are gone."""

    def kill_child(self, place: int = 0) -> int:
        """SIGKILL one child; returns its pid."""

    def stop(self, *, cold: bool) -> None:
        """Ask it to stop: warm (SIGTERM) or cold (SIGQUIT); does not wait."""

    def pause(self) -> None:
        """SIGSTOP main and children."""

    def resume(self) -> None:
        """SIGCONT main and children."""

    def launch(self) -> None:
        """Start it (again) unless it runs; returns at once."""

    def ready(self) -> None:
        """Wait until it is ready to consume."""

    def ended(self) -> bool:
        """Whether its main process has ended."""


class Mail(Protocol):
    """The stage's mail server."""

    def behave(self, mode: str, *, code: int = 250, at: str = "end") -> None:
        """From now on: ``accept``, ``refuse`` (closed port), ``reply`` `code` at a protocol step
        (``connect``, ``ehlo``, ``mail``, ``rcpt``, ``data``, ``end``, ``stored``), ``hang`` or ``drop`` at
        that step, or in the ``middle`` of a mail. At ``end`` it is not kept, at ``stored`` it is.
        """


class Database(Protocol):
    """The stage's own database for the app."""

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """All rows of a table; empty where there is no such table."""

    def refuse(self) -> None:
        """New connections fail until `restore`."""

    def lock(self) -> None:
        """Every write fails or waits until `restore`."""

    def drop_connections(self) -> None:
        """Close every open connection at the server; a no-op with a message on SQLite, which has none."""

    def restore(self) -> None:
        """Undo `refuse` and `lock`."""

    # What only a server can: each heals at the end of its context; `UsageError` on SQLite.

    def paused(self) -> AbstractContextManager[None]:
        """SIGSTOP for the server and its backends."""

    def down(self) -> AbstractContextManager[None]:
        """The server crashes; it is started again on the same address and data."""

    def read_only(self) -> AbstractContextManager[None]:
        """Transactions that begin from now on cannot write."""

    def exhausted(self) -> AbstractContextManager[None]:
        """Others hold every connection slot, and the app none."""

    def copied(self) -> Callable[[], None]:
        """A standby as of now; what is returned ends the server and gives its address to the standby."""


class Link(Protocol):
    """The way from the app to one server, with a proxy in it; each context heals at its end."""

    @property
    def protocol(self) -> str:
        """``resp``, ``amqp`` or ``postgres``."""

    def rule(self, **settings: Any) -> AbstractContextManager[None]:
        """Strike at single commands: the fields of `harness.proxy.rules.Rule` but its number."""

    def slow(
        self, *, latency_s: float = 0.0, jitter_s: float = 0.0, bytes_per_s: float = 0.0
    ) -> AbstractContextManager[None]:
        """Everything takes so long, in each direction."""

    def black_hole(self) -> AbstractContextManager[None]:
        """Nothing arrives, and nothing is refused."""

    def refused(self) -> AbstractContextManager[None]:
        """New connections are refused; those that are open stay."""

    def half_open(self, left: Literal["client", "server"]) -> AbstractContextManager[None]:
        """Every connection is dead for one side; `left` has it still."""

    def cut(self) -> int:
        """Reset every connection, once; how many there were."""


class Isolation(Protocol):
    """What can be done to one container of a stage; each context heals at its end.

    Names are those of workers, or ``client``, ``broker``, ``results``, ``cache``, ``mail``.
    """

    def partition(self, one: str, other: str) -> AbstractContextManager[None]:
        """Nothing passes between two, and nothing is refused."""

    def memory_limit(self, name: str, limit_bytes: int) -> AbstractContextManager[None]:
        """Whoever takes more memory than this in a container is killed by the kernel."""

    def disk_full(self, name: str) -> AbstractContextManager[None]:
        """The folder for the app's files has no room left (``ENOSPC``)."""

    def disk_read_only(self, name: str) -> AbstractContextManager[None]:
        """The folder for the app's files cannot be written (``EROFS``)."""

    def stop(self, name: str, within_s: float) -> None:
        """SIGTERM to the first process, SIGKILL to all after so many real seconds."""


class Calls(Protocol):
    """Single system calls of chosen processes; each context heals at its end."""

    def rule(
        self, *, fault: str, call: str, action: str, roles: Sequence[str], path: str = "*", error: str = "",
        amount: int = 0, nth: int = 1, times: int = 0,
    ) -> AbstractContextManager[None]:  # fmt: skip
        """Strike at calls (``open``, ``read``, ``write``, ``fsync``, ``rename``, ``resolve``, ``clock``;
        several with ``|`` between) of processes with these roles (``worker:NAME``, ``client``).

        `path` is a glob, of files under the folder for the app's files unless it is absolute; of
        ``host:port`` for ``resolve``. `action` is ``error`` (`error`: a name of errno), ``slow`` (`amount`
        ns), ``short`` (`amount` bytes at most), ``kill`` or ``kill_after``. It strikes from the `nth` on,
        `times` times; 0 for as long as it holds.
        """


class World(Protocol):
    """A stage that is up: everything that faults, nemesis and fixtures can get hold of."""

    @property
    def settings(self) -> StageSettings: ...

    @property
    def folder(self) -> Path:
        """The stage's own folder: logs, events, orders, files."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the app's tasks."""

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """What Celery has in force (`harness.settings`)."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of everything that matters, by name."""

    @property
    def clock(self) -> Clock: ...

    @property
    def broker(self) -> Broker: ...

    @property
    def results(self) -> Server: ...

    @property
    def cache(self) -> Server: ...

    @property
    def mail(self) -> Mail: ...

    @property
    def database(self) -> Database: ...

    @property
    def workers(self) -> Mapping[str, Worker]: ...

    def link(self, server: str) -> Link:
        """The proxy before one of `SERVERS`; `UsageError` where none stands there (`StageSettings`)."""

    @property
    def isolation(self) -> Isolation:
        """What only containers can do; `UsageError` on a stage without them."""

    @property
    def calls(self) -> Calls:
        """Faults of single calls; `UsageError` on a stage without processes of its own."""

    @property
    def warp(self) -> str:
        """How time passes: ``idle`` (jumps while all sleep), a rate, or ``off``."""

    def record(self, kind: str, *, task_id: str | None = None, task: str | None = None, **data: Any) -> None:
        """Write an event of the harness's own into the history."""

    def events(self) -> Sequence[Event]:
        """Everything recorded so far, in order."""

    def arrived(self) -> Sequence[Event]:
        """The same events in the order in which they became known; it only ever grows."""

    def cache_entries(self, pattern: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Keys of the stage's cache server that match, with their values as mappings."""

    def result_exists(self, key: str) -> bool:
        """Whether the result server still holds a key."""

    def log_lines(self, name: str) -> Sequence[str]:
        """What a process of the stage printed."""

    def check_interlock(self) -> None:
        """`InterlockError` where the app tried to reach anything that the stage did not start."""

    def revive(self) -> bool:
        """Start workers again that have ended by themselves, as whatever supervises them in production
        would; whether there were any. `StageError` where one of them does so again and again.
        """

    def twin(self, worker: str) -> AbstractContextManager[Worker]:
        """Another worker as the one of that name, among `workers` and not started; gone when it ends."""

    def beat(self, schedule: str = "beat-schedule") -> AbstractContextManager[None]:
        """``celery beat`` until the context ends: SIGTERM, at which it writes its schedule. The file has this
        name, in the folder for the app's files.
        """

    def order_bodies(self, glob: str, body: Mapping[str, Any]) -> Callable[[], None]:
        """Make every body of the matching tasks behave as said (fields of `workload.Body`), until the
        returned function is called.
        """

    def calm(self, task_id: str) -> None:
        """From its next run on, this task's body does nothing and succeeds: its experiment is over."""

    def made_up(self, task: str, copy: int) -> list[Any]:
        """Arguments that a task's signature admits, different for each `copy`."""

    def send(
        self,
        task: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        body: Mapping[str, Any] | None = None,
        experiment: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish one task from the client process, as the app itself would; returns the task id.

        Never waits for long: while the broker does not answer, the publish is under way when this returns.
        """

    def advance(
        self,
        until: Callable[[], bool],
        *,
        within_s: float,
        wake_at_s: Callable[[], float | None] = lambda: None,
    ) -> bool:
        """Let the stage's time pass until something holds; False when `within_s` ran out first."""


class Stage(ABC):
    """One level of truth. The file name is its public name."""

    proxies: ClassVar[bool] = True
    """Whether a proxy can stand before its servers (`StageSettings.proxies`)."""

    @classmethod
    @abstractmethod
    def available(cls, broker: str) -> Availability:
        """Whether this machine can run the stage with that broker."""

    @classmethod
    @abstractmethod
    def open(cls, settings: StageSettings) -> AbstractContextManager[World]:
        """Bring the stage up, app and workers ready; on exit everything that it started is ended."""

    @classmethod
    def session(cls) -> AbstractContextManager[None]:
        """Within this, worlds that are opened one after another may share what is slow to start."""
        return nullcontext()


def tasks_in(events: Iterable[Event], experiment: str) -> set[str]:
    """The ids of the tasks that an experiment has sent so far."""
    return {
        e.task_id for e in events if e.task_id and e.kind == "task-sent" and e.get("experiment") == experiment
    }
