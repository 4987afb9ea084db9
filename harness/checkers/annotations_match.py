"""Every annotation changes a task."""

from __future__ import annotations

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._evidence import counted
from harness.contract import Contract, Tier
from harness.history import History


class AnnotationsMatch(Checker):
    """Every task annotation matches a task and sets attributes that Celery reads.

    A key is the exact name of a task, or ``"*"`` for all: globs match nothing
    (`celery/app/annotations.py:MapAnnotation`). An attribute that no part of Celery reads, such as
    `retry_policy`, is set on the task and stays without effect (`celery/app/task.py:annotate`).
    """

    weight = 2
    depends = ("task_annotations", "annotations_without_effect")
    scope = "app"

    def promise(self, tier: Tier) -> str | None:
        return "every annotation matches a task and sets attributes that Celery reads"

    def path(self, tier: Tier) -> str:
        return "app"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        settings = history.header.settings
        if "annotations_without_effect" not in settings:
            return unknown("the run has no snapshot of the settings in force")
        rows = settings["annotations_without_effect"]
        if not rows:
            return kept("no annotation is without effect")
        said = []
        for row in rows:
            attribute = f", attribute {row['attribute']!r}" if row.get("attribute") else ""
            said.append(f"{row['key']!r}{attribute}: {row.get('why') or 'no effect'}")
        keys = ", ".join(dict.fromkeys(repr(row["key"]) for row in rows))
        return broken(
            f"{counted(len(rows), 'annotation')} without effect: {'; '.join(said)}",
            (),
            blame=f"task_annotations {keys} (celery/app/annotations.py)",
            mend="write exact task names and attributes of Task, or set them in the decorator",
        )
