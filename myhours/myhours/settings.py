"""Django settings; every value that differs between places comes from the environment."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


def _flag(name: str, *, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _names(name: str, default: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _database(url: str) -> dict[str, object]:
    """Django's description of a ``sqlite:///path`` or ``postgresql://user:password@host:port/name`` URL."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path[1:],
            "OPTIONS": {
                # Several processes write: wait for each other, and take the write lock when a
                # transaction begins instead of failing when it is upgraded half-way through.
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL;",
            },
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {"connect_timeout": 5},
    }


SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "a-laptop-has-no-secrets")
DEBUG = _flag("DJANGO_DEBUG", default=False)
ALLOWED_HOSTS = _names("DJANGO_ALLOWED_HOSTS", "localhost")
INSTALLED_APPS = ["core", "payroll", "biometrics", "worktime", "integrations"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {
    "default": _database(os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'myhours.sqlite3'}"))
}

# Locks, rate limits and the poison brake live here, so it must be one Redis for all workers.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("CACHE_URL", "redis://localhost:6379/2"),
    }
}

EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _number("EMAIL_PORT", 25)
EMAIL_TIMEOUT = _number("EMAIL_TIMEOUT", 10)
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "myhours@myhours.com")

REPORTS_DIR = Path(os.environ.get("REPORTS_DIR", BASE_DIR / "var" / "reports"))
LOGS_DIR = Path(os.environ.get("LOGS_DIR", BASE_DIR / "var" / "logs"))
DEAD_LETTER_SPOOL_DIR = Path(os.environ.get("DEAD_LETTER_SPOOL_DIR", BASE_DIR / "var" / "dead_letters"))
DEAD_LETTER_RETENTION_DAYS = _number("DEAD_LETTER_RETENTION_DAYS", 90)

MYHOURS_CELERY_APP = "myhours.celery"

# What the tiers are made of; `myhours.policy` reads these, `myhours.configuration` hands them to Celery.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND", "redis://localhost:6379/1")
CELERY_TASK_DEFAULT_RETRY_DELAY = _number("CELERY_TASK_DEFAULT_RETRY_DELAY", 60)
CELERY_TASK_MAX_RETRY_DELAY = _number("CELERY_TASK_MAX_RETRY_DELAY", 3600)
CELERY_TASK_RETRY_JITTER = _flag("CELERY_TASK_RETRY_JITTER", default=True)
CELERY_TASK_DEFAULT_MAX_RETRIES = _number("CELERY_TASK_DEFAULT_MAX_RETRIES", 3)
CELERY_TASK_TIME_LIMIT = _number("CELERY_TASK_TIME_LIMIT", 1800)
CELERY_TASK_SOFT_TIME_LIMIT = _number("CELERY_TASK_SOFT_TIME_LIMIT", 1500)
CELERY_TASK_ACKS_LATE = _flag("CELERY_TASK_ACKS_LATE", default=True)
CELERY_TASK_REJECT_ON_WORKER_LOST = _flag("CELERY_TASK_REJECT_ON_WORKER_LOST", default=True)
CELERY_WORKER_MAX_TASKS_PER_CHILD = _number("CELERY_WORKER_MAX_TASKS_PER_CHILD", 500)
CELERY_ADMIN_EMAILS = _names("CELERY_ADMIN_EMAILS", "admin@myhours.com,payroll@myhours.com")
CELERY_RESULT_EXPIRES = _number("CELERY_RESULT_EXPIRES", 3600)
CELERY_RESULT_FAILURE_EXPIRES = _number("CELERY_RESULT_FAILURE_EXPIRES", 7 * 24 * 3600)
