"""The judgement as JUnit XML, for the test pages of CI systems."""

from __future__ import annotations

from collections.abc import Sequence

from harness.contract import Contract
from harness.history import History
from harness.reporter import Reporter
from harness.reporters import _junit
from harness.reporters._story import event_line, place_of, story, tiers_judged
from harness.verdict import Outcome, Verdict

EVENTS = 12
WIDTH = 200
RESULTS = {Outcome.KEPT: "passed", Outcome.BROKEN: "failure", Outcome.UNKNOWN: "error"}


class JunitReport(Reporter):
    """JUnit XML: one suite a tier, one case a guarantee; broken is a failure, unknown is an error."""

    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The document; a case's text has promise, observation, blame, events and the command."""
        order = tiers_judged([tier.name for tier in contract.tiers], verdicts)
        rows = sorted(verdicts, key=lambda each: (order.index(each.tier), each.guarantee))
        cases = [_case(verdict, history) for verdict in rows]
        header = history.header
        properties = {
            "stage": header.stage,
            "broker": header.broker,
            "seed": str(header.seed),
            **{f"version of {name}": version for name, version in sorted(header.versions.items())},
        }
        return _junit.render(header.app, cases, properties)


def _case(verdict: Verdict, history: History) -> _junit.Case:
    lines = [f"{name:<9}  {text}" for name, text in story(verdict)]
    lines += [event_line(history.events[place], WIDTH) for place in verdict.events[:EVENTS]]
    if len(verdict.events) > EVENTS:
        lines.append(f"and {len(verdict.events) - EVENTS} more events")
    place = place_of(verdict.origin)
    return _junit.Case(
        suite=verdict.tier,
        name=verdict.guarantee,
        result=RESULTS[verdict.outcome],  # type: ignore[arg-type]
        message=verdict.observed,
        text="\n".join([*lines, f"reproduce  {verdict.reproduce}"]),
        file=place.path if place else "",
    )
