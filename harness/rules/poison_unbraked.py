"""A task that kills its process is delivered for ever."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._redelivery import limited
from harness.rules._words import by_origin, several


class PoisonUnbraked(Rule):
    """A task is put back when its process is lost, and nothing counts how often.

    `reject_on_worker_lost` redelivers; a redelivery is no retry, so `max_retries` does not stop it. Brakes
    are `task_retry_on_worker_lost` (Celery 5.7) and a quorum queue with `x-delivery-limit`. A base class
    with a `__call__` of its own may have one: then it is `unknown`, and a run of `poison_braked` tells.
    """

    id = "ACK001"
    severity = Severity.HIGH
    why = "One message that is out of memory kills child after child for ever, and blocks its worker."
    mend = (
        "Set task_retry_on_worker_lost = True (5.7), or x-delivery-limit on a quorum queue, or count the "
        "runs yourself."
    )
    source = "celery/worker/request.py: on_failure; celery#9082, PR 6103"
    proof = "scenarios/rules/test_redelivery.py::test_a_task_that_kills_its_process_comes_back_for_ever"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for origin, tasks in by_origin(app, self._poisonable(app), "reject_on_worker_lost").items():
            own = [task for task in tasks if "__call__" in (app.task(task).get("overrides") or {})]
            bare = [task for task in tasks if task not in own]
            if bare:
                what = f"{several(bare)}: redelivered after each loss of its process, without a limit"
                yield self.found(app, "reject_on_worker_lost", what, origin)
            if own:
                place = str(app.task(own[0])["overrides"]["__call__"])
                what = (
                    "whether the base class's __call__ counts runs; a run tells: verify --only poison_braked"
                )
                yield self.unknown(app, several(own), what, place)

    def _poisonable(self, app: Configuration) -> list[str]:
        return [
            task
            for task in app.tasks
            if app.option(task, "acks_late").value
            and app.option(task, "reject_on_worker_lost").value
            and not app.option(task, "retry_on_worker_lost").value
            and not limited(app, task)
        ]
