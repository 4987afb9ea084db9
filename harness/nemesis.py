"""When faults strike and are healed: at a time, at the nth event of a kind, or by seed.

`Schedule` decides and `Nemesis` acts: the first sees events and the clock, and no stage.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

from harness import discovery
from harness.errors import UsageError
from harness.fault import Fault, injected
from harness.history import Event
from harness.stage import World
from harness.workload import Experiment, Strike, Trigger


@dataclass(slots=True)
class Planned:
    """One strike of an experiment and how far it has come; times in seconds since the run began."""

    strike: Strike
    strikes_at_s: float | None = None
    struck_at_s: float | None = None
    healed: bool = False
    seen: int = 0
    """How many events of the trigger's kind there were so far."""

    @property
    def heals_at_s(self) -> float | None:
        """When it is to be healed; None before the strike, and for what holds until the end."""
        after_s = self.strike.when.heal_after_s
        return None if self.struck_at_s is None or after_s is None else self.struck_at_s + after_s

    @property
    def next_s(self) -> float | None:
        """When there is something to do for it, as far as it is known."""
        if self.struck_at_s is None:
            return self.strikes_at_s
        return None if self.healed else self.heals_at_s


@dataclass(frozen=True, slots=True)
class Action:
    """What is due: strike or heal the plan of that number."""

    what: Literal["strike", "heal"]
    number: int


class Schedule:
    """What is to be done when: decided by the clock and the events of one experiment, nothing else."""

    def __init__(self, experiment: Experiment, began_s: float) -> None:
        self.experiment = experiment.name
        self.plans = [Planned(strike) for strike in experiment.strikes]
        self._own: set[str] = set()
        for plan in self.plans:
            if plan.strike.when.on is None:
                plan.strikes_at_s = began_s + plan.strike.when.at_s

    def waits_for_events(self) -> bool:
        """Whether a trigger has not yet seen its event."""
        return any(plan.strikes_at_s is None for plan in self.plans)

    def see(self, events: Iterable[Event]) -> None:
        """Take in events that were not seen before, in the order in which they became known."""
        for event in events:
            if event.kind == "task-sent" and event.get("experiment") == self.experiment and event.task_id:
                self._own.add(event.task_id)
            if event.task_id not in self._own:
                continue
            for plan in self.plans:
                when = plan.strike.when
                if plan.strikes_at_s is None and when.on == event.kind:
                    plan.seen += 1
                    if plan.seen == when.nth:
                        plan.strikes_at_s = event.at_s + when.at_s

    def due(self, now_s: float) -> list[Action]:
        """What is to be done by now, the earliest first; healing comes before striking at the same moment."""
        moments = [
            (plan.next_s, plan.struck_at_s is None, number)
            for number, plan in enumerate(self.plans)
            if plan.next_s is not None and plan.next_s <= now_s
        ]
        return [Action("strike" if strikes else "heal", number) for _, strikes, number in sorted(moments)]

    def next_s(self) -> float | None:
        """The next moment at which there is something to do, as far as it is known."""
        return min((plan.next_s for plan in self.plans if plan.next_s is not None), default=None)

    def pending(self) -> bool:
        """Whether faults are still to strike, or to be healed at a time of their own."""
        return any(plan.struck_at_s is None or plan.next_s is not None for plan in self.plans)

    def holding(self) -> list[int]:
        """The faults that hold now, the latest strike first: the order of healing at the end."""
        held = [(plan.struck_at_s, n) for n, plan in enumerate(self.plans) if not plan.healed]
        return [n for at_s, n in sorted((at_s, n) for at_s, n in held if at_s is not None)[::-1]]


@dataclass(slots=True)
class Nemesis:
    """Strikes and heals the faults of one experiment, when its triggers say so."""

    world: World
    experiment: Experiment
    began_s: float
    schedule: Schedule = field(init=False)
    _faults: list[Fault] = field(init=False)
    _healing: dict[int, ExitStack] = field(init=False, default_factory=dict)
    _cursor: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.experiment, self.began_s)
        self._faults = [fault_of(strike) for strike in self.experiment.strikes]

    def ready(self) -> bool:
        """Whether there is anything to do now."""
        self._look()
        return bool(self.schedule.due(self.world.clock.now_s()))

    def pending(self) -> bool:
        """Whether faults are still to strike, or to be healed at a time of their own."""
        return self.schedule.pending()

    def unstruck(self) -> list[str]:
        """The faults whose moment has not come."""
        plans = self.schedule.plans
        return [plan.strike.fault for plan in plans if plan.struck_at_s is None]

    def wake_at_s(self) -> float | None:
        """The next moment at which there is something to do, as far as it is known."""
        self._look()
        return self.schedule.next_s()

    def act(self) -> None:
        """Strike and heal what is due."""
        self._look()
        for action in self.schedule.due(self.world.clock.now_s()):
            if action.what == "strike":
                self._strike(action.number)
            else:
                self._heal(action.number)

    def close(self) -> None:
        """Heal whatever still holds, the latest first, each of them whatever becomes of the others."""
        with ExitStack() as stack:
            for number in reversed(self.schedule.holding()):
                stack.callback(self._heal, number)

    def _strike(self, number: int) -> None:
        self.schedule.plans[number].struck_at_s = self.world.clock.now_s()
        stack = self._healing[number] = ExitStack()
        stack.enter_context(injected(self._faults[number], self.world))

    def _heal(self, number: int) -> None:
        self.schedule.plans[number].healed = True
        self._healing.pop(number).close()

    def _look(self) -> None:
        if self.schedule.waits_for_events():
            self.world.events()  # reads what the processes have written meanwhile
            arrived = self.world.arrived()
            self.schedule.see(arrived[self._cursor :])
            self._cursor = len(arrived)


def fault_of(strike: Strike) -> Fault:
    """The fault that a strike names; `UsageError` where there is none, or it has no such setting."""
    kind = discovery.find("faults", strike.fault)
    try:
        fault: Fault = kind(**strike.settings)
    except TypeError as error:
        remedy = f"celery-harness explain {strike.fault} names its settings."
        raise UsageError(f"The fault {strike.fault} cannot be had: {error}.", remedy=remedy) from error
    return fault


def proxies(experiments: Iterable[Experiment]) -> tuple[str, ...]:
    """The servers that a stage needs a proxy before, so that all of these faults can strike."""
    faults = {strike.fault for experiment in experiments for strike in experiment.strikes}
    needed = {discovery.find("faults", name).proxied for name in faults}  # type: ignore[attr-defined]
    return tuple(sorted(needed - {None}))


def random_strikes(
    seed: int, faults: Sequence[Strike], *, duration_s: float, mean_gap_s: float, mean_hold_s: float
) -> tuple[Strike, ...]:
    """A reproducible mix: one fault after the other, none after `duration_s`.

    Gaps and the times for which faults hold are exponential with these means, in seconds. A fault is
    healed before the next one strikes, so that none heals what another has broken.
    """
    source = random.Random(seed)
    strikes: list[Strike] = []
    at_s = source.expovariate(1 / mean_gap_s)
    while at_s < duration_s:
        chosen = source.choice(list(faults))
        hold_s = min(source.expovariate(1 / mean_hold_s), duration_s - at_s)
        strikes.append(Strike(chosen.fault, chosen.settings, Trigger(at_s=at_s, heal_after_s=hold_s)))
        at_s += hold_s + source.expovariate(1 / mean_gap_s)
    return tuple(strikes)
