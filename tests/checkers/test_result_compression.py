"""`result_compression`: large results are stored compressed, by the promised method."""

from __future__ import annotations

from harness.checkers.result_compression import ResultCompression
from harness.contract import Contract, Result, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Send
from tests.checkers.histories import PAY, event, option, run, sent

TIER = Tier("critical", ("payroll.*",), members=(PAY,), result=Result(compression="gzip"))


def judged(*events: Event, **settings: object) -> Verdict:
    conf = {name: option(value) for name, value in settings.items()}
    history: History = run(*events, settings={"conf": conf})
    verdict = ResultCompression().verdict(Contract((TIER,)), TIER, history)
    assert verdict is not None
    return verdict


def asked(returns_bytes: int = 40_000) -> Event:
    return sent("a", PAY, 0.0, "result_compression/critical", body={"returns_bytes": returns_bytes})


def stored(compressed: object, compression: str | None = None) -> Event:
    return event(
        "result-stored",
        1.0,
        "a",
        status="SUCCESS",
        size_bytes=40_200,
        compressed=compressed,
        compression=compression,
    )


def test_kept_where_the_large_result_is_compressed() -> None:
    verdict = judged(asked(), stored(True, "gzip"))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1,))
    assert judged(asked(), stored("gzip")).outcome is Outcome.KEPT
    assert judged(asked(), stored(True, "application/x-gzip")).outcome is Outcome.KEPT
    assert judged(asked(), stored(True)).outcome is Outcome.KEPT


def test_broken_where_it_is_not() -> None:
    verdict = judged(asked(), stored(False))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.observed == "a result of 40200 bytes was stored uncompressed"
    assert (verdict.blame, verdict.mend) == ("result_compression is not set", "result_compression = 'gzip'")


def test_broken_where_this_celery_ignores_the_setting() -> None:
    verdict = judged(asked(), stored(False), result_compression="gzip")
    assert verdict.blame == "this Celery ignores result_compression = 'gzip'"
    assert verdict.mend == "celery>=5.7"


def test_broken_where_the_method_is_another() -> None:
    verdict = judged(asked(), stored(True, "bzip2"))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.blame == "result_compression = 'bzip2'"


def test_unknown_without_a_large_result() -> None:
    assert judged(asked(10), stored(True)).outcome is Outcome.UNKNOWN
    assert judged(asked()).outcome is Outcome.UNKNOWN


def test_the_experiment_asks_for_twice_the_size() -> None:
    (one,) = ResultCompression().experiments(Contract((TIER,)), TIER)
    assert one.name == "result_compression/critical"
    assert one.sends == (Send(PAY, Body(stub=True, returns_bytes=40_000)),)
