"""A change of configuration shows which guarantees it changes: nine edits of myhours, judged in one run.

Each edit concerns a tier or a promise of its own, so that one run of the gate tells them apart. What the base
guarantees is said by a lock file of the shared run.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness import gate, lock_file
from harness.comparison import Comparison
from harness.differences import Difference, Kind
from harness.guarantees import Guarantees
from harness.plugin import Judgement
from harness.revisions import Repository
from harness.verdict import Outcome
from scenarios import edits
from scenarios.ahead import EDITED, Ahead
from scenarios.since import need_young_settings, young_settings

pytestmark = pytest.mark.timeout(900)  # the first test waits for the shared run and for that of the edits

ALONE = {"simulated": "simulated"}
"""Where scenarios run on one stage only the gate does; else it asks both, as it does by itself."""


@pytest.fixture(scope="module")
def request_of_edits(
    ahead: Ahead | None, myhours: Judgement, tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> gate.Request:  # fmt: skip
    """A repository in which myhours and its lock file are committed, and all edits are made."""
    stage = ALONE.get(str(pytestconfig.getoption("--stage")), "")
    if ahead is not None and ahead.makes(EDITED):
        ahead.result(EDITED)
        return edits.request(ahead.folder / "gate", stage)
    return edits.edited(pytestconfig.rootpath / "myhours", tmp_path_factory.mktemp("gate"), myhours, stage)


@pytest.fixture(scope="module")
def compared(ahead: Ahead | None, request_of_edits: gate.Request) -> Comparison:
    """What the gate says of all edits; one run."""
    if ahead is not None and ahead.makes(EDITED):
        found: Comparison = ahead.result(EDITED)
        return found
    return gate.gate(request_of_edits)


def found(compared: Comparison, part: str, of: str, name: str) -> tuple[Kind, object, object] | None:
    """What is said of one thing; None where it is as it was."""
    for each in compared.differences:
        if (each.part, each.of, each.name) == (part, of, name):
            return each.kind, each.before, each.after
    return None


def test_a_retry_less_is_weaker_and_the_verdict_shows_it(compared: Comparison) -> None:
    assert found(compared, "guarantees", "critical", "retry_cap") == (Kind.WEAKENED, "kept", "broken")
    for task in ("payroll.tasks.calculate_payroll", "payroll.tasks.process_salary_payment"):
        assert found(compared, "facts", task, "attempts.filesystem") == (Kind.WEAKENED, 6, 3)
    evidence = compared.evidence(Difference(Kind.WEAKENED, "guarantees", "critical", "retry_cap", "", ""))
    assert evidence is not None
    assert "3 attempts, promised 6" in evidence.observed
    assert "--only retry_cap --tier critical" in evidence.reproduce


def test_a_retry_more_is_stronger(compared: Comparison) -> None:
    assert found(compared, "promises", "high", "retry.max_retries") == (Kind.STRENGTHENED, 3, 4)
    task = "worktime.tasks.process_time_tracking"
    assert found(compared, "facts", task, "attempts.filesystem") == (Kind.STRENGTHENED, 4, 5)
    assert found(compared, "guarantees", "high", "retry_cap") is None


def test_another_delay_that_is_kept_is_neutral(compared: Comparison) -> None:
    assert found(compared, "promises", "background", "retry.delay.base_s") == (Kind.NEUTRAL, 300, 400)
    kind, before, after = found(compared, "facts", "integrations.tasks.sync_holidays", "delays") or (
        None,
        None,
        None,
    )
    assert (kind, before, after) == (
        Kind.NEUTRAL, ["150 to 300 s", "300 to 600 s"], ["200 to 400 s", "400 to 800 s"],
    )  # fmt: skip
    kind, *_ = found(compared, "guarantees", "background", "retry_delays") or (None,)
    assert kind in (None, Kind.UNKNOWN)  # unknown where this machine bent its clocks


def test_a_higher_rate_is_weaker_where_it_was_promised(compared: Comparison) -> None:
    assert found(compared, "guarantees", "low", "rate_limit") == (Kind.WEAKENED, "kept", "broken")
    assert found(compared, "guarantees", "critical", "rate_limit") is None


def test_events_that_are_missing_are_missed_in_every_tier(compared: Comparison) -> None:
    for tier in ("critical", "high", "background", "low", "normal"):
        assert found(compared, "guarantees", tier, "events_present") == (Kind.WEAKENED, "kept", "broken")


def test_results_that_are_gone_earlier_are_weaker(compared: Comparison, myhours: Judgement) -> None:
    need_young_settings(myhours)
    assert found(compared, "guarantees", "normal", "result_expiry") == (Kind.WEAKENED, "kept", "broken")
    assert found(compared, "facts", "core.tasks.cleanup_old_logs", "result.success") == (
        Kind.WEAKENED,
        3600,
        600,
    )


def test_a_promise_that_is_loosened_is_weaker_though_it_is_kept(compared: Comparison) -> None:
    assert found(compared, "promises", "critical", "alert.within_s") == (Kind.WEAKENED, 120, 300)
    assert found(compared, "guarantees", "critical", "alert_sent") is None


def test_poison_that_is_braked_earlier_is_neutral(compared: Comparison) -> None:
    assert found(compared, "facts", "core.tasks.generate_reports", "poison") == (
        Kind.NEUTRAL, "failed after 3 runs", "failed after 2 runs",
    )  # fmt: skip
    assert found(compared, "guarantees", "low", "poison_braked") is None


def test_a_setting_that_changes_no_guarantee_is_shown_and_no_more(compared: Comparison) -> None:
    assert any(change.name == "worker_max_tasks_per_child" for change in compared.settings)
    assert not any("worker_max_tasks_per_child" in each.text for each in compared.differences)


def test_nothing_else_differs(compared: Comparison, myhours: Judgement) -> None:
    """What a machine that bends its clocks cannot judge is unknown, and neither weaker nor stronger."""
    judged = [each for each in compared.differences if each.kind is not Kind.UNKNOWN]
    guarantees = {"retry_cap", "rate_limit", "events_present"}
    guarantees |= {"result_expiry"} if young_settings(myhours) else set()
    assert {each.name for each in judged if each.part == "guarantees"} == guarantees
    facts = {each.name.partition(".")[0] for each in judged if each.part == "facts"}
    assert facts == {"attempts", "delays", "result", "poison"}


def test_it_fails_until_the_lock_file_says_the_same_in_the_same_change(
    compared: Comparison, request_of_edits: gate.Request
) -> None:
    assert compared.outcome is Outcome.BROKEN
    assert compared.lock_current is False
    known = lock_file.read(request_of_edits.lock)
    assert known is not None
    now = lock_file.dumps(updated(known, compared))
    before = request_of_edits.lock.read_text(encoding="utf-8")
    lock_file.write(request_of_edits.lock, now)
    try:
        repository = Repository.around(request_of_edits.workdir)
        assert repository is not None
        accepted, current = gate.acceptance(
            request_of_edits, repository, repository.base("HEAD"), compared.differences
        )  # fmt: skip
    finally:
        lock_file.write(request_of_edits.lock, before)
    assert current is True
    assert len(accepted) == len(compared.differences)


def updated(known: Guarantees, compared: Comparison) -> Guarantees:
    """The guarantees as a lock file of the edited app has them."""
    parts: dict[str, Any] = {"promises": known.promises, "guarantees": known.outcomes, "facts": known.facts}
    for each in compared.differences:
        parts[each.part][each.of][each.name] = each.after
    return known


def test_the_committed_lock_file_is_what_the_shared_run_shows(
    myhours: Judgement, pytestconfig: pytest.Config
) -> None:
    """Another seed, another machine: the same bytes."""
    need_young_settings(myhours)
    if myhours.history.header.broker != "redis":
        pytest.skip("the lock file is of Redis")
    assert (pytestconfig.rootpath / lock_file.DEFAULT).read_text(encoding="utf-8") == edits.locked(myhours)
