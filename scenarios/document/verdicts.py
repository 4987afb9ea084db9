"""What verdicts say of a claim: those of the app as documented, and those of the app to copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.verdict import Outcome, Verdict
from scenarios.claims import Claim
from scenarios.document.bench import Seen


def by_verdict(claim: Claim, verdicts: Iterable[Verdict]) -> Seen:
    """What the verdict that judges the claim says; AssertionError where it does not say what it must."""
    found = [v for v in verdicts if v.guarantee == claim.guarantee and v.tier == claim.tier]
    assert found, f"nothing promises {claim.guarantee} in tier {claim.tier}"
    verdict = found[0]
    story = f"{verdict.observed}\n{verdict.blame}\n{verdict.mend}"
    assert verdict.outcome is not Outcome.UNKNOWN, f"unknown: {verdict.observed}"
    assert claim.says in story, f"no word of {claim.says!r}: {story}"
    return Seen(verdict.outcome is Outcome.KEPT, verdict.observed, verdict.promised)


def all_kept(guarantees: Sequence[str], verdicts: Sequence[Verdict]) -> Seen:
    """Whether every tier that promises them keeps these guarantees."""
    found = [verdict for verdict in verdicts if verdict.guarantee in guarantees]
    failed = [f"{v.outcome.value} {v.guarantee} [{v.tier}]" for v in found if v.outcome is not Outcome.KEPT]
    missing = set(guarantees) - {verdict.guarantee for verdict in found}
    text = ", ".join(failed) or f"{len(found)} of {len(found)} kept"
    return Seen(not failed and not missing, text)
