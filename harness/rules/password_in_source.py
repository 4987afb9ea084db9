"""A password in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule

MASK = "********"
"""What the snapshot has in the place of a password (harness/probe/inspect_plain.py)."""

PASSWORD = re.compile(r"[\w+.-]+://[^:/@\s]*:[^@/\s{}$%]+@")


class PasswordInSource(Rule):
    """The URL of the broker or the result backend is written in the source with its password."""

    id = "SEC003"
    severity = Severity.HIGH
    why = "Everybody who can read the repository can read, change and delete every queue."
    mend = "Take it from the environment or a secret store, and change the password."
    source = "docs: Security; CWE-798"
    unshown = "a run has a broker of its own, without a password to read"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for name in ("broker_url", "broker_read_url", "broker_write_url", "result_backend"):
            setting = app.conf(name)
            place = app.where(setting.origin)
            file, _, line = place.rpartition(":")
            values = setting.value if isinstance(setting.value, list) else [setting.value]
            if any(f":{MASK}@" in str(each) for each in values) and _written(app, file, int(line or 0)):
                yield self.found(app, name, "the URL is written here with its password", setting.origin)


def _written(app: Configuration, file: str, line: int) -> bool:
    """Whether a text of the statement at a line has a password; a default of os.environ.get counts."""
    for node in ast.walk(app.sources.tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and PASSWORD.search(node.value):
            end = node.end_lineno or node.lineno
            if node.lineno - 3 <= line <= end:
                return True
    return False
