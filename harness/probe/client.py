"""The client process: loads the app as production's web process would, and sends what it is told.

It reads one JSON command a line from standard input and answers one JSON line each on the descriptor
that standard output had when it began; what the app prints goes to the log.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.probe.record import bounded, plain

if TYPE_CHECKING:
    from harness.probe.boot import Probe


class Client:
    """Serves the harness from inside the app's own environment."""

    def __init__(self, probe: Probe, app: str, setup: str = "") -> None:
        self.probe = probe
        self.name = app
        self.setup = setup
        self.answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self.app: Any = None
        self.reads: Any = None

    def serve(self) -> None:
        """Until standard input ends."""
        for line in sys.stdin:
            command = json.loads(line)
            try:
                answer = getattr(self, "do_" + command.pop("do"))(**command)
            except BaseException as error:  # whatever the app raises is an answer, not the end
                answer = {
                    "error": f"{type(error).__name__}: {error}"[:2000],
                    "type": type(error).__name__,
                    "traceback": traceback.format_exc()[-4000:],
                }
            self.answers.write(json.dumps(answer, default=bounded) + "\n")

    def do_load(self) -> dict[str, Any]:
        """Import the app, check the interlock, list its tasks."""
        from celery.app.utils import find_app

        sys.path.insert(0, str(Path.cwd()))
        try:
            self.app = find_app(self.name)
        except ModuleNotFoundError as error:
            # `find_app` takes a name that is not in the module for a module (celery/app/utils.py).
            module, colon, name = self.name.partition(":")
            if colon and error.name == self.name and module in sys.modules:
                raise AttributeError(f"{module} has no {name}") from None
            raise
        self.app.loader.import_default_modules()
        self.app.finalize(auto=True)
        self.probe.verify(self.app)
        tasks = sorted(name for name in self.app.tasks if not name.startswith("celery."))
        return {"tasks": tasks, "versions": _versions()}

    def do_prepare(self) -> dict[str, Any]:
        """Django's migrations into the stage's own database, then the contract's setup function."""
        if "django.conf" in sys.modules and sys.modules["django.conf"].settings.configured:
            from django.apps import apps
            from django.core.management import call_command

            if not apps.ready:
                import django

                django.setup()
            for alias in sys.modules["django.conf"].settings.DATABASES:
                call_command("migrate", database=alias, run_syncdb=True, verbosity=0, interactive=False)
        if self.setup:
            from celery.utils.imports import symbol_by_name

            symbol_by_name(self.setup)()
        return {}

    def do_snapshot(self) -> dict[str, Any]:
        """What Celery has in force."""
        from harness.probe.inspect import snapshot

        return {"snapshot": plain_deep(snapshot(self.app))}

    def do_environ(self, values: dict[str, str]) -> dict[str, Any]:
        """Environment variables, for an app that is not loaded yet."""
        os.environ.update(values)
        return {}

    def do_watch(self) -> dict[str, Any]:
        """From now on, note the environment variables that the project's own code reads."""
        from harness.probe.survey import Reads

        self.reads = Reads(Path.cwd())
        self.reads.install()
        return {}

    def do_survey(self) -> dict[str, Any]:
        """What could be changed about the app besides Celery's settings."""
        from harness.probe import survey

        if self.reads is not None:
            self.reads.remove()
        found = {
            "reads": self.reads.seen if self.reads is not None else {},
            "options": survey.options(self.app),
            "addresses": survey.addresses(),
            "constants": survey.constants(Path.cwd()),
        }
        return {"survey": plain_deep(found)}

    def do_edit(self, edits: list[dict[str, Any]]) -> dict[str, Any]:
        """Change the loaded app in memory, before it works."""
        from harness.probe.edits import apply

        apply(self.app, edits)
        return {}

    def do_make_up(self, task: str, copy: int) -> dict[str, Any]:
        """Arguments for a task of which the contract has no example."""
        registered = self.app.tasks.get(task)
        return {"args": plain_deep(made_up(registered, copy)) if registered is not None else []}

    def do_send(
        self, task: str, args: list[Any], kwargs: dict[str, Any], task_id: str, options: dict[str, Any],
        experiment: str = "", body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Publish one task, as the app itself would."""
        sending = {"experiment": experiment, "body": body or {}, "options": options}
        self.probe.observer.sending = sending
        try:
            registered = self.app.tasks.get(task)
            if registered is None:
                self.app.send_task(task, args, kwargs, task_id=task_id, **options)
            else:
                registered.apply_async(args, kwargs, task_id=task_id, **options)
        except Exception as error:
            self.probe.recorder.write(
                "publish-failed", task_id, task, error=bounded(error), error_type=type(error).__name__,
                experiment=experiment,
            )  # fmt: skip
            return {"failed": f"{type(error).__name__}: {error}"[:500]}
        finally:
            self.probe.observer.sending = {}
        return {"task_id": task_id}

    def do_monitor(self) -> dict[str, Any]:
        """Listen to Celery's own events in a thread, as Flower does."""
        ready = threading.Event()
        threading.Thread(target=self._monitor, args=(ready,), daemon=True, name="monitor").start()
        ready.wait(10)
        return {}

    def _monitor(self, ready: threading.Event) -> None:
        def on_event(event: dict[str, Any]) -> None:
            kind = str(event.get("type"))
            if kind.startswith("task-"):
                self.probe.recorder.write(
                    "celery-event",
                    event.get("uuid"),
                    event.get("name"),
                    event=kind,
                    worker=event.get("hostname"),
                )

        from kombu.exceptions import OperationalError

        lost: tuple[type[BaseException], ...] = (OSError, OperationalError)
        while True:  # a broker that was struck comes back, and so does whoever watches it
            try:
                with self.app.connection_for_read() as connection:
                    lost = (*lost, *connection.connection_errors)
                    receiver = self.app.events.Receiver(connection, handlers={"*": on_event})
                    with receiver.consumer_context() as (listening, _, _):
                        ready.set()
                        while True:
                            with suppress(TimeoutError):
                                listening.drain_events(timeout=30)
            except lost:
                time.sleep(1)

    def do_call(self, function: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Call a function of the app by its dotted name (scenarios use it to prepare rows)."""
        from celery.utils.imports import symbol_by_name

        return {"value": plain(symbol_by_name(function)(**kwargs))}


def made_up(task: Any, copy: int) -> list[Any]:
    """Arguments for the parameters that a task requires, different for each `copy`."""
    function = inspect.unwrap(getattr(task, "_orig_run", task.run))
    values: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            continue
        if parameter.default is not parameter.empty:
            break
        values.append(_made_up_value(parameter, copy))
    # Celery makes a static method of a body without ``self`` (celery/app/base.py, `_task_from_fun`); a method
    # that a decorator wraps shows its ``self`` when it is unwrapped.
    has_self = not isinstance(inspect.getattr_static(type(task), "run"), staticmethod)
    return values[1:] if has_self and values and not inspect.ismethod(function) else values


def _made_up_value(parameter: inspect.Parameter, copy: int) -> Any:
    named = str(getattr(parameter.annotation, "__name__", parameter.annotation))
    annotation = named.partition("[")[0].partition(" |")[0].rpartition(".")[2].lower()
    made = {"int": copy + 1, "float": copy + 0.5, "bool": True, "list": [copy], "dict": {"copy": copy}}
    return made.get(annotation, f"{parameter.name}-{copy}")


def plain_deep(value: Any) -> Any:
    """JSON all the way down."""
    return json.loads(json.dumps(value, default=bounded))


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {"python": sys.version.split()[0]}
    for name in ("celery", "kombu", "billiard", "redis", "amqp", "django"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
