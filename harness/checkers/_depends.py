"""What guarantees depend on: settings, task options and promises, as `harness.impact` names them."""

from __future__ import annotations

RETRIES = (
    "max_retries",
    "default_retry_delay",
    "autoretry_for",
    "dont_autoretry_for",
    "retry_kwargs",
    "retry_backoff",
    "retry_backoff_max",
    "retry_jitter",
    "covers",
    "calls_retry",
    "retry_calls",
    "throws",
    "overrides",
    "contract: tiers.*.retry.*",
)
LOSS = (
    "acks_*",
    "reject_on_worker_lost",
    "retry_on_worker_lost",
    "task_acks_*",
    "task_reject_on_worker_lost",
    "task_retry_on_worker_lost",
    "broker_transport_options",
    "worker_deduplicate_successful_tasks",
    "worker_cancel_long_running_tasks_on_connection_loss",
    "contract: tiers.*.loss.*",
)
QUEUES = (
    "queue",
    "exchange",
    "routing_key",
    "queues",
    "default_queue",
    "task_routes",
    "task_queues",
    "task_default_queue",
    "task_default_exchange*",
    "task_default_routing_key",
    "task_create_missing_queues",
    "contract: tiers.*.queue",
)
LIMITS = (
    "time_limit",
    "soft_time_limit",
    "task_time_limit",
    "task_soft_time_limit",
    "contract: tiers.*.limits.hard_s",
    "contract: tiers.*.limits.soft_s",
)
RATE = (
    "rate_limit",
    "task_default_rate_limit",
    "worker_disable_rate_limits",
    "contract: tiers.*.limits.rate*",
)
PRIORITY = (
    "priority",
    "task_default_priority",
    "task_queue_max_priority",
    "task_inherit_parent_priority",
    "worker_prefetch_multiplier",
    "contract: tiers.*.urgency",
)
RESULTS = (
    "result_*",
    "ignore_result",
    "store_errors_even_if_ignored",
    "task_ignore_result",
    "compression",
    "serializer",
    "task_store_*",
    "contract: tiers.*.result.*",
)
LETTERS = ("contract: tiers.*.dead_letter.*",)
QUIET = ("contract: tiers.*.quiet",)
ALERTS = ("contract: tiers.*.alert.*",)
DEDUPLICATION = ("contract: tiers.*.deduplication.*",)
EFFECTS = ("contract: tiers.*.effect.*",)
EVENTS = (
    "send_events",
    "task_send_sent_event",
    "worker_send_task_events",
    "event_*",
    "contract: tiers.*.events",
)
LOGS = (
    "worker_hijack_root_logger",
    "worker_log_*",
    "worker_task_log_format",
    "worker_redirect_*",
    "contract: tiers.*.structured_logs",
)
