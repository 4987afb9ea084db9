"""`result_serializer`: results are stored in the promised serialisation."""

from __future__ import annotations

from harness.checkers.result_serializer import ResultSerializer
from harness.contract import Contract, Result, Tier
from harness.history import Event
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import PAY, event, run, sent

TIER = Tier("critical", ("payroll.*",), members=(PAY,), result=Result(serializer="json"))


def judged(*events: Event) -> Verdict:
    verdict = ResultSerializer().verdict(Contract((TIER,)), TIER, run(*events))
    assert verdict is not None
    return verdict


def stored(serializer: str, status: str = "SUCCESS") -> Event:
    return event("result-stored", 1.0, "a", status=status, serializer=serializer)


def test_kept_broken_and_unknown() -> None:
    publish = sent("a", PAY, 0.0, "steady/critical")
    verdict = judged(publish, stored("json"))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1,))
    verdict = judged(publish, stored("json"), stored("pickle", "FAILURE"))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2,))
    assert verdict.observed == "1 result stored as pickle, promised is json"
    assert (verdict.blame, verdict.mend) == ("result_serializer = 'pickle'", "result_serializer = 'json'")
    assert judged(publish, stored("pickle", "STARTED")).outcome is Outcome.UNKNOWN
