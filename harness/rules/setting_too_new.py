"""A setting that the installed Celery does not have yet."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._versions import OPTIONS_SINCE, SINCE, too_new


class SettingTooNew(Rule):
    """A setting or an option of a task needs a newer Celery than is installed.

    `task_retry_on_worker_lost`, `task_acks_on_failure`, `result_failure_expires` came with 5.7, and
    `result_compression`, declared for long, was read nowhere before 5.7.
    """

    id = "CFG006"
    severity = Severity.HIGH
    why = "It is ignored without a word, as any unknown name is; the documentation describes another version."
    mend = "Upgrade Celery and require that version, or do without the setting."
    source = "celery/app/defaults.py of 5.4, 5.5, 5.6 and 5.7 compared; celery#9370"
    unshown = "it takes an older Celery beside this one; tox runs the suite on 5.4 to the newest"

    def check(self, app: Configuration) -> Iterator[Finding]:
        rows = {str(row["name"]): str(row.get("origin", "")) for row in app.settings.get("unknown") or ()}
        if app.given("result_compression"):
            rows.setdefault("result_compression", app.conf("result_compression").origin)
        for name, origin in rows.items():
            if name in SINCE and too_new(app, SINCE[name]):
                yield self.found(app, name, self._told(app, SINCE[name]), origin)
        for row in app.settings.get("options_without_effect") or ():
            name = str(row.get("name"))
            if name in OPTIONS_SINCE and too_new(app, OPTIONS_SINCE[name]):
                what = f"{name}: {self._told(app, OPTIONS_SINCE[name])}"
                yield self.found(app, str(row.get("task")), what, str(row.get("origin", "")))

    def _told(self, app: Configuration, since: tuple[int, int]) -> str:
        installed = (app.settings.get("versions") or {}).get("celery")
        return f"read from Celery {since[0]}.{since[1]} on; {installed} is installed"
