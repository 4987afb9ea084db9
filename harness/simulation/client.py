"""The client process of a simulated world: what `harness.probe.client` does, in a greenlet."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from harness.probe.client import Client
from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import WORLD
from harness.simulation.recording import MemoryProbe


class SimulatedClient(Client):
    """Loads the app as production's web process would, and sends what it is told."""

    def __init__(self, probe: MemoryProbe, app: str, setup: str = "") -> None:
        self.probe = probe
        self.name = app
        self.setup = setup
        self.app: Any = None
        self.reads: Any = None
        self.waiting: deque[Callable[[], None]] = deque()
        self.busy = False

    def run(self, do: str, arguments: dict[str, Any], done: Callable[[dict[str, Any]], None]) -> None:
        """Carry out a command in the client process, after those before it; `done` gets the answer."""

        def work() -> None:
            try:
                answer = getattr(self, "do_" + do)(**arguments)
            except Exception as error:  # noqa: BLE001 - whatever the app raises is an answer
                answer = {
                    "error": f"{type(error).__name__}: {error}"[:2000],
                    "type": type(error).__name__,
                    "traceback": traceback.format_exc()[-4000:],
                }
            done(answer)

        self.waiting.append(work)
        if not self.busy:
            self.busy = True
            WORLD.kernel.spawn(WORLD.kernel.client, self._work)

    def _work(self, _: Any = None) -> None:
        while self.waiting:
            self.waiting.popleft()()
        self.busy = False

    def do_monitor(self) -> dict[str, Any]:
        """Listen to Celery's own events, as Flower does, beside everything else."""
        ready = Ready()
        kernel = WORLD.kernel
        kernel.spawn(kernel.client, lambda _=None: self._monitor(ready))  # type: ignore[arg-type]
        ends_ns = CLOCK.ns + 10**10
        while not ready.came and ends_ns > CLOCK.ns:
            kernel.sleep(0.01)
        return {}


class Ready:
    """What the monitor takes for a `threading.Event`."""

    came = False

    def set(self) -> None:
        """The monitor listens."""
        self.came = True
