"""A setting that a stronger source overrides."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class SettingShadowed(Rule):
    """A setting is given twice, to different values: the weaker source has no effect.

    The order is: `CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND` of the environment, `app.conf.update`, the
    object of `config_from_object`, Celery's defaults.
    """

    id = "CFG004"
    severity = Severity.MEDIUM
    why = (
        "People change the value that they find, and nothing changes; the other broker or backend stays "
        "in force."
    )
    mend = "Keep one of the two; for the environment, read it in one place."
    source = "celery/app/utils.py: Settings, which looks maps up in this order; celery#4284"
    proof = "scenarios/rules/test_settings.py::test_a_shadowed_setting_is_not_the_one_in_force"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("shadowed") or ():
            what = f"{row.get('value')!r} has no effect: {row.get('by')} overrides it"
            yield self.found(app, str(row["name"]), what, str(row.get("origin", "")))
