"""A setting of the wrong type."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule

NAMES = {"int": "number", "float": "number", "dict": "mapping"}
TEXT_IS_FINE = (
    "redis_",
    "broker_port",
    "broker_use_ssl",
    "result_expires",
    "cassandra_",
    "worker_concurrency",
)
"""Settings whose text is converted by a client library, or by Celery itself (celery/utils/time.py)."""


class SettingType(Rule):
    """A setting that Celery takes for a number, a switch or a mapping is given text.

    Nothing converts it: `task_acks_late="no"` is true, as every text is, and `task_time_limit="600"` is
    compared with numbers when the first task runs.
    """

    id = "CFG005"
    severity = Severity.HIGH
    why = "A switch that reads as off is on; a number fails in the worker, at the task, not at the start."
    mend = "Convert it where it is read: an environment variable is always text."
    source = "celery/app/defaults.py: Option.to_python is for the command line; app.conf converts nothing"
    proof = "scenarios/rules/test_settings.py::test_text_for_a_switch_is_true"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name, kind in (app.settings.get("types") or {}).items():
            setting = app.conf(name)
            if not isinstance(setting.value, str) or name.startswith(TEXT_IS_FINE):
                continue
            if kind == "bool":
                told = f"{setting.value!r} is text, and so it counts as {bool(setting.value)}"
            elif kind in ("int", "float", "dict"):
                told = f"{setting.value!r} is text; Celery takes a {NAMES[kind]}"
            else:
                continue
            yield self.found(app, name, told, setting.origin)
