"""Mutating one setting of myhours turns the right guarantee broken, and the verdict says what it was.

Each mutation is one line of the project's own code or one variable of its environment. The other half, that
nothing is broken without the mutation, is asked of the shared run.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.plugin import Judgement, Verify
from scenarios.since import YOUNG, need_young_settings

pytestmark = pytest.mark.harness_app("myhours.celery:app", workdir="myhours")


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is changed, what breaks, and what the verdict says of it."""

    breaks: str
    tier: str
    says: str
    environment: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    line: str = ""
    instead: str = ""


MUTATIONS = {
    "acks_late off": Mutation(
        "loss_recovered", "critical", "acks_late", environment={"CELERY_TASK_ACKS_LATE": "0"}
    ),
    "five retries become two": Mutation(
        "retry_cap", "critical", "3 attempts, promised 6", environment={"MYHOURS_CRITICAL_MAX_RETRIES": "2"}
    ),
    "no backoff": Mutation(
        "retry_delays", "critical", "", environment={"MYHOURS_CRITICAL_RETRY_DELAY_MAX_S": "30"}
    ),
    "the dead letter handler unhooked": Mutation(
        "dead_letter", "critical", "left no letter",
        file="core/receivers.py", line="@signals.task_failure.connect\n", instead="",
    ),
    "a lock of no time": Mutation(
        "deduplication", "critical", "in their bodies at once",
        file="core/task.py", line="life_s=tier.lock_s", instead="life_s=0.001",
    ),
    "results never expire": Mutation(
        "result_expiry", "critical", "", environment={"CELERY_RESULT_EXPIRES": "0"}
    ),
    "a queue without a worker": Mutation(
        "queue_consumed", "app", "core.tasks.generate_reports", file="myhours/configuration.py",
        line='"queue": tier.name}) for tier in policy.TIERS for glob in tier.tasks]]',
        instead=(
            '"queue": tier.name.replace("low", "slow")}) for tier in policy.TIERS for glob in tier.tasks]]\n'
            "task_create_missing_queues = True"
        ),
    ),
    "strangers are not filed": Mutation(
        "dead_letter_unrun", "critical", "what was unknown left no letter",
        file="core/receivers.py", line="@signals.task_unknown.connect\n", instead="",
    ),
    "everybody is alerted": Mutation(
        "no_alert", "low", "about", environment={"MYHOURS_LOW_ALERTS": "1"}
    ),
    "nobody to alert": Mutation(
        "alert_sent", "critical", "announced to nobody", environment={"CELERY_ADMIN_EMAILS": ""}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_changed_line_breaks_its_guarantee(
    verify: Verify, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Under the same contract, judged by the same checker; the verdict names what was seen."""
    mutation = MUTATIONS[name]
    for variable, value in mutation.environment.items():
        monkeypatch.setenv(variable, value)
    workdir = _mutated(pytestconfig.rootpath / "myhours", tmp_path, mutation) if mutation.file else None
    tiers = [] if mutation.tier == "app" else [mutation.tier]
    found = verify(mutation.breaks, tiers=tiers, alone=True, workdir=workdir)
    found.assert_broken(mutation.breaks, mutation.tier, says=mutation.says)


@pytest.mark.parametrize("name", MUTATIONS)
def test_without_the_mutation_the_guarantee_is_kept(myhours: Judgement, name: str) -> None:
    """The other half: what turns broken was kept."""
    if MUTATIONS[name].breaks in YOUNG:
        need_young_settings(myhours)
    myhours.assert_kept(MUTATIONS[name].breaks, MUTATIONS[name].tier)


def _mutated(project: Path, folder: Path, mutation: Mutation) -> Path:
    """A copy of the project with one place changed; the change must hit exactly one place."""
    copy = folder / "myhours"
    ignored = shutil.ignore_patterns("__pycache__", "reports", "var", "*.sqlite3")
    shutil.copytree(project, copy, ignore=ignored)
    path = copy / mutation.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutation.line) == 1, f"{mutation.file} has no such line, or several: {mutation.line!r}"
    path.write_text(text.replace(mutation.line, mutation.instead), encoding="utf-8")
    return copy
