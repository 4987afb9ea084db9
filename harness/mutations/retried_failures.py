"""See `RetriedFailures`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

CLASSES = {
    "filesystem": ("OSError",),
    "mail": ("smtplib.SMTPException",),
    "database": ("sqlite3.OperationalError", "sqlite3.InterfaceError"),
}
DJANGO = ("django.db.utils.OperationalError", "django.db.utils.InterfaceError")


class RetriedFailures(Mutation):
    """A class of failures is no longer retried, or every failure is: `autoretry_for` of each task."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for task in target.tasks:
            described = target.snapshot["tasks"][task]
            if not target.option(task, "autoretry_for"):
                continue
            spared = list(target.option(task, "dont_autoretry_for") or ())
            for failure in described.get("covers") or ():
                if failure in CLASSES:
                    more = (*CLASSES[failure], *(DJANGO if failure == "database" and _django(target) else ()))
                    edit = {
                        "do": "task",
                        "task": task,
                        "name": "dont_autoretry_for",
                        "value": [*spared, *more],
                    }
                    yield Mutant(
                        self.name, f"retried.{failure}", "retried", "not retried", task=task, edits=(edit,)
                    )
            if "programming" not in (described.get("covers") or ()):
                yield self.of_task(target, task, "autoretry_for", ["Exception"])


def _django(target: Target) -> bool:
    return "django" in (target.snapshot.get("versions") or {}) and any(
        "django" in name for task in target.tasks for name in target.option(task, "autoretry_for") or ()
    )
