"""The tier's log lines are structured and carry the task id."""

from __future__ import annotations

import json
from typing import Any

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import LOGS
from harness.checkers._evidence import cited, counted, ids_of, sent_to
from harness.contract import Contract, Tier
from harness.history import Event, History

ID_FIELDS = frozenset({"task_id", "id", "taskid", "celery_task_id", "task.id", "correlation_id"})


class StructuredLogs(Checker):
    """Each task of the steady state leaves structured log records that carry its id in a field.

    ``worker_hijack_root_logger``, on by default, removes the app's own handlers from the root
    logger and writes plain text (`celery/app/log.py`, ``setup_logging_subsystem``); a receiver of
    the ``setup_logging`` signal switches that off.
    """

    depends = LOGS

    def promise(self, tier: Tier) -> str | None:
        return "log lines are structured and carry the task id" if tier.structured_logs else None

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.structured_logs"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        ended = ids_of(history.of("task-succeeded", "task-failed"))
        ids = ids_of(sent_to(contract, tier, history, "steady")) & ended
        records = list(history.of("log-record"))
        if not ids:
            return unknown("no task of the tier ended in the steady state")
        if not records:
            return unknown("the record has no log line at all, of any worker")
        about = {id_: [record for record in records if _mentions(record, id_)] for id_ in ids}
        plain = [record for lines in about.values() for record in lines if not record.get("structured")]
        if plain:
            return _broken(f"{counted(len(plain), 'log line')} of the tier's tasks without structure", plain)
        good = {id_: [record for record in lines if _carries(record, id_)] for id_, lines in about.items()}
        mute = {id_ for id_, lines in good.items() if not lines}
        if mute:
            silent = [event for event in history.of("task-succeeded", "task-failed") if event.task_id in mute]
            return _broken(
                f"{counted(len(mute), 'task')} of {len(ids)} left no log line with the task id", silent
            )
        shown = sorted((record for lines in good.values() for record in lines), key=lambda event: event.at_s)
        return kept(
            f"{counted(len(ids), 'task')}, {counted(len(shown), 'structured line')} with the task id",
            cited(shown),
        )


def _broken(observed: str, events: list[Event]) -> Finding:
    return broken(
        observed,
        cited(sorted(events, key=lambda event: event.at_s)),
        blame="worker_hijack_root_logger (on by default) puts plain text in place of the app's log handlers",
        mend="install them in a receiver of celery.signals.setup_logging, with the task id as a field",
    )


def _mentions(record: Event, task_id: str) -> bool:
    return record.task_id == task_id or task_id in str(record.get("text", ""))


def _carries(record: Event, task_id: str) -> bool:
    """Whether one field of the record holds the id; by the field's name where the line was cut."""
    fields = _parsed(str(record.get("text", "")))
    if fields is None:
        return bool(ID_FIELDS & {str(name).lower() for name in record.get("fields") or ()})
    return task_id in _values(fields)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _values(fields: dict[str, Any]) -> set[str]:
    """The field values, one level of nesting included."""
    flat = [value for value in fields.values() if not isinstance(value, dict)]
    flat += [inner for value in fields.values() if isinstance(value, dict) for inner in value.values()]
    return {str(value) for value in flat}
