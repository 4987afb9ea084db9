"""Ten changes of myhours, each of one line of its code or one variable of its environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.plugin import Judgement, Target, Verify


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


def mutated(name: str, judge: Verify, project: Target, folder: Path) -> Judgement:
    """The guarantee that a change breaks, judged alone."""
    mutation = MUTATIONS[name]
    workdir = _changed(project.workdir, folder, mutation) if mutation.file else project.workdir
    tiers = [] if mutation.tier == "app" else [mutation.tier]
    with _environment(mutation.environment):
        return judge(replace(project, workdir=workdir), mutation.breaks, tiers=tiers, alone=True)


@contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _changed(project: Path, folder: Path, mutation: Mutation) -> Path:
    """A copy of the project with one place changed; the change must hit exactly one place."""
    copy = folder / "myhours"
    ignored = shutil.ignore_patterns("__pycache__", "reports", "var", "*.sqlite3")
    shutil.copytree(project, copy, ignore=ignored)
    path = copy / mutation.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutation.line) == 1, f"{mutation.file} has no such line, or several: {mutation.line!r}"
    path.write_text(text.replace(mutation.line, mutation.instead), encoding="utf-8")
    return copy
