"""Results are stored in the promised serialisation."""

from __future__ import annotations

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import RESULTS
from harness.checkers._evidence import belongs, cited, counted
from harness.contract import Contract, Tier
from harness.history import History

STATUSES = frozenset({"SUCCESS", "FAILURE"})


class ResultSerializer(Checker):
    """Stored results are serialised as promised.

    ``result_serializer`` is one for the whole app (`celery/backends/base.py`, ``Backend.__init__``);
    a task's ``serializer`` option is about its message, not its result.
    """

    depends = RESULTS

    def promise(self, tier: Tier) -> str | None:
        if tier.result is None or tier.result.serializer is None:
            return None
        return f"results are stored as {tier.result.serializer}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.result.serializer"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        promised = tier.result.serializer if tier.result else None
        ids = {event.task_id for event in history.of("task-sent") if belongs(contract, tier, event.task)}
        stored = [
            event
            for event in history.of("result-stored")
            if event.task_id in ids
            and event.get("status") in STATUSES
            and event.get("serializer") is not None
        ]
        if not stored:
            return unknown("no result of the tier was stored")
        others = [event for event in stored if event.get("serializer") != promised]
        if others:
            found = others[0].get("serializer")
            return broken(
                f"{counted(len(others), 'result')} stored as {found}, promised is {promised}",
                cited(others),
                blame=f"result_serializer = {found!r}",
                mend=f"result_serializer = {promised!r}",
            )
        return kept(f"{counted(len(stored), 'result')} stored as {promised}", cited(stored))
