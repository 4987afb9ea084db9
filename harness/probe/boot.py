"""The way in: interlock and recorder in place, then Celery's own command line, or the client's loop."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from harness.probe import config as configuration
from harness.probe import plan
from harness.probe.body import Bodies
from harness.probe.effects import Effects
from harness.probe.guard import Guard
from harness.probe.interlock import Interlock, reaches
from harness.probe.ledger import Ledger
from harness.probe.observe import Observer
from harness.probe.record import Recorder

ROLE = "CELERY_HARNESS_ROLE"


class Probe:
    """Everything that is put into one process."""

    def __init__(self) -> None:
        self.config = configuration.read()
        self.recorder = Recorder(self.config.events, os.environ[ROLE])
        self.bodies = Bodies(self.config.orders, self.recorder)
        self.observer = Observer(self.recorder, self.bodies)
        self.effects = Effects(self.recorder, self.config.cache_url)
        self.verified = False

    def install(self) -> None:
        """Before anything of the app is imported."""
        if os.environ.get(plan.VARIABLE):
            self.bodies = plan.install(self.config, self.recorder, self.effects.cache_port)
            self.observer.bodies = self.bodies
        interlock = Interlock(self.config, lambda text: self.recorder.write("interlock-note", text=text))
        Guard(self.config.allowed, self._refused, self.config.folder).install()
        interlock.install()
        self.observer.install()
        self.effects.install_locks()
        Ledger(self.recorder, self.config.folder).install()
        from celery import signals

        signals.worker_init.connect(self._worker_init, weak=False)
        signals.worker_process_init.connect(self._child_init, weak=False)

    def verify(self, app: Any) -> bool:
        """Look at the loaded app: does it reach nothing outside? Recorded either way."""
        found = reaches(app, self.config)
        if found:
            address, setting = found[0]
            self.recorder.write("interlock-refused", address=address, blame=setting, found=found)
        else:
            self.recorder.write("interlock-verified", role=self.recorder.role)
        self.effects.install_rows()
        return not found

    def _worker_init(self, sender: Any, **_: Any) -> None:
        app = sender.app
        app.finalize()
        if not self.verify(app):
            raise SystemExit(66)

    def _child_init(self, **_: Any) -> None:
        from celery import current_app

        self.verify(current_app._get_current_object())

    def _refused(self, where: str, line: str, stack: str) -> None:
        self.recorder.write(
            "interlock-refused", address=where, blame=blame(where) or line, line=line, stack=stack
        )


def blame(where: str) -> str:
    """The setting or environment variable that holds this address, as far as one can be found."""
    return next((name for name, text in _addresses() if _holds(text, where)), "")


def _holds(text: str, where: str) -> bool:
    """Whether a text names an address: host and port, or the host alone where it is not this machine."""
    if where in text:
        return True
    host, _, port = where.rpartition(":")
    if host.removeprefix("[").startswith(("127.", "::1", "localhost")) or not host:
        return bool(port) and (text == port or re.search(rf":{port}(?!\d)", text) is not None)
    return host in text


def _addresses() -> Iterator[tuple[str, str]]:
    """Everything that may hold an address, by the name under which a user knows it."""
    own = set(Interlock.VARIABLES)
    for name, value in os.environ.items():
        if name not in own and not name.startswith("CELERY_HARNESS"):
            yield f"environment variable {name}", value
    conf: Any = sys.modules.get("django.conf")
    if conf is not None and conf.settings.configured:
        module = sys.modules.get(getattr(conf.settings, "SETTINGS_MODULE", "") or "")
        for name, value in vars(module).items() if module else ():
            if name.isupper():
                yield f"{name} in {module.__name__ if module else ''}", repr(value)
    celery: Any = sys.modules.get("celery")
    if celery is not None:
        for name, value in dict(celery.current_app.conf.changes).items():
            yield f"app.conf.{name}", repr(value)


def main() -> None:
    """``python -m harness.probe celery ...`` or ``python -m harness.probe client APP``."""
    probe = Probe()
    probe.install()
    kind, *rest = sys.argv[1:]
    if kind == "celery":
        sys.argv = ["celery", *rest]
        from celery.__main__ import main as celery

        celery()
        return
    from harness.probe.client import Client

    Client(probe, *rest).serve()
