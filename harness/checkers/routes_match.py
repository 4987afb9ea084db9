"""Every route names a task that exists."""

from __future__ import annotations

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import QUEUES
from harness.checkers._evidence import counted
from harness.contract import Contract, Tier
from harness.history import History


class RoutesMatch(Checker):
    """Every route names a task that exists.

    Celery compares the keys of `task_routes` with the name of the task being sent, and with
    nothing else (`celery/app/routes.py:MapRoute`): a mistyped name routes nothing, and the task
    meant by it goes to the default queue.
    """

    weight = 2
    depends = QUEUES
    scope = "app"

    def promise(self, tier: Tier) -> str | None:
        return "every route names a task that exists"

    def path(self, tier: Tier) -> str:
        return "app"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        settings = history.header.settings
        if "routes_without_task" not in settings:
            return unknown("the run has no snapshot of the settings in force")
        routes = [str(route) for route in settings["routes_without_task"]]
        if not routes:
            return kept("no route is without a task")
        names = ", ".join(routes)
        queue = settings.get("default_queue")
        goes = f"; the tasks meant go to {queue!r}" if queue else ""
        return broken(
            f"{counted(len(routes), 'route')} without a task: {names}{goes}",
            (),
            blame=f"task_routes: {names} (celery/app/routes.py)",
            mend="write the names as `celery inspect registered` shows them, or remove the routes",
        )
