"""A mail that cannot be sent."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class MailWithoutSender(Rule):
    """Django's send_mail is called without from_email, which has no default."""

    id = "OPS006"
    severity = Severity.HIGH
    why = "It raises TypeError instead of sending: in a failure handler that is the alert that never comes."
    mend = "Call mail_admins(), or pass from_email (None takes DEFAULT_FROM_EMAIL)."
    source = "django/core/mail/__init__.py: send_mail(subject, message, from_email, recipient_list)"
    proof = "scenarios/rules/test_operations.py::test_a_mail_without_a_sender_is_an_error"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for file, call in app.sources.calls("send_mail"):
            names = {each.arg for each in call.keywords}
            spread = None in names or any(isinstance(each, ast.Starred) for each in call.args)
            imported = any(
                isinstance(node, ast.ImportFrom) and node.module == "django.core.mail"
                for node in ast.walk(app.sources.tree(file))
            )
            if imported and not spread and len(call.args) < 3 and "from_email" not in names:
                yield self.found(app, "send_mail", "it is called without from_email", f"{file}:{call.lineno}")
