"""What Celery has in force for an app, and which line put it there, as plain data.

The snapshot is made inside the client process (`harness/probe/inspect.py` fills it) and stored in the
history's header, so that a run can be judged later without the app::

    {
      "versions": {"celery": "5.7.0", "kombu": "5.7.0", "django": "5.2.19", ...},
      "conf": {"task_acks_late": {"value": true,
                                  "origin": "CELERY_TASK_ACKS_LATE in Django settings proj/settings.py:42"},
               "result_expires": {"value": 86400.0, "origin": "Celery's default"}, ...},   # all of them
      "types": {"task_acks_late": "bool", ...},          # what Celery takes them for; those that were given
      "unknown": [{"name": "task_max_retry_delay", "written": "CELERY_TASK_MAX_RETRY_DELAY", "value": 3600,
                   "origin": "...", "near": "the task option retry_backoff_max", "why": "..."}],
      "app_settings": [{"name": ..., "written": ..., "value": ..., "origin": ...,
                        "read_by": "core/mail.py:7"}],          # not Celery's, but the project reads them
      "shadowed": [{"name": "result_backend", "value": ..., "origin": ..., "by": "..."}],
      "annotations_without_effect": [{"key": "payroll.tasks.*", "attribute": null, "why": "...",
                                      "origin": "myhours/celery.py:177", "near": ""}],
      "options_without_effect": [{"task": "core.tasks.clean", "name": "max_retires", "origin": "...",
                                  "near": "max_retries"}],
      "default_queue": "celery",
      "queues": {"critical": {"exchange": "critical", "exchange_type": "direct", "routing_key": "critical.*",
                              "arguments": {...}, "declared": true}},   # false: made for a route
      "routes_without_task": ["..."],
      "signals": {"task_failure": [{"name": "on_failure", "file": "core/receivers.py", "line": 33}], ...},
      "schedule": [{"name": "nightly", "task": "...", "every_s": 86400.0, "crontab": true, "timed": true,
                    "options": {"expires": 600}, "origin": "proj/celery.py:30"}],   # beat
      "app": {"main": "proj.celery", "file": "proj/celery.py"},
      "sources": {"payroll/tasks.py": "/srv/proj/payroll/tasks.py", ...},   # the project's own modules
      "tasks": {
        "payroll.tasks.calculate_payroll": {
          "queue": "critical", "queue_origin": "task_routes['payroll.tasks.*'] in myhours/celery.py:52",
          "exchange": null, "routing_key": "critical", "priority": 9,
          "max_retries": {"value": 3, "origin": "Celery's default"},
          "default_retry_delay": {...}, "autoretry_for": {...}, "dont_autoretry_for": {...},
          "retry_kwargs": {...}, "retry_backoff": {...}, "retry_backoff_max": {...}, "retry_jitter": {...},
          "acks_late": {...}, "acks_on_failure": {...}, "acks_on_timeout": {...},
          "acks_on_failure_or_timeout": {...}, "reject_on_worker_lost": {...},
          "retry_on_worker_lost": {...}, "time_limit": {...}, "soft_time_limit": {...},
          "rate_limit": {...}, "ignore_result": {...}, "store_errors_even_if_ignored": {...},
          "serializer": {...}, "compression": {...}, "track_started": {...}, "send_events": {...},
          "expires": {...}, "throws": {...},
          "overrides": {"retry": "TierTask.retry in core/task.py:90"},  # Task's methods that the app replaces
          "covers": ["filesystem", "mail"],          # failure classes that autoretry retries
          "calls_retry": true,
          "retry_calls": [{"at": "core/tasks.py:20", "max_retries": null, "countdown": null,
                           "countdown_source": "60 * 2 ** self.request.retries", "catches": ["mail"]}],
          "bound": true,                        # bind=True, or a class with a run(self) of its own
          "module": "payroll.tasks", "file": "payroll/tasks.py", "line": 12
        }
      }
    }

Values are JSON: durations in seconds, classes by name, anything else by a `repr` of at most 200
characters; credentials are masked. Celery's own tasks (``celery.*``) are left out. An option that the
installed Celery does not have is missing. A task whose router raises has ``"queue": null`` and a
``route_error``. Under ``verify`` the stage's own broker is in force; ``broker_url`` is still the app's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Settings = Mapping[str, Any]
"""A snapshot, or what an older version stored of one: every part may be missing."""


class Setting(NamedTuple):
    """A value in force and the line that put it there; ``(None, "")`` where the snapshot has none."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that was configured and has no effect."""

    text: str
    origin: str


def conf_setting(settings: Settings, name: str) -> Setting:
    """A setting of the app (``result_expires``)."""
    return _setting(_table(settings, "conf").get(name))


def task_setting(settings: Settings, task: str | None, name: str) -> Setting:
    """An option of one task (``max_retries``); for a task that the snapshot lacks, nothing."""
    return _setting(_table(_table(settings, "tasks"), task or "").get(name))


def task_names(settings: Settings) -> tuple[str, ...]:
    """The app's own tasks, sorted."""
    return tuple(sorted(_table(settings, "tasks")))


def task_queue(settings: Settings, task: str) -> str | None:
    """The queue that a task is published to; the default queue for a task that the snapshot lacks."""
    described = _table(_table(settings, "tasks"), task)
    queue = described["queue"] if "queue" in described else settings.get("default_queue")
    return queue if isinstance(queue, str) else None


def retried_failures(settings: Settings, task: str) -> tuple[str, ...]:
    """The failure classes that a task retries, by ``autoretry_for`` or in a handler that calls ``retry``."""
    described = _table(_table(settings, "tasks"), task)
    found = [name for call in described.get("retry_calls") or () for name in call.get("catches") or ()]
    return tuple(dict.fromkeys([*(described.get("covers") or ()), *found]))


def claims_without_effect(settings: Settings) -> tuple[Claim, ...]:
    """Everything in the configuration that Celery ignores, one sentence each."""
    claims = [
        Claim(f"{_written(item)} = {item.get('value')!r}: {item.get('why')}{_hint(item)}", _origin(item))
        for item in settings.get("unknown") or ()
    ]
    for item in settings.get("annotations_without_effect") or ():
        attribute = f" sets {item['attribute']!r}" if item.get("attribute") else ""
        text = f"annotation {item.get('key')!r}{attribute}: {item.get('why')}{_hint(item)}"
        claims.append(Claim(text, _origin(item)))
    for item in settings.get("options_without_effect") or ():
        text = f"{item.get('name')} of task {item.get('task')}: Celery reads no such option{_hint(item)}"
        claims.append(Claim(text, _origin(item)))
    for item in settings.get("shadowed") or ():
        text = f"{item.get('name')} = {item.get('value')!r}: overridden by {item.get('by')}"
        claims.append(Claim(text, _origin(item)))
    claims += [
        Claim(f"the route {key!r}: the app has no such task", conf_setting(settings, "task_routes").origin)
        for key in settings.get("routes_without_task") or ()
    ]
    return tuple(claims)


def _setting(item: object) -> Setting:
    if isinstance(item, Mapping) and "value" in item:
        return Setting(item["value"], str(item.get("origin", "")))
    return Setting(item, "")


def _table(settings: Settings, name: str) -> Mapping[str, Any]:
    part = settings.get(name)
    return part if isinstance(part, Mapping) else {}


def _written(item: Mapping[str, Any]) -> str:
    return str(item.get("written") or item.get("name"))


def _origin(item: Mapping[str, Any]) -> str:
    return str(item.get("origin", ""))


def _hint(item: Mapping[str, Any]) -> str:
    return f"; perhaps {item['near']} was meant" if item.get("near") else ""
