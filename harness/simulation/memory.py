"""What each simulated process has for itself although all share one interpreter.

Celery, kombu and Django keep some state in module globals, which after a fork is each process's own:
requests and revoked ids (`celery/worker/state.py`), connection pools (`kombu/pools.py`), the current event
loop (`kombu/asynchronous/hub.py`), database connections (`django/db/utils.py`). It is exchanged whenever
another process runs. The app's own module globals are shared, which `docs/simulation.md` says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from celery import _state
from celery.worker import state as worker_state
from kombu import pools
from kombu.asynchronous import hub

from harness.simulation.descriptors import WORLD
from harness.simulation.kernel import Process

NAMES = ("reserved_requests", "active_requests", "scheduled_requests")
REQUESTS = [getattr(worker_state, name) for name in NAMES if hasattr(worker_state, name)]
LIMITED = (worker_state.successful_requests, worker_state.revoked)
SCALARS = ("should_stop", "should_terminate")
GROUPS = (pools.connections, pools.producers)


class OrderedData(dict[Any, None]):
    """The inside of a `weakref.WeakSet`, in order, where a set would order by address."""

    def add(self, item: Any) -> None:
        """At the end unless it is there."""
        self.setdefault(item)

    def discard(self, item: Any) -> None:
        """Not any more."""
        self.pop(item, None)

    def remove(self, item: Any) -> None:
        """Not any more; `KeyError` where it was not there."""
        del self[item]

    def copy(self) -> OrderedData:
        """Another one."""
        return OrderedData(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(super().__iter__()))


class Memory:
    """Exchanges what belongs to a process when another one runs."""

    def __init__(self, app: Any, held: Callable[[set[str] | None], set[str]]) -> None:
        self.app = app
        self.held = held
        """Exchanges the locks that the probe knows a process to hold."""
        self._local: Any = None

    def fresh(self) -> dict[str, Any]:
        """What a new process begins with."""
        return {
            "requests": {},
            "sets": [OrderedData() for _ in REQUESTS],
            "limited": [({}, []) for _ in LIMITED],
            "scalars": [None for _ in SCALARS],
            "total": {},
            "all": 0,
            "consume": None,
            "pools": (None, None),
            "groups": ({}, {}),
            "clock": 0,
            "loop": None,
            "joins": False,
            "held": set(),
            "database": None,
            "output": (sys.__stdout__, sys.__stderr__),
        }

    def switch(self, old: Process, new: Process) -> None:
        """`old` stops running, `new` runs."""
        kept, wanted = self._kept(old), self._kept(new)
        self._worker_state(kept, wanted)
        app = self.app
        queues = app.amqp.queues
        kept["consume"], queues._consume_from = queues._consume_from, wanted["consume"]
        kept["pools"] = (app._pool, app.amqp._producer_pool)
        app._pool, app.amqp._producer_pool = wanted["pools"]
        for group, mine, other in zip(GROUPS, kept["groups"], wanted["groups"], strict=True):
            _exchange(group, mine, other)
        kept["clock"], app.clock.value = app.clock.value, wanted["clock"]
        kept["loop"] = hub.get_event_loop()
        hub.set_event_loop(wanted["loop"])
        kept["joins"], _state._task_join_will_block = _state._task_join_will_block, wanted["joins"]
        kept["held"] = self.held(wanted["held"])
        kept["output"] = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = wanted["output"]
        self._database(kept, wanted)

    def _kept(self, process: Process) -> dict[str, Any]:
        kept = process.memory.get("celery")
        if kept is None:
            kept = process.memory["celery"] = self.fresh()
        return dict.__getitem__(process.memory, "celery")

    @staticmethod
    def _worker_state(kept: dict[str, Any], wanted: dict[str, Any]) -> None:
        state = worker_state
        _exchange(state.requests, kept["requests"], wanted["requests"])
        for place, held in enumerate(REQUESTS):
            kept["sets"][place], held.data = held.data, wanted["sets"][place]
        for place, limited in enumerate(LIMITED):
            kept["limited"][place] = (limited._data, limited._heap)
            limited._data, limited._heap = wanted["limited"][place]
        for place, name in enumerate(SCALARS):
            kept["scalars"][place] = getattr(state, name)
            setattr(state, name, wanted["scalars"][place])
        _exchange(state.total_count, kept["total"], wanted["total"])
        kept["all"], state.all_total_count[0] = state.all_total_count[0], wanted["all"]

    def _database(self, kept: dict[str, Any], wanted: dict[str, Any]) -> None:
        module: Any = sys.modules.get("django.db")
        if module is None:
            return
        handler = module.connections
        kept["database"] = handler._connections
        if wanted["database"] is None:
            local: Any = sys.modules["asgiref.local"]
            wanted["database"] = local.Local(handler.thread_critical)
        handler._connections = wanted["database"]


def _exchange(shared: dict[Any, Any], mine: dict[Any, Any], other: dict[Any, Any]) -> None:
    """What a dictionary holds is put away, another's comes in its place; others know it by its identity.

    What subclasses hold is taken as it is, too: a `Counter` would count it, a group of pools make new ones.
    """
    if mine:
        mine.clear()
    if shared:
        mine.update(shared)
        dict.clear(shared)
    if other:
        dict.update(shared, other)


def close_databases(process: Process) -> None:
    """A process has ended: its database connections are closed by the system, and roll back."""
    handler: Any = getattr(sys.modules.get("django.db"), "connections", None)
    if handler is None:
        return
    running = WORLD.kernel.current is process
    local = handler._connections if running else (process.memory.get("celery") or {}).get("database")
    if local is None:
        return
    for alias in handler.settings:
        wrapper = getattr(local, alias, None)
        if wrapper is not None and wrapper.connection is not None:
            wrapper.connection.close()
            wrapper.connection = None
