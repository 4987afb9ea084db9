"""Takes the snapshot of an app: what Celery has in force, in the shape that `harness.settings` documents.

It runs inside the app's own process, imports the standard library and Celery only, connects to nothing,
and never raises because of a value that the app has put somewhere.
"""

from __future__ import annotations

import contextlib
import sys
from functools import cache
from importlib import metadata
from typing import Any

from harness.probe.inspect_annotations import Annotations, options_without_effect
from harness.probe.inspect_conf import Conf
from harness.probe.inspect_plain import plain
from harness.probe.inspect_project import Project
from harness.probe.inspect_routing import Routing
from harness.probe.inspect_task import described, look
from harness.probe.inspect_wiring import receivers, schedule

DISTRIBUTIONS = ("celery", "kombu", "billiard", "vine", "amqp", "redis", "django")


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
    routing = Routing(app, project, conf)
    origin_of = cache(conf.origin)
    tasks = {}
    for name, inspected in seen.items():
        annotated = {attribute: key for attribute, (key, _) in annotations.of(name).items()}
        tasks[name] = {
            **routing.of(inspected),
            **described(inspected, annotated, project, origin_of),
        }
    return {
        "versions": _versions(),
        "conf": conf.in_force(),
        "types": conf.types(),
        "unknown": unknown,
        "app_settings": app_settings,
        "shadowed": conf.shadowed(),
        "annotations_without_effect": annotations.without_effect(seen, project),
        "options_without_effect": options_without_effect(seen, project),
        "default_queue": plain(app.conf.get("task_default_queue")),
        "queues": routing.queues(),
        "routes_without_task": routing.without_task(own),
        "signals": receivers(project),
        "schedule": schedule(app, project),
        "app": {"main": str(app.main or ""), "file": project.file_of(str(app.main or ""))},
        "sources": project.sources(),
        "tasks": tasks,
    }


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
