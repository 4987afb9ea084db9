"""What Celery itself is told; `Celery.config_from_object` reads this module's lower-case names.

Only names that Celery knows belong here: it takes unknown ones without a word and ignores them
(``celery/app/utils.py``). What Celery has no setting for, `core.task.TierTask` does.
"""

from celery.app.defaults import SETTING_KEYS
from celery.schedules import crontab
from django.conf import settings
from kombu import Exchange, Queue

from myhours import policy

# Broker: never give up on it, never wait for it without end, and believe nothing it has not confirmed.
broker_url = settings.CELERY_BROKER_URL
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 5
broker_transport_options = {
    "visibility_timeout": policy.visibility_timeout_s(),  # Redis
    "unacked_restore_throttle": 1,  # Redis, kombu 5.7: sweep every 10 s, not every 100 s
    "socket_timeout": 30,  # Redis
    "socket_connect_timeout": 5,  # Redis
    "confirm_publish": True,  # RabbitMQ
}
task_publish_retry = True
task_publish_retry_policy = {"max_retries": 5, "interval_start": 0, "interval_step": 0.5, "interval_max": 2}

# Queues: one a tier and no numbers, because Redis and RabbitMQ count priorities in opposite directions.
task_default_queue = policy.DEFAULT.name
task_create_missing_queues = False
task_queues = tuple(
    Queue(
        tier.name,
        Exchange(tier.name, type="direct"),
        routing_key=tier.name,
        # RabbitMQ 3.12 and newer take it from here; for older ones see DEPLOYMENT.md. Redis ignores it.
        queue_arguments={"x-consumer-timeout": policy.visibility_timeout_s() * 1000},
    )
    for tier in policy.TIERS
)
task_routes = [[(glob, {"queue": tier.name}) for tier in policy.TIERS for glob in tier.tasks]]

# Loss: a message is gone when its task has ended, not before.
task_acks_late = settings.CELERY_TASK_ACKS_LATE
task_reject_on_worker_lost = settings.CELERY_TASK_REJECT_ON_WORKER_LOST
worker_prefetch_multiplier = 1
worker_deduplicate_successful_tasks = True
worker_cancel_long_running_tasks_on_connection_loss = False
worker_consumer = "core.consumer:Consumer"

# Workers: replace a child before what it leaks matters.
worker_max_tasks_per_child = settings.CELERY_WORKER_MAX_TASKS_PER_CHILD
worker_max_memory_per_child = 400_000  # KiB

# A second SIGTERM, or SIGQUIT, gives running tasks this long before they go back to their queue.
if "worker_soft_shutdown_timeout" in SETTING_KEYS:  # Celery 5.5 and newer; an older one would ignore it
    worker_soft_shutdown_timeout = 10.0

# Results.
result_backend = settings.CELERY_RESULT_BACKEND
result_expires = settings.CELERY_RESULT_EXPIRES
result_extended = True
result_serializer = "json"
# A backend that is away for a minute costs no outcome: 0.5 s, doubled up to 10 s, with full jitter.
result_backend_always_retry = True
result_backend_base_sleep_between_retries_ms = 500
result_backend_max_sleep_between_retries_ms = 10_000
result_backend_max_retries = 14
redis_socket_timeout = 10.0
redis_socket_connect_timeout = 5.0
redis_retry_on_timeout = True
task_serializer = "json"
accept_content = ["json"]
task_track_started = True

if "result_failure_expires" in SETTING_KEYS:  # Celery 5.7; core.receivers does it for older ones
    result_failure_expires = settings.CELERY_RESULT_FAILURE_EXPIRES
if "result_compression" in SETTING_KEYS:  # Celery 5.7; costs a result of a few bytes a few bytes
    result_compression = "gzip"

# Monitoring.
worker_send_task_events = True
task_send_sent_event = True
worker_redirect_stdouts = False

# Time.
timezone = settings.TIME_ZONE
enable_utc = True
beat_scheduler = "core.beat:SingleScheduler"
beat_schedule = {
    "sync_holidays": {"task": "integrations.tasks.sync_holidays", "schedule": crontab(hour=2, minute=10)},
    "generate_reports": {"task": "core.tasks.generate_reports", "schedule": crontab(hour=3, minute=10)},
    "cleanup_old_logs": {"task": "core.tasks.cleanup_old_logs", "schedule": crontab(hour=4, minute=10)},
    "watch_dead_letters": {"task": "core.tasks.watch_dead_letters", "schedule": 300.0},
}
