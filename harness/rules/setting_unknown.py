"""A setting that Celery does not read."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._versions import SINCE
from harness.rules._words import OF_A_TASK


class SettingUnknown(Rule):
    """A setting is given that Celery does not read.

    The names of Celery are those of `celery.app.defaults.SETTING_KEYS`, its old names, and eight that it
    reads without declaring them. What the project reads itself, or an installed package, is no finding.
    """

    id = "CFG001"
    severity = Severity.HIGH
    why = "Celery takes it without a word and does nothing; it even reads back from app.conf."
    mend = "Rename it to the setting that was meant, or remove it."
    source = "celery/app/defaults.py: SETTING_KEYS; celery/utils/collections.py: ConfigurationView"
    proof = "scenarios/rules/test_settings.py::test_an_unknown_setting_changes_nothing"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("unknown") or ():
            name = str(row["name"])
            if name in OF_A_TASK or name in SINCE or "prefix" in str(row.get("why")):
                continue  # CFG002, CFG006 and CFG003 say more of it
            near = f"; the nearest that it reads is {row['near']}" if row.get("near") else ""
            what = f"Celery reads no setting {row.get('written') or name}{near}"
            yield self.found(app, name, what, str(row.get("origin", "")))
