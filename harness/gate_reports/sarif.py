"""The gate's answer as SARIF, for code scanning."""

from __future__ import annotations

from importlib import metadata

from harness.comparison import Comparison, guarantee_of
from harness.differences import Difference, Kind
from harness.gate_report import GateReport
from harness.gate_reports._told import evidence, step, title
from harness.reporters import _sarif
from harness.reporters._story import Place, place_of
from harness.reporters.sarif import rule

PROMISE = _sarif.Rule("promise", "A promise of the contract is weaker than it was.")


class SarifGate(GateReport):
    """SARIF 2.1.0: what is weaker (error) or was not judged (warning), at the line that promises it."""

    def render(self, comparison: Comparison, *, color: bool) -> str:
        """The log; what the lock file accepted is a note."""
        wanted = [each for each in comparison.differences if each.kind in (Kind.WEAKENED, Kind.UNKNOWN)]
        names = dict.fromkeys(_rule_of(each) for each in wanted)
        rules = [PROMISE if name == PROMISE.id else rule(name) for name in names]
        results = [_result(comparison, each) for each in wanted]
        for found in comparison.findings or ():
            rules += (
                [] if any(each.id == found.rule for each in rules) else [_sarif.Rule(found.rule, found.what)]
            )
            level = "error" if found.severity == "high" else "warning"
            place = place_of(found.where) or Place(comparison.lock, 1)
            message = f"{found.subject}: {found.what}\nmend: {found.mend}"
            identity = f"{found.rule}/{found.subject}"
            results.append(_sarif.Result(found.rule, level, message, place, identity))  # type: ignore[arg-type]
        version = metadata.version("celery-harness")
        return _sarif.render(version, rules, results, outcome=comparison.outcome.value, base=comparison.base)


def _rule_of(each: Difference) -> str:
    return guarantee_of(each) or PROMISE.id


def _result(found: Comparison, each: Difference) -> _sarif.Result:
    lines = [f"{title(each)} is {each.kind.value}: {step(each)}."]
    lines += [f"{name}: {text}" for name, text in evidence(found, each)]
    level = "error" if each.kind is Kind.WEAKENED else "warning"
    return _sarif.Result(
        rule=_rule_of(each),
        level="note" if found.is_accepted(each) else level,  # type: ignore[arg-type]
        message="\n".join(lines),
        place=place_of(found.origin(each)) or Place(found.lock, 1),
        identity=f"gate/{each.part}/{each.of}/{each.name}",
    )
