"""A change of configuration shows which guarantees it changes: nine edits of myhours, judged in one run.

Each edit concerns a tier or a promise of its own, so that one run of the gate tells them apart. What the base
guarantees is said by a lock file of the shared run.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from harness import gate, lock_file
from harness.comparison import Comparison
from harness.differences import Difference, Kind
from harness.guarantees import Guarantees, observe
from harness.plugin import Judgement
from harness.revisions import Repository
from harness.verdict import Outcome
from scenarios.since import need_young_settings

pytestmark = pytest.mark.timeout(900)  # the first test waits for the shared run and for that of the edits

APP = "myhours.celery:app"
ALONE = {"simulated": "simulated"}
"""Where scenarios run on one stage only the gate does; else it asks both, as it does by itself."""
HIGH = 'base_s = 60, factor = 2, cap_s = 3600, jitter = "bounded" }\n\n[tiers.high.dead_letter]'
RETRIES = 'max_retries = {}\ndelay = {{ shape = "exponential", {}'
EDITS = {
    "five retries of critical become two": (
        "myhours/policy.py", '("payroll.tasks.*",), 5, 30', '("payroll.tasks.*",), 2, 30',
    ),
    "three retries of high become four": (
        "myhours/policy.py", "3, delay_s, cap_s, 100", "4, delay_s, cap_s, 100",
    ),
    "and it is promised": ("contract.toml", RETRIES.format(3, HIGH), RETRIES.format(4, HIGH)),
    "background waits longer": ("myhours/policy.py", "2, 300, 1800, 780", "2, 400, 1800, 780"),
    "and that is promised": (
        "contract.toml", "base_s = 300, factor = 2, cap_s = 1800", "base_s = 400, factor = 2, cap_s = 1800",
    ),
    "low may run three times as often": ("myhours/policy.py", "soft_s, hard_s, 20)", "soft_s, hard_s, 60)"),
    "no event says that a task was sent": (
        "myhours/configuration.py", "task_send_sent_event = True", "task_send_sent_event = False",
    ),
    "children are replaced earlier": (
        "myhours/settings.py", '_PER_CHILD", 500)', '_PER_CHILD", 400)',
    ),
    "results are gone after ten minutes": (
        "myhours/settings.py",
        '_number("CELERY_RESULT_EXPIRES", 3600)', '_number("CELERY_RESULT_EXPIRES", 600)',
    ),
    "alerts may take longer": ("contract.toml", "within_s = 120\n", "within_s = 300\n"),
    "poison is braked earlier": (
        "myhours/policy.py", '"MYHOURS_RUNS_BEFORE_BRAKE", "3"', '"MYHOURS_RUNS_BEFORE_BRAKE", "2"',
    ),
}  # fmt: skip
"""What is changed: the file, the place, and what stands there instead."""


@pytest.fixture(scope="module")
def locked(myhours: Judgement) -> str:
    """The lock file of the shared run."""
    return lock_file.dumps(observe(myhours.contract, myhours.history, myhours.verdicts))


@pytest.fixture(scope="module")
def request_of_edits(
    locked: str, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> gate.Request:
    """A repository in which myhours and its lock file are committed, and all edits are made."""
    root = tmp_path_factory.mktemp("gate")
    ignored = shutil.ignore_patterns("__pycache__", "reports", "var", "*.sqlite3")
    shutil.copytree(pytestconfig.rootpath / "myhours", root / "myhours", ignore=ignored)
    lock_file.write(root / "reports" / "guarantees.lock.toml", locked)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "base"]):
        named = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
        subprocess.run(["git", *named, *words], cwd=root, check=True)
    for path, place, instead in EDITS.values():
        file = root / "myhours" / path
        text = file.read_text(encoding="utf-8")
        assert text.count(place) == 1, f"{path} has no such place, or several: {place!r}"
        file.write_text(text.replace(place, instead), encoding="utf-8")
    return gate.Request(
        APP, root / "myhours", lock=root / "reports" / "guarantees.lock.toml", reports=root / "reports",
        stage=ALONE.get(str(pytestconfig.getoption("--stage")), ""),
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(request_of_edits: gate.Request) -> Comparison:
    """What the gate says of all edits; one run."""
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


def test_results_that_are_gone_earlier_are_weaker(compared: Comparison) -> None:
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


def test_nothing_else_differs(compared: Comparison) -> None:
    """What a machine that bends its clocks cannot judge is unknown, and neither weaker nor stronger."""
    judged = [each for each in compared.differences if each.kind is not Kind.UNKNOWN]
    guarantees = {"retry_cap", "rate_limit", "events_present", "result_expiry"}
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
    myhours: Judgement, locked: str, pytestconfig: pytest.Config
) -> None:
    """Another seed, another machine: the same bytes."""
    need_young_settings(myhours)
    if myhours.history.header.broker != "redis":
        pytest.skip("the lock file is of Redis")
    assert (pytestconfig.rootpath / lock_file.DEFAULT).read_text(encoding="utf-8") == locked
