"""Bad and good apps on the processes stage: what the rules find in each, and what became of its tasks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from amqp.exceptions import PreconditionFailed
from celery import Celery

from harness.contract import Contract, Sample, Tier, WorkerLayout
from harness.history import History
from harness.lint import lint
from harness.lives import Life, lives
from harness.plugin import OpenWorld, Target, conducted
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike, Trigger

kombu: Any = import_module("kombu")
"""Untyped."""

FOLDER = Path("scenarios/apps/rules")
FAILS = Body(raises="filesystem")
MISTAKEN = Body(raises="programming")


def planned(
    app: str,
    *sends: Send,
    name: str = "",
    settle_within_s: float = 3000.0,
    runaway_after: int = 20,
    watch_s: float = 0.0,
    strikes: Sequence[Strike] = (),
) -> Experiment:
    """An experiment of one of the apps: its name is that of its first task, unless it has one of its own."""
    own = tuple(
        Send(f"{app}.{send.task}", send.body, send.at_s, send.count, send.every_s, True,
             send.args or (), options=send.options)
        for send in sends
    )  # fmt: skip
    return Experiment(
        name or sends[0].task, "all", own, tuple(strikes), settle_within_s=settle_within_s,
        runaway_after=runaway_after, watch_s=watch_s,
    )  # fmt: skip


def contract(app: str, tasks: Collection[str], workers: Sequence[WorkerLayout]) -> Contract:
    """Promises nothing: the tests look at the record themselves."""
    samples = {f"{app}.{task}": Sample() for task in tasks if task != "gone"}
    urgent = Tier("urgent", (f"{app}.hurry",), queue="urgent", urgency=9)
    slow = Tier("slow", (f"{app}.calm",), queue="slow", urgency=1)
    tiers = (*((urgent, slow) if "calm" in tasks else ()), Tier("all", ("*",)))
    return Contract(tiers, tuple(workers), samples, environment={"FILES": "{files}", "C_FORCE_ROOT": "1"})


@dataclass(slots=True)
class Shown:
    """What the rules found in an app, and the record of what its tasks did."""

    app: str
    found: set[tuple[str, str]]
    histories: list[History] = field(default_factory=list)
    files: Path = Path()
    seen: dict[str, Any] = field(default_factory=dict)

    def has(self, rule: str, subject: str = "") -> bool:
        """Whether the rule speaks, of this task or setting where one is named."""
        subjects = {each for number, each in self.found if number == rule}
        return bool(subjects) if not subject else bool(subjects & {subject, f"{self.app}.{subject}"})

    def lives(self, experiment: str) -> list[Life]:
        """The tasks of an experiment, in the order in which they were sent."""
        return [life for each in self.histories for life in lives(each, experiment).values()]

    def life(self, experiment: str) -> Life:
        """The one task of an experiment."""
        (life,) = self.lives(experiment)
        return life

    def rows(self, database: str, table: str) -> list[tuple[Any, ...]]:
        """The rows of a table that the app wrote; empty where it wrote none."""
        path = self.files / f"{database}.sqlite3"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a name of ours


def attempts(life: Life) -> int:
    """How many attempts a task made, redeliveries not counted."""
    return len(life.numbers)


def delays_s(life: Life) -> list[float]:
    """The delays of its retries, as Celery was asked for them."""
    return [retry.scheduled_s for retry in life.retries if retry.scheduled_s is not None]


def queue(life: Life) -> str:
    """The queue that a task was sent to."""
    return str(life.sent.get("queue")) if life.sent else ""


def acked_early(life: Life) -> bool:
    """Whether its message was acknowledged before its body was done."""
    (left,) = life.of("body-left")
    return any(event.at_s < left.at_s for event in life.of("message-acked"))


def held_s(life: Life) -> float:
    """How long its body held the child."""
    (entered,), (left,) = life.of("body-entered"), life.of("body-left")
    return left.at_s - entered.at_s


def span_s(times: Sequence[float]) -> float:
    """From the first to the last."""
    return max(times) - min(times)


def by_task(lives_of: Iterable[Life], task: str) -> list[float]:
    """When those of one task were started."""
    return sorted(started(life for life in lives_of if life.task == task))


def order(lives_of: Iterable[Life]) -> list[str]:
    """The tasks by the time of their start."""
    begun = [life for life in lives_of if life.attempts]
    return [life.task for life in sorted(begun, key=lambda life: life.attempts[0].began.at_s)]


def reserved(lives_of: Iterable[Life]) -> int:
    """How many messages a worker took while the first of them kept its one child busy."""
    first, *others = sorted(lives_of, key=lambda life: life.events[0].at_s)
    (left,) = first.of("body-left")
    return sum(event.at_s < left.at_s - 1 for life in others for event in life.of("message-delivered"))


def pids(lives_of: Iterable[Life]) -> set[int | None]:
    """The processes that ran them."""
    return {attempt.pid for life in lives_of for attempt in life.attempts}


def errors(life: Life) -> set[str]:
    """What a task failed with, by whoever said it: its worker, its child, or both."""
    return {str(event.get("error_type")) for event in life.of("task-failed")}


def outcome_of(shown: Shown, task: str) -> tuple[str | None, str]:
    """How the one task of that name ended that the app itself sent."""
    (life,) = [
        life
        for each in shown.histories
        for life in lives(each).values()
        if life.task == f"{shown.app}.{task}"
    ]
    return life.outcome, life.error_type


def started(lives_of: Iterable[Life]) -> list[float]:
    """When each was first started, in seconds of the stage's clock."""
    return [life.attempts[0].began.at_s for life in lives_of if life.attempts]


def examined(
    app: str, root: Path, opened: OpenWorld, promises: Contract, phases: Sequence[Sequence[Experiment]],
    keep: Path, broker: str = "redis", last: Any = None,
) -> Shown:  # fmt: skip
    """Lint an app, then run its experiments on a stage of its own, phase by phase; `last` sees the world."""
    folder = root / FOLDER
    with_files = {"FILES": str(keep)}
    before = {name: os.environ.get(name) for name in with_files}
    os.environ.update(with_files)
    try:
        findings = lint(f"{app}:app", folder, promises).open
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    shown = Shown(app, {(each.rule, each.subject) for each in findings if each.severity != "unknown"})
    with opened(Target(f"{app}:app", promises, folder), broker=broker) as world:
        for phase in phases:
            shown.histories.append(conducted(world, promises, *phase, guarantees=("no_lost_task",)).history)
        if last is not None:
            last(world, shown)
        shown.files = keep / app
        shutil.copytree(world.folder / "files", shown.files, ignore_dangling_symlinks=True)
    return shown


class Boom:
    """Unpickled, it makes a folder: whoever reads it runs code of the sender's choice."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def look(world: World, shown: Shown) -> None:
    """What is asked of the world itself, when its tasks are done: broker, results, logs, a long outage."""
    url = world.broker.url()
    shown.seen["depths"] = {
        name: queue.depth
        for name, queue in world.broker.read(("failed", "dead", "celery", "lonely")).queues.items()
    }
    results: Any = world.results
    shown.seen["ttls"] = [results.client.ttl(key) for key in results.client.keys("celery-task-meta-*")]
    shown.seen["foreign"] = _published(url, world.snapshot["queues"]["wild"]["exchange_type"])
    mark = world.folder / "files" / "unpickled"
    with Celery("stranger", broker=url, set_as_current=False) as stranger:
        stranger.send_task(f"{shown.app}.once", (Boom(mark),), serializer="pickle", queue="orders")
    shown.seen["unpickled"] = world.advance(mark.exists, within_s=30)
    world.broker.kill()
    shown.seen["gave up"] = world.advance(
        lambda: all(worker.ended() for worker in world.workers.values()), within_s=200
    )
    world.broker.start()


def _published(url: str, exchange_type: str) -> bool:
    """Whether a message with a concrete key arrives in a queue that is bound with a pattern."""
    exchange = kombu.Exchange("wild", type=exchange_type)
    with kombu.Connection(url) as connection:
        queue = kombu.Queue("wild", exchange, routing_key="wild.*")(connection.default_channel)
        queue.declare()
        connection.Producer().publish("x", exchange=exchange, routing_key="wild.one")
        return queue.get(no_ack=True) is not None


def redis_phases(app: str) -> list[list[Experiment]]:
    """All experiments of the apps on Redis; those of one phase run side by side."""

    def plan(*sends: Send, **options: Any) -> Experiment:
        return planned(app, *sends, **options)

    retried = [plan(Send(task, FAILS)) for task in (
        "flaky", "globbed", "misspelled", "policy", "starred", "mistyped", "once",
    )]  # fmt: skip
    main = [
        *retried,
        plan(Send("herd", FAILS, count=4)),
        plan(Send("endless", FAILS), runaway_after=12),
        plan(Send("broad", MISTAKEN)),
        plan(Send("patient")),
        plan(Send("long", Body(hold_s=300)), runaway_after=2),
        plan(Send("poison", Body(dies=True)), runaway_after=6),
        plan(Send("requeued"), watch_s=60),
        plan(Send("pay", args=(1,)), runaway_after=6),
        *(plan(Send(task), settle_within_s=60) for task in ("unfound", "unrouted", "waiting", "typo")),
        plan(
            Send("second", Body(hold_s=30)), Send("second", at_s=5, count=3), Send("first", at_s=6, count=3),
            Send("second", at_s=7, count=3), name="ranks",
        ),
        plan(Send("calm", Body(hold_s=30)), Send("calm", at_s=5, count=4), Send("hurry", at_s=6, count=4),
             name="tiers"),
        plan(Send("hooked", Body(dies=True))),
        plan(Send("lost", FAILS)),
        plan(Send("letter"), settle_within_s=60),
        plan(Send("letter" if app == "bad" else "lost", Body(rejects=True)), name="rejected"),
        plan(Send("hang", Body(hold_s=60))),
        plan(Send("alone", Body(hold_s=30))),
        plan(Send("late", Body(hold_s=30))),
        plan(Send("swallow")),
        plan(Send("unsendable")),
        plan(Send("zero", Body(hold_s=60))),
        plan(Send("limited", count=12)),
        plan(Send("asking")),
        plan(Send("logging_one")),
        plan(Send("order", args=(1,))),
        plan(Send("gone" if app == "bad" else "logging_one"), name="unknown", settle_within_s=60),
        plan(Send("second", at_s=60, count=6, every_s=2), name="children"),
    ]  # fmt: skip
    outage = Strike("results_gone", when=Trigger(on="body-entered", nth=1, heal_after_s=4))
    return [main, [plan(Send("answer", Body(hold_s=1)), strikes=(outage,))]]


def redis_workers(app: str) -> list[WorkerLayout]:
    """How each is run: the bad one shares, repeats and uses a pool that enforces nothing."""
    bad = app == "bad"
    tiers = [WorkerLayout("tiers", ("urgent", "slow"))] if bad else [
        WorkerLayout("urgent", ("urgent",)), WorkerLayout("slow", ("slow",))
    ]  # fmt: skip
    return [
        WorkerLayout("main", ("orders", "failed") if bad else ("orders", "lonely"), concurrency=8),
        WorkerLayout("ranked", ("ranked",)),
        *tiers,
        WorkerLayout("limited", ("limited",), replicas=2 if bad else 1),
        WorkerLayout("alone", ("alone",), pool="solo" if bad else "prefork"),
    ]


def look_at_rabbitmq(world: World, shown: Shown) -> None:
    """What RabbitMQ does with limits, unconfirmed publishes, changed queues and dropped connections."""
    url = world.broker.url()
    with kombu.Connection(url) as connection:
        channel = connection.default_channel
        for name, queue in world.snapshot["queues"].items():
            kombu.Queue(name, kombu.Exchange(name), name, queue_arguments=queue["arguments"])(
                channel
            ).declare()
        arguments = {"x-max-priority": 9} if world.snapshot["queues"]["ordered"]["arguments"] else {}
        changed = kombu.Queue("ordered", kombu.Exchange("ordered"), "ordered", queue_arguments=arguments)
        try:
            changed(connection.channel()).declare()
        except PreconditionFailed as error:
            shown.seen["refused"] = error.code
    sent = [world.send(f"{shown.app}.start", (), {}, options={"queue": "full"}) for _ in range(5)]
    kept = world.send(f"{shown.app}.start", (), {}, options={"queue": "kept"})
    world.advance(lambda: False, within_s=5)
    shown.seen["depths"] = {
        name: queue.depth for name, queue in world.broker.read(("full", "kept")).queues.items()
    }
    world.broker.drop_connections()
    hurried = world.send(f"{shown.app}.start", (), {}, options={"retry": False})
    world.broker.drop_connections()
    patient = world.send(f"{shown.app}.start", (), {})
    failed = {event.task_id for event in world.events() if event.kind == "publish-failed"}
    shown.seen["failed to publish"] = len(failed & set(sent))
    shown.seen["kept was sent"] = kept not in failed
    shown.seen["without retry"], shown.seen["with retry"] = hurried not in failed, patient not in failed


def wired_phases(app: str) -> list[list[Experiment]]:
    """The experiments on RabbitMQ."""
    return [[
        planned(app, Send("slow", Body(hold_s=30)), watch_s=20),
        planned(app, Send("start"), watch_s=20),
    ]]  # fmt: skip
