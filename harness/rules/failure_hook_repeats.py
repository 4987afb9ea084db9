"""A failure receiver that acts twice."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._idempotency import ACTIONS, UNIQUE, mentioned
from harness.rules._words import seconds, several


class FailureHookRepeats(Rule):
    """A receiver of task_failure acts without a look at the task's id, and tasks have a hard time limit.

    Celery 5.7 sends `task_failure` twice when the hard limit strikes. A receiver whose source, or that of
    what it calls, uses something unique (get_or_create, cache.add, ON CONFLICT, set nx) is taken as
    prepared.
    """

    id = "DLQ004"
    severity = Severity.MEDIUM
    why = "Each task that is killed for its time is filed, mailed or compensated twice."
    mend = "Make the record unique by task id: get_or_create(task_id=...), SET NX, a unique column."
    source = "billiard/pool.py: on_hard_timeout; celery/worker/request.py: on_timeout, on_failure"
    proof = "scenarios/rules/test_rabbitmq.py::test_the_hard_limit_calls_the_receiver_twice"

    def check(self, app: Configuration) -> Iterator[Finding]:
        limited = [task for task in app.tasks if seconds(app.option(task, "time_limit").value)]
        if not limited or app.celery < (5, 7):
            return
        for receiver in (app.settings.get("signals") or {}).get("task_failure") or ():
            function = app.sources.function(str(receiver.get("file")), int(receiver.get("line") or 0))
            if function is None:
                continue
            said = mentioned(app, function)
            if said & ACTIONS and not said & UNIQUE:
                where = f"{receiver['file']}:{receiver['line']}"
                what = f"it calls {several(said & ACTIONS)} and nothing that would do it only once"
                yield self.found(app, str(receiver["name"]), what, where)
