"""Runs behaviours on one stage, each by itself, and hands out their records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scenarios.conformance.behaviours import Behaviour
from scenarios.conformance.normal import Record, record
from scenarios.conformance.script import Script, opened


class Player:
    """A stage that is up, and what behaviours came to on it."""

    def __init__(self, world: Any, broker: str) -> None:
        self.world = world
        self.broker = broker

    def play(self, behaviour: Behaviour) -> Record:
        """Run one behaviour; what happens to tasks of others meanwhile is left out."""
        world = self.world
        before = len(world.arrived())
        known = {event.task_id for event in world.arrived() if event.task_id}
        script = Script(world, self.broker, began=before)
        behaviour.play(script)
        script.passes(0.5)
        new = {id(event) for event in world.arrived()[before:]}
        events = [event for event in world.events() if id(event) in new]
        self._revive()
        if behaviour.name.startswith(
            ("connections", "broker")
        ):  # the next one finds a client that is connected
            script.ask("reconnected")
        return record(events, script.facts, known)

    def _revive(self) -> None:
        """Whatever a behaviour did to workers, the next one finds all of them."""
        dead = [worker for worker in self.world.workers.values() if worker.ended()]
        for worker in dead:
            worker.launch()
        for worker in dead:
            worker.ready()


@contextmanager
def player(stage: str, broker: str, **environment: str) -> Iterator[Player]:
    """Open a stage for behaviours."""
    with opened(stage, broker, **environment) as world:
        yield Player(world, broker)
