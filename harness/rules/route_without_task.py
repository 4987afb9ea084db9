"""A route that no task takes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class RouteWithoutTask(Rule):
    """A key of task_routes, a name or a pattern, matches no task of the app."""

    id = "RTE004"
    severity = Severity.MEDIUM
    why = "The task that was meant goes to the default queue, and the worker for it is idle."
    mend = "Correct the name, or drop the route."
    source = "celery/app/routes.py: MapRoute, exact names, then patterns in order"
    proof = "scenarios/rules/test_queues.py::test_a_mistyped_route_leaves_the_task_in_the_default_queue"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for key in app.settings.get("routes_without_task") or ():
            yield self.found(
                app, str(key), "no task of the app matches this route", app.conf("task_routes").origin
            )
