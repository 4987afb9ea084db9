"""Where Celery publishes each task to, by its own router, and which queues are declared."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.probe.inspect_conf import Conf
from harness.probe.inspect_plain import plain, shown, shown_key
from harness.probe.inspect_project import Project
from harness.probe.inspect_task import Inspected

_ROUTE_KEYS = ("queue", "exchange", "routing_key", "priority")


class Routing:
    """Queues and router of its own, so that asking for a route adds no queue to the app's."""

    def __init__(self, app: Any, project: Project, conf: Conf) -> None:
        self.app = app
        self.project = project
        self.conf = conf
        self.error = ""
        self.known: dict[str, Any] = {}
        self.router: Any = None
        try:
            self.known = app.amqp.Queues(app.conf.get("task_queues"))
            self.router = app.amqp.Router(queues=self.known)
        except Exception as error:
            self.error = shown(error)
        self.declared = set(self.known)

    def of(self, seen: Inspected) -> dict[str, Any]:
        """Queue, exchange, routing key and priority of a task (celery/app/amqp.py, celery/app/routes.py)."""
        task = seen.task
        try:
            options = {key: item for key, item in dict(task._get_exec_options()).items() if item is not None}
            route = self.router.route(options, task.name, (), {}, task)
        except Exception as error:
            nowhere = dict.fromkeys((*_ROUTE_KEYS, "queue_origin"))
            return {**nowhere, "route_error": self.error or shown(error)}
        found = {key: plain(getattr(value := route.get(key), "name", value)) for key in _ROUTE_KEYS}
        if found["routing_key"] is None:
            found["routing_key"] = plain(getattr(route.get("queue"), "routing_key", None))
        if found["priority"] is None:
            found["priority"] = plain(self.app.conf.get("task_default_priority"))
        return {**found, "queue_origin": self._origin(seen)}

    def queues(self) -> dict[str, dict[str, Any]]:
        """The queues declared, and those that Celery makes because a route names them."""
        return {
            str(name): {
                "exchange": plain(getattr(getattr(queue, "exchange", None), "name", None)),
                "exchange_type": plain(getattr(getattr(queue, "exchange", None), "type", None)),
                "routing_key": plain(getattr(queue, "routing_key", None)),
                "arguments": plain(getattr(queue, "queue_arguments", None) or {}),
                "declared": name in self.declared,
            }
            for name, queue in sorted(self.known.items())
        }

    def without_task(self, tasks: Iterable[str]) -> list[str]:
        """Keys of ``task_routes`` that no task of the app has, as names or patterns."""
        names = list(tasks)
        return [
            shown_key(key)
            for key in self._keys()
            if not str(shown_key(key)).startswith("celery.")
            and not any(_matches(key, name) for name in names)
        ]

    def _origin(self, seen: Inspected) -> str:
        if getattr(seen.task, "queue", None) is not None:
            place = seen.decorated.get("queue")
            return f"decorator of {seen.task.name} in {place}" if place else f"class of {seen.task.name}"
        keys = list(self._keys())
        exact = [key for key in keys if isinstance(key, str) and key == seen.task.name]
        for key in exact + [key for key in keys if _matches(key, seen.task.name)]:
            where = self.project.dict_key(shown_key(key))
            return f"task_routes[{shown_key(key)!r}]" + (
                f" in {where}" if where else f", {self.conf.origin('task_routes')}"
            )
        if any(not isinstance(route, Mapping | tuple | list) for route in self._routes()):
            return "task_routes or task_default_queue"
        return f"task_default_queue, {self.conf.origin('task_default_queue')}"

    def _routes(self) -> list[Any]:
        routes = self.app.conf.get("task_routes")
        if routes is None:
            return []
        return list(routes) if isinstance(routes, list | tuple) else [routes]

    def _keys(self) -> Iterator[Any]:
        for route in self._routes():
            pairs: Iterable[Any] = ()
            if isinstance(route, Mapping):
                pairs = route.items()
            elif isinstance(route, list | tuple):
                pairs = route
            yield from (pair[0] for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2)


def _matches(key: Any, name: str) -> bool:
    """As Celery's `MapRoute` does: patterns only with a star, or compiled."""
    if isinstance(key, str):
        return re.match(fnmatch.translate(key), name) is not None if "*" in key else key == name
    return isinstance(key, re.Pattern) and key.match(name) is not None
