"""What Celery has in force for an app, and which line put it there, as plain data.

The snapshot is made inside the client process (`harness/probe/inspect.py` fills it) and stored in the
history's header, so that a run can be judged later without the app::

    {
      "versions": {"celery": "5.7.0", "kombu": "5.7.0", "django": "5.2.19", ...},
      "conf": {"task_acks_late": {"value": true, "origin": "CELERY_TASK_ACKS_LATE in the Django settings"}},
      "unknown": [{"name": "task_max_retry_delay", "value": 3600, "origin": "...", "near": "..."}],
      "annotations_without_effect": [{"key": "payroll.tasks.*", "why": "...", "attribute": null}],
      "default_queue": "celery",
      "queues": {"critical": {"exchange": "critical", "routing_key": "critical.*", "arguments": {...}}},
      "routes_without_task": ["..."],
      "tasks": {
        "payroll.tasks.calculate_payroll": {
          "queue": "critical", "routing_key": "critical", "priority": 9,
          "max_retries": {"value": 3, "origin": "celery.app.task.Task"},
          "default_retry_delay": {...}, "autoretry_for": {...}, "dont_autoretry_for": {...},
          "retry_backoff": {...}, "retry_backoff_max": {...}, "retry_jitter": {...},
          "acks_late": {...}, "reject_on_worker_lost": {...}, "time_limit": {...},
          "soft_time_limit": {...}, "rate_limit": {...}, "ignore_result": {...}, "serializer": {...},
          "module": "payroll.tasks", "calls_retry": true, "file": "payroll/tasks.py", "line": 12
        }
      }
    }
"""

from __future__ import annotations
