"""When faults strike and are healed: at a time, at the nth event of a kind, or by seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from harness import discovery
from harness.fault import Fault, injected
from harness.history import Event
from harness.stage import World
from harness.workload import Experiment, Strike, Trigger


@dataclass(slots=True)
class Planned:
    """One strike of an experiment and how far it has come; times in seconds since the run began."""

    strike: Strike
    began_s: float
    strikes_at_s: float | None = None
    struck_at_s: float | None = None
    healed: bool = False
    stack: ExitStack = field(default_factory=ExitStack)

    def heals_at_s(self) -> float | None:
        """When it is to be healed; None before the strike, and for what holds until the end."""
        after_s = self.strike.when.heal_after_s
        return None if self.struck_at_s is None or after_s is None else self.struck_at_s + after_s


def moment_s(trigger: Trigger, began_s: float, experiment: str, events: Iterable[Event]) -> float | None:
    """When a trigger fires, as far as the events tell; None: not yet known."""
    if trigger.on is None:
        return began_s + trigger.at_s
    own: set[str] = set()
    count = 0
    for event in events:
        if event.kind == "task-sent" and event.get("experiment") == experiment and event.task_id:
            own.add(event.task_id)
        if event.kind == trigger.on and event.task_id in own:
            count += 1
            if count == trigger.nth:
                return event.at_s + trigger.at_s
    return None


class Nemesis:
    """Strikes and heals the faults of one experiment, when its triggers say so."""

    def __init__(self, world: World, experiment: Experiment, began_s: float) -> None:
        self.world = world
        self.experiment = experiment
        self.plans = [Planned(strike, began_s) for strike in experiment.strikes]

    def ready(self) -> bool:
        """Whether there is anything to do now."""
        now_s = self.world.clock.now_s()
        self._look()
        return any(self._due(plan, now_s) for plan in self.plans)

    def pending(self) -> bool:
        """Whether faults are still to strike, or to be healed at a time of their own."""
        return any(
            plan.struck_at_s is None or (not plan.healed and plan.heals_at_s() is not None) for plan in self.plans
        )

    def wake_at_s(self) -> float | None:
        """The next moment at which there is something to do, as far as it is known."""
        self._look()
        moments = [plan.strikes_at_s for plan in self.plans if plan.struck_at_s is None]
        moments += [plan.heals_at_s() for plan in self.plans if not plan.healed]
        return min((moment for moment in moments if moment is not None), default=None)

    def act(self) -> None:
        """Strike and heal what is due."""
        self._look()
        for plan in self.plans:
            now_s = self.world.clock.now_s()
            if not self._due(plan, now_s):
                continue
            if plan.struck_at_s is None:
                plan.struck_at_s = now_s
                fault: Fault = discovery.find("faults", plan.strike.fault)(**plan.strike.settings)
                plan.stack.enter_context(injected(fault, self.world))
            else:
                plan.healed = True
                plan.stack.close()

    def close(self) -> None:
        """Heal whatever still holds, the latest first."""
        with ExitStack() as stack:
            for plan in self.plans:
                if plan.struck_at_s is not None and not plan.healed:
                    plan.healed = True
                    stack.callback(plan.stack.close)

    def _due(self, plan: Planned, now_s: float) -> bool:
        if plan.struck_at_s is None:
            return plan.strikes_at_s is not None and plan.strikes_at_s <= now_s
        heals_at_s = plan.heals_at_s()
        return not plan.healed and heals_at_s is not None and heals_at_s <= now_s

    def _look(self) -> None:
        for plan in self.plans:
            if plan.strikes_at_s is None:
                events = self.world.arrived() if plan.strike.when.on else ()
                plan.strikes_at_s = moment_s(plan.strike.when, plan.began_s, self.experiment.name, events)


def random_strikes(
    seed: int, faults: Sequence[Strike], *, duration_s: float, mean_gap_s: float, mean_hold_s: float
) -> tuple[Strike, ...]:
    """A reproducible mix: strikes at exponential gaps, each held for an exponential time, none after `duration_s`."""
    source = random.Random(seed)
    strikes, at_s = [], source.expovariate(1 / mean_gap_s)
    while at_s < duration_s:
        chosen = source.choice(list(faults))
        hold_s = min(source.expovariate(1 / mean_hold_s), duration_s - at_s)
        strikes.append(Strike(chosen.fault, chosen.settings, Trigger(at_s=at_s, heal_after_s=hold_s)))
        at_s += source.expovariate(1 / mean_gap_s)
    return tuple(strikes)
