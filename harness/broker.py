"""The idea of a broker: how one kind of message broker is started, broken and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Protocol

from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether this machine can run something; if not, why not and the one line that gets it."""

    ok: bool
    why: str = ""
    remedy: str = ""
    version: str = ""


class Server(Protocol):
    """A server process that a stage has started: everything a fault may do to it."""

    @property
    def pid(self) -> int:
        """The process id; 0 while it does not run."""

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""

    def start(self) -> None:
        """Start (again) on the same address and data; returns when it answers its protocol."""

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""

    def resume(self) -> None:
        """SIGCONT."""

    def drop_connections(self) -> int:
        """Close every client connection at the server; returns how many."""

    def out_of_memory(self) -> AbstractContextManager[None]:
        """Writes are refused for want of memory; healed at the end."""

    def read_only(self) -> AbstractContextManager[None]:
        """Writes are refused, as by a replica; healed at the end."""

    def evict(self, policy: str) -> int:
        """Throw keys away as a `maxmemory-policy` says, all that it may; how many."""


class Launcher(Protocol):
    """How a stage starts processes: on its clock, in its run folder, registered with its reaper."""

    @property
    def folder(self) -> Path:
        """The stage's own folder for data, sockets and logs."""

    def launch(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        passive: bool = True,
    ) -> int:
        """Start a process in a session of its own; returns its pid. Passive ones never pull the clock."""

    def ended(self, pid: int) -> bool:
        """Whether a launched process has ended (and reap it)."""

    def end(self, pid: int, *, within_s: float = 30.0) -> None:
        """SIGKILL a launched process and all of its session; returns when they are gone."""

    def free_port(self) -> int:
        """A port that nothing else listens on, reserved for this stage."""

    def host(self, name: str) -> str:
        """The address of what is launched under a name: the loopback, or that of a container of its own."""

    @property
    def separate(self) -> bool:
        """Whether each launched process has a network and process ids of its own, as in a container."""

    def run(
        self, pid: int, command: Sequence[str], *, environment: Mapping[str, str], within_s: float
    ) -> str:
        """Run a command where a launched process runs; what it printed. `StageError` if it fails."""

    def log(self, name: str, lines: int = 15) -> str:
        """The last lines of a launched process's log."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue as the broker itself reports it: how many messages, and whose."""

    depth: int = 0
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokerState:
    """What the broker holds: queues by name, delivered but unacknowledged task ids, consumers by queue."""

    queues: Mapping[str, QueueState] = field(default_factory=dict)
    unacked: tuple[str, ...] = ()
    consumers: Mapping[str, int] = field(default_factory=dict)


ServerSettings = Mapping[str, str | int | float | bool]
"""What a server is configured with, by the names of its own configuration file."""


class Broker(ABC):
    """One kind of broker. The file name is its public name; an instance is one running server."""

    protocol: ClassVar[str] = ""
    """What clients speak with it, as far as the proxy knows it: ``resp``, ``amqp``, or nothing."""
    truth: ClassVar[tuple[str, str]] = ("false", "true")
    """How the server's configuration file writes them."""
    own_settings: ClassVar[tuple[str, ...]] = ()
    """Globs over the server's settings that the stage itself needs: where it listens, what it joins."""

    def __init__(self, launcher: Launcher, settings: ServerSettings | None = None) -> None:
        self.launcher = launcher
        self.settings: ServerSettings = settings or {}
        for name in self.settings:
            if any(fnmatchcase(name.lower(), glob) for glob in self.own_settings):
                raise UsageError(
                    f"The server's setting {name!r} is the stage's own.",
                    remedy="Leave it out: address, folder and neighbours are made for each run.",
                )

    def settings_text(self) -> Sequence[tuple[str, str]]:
        """The settings as the server's configuration file has them."""
        no, yes = self.truth
        texts = {False: no, True: yes}
        return [(k, texts[v] if isinstance(v, bool) else str(v)) for k, v in self.settings.items()]

    @classmethod
    @abstractmethod
    def available(cls) -> Availability:
        """Whether this machine has the server's binary."""

    @abstractmethod
    def start(self) -> None:
        """Start (again) on the same address and data; returns when it answers its protocol."""

    @abstractmethod
    def stop(self) -> None:
        """End it for good, with everything that it started."""

    def renew(self) -> bool:
        """Forget everything, for a world that is to find a new server here; False where it cannot."""
        return False

    @abstractmethod
    def url(self) -> str:
        """The broker URL that Celery takes."""

    @abstractmethod
    def addresses(self) -> Sequence[tuple[str, int]]:
        """The loopback addresses that clients may connect to."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The server's process id; 0 while it does not run."""

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""

    @abstractmethod
    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""

    @abstractmethod
    def resume(self) -> None:
        """SIGCONT."""

    @abstractmethod
    def drop_connections(self) -> int:
        """Close every client connection at the server; returns how many."""

    @abstractmethod
    def read(self, queues: Iterable[str]) -> BrokerState:
        """What these queues hold, without consuming it."""

    @abstractmethod
    def messages(self, queue: str) -> Sequence[Mapping[str, Any]]:
        """The messages of one queue, without consuming them: ``{id, task, args, kwargs, headers}``."""

    def out_of_memory(self) -> AbstractContextManager[None]:
        """No memory is left for messages; healed at the end. `UsageError` for a broker that cannot."""
        raise UsageError("This broker has no alarm for memory.", remedy="Take redis or rabbitmq.")

    def read_only(self) -> AbstractContextManager[None]:
        """It is a replica that takes no writes; healed at the end. `UsageError` for a broker that cannot."""
        raise UsageError("This broker has no read-only replica.", remedy="Run with --broker redis.")

    def evicted(self, policy: str) -> AbstractContextManager[None]:  # noqa: ARG002 - who can asks for it
        """What it holds is thrown away for want of memory, once. `UsageError` for a broker that does not."""
        raise UsageError("This broker throws nothing away.", remedy="Run with --broker redis.")

    def delete_queue(self, queue: str) -> int:
        """Delete a queue with its messages, as an operator might; how many there were."""
        raise UsageError(f"This broker's queue {queue} cannot be deleted.", remedy="Take redis or rabbitmq.")

    def out_of_disk(self) -> AbstractContextManager[None]:
        """No room is left on the disk for messages; healed at the end. `UsageError` for one that cannot."""
        raise UsageError("This broker has no alarm for its disk.", remedy="Run with --broker rabbitmq.")
