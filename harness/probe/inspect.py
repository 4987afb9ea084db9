"""Takes the snapshot of an app: what Celery has in force, in the shape that `harness.settings` documents.

It runs inside the app's own process, imports the standard library and Celery only, connects to nothing,
and never raises because of a value that the app has put somewhere.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from harness.probe.inspect_annotations import Annotations, options_without_effect
from harness.probe.inspect_conf import Conf
from harness.probe.inspect_plain import plain, shown, shown_key
from harness.probe.inspect_project import Project
from harness.probe.inspect_task import described, look

DISTRIBUTIONS = ("celery", "kombu", "billiard", "vine", "amqp", "redis", "django")

_ROUTE_KEYS = ("queue", "exchange", "routing_key", "priority")


def snapshot(app: Any) -> dict[str, Any]:
    """What Celery has in force for every task of an app, and which line put it there."""
    app.loader.import_default_modules()
    app.finalize(auto=True)
    project = Project(app)
    conf = Conf(app, project)
    annotations = Annotations(app.conf.get("task_annotations"))
    own = {name: task for name, task in sorted(app.tasks.items()) if not name.startswith("celery.")}
    seen = {name: look(task, project) for name, task in own.items()}
    unknown, app_settings = conf.unread()
    queues, router = _routing(app)
    declared = set(queues)
    origins: dict[str, str] = {}

    def origin_of(name: str) -> str:
        return origins.setdefault(name, conf.origin(name))

    tasks = {}
    for name, inspected in seen.items():
        annotated = {attribute: key for attribute, (key, _) in annotations.of(name).items()}
        tasks[name] = {
            **_route(app, router, inspected.task),
            **described(inspected, annotated, project, origin_of),
        }
    return {
        "versions": _versions(),
        "conf": conf.in_force(),
        "unknown": unknown,
        "app_settings": app_settings,
        "shadowed": conf.shadowed(),
        "annotations_without_effect": annotations.without_effect(seen, project),
        "options_without_effect": options_without_effect(seen, project),
        "default_queue": plain(app.conf.get("task_default_queue")),
        "queues": {
            str(name): _queue(queue, declared=name in declared) for name, queue in sorted(queues.items())
        },
        "routes_without_task": _dead_routes(app.conf.get("task_routes"), own),
        "tasks": tasks,
    }


def _routing(app: Any) -> tuple[dict[str, Any], Any]:
    """Queues and router of our own, so that asking for a route adds no queue to the app's."""
    try:
        queues = app.amqp.Queues(app.conf.get("task_queues"))
        return queues, app.amqp.Router(queues=queues)
    except Exception:  # noqa: BLE001  task_queues and task_routes may hold anything
        return {}, None


def _route(app: Any, router: Any, task: Any) -> dict[str, Any]:
    """Where Celery would publish a task to, by its own router (celery/app/amqp.py)."""
    try:
        options = {key: value for key, value in dict(task._get_exec_options()).items() if value is not None}
        route = router.route(options, task.name, (), {}, task)
    except Exception as error:  # noqa: BLE001  routers are code of the app's own
        return {
            "queue": None,
            "exchange": None,
            "routing_key": None,
            "priority": None,
            "route_error": shown(error),
        }
    found = {key: plain(getattr(value := route.get(key), "name", value)) for key in _ROUTE_KEYS}
    queue = route.get("queue")
    if found["routing_key"] is None and queue is not None:
        found["routing_key"] = plain(getattr(queue, "routing_key", None))
    if found["priority"] is None:
        found["priority"] = plain(app.conf.get("task_default_priority"))
    return found


def _queue(queue: Any, *, declared: bool) -> dict[str, Any]:
    exchange = getattr(queue, "exchange", None)
    return {
        "exchange": plain(getattr(exchange, "name", None)),
        "exchange_type": plain(getattr(exchange, "type", None)),
        "routing_key": plain(getattr(queue, "routing_key", None)),
        "arguments": plain(getattr(queue, "queue_arguments", None) or {}),
        "declared": declared,
    }


def _dead_routes(routes: Any, tasks: Mapping[str, Any]) -> list[str]:
    """Keys of ``task_routes`` that no task of the app has, as names or patterns (celery/app/routes.py)."""
    dead = []
    for route in routes if isinstance(routes, list | tuple) else [routes]:
        pairs: Iterable[Any] = route.items() if isinstance(route, Mapping) else ()
        if isinstance(route, list | tuple):
            pairs = route
        for pair in pairs:
            with contextlib.suppress(Exception):
                if not _matches(pair[0], tasks):
                    dead.append(shown_key(pair[0]))
    return dead


def _matches(key: Any, tasks: Mapping[str, Any]) -> bool:
    if isinstance(key, str) and "*" not in key:
        return key in tasks or key.startswith("celery.")
    if isinstance(key, str):
        key = re.compile(fnmatch.translate(key))
    return any(key.match(name) for name in tasks)


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
