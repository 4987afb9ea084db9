"""A queue of dead letters with a worker on it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import DEAD_LETTERS, NO_WORKERS, several


class DeadLetterConsumed(Rule):
    """A worker of the contract consumes a queue that is named for dead letters.

    The worker acknowledges each entry as soon as its task has run: nothing stays for review. No finding for
    the queues of tiers whose contract says `dead_letter.to = "task:..."`. Says `unknown` without a
    contract.
    """

    id = "DLQ006"
    severity = Severity.MEDIUM
    why = "The queue of dead letters is always empty; the evidence is a result that expires."
    mend = "Let nobody consume it, and replay from it by hand; or keep dead letters in a table."
    source = "celery/worker/strategy.py; celery/worker/request.py: acknowledge"
    proof = "scenarios/rules/test_dead_letters.py::test_a_consumed_queue_keeps_nothing"

    def check(self, app: Configuration) -> Iterator[Finding]:
        named = [name for name in app.queues if DEAD_LETTERS.search(name)]
        if not named:
            return
        if app.workers is None or app.contract is None:
            yield self.unknown(app, several(named), NO_WORKERS)
            return
        for worker in app.workers:
            for queue in app.consumed(worker):
                if queue in named:
                    origin = app.contract.origin(f"workers.{worker.name}.queues")
                    what = f"the worker {worker.name} consumes and acknowledges whatever is put there"
                    yield self.found(app, queue, what, origin)
