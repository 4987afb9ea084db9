"""What each claim of the configuration document is worth: what is stored is what these workers show now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import metadata
from typing import Any

import pytest

from harness.plugin import Judgement, stage_for
from scenarios.claims import CLAIMS, Claim
from scenarios.document import page
from scenarios.document.bench import DOCUMENTED, INTENDED, Bench, bench
from scenarios.document.verdicts import all_kept, by_verdict

OpenBench = Callable[[str], Bench]
STORED: dict[str, Any] = json.loads(page.DATA.read_text(encoding="utf-8"))
BY_VERDICT = [claim for claim in CLAIMS if claim.guarantee]
BY_EXPERIMENT = [claim for claim in CLAIMS if claim.observe and not claim.long]
BOTH = [claim for claim in BY_EXPERIMENT if claim.both]


def named(claim: Claim) -> str:
    """The id of a test of a claim."""
    return f"{claim.number}-{claim.guarantee or getattr(claim.observe, '__name__', '')}"


@pytest.fixture(scope="module")
def benches(pytestconfig: pytest.Config, harness_seed: int) -> Iterator[OpenBench]:
    """One world for each of the two apps, opened when it is first asked for."""
    broker, stage = str(pytestconfig.getoption("--broker")), str(pytestconfig.getoption("--stage"))
    stage_for(pytestconfig, broker)
    opened: dict[str, Bench] = {}
    with ExitStack() as stack:

        def open_once(app: str) -> Bench:
            if app not in opened:
                opened[app] = stack.enter_context(bench(app, broker, seed=harness_seed, stage=stage))
            return opened[app]

        yield open_once


@pytest.mark.parametrize("claim", BY_VERDICT, ids=named)
def test_a_verdict_says_what_a_claim_is_worth(documented: Judgement, claim: Claim) -> None:
    """Broken with the setting to blame, or kept with what was seen: as it is stored, and as the facts say."""
    header = documented.history.header
    if claim.broker not in ("", header.broker):
        pytest.skip(f"on {claim.broker}: {claim.fact}")
    major, minor = header.versions["celery"].split(".")[:2]
    if (int(major), int(minor)) < claim.celery:
        pytest.skip(claim.fact)
    assert_as_stored(claim, header.broker, by_verdict(claim, documented.verdicts).holds)


@pytest.mark.parametrize("claim", BY_EXPERIMENT, ids=named)
def test_an_experiment_shows_what_a_claim_is_worth(benches: OpenBench, claim: Claim) -> None:
    """With the app as documented, and what it only talks about wired up."""
    assert claim.observe is not None
    if celery_version() < claim.celery:
        pytest.skip(claim.fact)
    opened = benches(DOCUMENTED)
    seen = claim.observe(opened)
    assert seen.holds == claim.expected(opened.broker), seen.observed
    assert_as_stored(claim, opened.broker, seen.holds)


@pytest.mark.parametrize("claim", BOTH, ids=named)
def test_the_same_experiment_succeeds_with_myhours(benches: OpenBench, claim: Claim) -> None:
    """The intent of the claim is true where the configuration does what it says."""
    assert claim.observe is not None
    if celery_version() < claim.instead_celery:
        pytest.skip(claim.instead)
    seen = claim.observe(benches(INTENDED))
    assert seen.holds, seen.observed


@pytest.mark.parametrize("claim", [each for each in CLAIMS if each.shown_by], ids=named)
def test_myhours_keeps_what_a_claim_promises(myhours: Judgement, claim: Claim) -> None:
    """Every tier that promises it."""
    young = {"result_expiry", "result_compression"} & set(claim.shown_by)
    if young and tuple(map(int, myhours.history.header.versions["celery"].split(".")[:2])) < (5, 7):
        pytest.skip("result_failure_expires and result_compression are new in Celery 5.7 (celery#9370)")
    kept = all_kept(claim.shown_by, myhours.verdicts)
    assert kept.holds, kept.observed


def test_every_claim_is_judged_by_running_on_both_brokers() -> None:
    """Fifty of them, in order, each agreeing with the facts; and myhours does what it does instead."""
    assert [claim.number for claim in CLAIMS] == list(range(1, 51))
    assert not [claim.number for claim in CLAIMS if bool(claim.guarantee) == bool(claim.observe)]
    assert not page.disagreements(STORED)


def test_the_page_is_current() -> None:
    """`docs/claims.md` is what is stored; `python scenarios/judge_document.py --render` writes it."""
    assert page.PAGE.read_text(encoding="utf-8") == page.render(STORED)


def celery_version() -> tuple[int, int]:
    """Major and minor."""
    major, minor = metadata.version("celery").split(".")[:2]
    return int(major), int(minor)


def assert_as_stored(claim: Claim, broker: str, holds: bool) -> None:
    """What was seen now is what the page says."""
    assert STORED[broker]["claims"][str(claim.number)]["holds"] is holds
    assert holds == claim.expected(broker)
