"""Every queue that a task can go to has a worker that consumes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.blame import said
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import QUEUES
from harness.checkers._evidence import cited, counted
from harness.contract import Contract, Tier
from harness.history import Event, History


class QueueConsumed(Checker):
    """Every queue that a task in force is routed to, and the default queue, has a consumer.

    Celery publishes to a queue that no worker consumes without a warning. A worker without ``-Q``
    consumes ``task_queues`` only (`celery/app/amqp.py`, ``Queues.consume_from``), so a default queue
    (``celery`` unless ``task_default_queue`` is set) that is not among them is a black hole. A
    queue that the contract names as the place of dead letters needs no consumer.
    """

    weight = 3
    depends = (*QUEUES, "contract: workers.*")
    scope = "app"

    def promise(self, tier: Tier) -> str | None:
        return "every queue that a task can go to is consumed by a worker"

    def path(self, tier: Tier) -> str:
        return "workers"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        goers = _goers(contract, history.header.settings)
        if not goers:
            return unknown("the record has no snapshot of the routes in force")
        workers = list(history.of("worker-ready"))
        reads = list(history.of("broker-read"))
        if not workers and not any(e.get("consumers") for e in reads):
            return unknown("the record does not say which queues the workers consume")
        lonely = {queue: tasks for queue, tasks in goers.items() if queue not in _consumed(workers, reads)}
        if not lonely:
            return kept(
                f"{counted(len(goers), 'queue')} in force, each consumed: {', '.join(goers)}", cited(workers)
            )
        return _lonely(lonely, history, workers, reads)


def _goers(contract: Contract, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Queues in force, the default queue first, with the app's tasks that are routed to each."""
    exempt = {t.dead_letter.place for t in contract.tiers if t.dead_letter and t.dead_letter.kind == "queue"}
    goers: dict[str, list[str]] = {}
    if settings.get("default_queue"):
        goers[settings["default_queue"]] = []
    for task, options in sorted(settings.get("tasks", {}).items()):
        if options.get("queue") and not task.startswith("celery."):
            goers.setdefault(options["queue"], []).append(task)
    return {queue: tasks for queue, tasks in goers.items() if queue not in exempt}


def _consumed(workers: Iterable[Event], reads: Iterable[Event]) -> set[str]:
    by_option = {queue for event in workers for queue in event.get("queues") or ()}
    by_broker = {queue for event in reads for queue, n in (event.get("consumers") or {}).items() if n}
    return by_option | by_broker


def _lonely(
    lonely: Mapping[str, Sequence[str]], history: History, workers: list[Event], reads: list[Event]
) -> Finding:
    default = history.header.settings.get("default_queue")
    stuck = [e for e in history.of("task-sent") if e.get("queue") in lonely and e.task_id in _left(reads)]
    named = [
        f"queue {queue}{' (task_default_queue)' if queue == default else ''} is consumed by no worker; "
        + (
            f"{', '.join(tasks[:3])}{' and others' if len(tasks) > 3 else ''} "
            if tasks
            else "any unrouted task "
        )
        + ("goes there" if len(tasks) < 2 else "go there")
        for queue, tasks in lonely.items()
    ]
    if stuck:
        named.append(f"{counted(len(stuck), 'task')} sat there at the end")
    first = next(iter(lonely))
    return broken(
        "; ".join(named),
        cited(stuck, _readings(reads, lonely), workers),
        blame=f"{said(history, None, 'task_default_queue')}: no worker consumes it"
        if first == default
        else f"task_routes sends tasks to {first}, the -Q of no worker names it",
        mend=(
            "set task_default_queue to a queue that a worker consumes"
            if first == default
            else f"celery worker -Q {first}"
        ),
    )


def _left(reads: Iterable[Event]) -> set[str]:
    return {
        task
        for event in reads
        for queue in (event.get("queues") or {}).values()
        for task in queue.get("tasks") or ()
    }


def _readings(reads: Iterable[Event], queues: Iterable[str]) -> list[Event]:
    """The readings of the broker that found something in one of these queues."""
    wanted = set(queues)
    return [
        event
        for event in reads
        if any(name in wanted and state.get("depth") for name, state in (event.get("queues") or {}).items())
    ]
