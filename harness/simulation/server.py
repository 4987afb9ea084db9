"""Serves the harness from inside the simulating process: one JSON command a line in, one answer a line out.

Each answer has what it was asked for, the time, the workers' pids, and the events that came meanwhile. Time
passes only in ``advance`` and while a command of the client waits.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.probe import place
from harness.probe.config import ProbeConfig
from harness.simulation import database, housekeeping, hub, locks, mail, polling, shortcuts, stores, workers
from harness.simulation.client import SimulatedClient
from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import WORLD
from harness.simulation.kernel import Kernel
from harness.simulation.memory import Memory, close_databases
from harness.simulation.output import Logs
from harness.simulation.purity import Purity
from harness.simulation.recording import MemoryProbe, encode
from harness.simulation.stores import Store
from harness.simulation.workers import Worker

FOLDER_NUMBER = 900
"""The descriptor of the stage's folder; `harness.stages.simulated.FILES` is a path through it."""
RESTART_S = 5.0
"""How long a worker that a plan has killed stays away; a supervisor brings it back."""


class Server:
    """One simulated world and what may be done to it."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        self.kernel = WORLD.kernel = Kernel(opening["seed"])
        self.kernel.on_end = locks.orphaned
        self.logs = Logs()
        self.logs.install()
        config = dict(opening["config"])
        os.dup2(os.open(config["folder"], os.O_RDONLY | os.O_DIRECTORY), FOLDER_NUMBER)
        config["mail"] = tuple(config["mail"])
        config["allowed"] = tuple(tuple(each) for each in config["allowed"])
        self.probe = MemoryProbe(ProbeConfig(**config))
        self.mail = mail.MailServer()
        self.stores = {name: Store(name, port) for name, port in opening["stores"].items()}
        self.purity = Purity(
            lambda what, where: self.probe.recorder.write("simulation-note", what=what, where=where)
        )
        self._install(opening)
        self.client = SimulatedClient(self.probe, opening["app"], opening["setup"])
        self.workers = {each["name"]: Worker(each["name"], each["arguments"]) for each in opening["workers"]}
        self.copy = False
        self._mails = 0
        self._globs = 0

    def _install(self, opening: Mapping[str, Any]) -> None:
        self.purity.install()
        locks.told.append(self.purity.note)
        self.probe.install()
        stores.install()
        polling.install()
        hub.install()
        workers.install()
        database.install()
        shortcuts.after_imports()
        mail.install(self.mail)
        self.probe.steps.redis = opening["broker"] == "redis"
        self.probe.steps.step_wall = self.step_wall
        if opening["broker"] == "rabbitmq":
            from harness.simulation import amqp

            self.amqp = amqp.install()

    # Commands: each returns what its answer has besides time and events.

    def do_client(
        self, command: str, arguments: dict[str, Any], within_s: float, orders: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Let the client do something, and time pass until it has done it, `within_s` seconds at most.

        `orders` are for bodies, by task id; they hold before it begins.
        """
        self.probe.orders.by_id.update(orders)
        answers: list[dict[str, Any]] = []
        self.client.run(command, arguments, answers.append)
        before = self.kernel.on_instant
        self.kernel.on_instant = lambda: bool(answers)
        try:
            self.kernel.run(CLOCK.now_s() + within_s)
        finally:
            self.kernel.on_instant = before
        if not answers:
            return {"late": True}
        if command == "load" and "error" not in answers[0]:
            self._loaded()
        return {"answer": answers[0]}

    def do_plan(
        self, points: list[dict[str, Any]], known: list[str], seed: int, *, shuffled: bool
    ) -> dict[str, Any]:
        """Strike at these protocol steps from now on (`harness.probe.steps`); ids and ties by this seed."""
        self.kernel.seed(seed, shuffled=shuffled)
        self.probe.steps.follow(points, known)
        for worker in self.workers.values():
            worker.restart_after_s = RESTART_S
        for texts in self.logs.texts.values():
            texts.clear()
        return {}

    def do_warm(self) -> dict[str, Any]:
        """Look up once what every copy would look up for itself."""
        shortcuts.look_up()
        for task in self.client.app.tasks.values():
            place.target_line(getattr(inspect.unwrap(task.run), "__code__", None))
        return {}

    def do_steps(self) -> dict[str, Any]:
        """Every protocol step since the plan was made."""
        return {"steps": self.probe.steps.seen}

    def do_fork(self) -> dict[str, Any]:
        """Go on in a copy of this process until it is told to leave; then all is as it was."""
        self.purity.watching = False
        for process in self.kernel.processes.values():
            close_databases(process)
        self.kernel.enter(self.kernel.client)
        pid = os.fork()
        if pid:
            _, status = os.waitpid(pid, 0)
            return {"left": status}
        self.purity.watching = True
        self.copy = True
        return {}

    def do_leave(self) -> dict[str, Any]:
        """The copy ends; the original answers."""
        os._exit(0) if self.copy else None
        return {}

    def _loaded(self) -> None:
        memory = Memory(self.client.app, self.probe.exchange_held)
        self.kernel.on_switch = memory.switch
        gc.collect()
        gc.freeze()
        self.purity.watching = True

    def do_advance(self, until_s: float) -> dict[str, Any]:
        """Let time pass up to a moment, or until something has been recorded, whichever is first."""
        lines = self.probe.lines
        self.kernel.on_instant = lambda: bool(lines.lines) or len(self.mail.mails) > self._mails
        self.kernel.run(until_s)
        return {}

    def do_launch(self, worker: str) -> dict[str, Any]:
        """Start a worker."""
        return {"pid": self.workers[worker].launch()}

    def do_twin(self, name: str, worker: str) -> dict[str, Any]:
        """One more worker, which `do_launch` starts: as another, but for its name."""
        given = self.workers[worker].arguments
        arguments = [f"{name}@harness" if each == f"{worker}@harness" else each for each in given]
        self.workers[name] = Worker(name, arguments)
        return {}

    @staticmethod
    def do_beat(arguments: list[str]) -> dict[str, Any]:
        """Start ``celery beat``."""
        return {"pid": Worker("beat", arguments, role="beat").launch()}

    def do_children(self, worker: str) -> dict[str, Any]:
        """The children of a worker, oldest first."""
        return {"children": self.workers[worker].children()}

    def do_kill(self, worker: str) -> dict[str, Any]:
        """SIGKILL a worker and its children."""
        return {"pid": self.workers[worker].kill()}

    def do_signal(self, pid: int, number: int) -> dict[str, Any]:
        """A signal to a simulated process."""
        try:
            self.kernel.kill(pid, number)
        except ProcessLookupError:
            return {"gone": True}
        return {}

    def do_store(self, store: str, what: str) -> dict[str, Any]:
        """Do something to a Redis server: kill, start, pause, resume, drop_connections."""
        value = getattr(self.stores[store], what)()
        housekeeping.stir()
        return {"value": value}

    def do_redis(self, store: str, words: list[Any]) -> dict[str, Any]:
        """A command that a Redis server of the stage executes; bytes travel as latin-1."""
        socket = stores.StoreSocket(self.stores[store], 0, 2)
        try:
            socket.process(
                [word.encode("latin-1") if isinstance(word, str) else str(word).encode() for word in words]
            )
            return {"value": _plain(socket.responses.popleft())}
        finally:
            socket.close()

    def do_order(self, task_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the body of one task is to do."""
        self.probe.orders.by_id[task_id] = body
        return {}

    def do_order_glob(self, glob: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the bodies of all tasks that match are to do, until it is withdrawn."""
        self._globs += 1
        self.probe.orders.by_glob[self._globs] = (glob, body)
        return {"number": self._globs}

    def do_withdraw(self, number: int) -> dict[str, Any]:
        """The order holds no longer."""
        self.probe.orders.by_glob.pop(number, None)
        return {}

    def do_behave(self, mode: str, code: int, at: str) -> dict[str, Any]:
        """How the mail server is to behave."""
        self.mail.behave(mode, code, at)
        return {}

    def do_step_wall(self, seconds: float) -> dict[str, Any]:
        """Step the wall clock of all simulated processes."""
        self.step_wall(seconds)
        return {}

    @staticmethod
    def step_wall(seconds: float) -> None:
        """The wall clock steps, and who sleeps until a moment of it looks again."""
        CLOCK.step_wall(seconds)
        housekeeping.stir()

    def do_log(self, name: str) -> dict[str, Any]:
        """What a process has printed."""
        return {"lines": self.logs.lines(name)}

    def do_amqp(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do something to the AMQP broker, or read it."""
        return {"value": getattr(self.amqp, what)(**arguments)}

    # The loop.

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        try:
            answer = getattr(self, "do_" + command.pop("do"))(**command)
        except Exception as error:  # noqa: BLE001 - the harness is told, and says it in one line
            answer = {
                "broken": f"{type(error).__name__}: {error}",
                "traceback": traceback.format_exc()[-4000:],
            }
        answer["now_s"] = CLOCK.now_s()
        answer["pids"] = {name: worker.pid for name, worker in self.workers.items()}
        answer["mails"] = self.mail.mails[self._mails :]
        self._mails = len(self.mail.mails)
        return dict(answer)

    def line(self, command: dict[str, Any]) -> str:
        """Carry out one command; its answer as a line of JSON, with the events as they were recorded."""
        answer = encode(self.answer(command))
        return f'{answer[:-1]}, "events": [{", ".join(self.probe.lines.take())}]}}'


def _plain(value: Any) -> Any:
    """What JSON can carry, bytes as latin-1 texts with a mark."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {"pairs": [[_plain(name), _plain(each)] for name, each in value.items()]}
    return value


def main() -> int:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path.cwd()))
    gc.disable()  # see `harness.simulation.kernel.EVENTS_PER_COLLECTION`
    server: Server | None = None
    for line in sys.stdin:
        command = json.loads(line)
        if server is None:
            server = Server(command)
            answers.write("{}\n")
            continue
        answers.write(server.line(command) + "\n")
    return 0
