"""The gate's answer as JUnit XML."""

from __future__ import annotations

from typing import Literal

from harness.comparison import Comparison
from harness.differences import Difference, Kind
from harness.gate_report import GateReport
from harness.gate_reports._told import evidence, setting, step
from harness.reporters import _junit
from harness.reporters._story import place_of


class JunitGate(GateReport):
    """JUnit XML: each difference and each guarantee that is as it was is a case; weakened fails."""

    def render(self, comparison: Comparison, *, color: bool) -> str:
        """The document; one suite for each tier or task."""
        cases = [_case(comparison, each) for each in comparison.differences]
        told = {(each.of, each.name) for each in comparison.differences}
        cases += [
            _junit.Case(v.tier, v.guarantee, "passed", f"{v.outcome.value}, as before")
            for v in comparison.after
            if (v.tier, v.guarantee) not in told
        ]
        cases += [
            _junit.Case(
                "rules", each.rule, "failure" if each.severity == "high" else "passed",
                f"{each.subject}: {each.what}", f"{each.where}\n{each.mend}",
            )
            for each in comparison.findings or ()
        ]  # fmt: skip
        properties = {"base": comparison.base}
        properties |= {change.text: setting(change) for change in comparison.settings}
        cases.sort(key=lambda case: case.suite)
        return _junit.render(f"gate {comparison.app}", cases, properties)


def _case(found: Comparison, each: Difference) -> _junit.Case:
    result: Literal["passed", "failure", "error"] = "passed"
    if each.kind is Kind.WEAKENED and not found.is_accepted(each):
        result = "failure"
    elif each.kind is Kind.UNKNOWN:
        result = "error"
    place = place_of(found.origin(each))
    return _junit.Case(
        suite=each.of,
        name=each.name,
        result=result,
        message=f"{each.kind.value}: {step(each)}",
        text="\n".join(f"{name:<9}  {text}" for name, text in evidence(found, each)),
        file=place.path if place else "",
    )
