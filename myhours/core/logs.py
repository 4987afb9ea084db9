"""One JSON object a line, with the task it belongs to; workers and web processes alike."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from celery import signals
from celery._state import get_current_task

from myhours import policy


class JsonFormatter(logging.Formatter):
    """Renders a record, the task it comes from (id, name, queue, attempt) and its ``extra['data']``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        line.update(_task_fields())
        data = getattr(record, "data", None)
        if isinstance(data, dict):
            names = {"id": "task_id", "name": "task"}
            line.update({names.get(key, key): value for key, value in data.items() if value is not None})
        if "task" in line and "queue" not in line:  # logged by a worker's parent process
            line["queue"] = policy.tier_of(line["task"]).name
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _task_fields() -> dict[str, Any]:
    task = get_current_task()
    request = getattr(task, "request", None)
    if request is None or not request.id:
        return {}
    return {
        "task_id": request.id,
        "task": task.name,
        "queue": (request.delivery_info or {}).get("routing_key"),
        "attempt": (request.retries or 0) + 1,
    }


@signals.setup_logging.connect
def configure(loglevel: int | str | None = None, logfile: str | None = None, **_: Any) -> None:
    """Set up logging. A receiver of this signal keeps Celery from replacing the root logger's handlers."""
    handler = logging.FileHandler(logfile) if logfile else logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=loglevel or logging.INFO, handlers=[handler], force=True)
