"""A logging configuration that the worker throws away."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.sources import last_name


class LoggingHijacked(Rule):
    """The project configures logging, and worker_hijack_root_logger removes its handlers in the worker."""

    id = "OPS002"
    severity = Severity.LOW
    why = "The worker's log lines are not those that the log pipeline parses; ids and fields are missing."
    mend = "Connect the setup_logging signal, or set worker_hijack_root_logger = False."
    source = "celery/app/log.py: setup_logging_subsystem; celery#4326, celery#2509"
    proof = "scenarios/rules/test_operations.py::test_the_worker_removes_the_handlers_of_the_project"

    def check(self, app: Configuration) -> Iterator[Finding]:
        connected = app.settings.get("signals") or {}
        if not app.value("worker_hijack_root_logger") or connected.get("setup_logging"):
            return
        for file in app.sources.paths:
            for node in ast.walk(app.sources.tree(file)):
                if (isinstance(node, ast.Call) and last_name(node.func) == "dictConfig") or (
                    isinstance(node, ast.Assign)
                    and any(last_name(target) == "LOGGING" for target in node.targets)
                ):
                    what = "the worker removes the handlers of the root logger"
                    yield self.found(app, "worker_hijack_root_logger", what, f"{file}:{node.lineno}")
