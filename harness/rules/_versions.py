"""Since which Celery a setting or an option of a task does something."""

from __future__ import annotations

from harness.configuration import Configuration

SINCE: dict[str, tuple[int, int]] = {
    **dict.fromkeys(
        (
            "broker_native_delayed_delivery_queue_type", "database_create_tables_at_setup",
            "task_default_queue_type", "worker_detect_quorum_queues", "worker_enable_soft_shutdown_on_idle",
            "worker_soft_shutdown_timeout",
        ),
        (5, 5),
    ),
    **dict.fromkeys(
        (
            "control_queue_durable", "control_queue_exclusive", "event_queue_durable",
            "event_queue_exclusive", "task_create_missing_queue_exchange_type",
            "task_create_missing_queue_type", "worker_disable_prefetch", "worker_eta_task_limit",
        ),
        (5, 6),
    ),
    **dict.fromkeys(
        (
            "beat_enable_remote_control", "beat_remote_control_max_tick_age", "broker_pool_acquire_timeout",
            "database_engine_callback", "result_chord_expires", "result_failure_expires",
            "task_acks_on_failure", "task_acks_on_timeout", "task_repr_maxlevels",
            "task_retry_on_worker_lost", "worker_log_datefmt", "worker_pool_start_method",
            "worker_task_log_datefmt",
        ),
        (5, 7),
    ),
    "result_compression": (5, 7),  # declared long before, and read nowhere (celery#9370)
}  # fmt: skip
"""Settings by the first release whose `celery/app/defaults.py` has them, and which reads them."""

OPTIONS_SINCE: dict[str, tuple[int, int]] = {
    "acks_on_failure": (5, 7),
    "acks_on_timeout": (5, 7),
    "retry_on_worker_lost": (5, 7),
}
"""Options of a task (celery/app/task.py)."""


def too_new(app: Configuration, since: tuple[int, int]) -> bool:
    """Whether the installed Celery is older."""
    return (0, 0) < app.celery < since
