"""Tasks go through the queue that their tier was promised."""

from __future__ import annotations

import re

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import QUEUES
from harness.checkers._evidence import cited, counted, ids_of, only, sent_to, task_setting
from harness.contract import Contract, Tier
from harness.history import Event, History


class QueueUsed(Checker):
    """Every task of the tier is published to the promised queue and delivered from it, retries too.

    A task that no route matches goes to ``task_default_queue``, which is ``celery`` unless set
    (`celery/app/routes.py`, `celery/app/defaults.py`); a retry goes where its first attempt came
    from (`celery/app/task.py`, ``signature_from_request``). The steady state tests it.
    """

    depends = QUEUES

    def promise(self, tier: Tier) -> str | None:
        if tier.queue is None:
            return None
        return f"tasks go through the queue {tier.queue}, retries too"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.queue"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        sends = [e for e in sent_to(contract, tier, history) if "queue" not in (e.get("options") or {})]
        ids = ids_of(sends)
        if not ids:
            return unknown("no task of the tier was sent")
        publishes = only(history.of("task-sent"), ids)
        deliveries = only(history.of("message-delivered"), ids)
        astray = [e for e in [*publishes, *deliveries] if e.get("queue") and not _is_queue(tier, history, e)]
        if astray:
            return _astray(tier, history, sorted(astray, key=lambda e: e.at_s))
        placed = [e for e in [*publishes, *deliveries] if e.get("queue")]
        if not deliveries:
            return _undelivered(tier, history, placed)
        if ids - ids_of(placed):
            return unknown(
                f"the record does not say to which queue {len(ids - ids_of(placed))} of {len(ids)} went"
            )
        return kept(
            f"{counted(len(ids), 'task')} published to {tier.queue}, "
            f"{counted(len(deliveries), 'delivery', 'deliveries')} from it",
            cited(placed),
        )


def _is_queue(tier: Tier, history: History, event: Event) -> bool:
    """Whether an event names the promised queue, by its name or by the routing key that leads to it.

    RabbitMQ's native delay prefixes the key with the bits of the delay
    (`kombu/transport/native_delayed_delivery.py`).
    """
    bound = history.header.settings.get("queues", {}).get(tier.queue, {}).get("routing_key")
    key = re.sub(r"^([01]\.)+", "", str(event.get("queue")))
    return key == tier.queue or (bound is not None and key == bound)


def _astray(tier: Tier, history: History, astray: list[Event]) -> Finding:
    first = astray[0]
    queue, default = first.get("queue"), history.header.settings.get("default_queue")
    retried = first.kind == "task-sent" and first.get("retries")
    verb = "retried into" if retried else "published to" if first.kind == "task-sent" else "delivered from"
    routed = task_setting(history, first.task, "queue")
    if routed == tier.queue:
        blame = f"the app itself publishes {first.task} to {queue}: a queue= argument beats task_routes"
    elif queue == default:
        blame = f"no route matches {first.task}, so task_default_queue ({queue}) takes it"
    else:
        blame = f"task_routes (or the task's own queue option) sends {first.task} to {queue}"
    wrong = ids_of(astray)
    return broken(
        f"{first.task} was {verb} {queue}, not {tier.queue} ({counted(len(wrong), 'task')})",
        cited(astray),
        blame=blame,
        mend=f'task_routes = {{"{first.task}": {{"queue": "{tier.queue}"}}}}',
    )


def _undelivered(tier: Tier, history: History, placed: list[Event]) -> Finding:
    workers = list(history.of("worker-ready"))
    if not workers or any(tier.queue in (e.get("queues") or ()) for e in workers):
        return unknown(f"no message was delivered from {tier.queue}", cited(placed))
    return broken(
        f"{counted(len(ids_of(placed)), 'task')} in {tier.queue}, none delivered: no worker consumes it",
        cited(placed, workers),
        blame=f"the -Q of no worker names {tier.queue}",
        mend=f"celery worker -Q {tier.queue}",
    )
