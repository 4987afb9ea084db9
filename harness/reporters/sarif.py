"""The judgement as SARIF, for code scanning: each verdict that is not kept, at the line that promises it."""

from __future__ import annotations

from collections.abc import Sequence

from harness import discovery
from harness.contract import Contract
from harness.history import History
from harness.reporter import Reporter
from harness.reporters import _sarif
from harness.reporters._story import Place, place_of, story
from harness.verdict import Outcome, Verdict, overall


class SarifReport(Reporter):
    """SARIF 2.1.0: what is broken (error) or unknown (warning), at the line that promises it."""

    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The log, with one rule for each guarantee that is not kept."""
        failed = [verdict for verdict in verdicts if verdict.outcome is not Outcome.KEPT]
        header = history.header
        return _sarif.render(
            header.versions.get("celery-harness", "0"),
            [rule(name) for name in dict.fromkeys(verdict.guarantee for verdict in failed)],
            [_result(verdict, contract) for verdict in failed],
            outcome=overall(verdicts).value,
            app=header.app,
            stage=header.stage,
            broker=header.broker,
            seed=header.seed,
        )


def rule(guarantee: str) -> _sarif.Rule:
    """A guarantee as a rule: what ``celery-harness explain`` says."""
    known = guarantee in discovery.names("checkers")
    summary = discovery.summary("checkers", guarantee) if known else guarantee
    text = discovery.explanation("checkers", guarantee) if known else guarantee
    return _sarif.Rule(guarantee, summary, text)


def _result(verdict: Verdict, contract: Contract) -> _sarif.Result:
    place = place_of(verdict.origin) or place_of(verdict.blame) or Place(contract.path or "contract.toml", 1)
    lines = [f"{verdict.guarantee} [{verdict.tier}] is {verdict.outcome.value}."]
    lines += [f"{name}: {text}" for name, text in story(verdict)]
    return _sarif.Result(
        rule=verdict.guarantee,
        level="error" if verdict.outcome is Outcome.BROKEN else "warning",
        message="\n".join([*lines, f"reproduce: {verdict.reproduce}"]),
        place=place,
        identity=f"{verdict.guarantee}/{verdict.tier}",
        properties={"tier": verdict.tier, "outcome": verdict.outcome.value, "reproduce": verdict.reproduce},
    )
