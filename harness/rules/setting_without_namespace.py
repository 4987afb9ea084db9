"""A prefixed setting that nobody strips of its prefix."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class SettingWithoutNamespace(Rule):
    """A setting has the prefix of a namespace, but config_from_object was given none.

    `CELERY_TASK_ACKS_LATE` is read with `namespace="CELERY"` only; without it Celery looks for
    `task_acks_late` and finds nothing.
    """

    id = "CFG003"
    severity = Severity.HIGH
    why = "The setting is ignored without a word, so what it should protect is not protected."
    mend = 'Call app.config_from_object(..., namespace="CELERY"), or write the new lower-case names.'
    source = "celery/app/utils.py: detect_settings; docs: Configuration, namespaces"
    proof = "scenarios/rules/test_settings.py::test_a_prefix_without_a_namespace_hides_the_setting"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("unknown") or ():
            if "prefix" in str(row.get("why")):
                what = f"{row.get('written')} has a prefix, and config_from_object was given no namespace"
                yield self.found(app, str(row["name"]), what, str(row.get("origin", "")))
