"""What the client sends, and what is done to the system meanwhile: an experiment as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ALWAYS = 1_000_000
"""More attempts than any task makes: a body that fails in all of them."""


@dataclass(frozen=True, slots=True)
class Body:
    """What the probe makes of the body of one sent task (see `harness/probe/body.py`).

    `raises` names a failure class (`contract.FAILURE_CLASSES`) raised in the first
    `failing_attempts` attempts, inside the task's own function, at the first line of its first
    ``try`` block where it has one. `hold_s` makes the body wait, in seconds of the stage's clock,
    before it goes on. `dies` kills the child (SIGKILL) when the body begins, in the first
    `failing_attempts` attempts. A stub stands in for the task's own code and returns
    `returns_bytes` characters; the task's own code runs otherwise. `ignores_soft` makes the wait
    swallow `SoftTimeLimitExceeded`, as a bare ``except Exception`` would. `lingers_s` makes the
    process wait after the body has done its work and before Celery hears of it: the moment at
    which a crash leaves an effect without an acknowledgement.
    """

    stub: bool = False
    raises: str | None = None
    dies: bool = False
    rejects: bool = False
    failing_attempts: int = ALWAYS
    hold_s: float = 0.0
    returns_bytes: int = 0
    ignores_soft: bool = False
    lingers_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Send:
    """Publish `task`, `count` times, `at_s` seconds after the experiment began.

    Arguments come from the contract's sample unless given. Copies get different arguments
    (`Sample.vary`) unless `identical`, so that deduplication does not swallow them. `options` go to
    ``apply_async``.
    """

    task: str
    body: Body = Body()
    at_s: float = 0.0
    count: int = 1
    every_s: float = 0.0
    identical: bool = False
    args: tuple[Any, ...] | None = None
    kwargs: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a fault strikes: `at_s` seconds into the experiment, or at the `nth` event of a kind.

    With `on` set, the `nth` event (counted from 1) of that kind among the experiment's own tasks
    strikes, `at_s` seconds later. `heal_after_s` seconds after the strike the fault is healed;
    None heals it when the experiment ends.
    """

    at_s: float = 0.0
    on: str | None = None
    nth: int = 1
    heal_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault by its public name, its settings, and when."""

    fault: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    when: Trigger = Trigger()


@dataclass(frozen=True, slots=True)
class Experiment:
    """A workload and the faults that go with it, which together put a guarantee to the test.

    Experiments of one phase run side by side on one stage; phases follow each other:
    ``crash`` (faults that strike whole workers or the broker, one experiment after the other),
    ``main`` (everything else), ``limits`` (what occupies workers for long, or floods them).
    An experiment is over when all its tasks have ended, but not before `watch_s` and not after
    `settle_within_s` seconds of the stage's clock. A `lingering` experiment does not hold its
    phase up: it is waited for at the end of the run. It is given up when one of its tasks was started
    more than `runaway_after` times.
    """

    name: str
    tier: str
    sends: tuple[Send, ...]
    strikes: tuple[Strike, ...] = ()
    phase: Literal["crash", "main", "limits"] = "main"
    settle_within_s: float = 600.0
    watch_s: float = 0.0
    lingering: bool = False
    runaway_after: int = 20
