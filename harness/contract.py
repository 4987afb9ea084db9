"""The guarantees of an app, tier by tier, as plain data; `harness.contract_file` reads and writes them.

The file is TOML. Every table but ``tiers`` is optional, and a tier promises only what it states::

    schema = 1

    [app]
    setup = "core.seed:example_data"     # called once, after migrations, before the first task
    environment = { REPORTS_DIR = "{files}/reports" }   # variables of the app's processes; {files} is a
                                         # folder of the run's own, gone when the run is over

    [app.images]                         # what containers are made of, as production has it
    rabbitmq = "docker.io/library/rabbitmq:4.2.9"

    [app.servers.rabbitmq]               # rabbitmq.conf as production has it; [app.servers.redis] likewise
    consumer_timeout = 3900000

    [tiers.critical]
    tasks = ["payroll.tasks.*"]          # globs over task names; the first tier that matches has the task
    queue = "critical"
    urgency = 9                          # higher starts first, whatever the broker calls it
    events = true                        # Celery's monitor sees sent, received, started, succeeded/failed
    structured_logs = true               # JSON log lines that carry the task id

    [tiers.critical.retry]
    on = ["filesystem", "mail", "database"]      # failure classes that are retried
    not_on = ["programming"]                     # failure classes that are not
    max_retries = 5
    delay = { shape = "exponential", base_s = 30, factor = 2, cap_s = 300, jitter = "bounded" }
    # shape: exponential | linear | fixed; jitter: none | full | bounded (spread = 0.5: delay in [d/2, d])

    [tiers.critical.dead_letter]
    to = "table:core_deadletter"         # table:NAME | queue:NAME | task:NAME | redis:KEY-PATTERN
    carries = ["name", "args", "kwargs", "error", "traceback", "attempts"]

    [tiers.critical.alert]
    to = ["admin@myhours.com"]
    within_s = 120

    [tiers.critical.deduplication]
    lock_s = 7200                        # the lock is gone after this, at the latest
    release = "on_end"                   # on_end | on_expiry: when an equal task may run again

    [tiers.critical.effect]
    counted = "row:payroll.SalaryPayment"   # body | row:app.Model | mail | mail:TO | file | file:PATH
    at_most = 1
    at_least = 1                         # with at_most = 1: exactly once; a task that fails may have none

    [tiers.critical.result]
    expires_s = 3600
    failure_expires_s = 604800
    compression = "gzip"                 # promised for results of at least compression_from_bytes
    compression_from_bytes = 20000
    serializer = "json"

    [tiers.critical.limits]
    hard_s = 1800
    soft_s = 1500
    rate = "120/m"
    rate_scope = "global"                # global | worker

    [tiers.critical.loss]
    redelivered_at_most = 3              # runs of a task that kills its child, at most, before the brake
    within_s = 7500                      # a task whose worker was killed runs again within this

    [workers.critical]
    queues = ["critical"]
    concurrency = 2
    pool = "prefork"
    replicas = 1

    [samples."payroll.tasks.calculate_payroll"]
    args = [1, "2026-01"]
    kwargs = {}
    vary = 1                             # which positional argument makes two sends different (or a name)
    body = "real"                        # real | stub: run the task's own code, or stand in for it

`origins` maps a dotted path (``tiers.critical.retry.max_retries``) to where it was said
(``contract.toml:14``), for messages and verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

SCHEMA = 1

FAILURE_CLASSES = ("filesystem", "mail", "database", "programming")
"""What a task body can be made to fail with; each is a file `harness/faults/body_*.py`."""

CARRIES = ("name", "args", "kwargs", "error", "traceback", "attempts", "queue")

UNRUN = ("expired", "unknown", "malformed")
"""What a worker may take and never run; `harness/checkers/dead_letter_unrun.py` makes one of each."""

Shape = Literal["exponential", "linear", "fixed"]
Jitter = Literal["none", "full", "bounded"]


@dataclass(frozen=True, slots=True)
class Delay:
    """The envelope of the delays between attempts, in seconds."""

    shape: Shape = "exponential"
    base_s: float = 180.0
    factor: float = 2.0
    cap_s: float = math.inf
    jitter: Jitter = "none"
    spread: float = 0.5

    def nominal_s(self, retry: int) -> float:
        """The delay before retry number `retry`, counted from 1, before jitter."""
        if self.shape == "exponential":
            try:
                nominal = self.base_s * self.factor ** (retry - 1)
            except OverflowError:
                nominal = math.inf
        elif self.shape == "linear":
            nominal = self.base_s + self.factor * (retry - 1)
        else:
            nominal = self.base_s
        return min(nominal, self.cap_s)

    def envelope_s(self, retry: int) -> tuple[float, float]:
        """Shortest and longest delay that keeps the promise for retry number `retry`."""
        nominal = self.nominal_s(retry)
        low = {"none": nominal, "full": 0.0, "bounded": nominal * (1 - self.spread)}[self.jitter]
        return low, nominal


@dataclass(frozen=True, slots=True)
class Retry:
    """Which failures are retried, how often at most, and after how long."""

    on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()
    max_retries: int | None = None
    delay: Delay | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Where a task goes that has failed for good, and what a replay finds there."""

    to: str = ""
    carries: tuple[str, ...] = ("name", "args", "kwargs")
    within_s: float = 60.0
    also: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``table``, ``queue``, ``task`` or ``redis``."""
        return self.to.partition(":")[0]

    @property
    def place(self) -> str:
        """The name of the table, queue or task, or the key pattern."""
        return self.to.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Alert:
    """Who gets mail, once, when a task of the tier has failed for good."""

    to: tuple[str, ...] = ()
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Deduplication:
    """Equal tasks exclude each other; the lock ends with the task, or at the latest after `lock_s`."""

    lock_s: float | None = None
    release: Literal["on_end", "on_expiry"] = "on_end"


@dataclass(frozen=True, slots=True)
class Effect:
    """What counts as the effect of a task, how often one may have it, and one that succeeds must have."""

    counted: str = "body"
    at_most: int = 1
    at_least: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """How long results live, and in what form."""

    expires_s: float | None = None
    failure_expires_s: float | None = None
    compression: str | None = None
    compression_from_bytes: int = 20_000
    serializer: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of one run and the rate of runs."""

    hard_s: float | None = None
    soft_s: float | None = None
    rate: str | None = None
    rate_scope: Literal["global", "worker"] = "global"

    @property
    def rate_per_s(self) -> float | None:
        """Runs a second; None where no rate is promised."""
        if self.rate is None:
            return None
        count, _, unit = self.rate.partition("/")
        return float(count) / {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}[unit]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a killed worker or child means for the task that it ran."""

    redelivered_at_most: int | None = None
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """The promises made to one group of tasks; None where nothing is promised."""

    name: str
    tasks: tuple[str, ...]
    queue: str | None = None
    urgency: int | None = None
    events: bool = False
    structured_logs: bool = False
    quiet: bool = False
    retry: Retry | None = None
    dead_letter: DeadLetter | None = None
    alert: Alert | None = None
    deduplication: Deduplication | None = None
    effect: Effect | None = None
    result: Result | None = None
    limits: Limits | None = None
    loss: Loss | None = None
    members: tuple[str, ...] = ()
    """The app's tasks that belong to this tier; filled in by `resolve`."""


@dataclass(frozen=True, slots=True)
class WorkerLayout:
    """One kind of worker as production starts it: ``-Q``, ``-c``, ``-P`` and how many of them.

    With `shell` it runs under a shell that does not pass signals on, as ``CMD celery ... worker`` and an
    entry script without ``exec`` have it
    (https://docs.docker.com/reference/dockerfile/#shell-form-entrypoint-example).
    """

    name: str
    queues: tuple[str, ...] = ()
    concurrency: int = 1
    pool: str = "prefork"
    replicas: int = 1
    options: tuple[str, ...] = ()
    shell: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Example arguments with which the harness may send a task."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    vary: int | str | None = None
    body: Literal["real", "stub"] = "real"


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything that an app promises, and how production runs it."""

    tiers: tuple[Tier, ...]
    workers: tuple[WorkerLayout, ...] = ()
    samples: Mapping[str, Sample] = field(default_factory=dict)
    setup: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    servers: Mapping[str, Mapping[str, str | int | float | bool]] = field(default_factory=dict)
    """By broker: settings of the server's own configuration file, as production has them."""
    images: Mapping[str, str] = field(default_factory=dict)
    """By role: what containers are made of, as production has it (`harness.images.ROLES`)."""
    path: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    focus: tuple[str, ...] = ()
    """Tasks that are sent where one stands for its whole tier; not of the file, but of whoever runs it."""

    def tier(self, name: str) -> Tier:
        """The tier of that name; `KeyError` where there is none."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise KeyError(name)

    def tier_of(self, task: str) -> Tier | None:
        """The first tier whose globs match a task name."""
        for tier in self.tiers:
            if any(fnmatchcase(task, glob) for glob in tier.tasks):
                return tier
        return None

    def origin(self, path: str) -> str:
        """Where a promise was made: the longest known prefix of a dotted path, else the file."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path.rpartition(".")[0]
        return self.path
