"""Workers that share a node name."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class NodeNamesEqual(Rule):
    """Two worker commands have the same node name, or none: both are celery@HOST.

    Read from the Procfile or compose file beside the app; `unknown` where there is none.
    """

    id = "OPS001"
    severity = Severity.MEDIUM
    why = "Events, inspect and remote control take them for one; a warm shutdown or a ping reaches either."
    mend = "Give each its own: -n critical@%h."
    source = (
        "celery/bin/worker.py: -n; celery/worker/consumer/mingle.py; celery/utils/nodenames.py; "
        "DuplicateNodenameWarning"
    )
    unshown = "the stage gives each worker a node name of its own, so that it can tell them apart"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if app.commands is None:
            yield self.unknown(app, "workers", "no Procfile or compose file here starts a worker")
            return
        named: dict[str, str] = {}
        for command in app.commands:
            name = command.hostname or "celery@%h"
            if name in named:
                what = f"its node name is {name}, as that of {named[name]}"
                yield self.found(app, name, what, command.where)
            named.setdefault(name, command.where)
