"""Workers that unpickle what they are sent."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule

PICKLE = ("pickle", "application/x-python-serialize")


class PickleAccepted(Rule):
    """accept_content or result_accept_content has pickle."""

    id = "SEC001"
    severity = Severity.HIGH
    why = "Whoever can write to the broker or the result backend runs code in every worker."
    mend = "Accept json alone; send ids, not objects."
    source = "docs: Security, serializers; kombu/serialization.py; docs.python.org: pickle is not secure"
    proof = "scenarios/rules/test_publishing.py::test_a_pickled_message_runs_code"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name in ("accept_content", "result_accept_content"):
            setting = app.conf(name)
            accepted = setting.value if isinstance(setting.value, list) else [setting.value]
            if any(str(each) in PICKLE for each in accepted):
                yield self.found(app, name, f"{name} = {setting.value}", setting.origin)
