"""Large results are compressed."""

from __future__ import annotations

from collections.abc import Iterable

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import RESULTS
from harness.checkers._evidence import cited, counted, ids_of, member_to_send, sent_to, setting
from harness.contract import Contract, Result, Tier
from harness.history import History
from harness.workload import Body, Experiment, Send


class ResultCompression(Checker):
    """Results of at least `compression_from_bytes` are stored compressed, by the promised method.

    ``result_compression`` is read since Celery 5.7 only (celery#9370, `celery/backends/base.py`);
    before, it is accepted and ignored.
    """

    depends = RESULTS

    def promise(self, tier: Tier) -> str | None:
        if tier.result is None or tier.result.compression is None:
            return None
        size = tier.result.compression_from_bytes
        return f"results of {size} bytes and more are stored compressed with {tier.result.compression}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.result.compression"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        task = member_to_send(contract, tier)
        if task is not None and tier.result is not None:
            large = Body(stub=True, returns_bytes=2 * tier.result.compression_from_bytes)
            yield Experiment(f"{self.name}/{tier.name}", tier.name, (Send(task, large),))

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        result = tier.result or Result()
        large = [
            event
            for event in sent_to(contract, tier, history)
            if (event.get("body") or {}).get("returns_bytes", 0) >= result.compression_from_bytes
        ]
        if not large:
            return unknown("no task of the tier was asked for a large result")
        stored = [
            event
            for event in history.of("result-stored")
            if event.task_id in ids_of(large) and event.get("status") == "SUCCESS"
        ]
        if not stored:
            return unknown("no large result of the tier was stored", cited(large))
        plain = [event for event in stored if not event.get("compressed")]
        if plain:
            value = setting(history, "result_compression")
            return broken(
                f"a result of {plain[0].get('size_bytes')} bytes was stored uncompressed",
                cited(plain),
                blame="result_compression is not set"
                if value is None
                else f"this Celery ignores result_compression = {value!r}",
                mend=f"result_compression = {result.compression!r}" if value is None else "celery>=5.7",
            )
        others = [
            event
            for event in stored
            if _method(event.get("compressed"), event.get("compression")) != result.compression
        ]
        others = [event for event in others if _method(event.get("compressed"), event.get("compression"))]
        if others:
            found = _method(others[0].get("compressed"), others[0].get("compression"))
            return broken(
                f"a result was compressed by {found}, promised is {result.compression}",
                cited(others),
                blame=f"result_compression = {found!r}",
                mend=f"result_compression = {result.compression!r}",
            )
        return kept(f"{counted(len(stored), 'large result')} stored compressed", cited(stored))


def _method(compressed: object, compression: object) -> str | None:
    """The method by which a result was compressed; None where the record says only that it was."""
    known = compressed if isinstance(compressed, str) else compression
    return (
        {"application/x-gzip": "gzip", "application/x-bz2": "bzip2"}.get(str(known), str(known))
        if known
        else None
    )
