"""What faults get hold of in a simulated world: workers, servers, mail and clock, each by commands to it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import redis

from harness import discovery
from harness.broker import Availability, BrokerState, QueueState
from harness.contract import WorkerLayout
from harness.errors import StageError, UsageError

if TYPE_CHECKING:
    from harness.stages._simulated_world import SimulatedWorld

READY_WITHIN_S = 60.0
MOST_DEATHS = 20
Ask = Callable[..., dict[str, Any]]
NOT_SIMULATED = UsageError(
    "No server does that on the simulated stage.", remedy="Run with --stage processes."
)


class SimulatedWorker:
    """One simulated ``celery worker``."""

    def __init__(self, world: SimulatedWorld, layout: WorkerLayout, name: str) -> None:
        self.world = world
        self.layout = layout
        self.name = name
        self._runs = self._told_to_stop = False
        self._deaths = 0

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues it was told to consume; empty: those of the app's settings."""
        return self.layout.queues

    @property
    def pid(self) -> int:
        """Its main process, as the simulation numbers it; 0 while it does not run."""
        return self.world.pids.get(self.name, 0)

    def children(self) -> tuple[int, ...]:
        """The pool's processes, oldest first."""
        return tuple(self.world.ask("children", worker=self.name)["children"])

    def processes(self) -> tuple[int, ...]:
        """Main process and children."""
        return tuple(pid for pid in (self.pid, *self.children()) if pid)

    def launch(self) -> None:
        """Start it (again) unless it runs."""
        if self.ended():
            self._told_to_stop, self._runs = False, True
            self.world.ask("launch", worker=self.name)

    def ready(self) -> None:
        """Let time pass until it consumes, or say why it does not."""
        if not self.world.advance(self._is_ready, within_s=READY_WITHIN_S):
            raise StageError(
                f"Worker {self.name} was not ready within {READY_WITHIN_S:g} s.", remedy=self._log()
            )
        if self.ended():
            self.world.check_interlock()
            raise StageError(f"Worker {self.name} ended while it started.", remedy=self._log())

    def ended(self) -> bool:
        """Whether its main process has ended."""
        return not self.pid

    def kill(self) -> None:
        """SIGKILL main and children at once."""
        self._runs = False
        pid = int(self.world.ask("kill", worker=self.name)["pid"])
        if pid:
            self.world.record("worker-lost", worker=self.name, pid=pid, signal=int(signal.SIGKILL))

    def kill_child(self, place: int = 0) -> int:
        """SIGKILL one child; returns its pid, 0 where there is none."""
        children = self.children()
        if not children:
            return 0
        child = children[place % len(children)]
        self.world.ask("signal", pid=child, number=int(signal.SIGKILL))
        return child

    def stop(self, *, cold: bool) -> None:
        """SIGTERM (warm) or SIGQUIT (cold); does not wait."""
        if self.pid:
            self._told_to_stop = True
            self.world.ask("signal", pid=self.pid, number=int(signal.SIGQUIT if cold else signal.SIGTERM))

    def revive(self) -> bool:
        """Start it again where it has ended by itself; whether it had."""
        if not self._runs or self._told_to_stop or not self.ended():
            return False
        self._deaths += 1
        self.world.record("worker-lost", worker=self.name)
        if self._deaths > MOST_DEATHS:
            raise StageError(f"Worker {self.name} ended by itself {self._deaths} times.", remedy=self._log())
        self.launch()
        return True

    def pause(self) -> None:
        """SIGSTOP main and children."""
        self._everybody(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT main and children."""
        self._everybody(signal.SIGCONT)

    def _everybody(self, number: signal.Signals) -> None:
        for pid in self.processes():
            self.world.ask("signal", pid=pid, number=int(number))

    def _is_ready(self) -> bool:
        source = f"worker:{self.name}:{self.pid}"
        return self.ended() or any(
            event.kind == "worker-ready" and event.source == source for event in self.world.arrived()
        )

    def _log(self) -> str:
        return "The end of its log:\n" + "\n".join(self.world.log_lines(f"worker-{self.name}")[-15:])


class RemoteRedis(redis.Redis):
    """A client of a simulated server, from outside: commands go through the stage, replies are redis-py's."""

    def __init__(self, ask: Ask, store: str) -> None:
        super().__init__()
        self.ask = ask
        self.store = store

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """One command; connections are not needed."""
        words = [word.decode("latin-1") if isinstance(word, bytes) else word for word in args]
        answer = _bytes(self.ask("redis", store=self.store, words=words)["value"])
        known: Any = self.response_callbacks
        callback = known.get(args[0])
        return callback(answer, **options) if callback is not None else answer


class ClientProcess:
    """The client of a simulated world, asked as that of the processes stage is (`harness.stages._client`)."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        return self.world.tell(do, **arguments)


class SimulatedStore:
    """A simulated Redis server; pid 1 stands for running, as it is no process."""

    def __init__(self, ask: Ask, name: str, port: int) -> None:
        self.ask = ask
        self.name = name
        self.address = ("127.0.0.1", port)
        self.pid = 1
        self.client: Any = RemoteRedis(ask, name)

    def url(self, database: int = 0) -> str:
        """A URL as Celery and Django take it."""
        return f"redis://127.0.0.1:{self.address[1]}/{database}"

    def kill(self) -> None:
        """SIGKILL."""
        self.pid = 0
        self._do("kill")

    def start(self) -> None:
        """Start again on the same data."""
        self.pid = 1
        self._do("start")

    def pause(self) -> None:
        """SIGSTOP."""
        self._do("pause")

    def resume(self) -> None:
        """SIGCONT."""
        self._do("resume")

    def drop_connections(self) -> int:
        """Close every connection; how many."""
        return int(self._do("drop_connections"))

    def out_of_memory(self) -> AbstractContextManager[None]:
        """Not simulated."""
        raise NOT_SIMULATED

    def read_only(self) -> AbstractContextManager[None]:
        """Not simulated."""
        raise NOT_SIMULATED

    def evict(self, policy: str) -> int:
        """Not simulated."""
        raise NOT_SIMULATED

    def stop(self) -> None:
        """It ends with the world."""

    def _do(self, what: str) -> Any:
        return self.ask("store", store=self.name, what=what)["value"]


def simulated_redis(store: SimulatedStore) -> Any:
    """The Redis broker, read with the code that reads a real one."""
    kind: Any = discovery.find("brokers", "redis")
    broker = kind.__new__(kind)
    broker.server = store
    return broker


class SimulatedRabbit:
    """The simulated AMQP broker."""

    def __init__(self, ask: Ask, port: int) -> None:
        self.ask = ask
        self.port = port
        self.pid = 1

    @classmethod
    def available(cls) -> Availability:
        """Always."""
        return Availability(ok=True)

    def url(self) -> str:
        """``amqp://guest:guest@127.0.0.1:PORT//``."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def addresses(self) -> Sequence[tuple[str, int]]:
        """One address."""
        return (("127.0.0.1", self.port),)

    def kill(self) -> None:
        """SIGKILL."""
        self.pid = 0
        self._do("kill")

    def start(self) -> None:
        """Start again; durable queues and persistent messages are there."""
        self.pid = 1
        self._do("start")

    def stop(self) -> None:
        """It ends with the world."""

    def pause(self) -> None:
        """SIGSTOP."""
        self._do("pause")

    def resume(self) -> None:
        """SIGCONT."""
        self._do("resume")

    def drop_connections(self) -> int:
        """Close every connection; how many."""
        return int(self._do("drop_connections"))

    def read(self, queues: Iterable[str]) -> BrokerState:
        """What it holds."""
        found = self._do("read", queues=list(queues))
        states = {
            name: QueueState(one["depth"], tuple(one["tasks"])) for name, one in found["queues"].items()
        }
        return BrokerState(queues=states, unacked=tuple(found["unacked"]), consumers=found["consumers"])

    def messages(self, queue: str) -> Sequence[Mapping[str, Any]]:
        """The messages of one queue."""
        return list(self._do("messages", queue=queue))

    def _do(self, what: str, **arguments: Any) -> Any:
        return self.ask("amqp", what=what, arguments=arguments)["value"]


class SimulatedMail:
    """The simulated mail server."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.kept: list[dict[str, Any]] = []

    def behave(self, mode: str, *, code: int = 250, at: str = "end") -> None:
        """From now on (`harness.stage.Mail`)."""
        if mode not in ("accept", "refuse", "reply", "hang", "drop"):
            raise UsageError(f"The mail server cannot {mode!r}.")
        self.ask("behave", mode=mode, code=code, at=at)

    def mails(self) -> list[dict[str, Any]]:
        """Every mail accepted so far."""
        return self.kept


class SimulatedClock:
    """Seconds since the run began."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.latest_s = 0.0
        self.zero_s = 0.0

    def now_s(self) -> float:
        """Virtual seconds since the run began."""
        return self.latest_s - self.zero_s

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock of all simulated processes."""
        self.ask("step_wall", seconds=seconds)


def _bytes(value: Any) -> Any:
    """What `harness.simulation.server` made plain."""
    if isinstance(value, list):
        return [_bytes(each) for each in value]
    if isinstance(value, dict):
        if "bytes" in value:
            return value["bytes"].encode("latin-1")
        return {_bytes(name): _bytes(each) for name, each in value["pairs"]}
    return value
