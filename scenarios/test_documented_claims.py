"""What each claim of the configuration document is worth, by the run of the app as documented."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement
from scenarios.claims import CLAIMS, Claim

JUDGED = [claim for claim in CLAIMS if claim.guarantee]
AT_LEAST = 25


@pytest.mark.parametrize("claim", JUDGED, ids=lambda claim: f"{claim.number}-{claim.guarantee}-{claim.tier}")
def test_a_claim_is_found_to_be_what_it_is(documented: Judgement, claim: Claim) -> None:
    """Broken with the setting to blame, or kept with what was seen: as the facts say."""
    header = documented.history.header
    if claim.broker not in ("", header.broker):
        pytest.skip(f"on {claim.broker}: {claim.fact}")
    major, minor = header.versions["celery"].split(".")[:2]
    if (int(major), int(minor)) < claim.celery:
        pytest.skip(claim.fact)
    if claim.holds:
        documented.assert_kept(claim.guarantee, claim.tier)
        assert claim.says in documented.of(claim.guarantee, claim.tier)[0].observed
    else:
        documented.assert_broken(claim.guarantee, claim.tier, says=claim.says)


def test_every_claim_is_judged_or_says_why_not() -> None:
    """Fifty of them, in order; at least twenty-five by running."""
    assert [claim.number for claim in CLAIMS] == list(range(1, 51))
    assert not [claim.number for claim in CLAIMS if bool(claim.guarantee) == bool(claim.why_not)]
    assert len(JUDGED) >= AT_LEAST
