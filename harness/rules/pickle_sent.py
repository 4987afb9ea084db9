"""Tasks or results that are pickled."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule

PICKLE = ("pickle", "application/x-python-serialize")


class PickleSent(Rule):
    """task_serializer, result_serializer or a task's own serializer is pickle."""

    id = "SEC002"
    severity = Severity.HIGH
    why = "It makes every worker accept pickle, and ties queued messages to the classes of one release."
    mend = "Serialise as json; send ids, not objects."
    source = "docs: Security, serializers; docs: Calling tasks, serializers"
    proof = "scenarios/rules/test_publishing.py::test_a_pickled_message_runs_code"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name in ("task_serializer", "result_serializer", "event_serializer"):
            setting = app.conf(name)
            if str(setting.value) in PICKLE:
                yield self.found(app, name, f"{name} = {setting.value!r}", setting.origin)
        for task in app.tasks:
            option = app.option(task, "serializer")
            if str(option.value) in PICKLE and "decorator" in option.origin:
                yield self.found(app, task, f"its serializer is {option.value!r}", option.origin)
