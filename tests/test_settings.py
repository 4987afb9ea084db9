"""The snapshot of an app, taken in the app's own process, and what is read from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.contract_file import loads, resolve
from harness.draft import draft, fit
from harness.settings import (
    Claim,
    Setting,
    claims_without_effect,
    conf_setting,
    retried_failures,
    task_names,
    task_queue,
    task_setting,
)

HERE = Path(harness.__file__).resolve().parent.parent
TAKE = """
import json, os, sys
sys.path.insert(0, os.getcwd())
from celery.app.utils import find_app
from harness.probe.inspect import snapshot
print(json.dumps(snapshot(find_app(sys.argv[1]))))
"""


def take(folder: Path, app: str, files: dict[str, str], **environment: str) -> dict[str, Any]:
    """Write an app, and take its snapshot in a process of its own."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY", "DJANGO"))}
    done = subprocess.run(
        [sys.executable, "-c", TAKE, app],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(HERE), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


DOCUMENTED = {
    "shop/__init__.py": "from shop.celery import app\n",
    "shop/settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["payroll"]
        CELERY_BROKER_URL = "redis://:hunter2@localhost:6379/0"
        CELERY_RESULT_BACKEND = "redis://localhost:6379/1"
        CELERY_TASK_DEFAULT_RETRY_DELAY = 60
        CELERY_TASK_MAX_RETRY_DELAY = 3600
        CELERY_TASK_RETRY_JITTER = True
        CELERY_TASK_DEFAULT_MAX_RETRIES = 3
        CELERY_ADMIN_EMAILS = ["admin@myhours.com"]
        CELERY_TASK_TIME_LIMIT = 1800
        CELERY_TASK_ACKS_LATE = True
        """,
    "shop/celery.py": """
        import os
        from celery import Celery
        from kombu import Exchange, Queue

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        app = Celery("shop")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.conf.update(
            result_backend="redis://elsewhere:6379/1",
            task_max_retry_delay=3600,
            task_annotations={
                "payroll.tasks.*": {
                    "retry_policy": {"max_retries": 5},
                },
            },
            task_routes={
                "payroll.tasks.pay": {"queue": "critical", "priority": 9},
                "payroll.tasks.gone": {"queue": "critical"},
            },
            task_queues=(
                Queue("critical", Exchange("critical", type="direct"), routing_key="critical.*",
                      queue_arguments={"x-max-priority": 10}),
            ),
            result_expires=3600,
        )
        app.autodiscover_tasks()
        """,
    "payroll/__init__.py": "",
    "payroll/tasks.py": """
        from celery import shared_task

        @shared_task
        def pay(employee):
            pass

        @shared_task(
            bind=True,
            max_retries=3,
            default_retry_delay=60,
        )
        def clean(self):
            try:
                return {}
            except OSError as exc:
                raise self.retry(exc=exc, countdown=min(300, 60 * (2 ** self.request.retries)))
        """,
}

SETTINGS = "shop/settings.py"


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The documented configuration's kind of app, looked at once."""
    return take(tmp_path_factory.mktemp("documented"), "shop.celery:app", DOCUMENTED)


def test_settings_that_celery_ignores_are_found_with_their_line(documented: dict[str, Any]) -> None:
    """In Django's settings and in ``app.conf.update``, each with what was meant."""
    found = {
        (item["written"], item["origin"].rpartition(" ")[2], item["near"]) for item in documented["unknown"]
    }
    assert found == {
        ("task_max_retry_delay", "shop/celery.py:10", "the task option retry_backoff_max"),
        ("CELERY_TASK_DEFAULT_RETRY_DELAY", f"{SETTINGS}:5", "the task option default_retry_delay"),
        ("CELERY_TASK_MAX_RETRY_DELAY", f"{SETTINGS}:6", "the task option retry_backoff_max"),
        ("CELERY_TASK_RETRY_JITTER", f"{SETTINGS}:7", "the task option retry_jitter"),
        ("CELERY_TASK_DEFAULT_MAX_RETRIES", f"{SETTINGS}:8", "the task option max_retries"),
        ("CELERY_ADMIN_EMAILS", f"{SETTINGS}:9", ""),
    }


def test_an_annotation_that_matches_nothing_is_found(documented: dict[str, Any]) -> None:
    """A pattern is no key of an annotation, and ``retry_policy`` is nothing that a task has."""
    assert [(a["key"], a["attribute"], a["origin"]) for a in documented["annotations_without_effect"]] == [
        ("payroll.tasks.*", None, "shop/celery.py:12"),
        ("payroll.tasks.*", "retry_policy", "shop/celery.py:12"),
    ]


def test_routes_and_queues_are_celerys_own_answer(documented: dict[str, Any]) -> None:
    """An unrouted task goes to ``celery``, which nothing declares."""
    assert documented["default_queue"] == "celery"
    assert documented["routes_without_task"] == ["payroll.tasks.gone"]
    assert task_queue(documented, "payroll.tasks.clean") == "celery"
    pay = documented["tasks"]["payroll.tasks.pay"]
    assert (pay["queue"], pay["priority"], pay["routing_key"]) == ("critical", 9, "critical.*")
    assert pay["queue_origin"] == "task_routes['payroll.tasks.pay'] in shop/celery.py:17"
    assert {name: queue["declared"] for name, queue in documented["queues"].items()} == {
        "celery": False,
        "critical": True,
    }
    assert documented["queues"]["critical"]["arguments"] == {"x-max-priority": 10}


def test_each_value_knows_the_line_that_gives_it(documented: dict[str, Any]) -> None:
    """Django settings, ``conf.update``, decorators and Celery's defaults are told apart."""
    assert conf_setting(documented, "result_expires") == Setting(3600, "app.conf.update in shop/celery.py:24")
    late = Setting(True, f"CELERY_TASK_ACKS_LATE in Django settings {SETTINGS}:11")
    assert conf_setting(documented, "task_acks_late") == late
    assert task_setting(documented, "payroll.tasks.clean", "acks_late") == late
    decorated = Setting(60, "decorator of payroll.tasks.clean in payroll/tasks.py:10")
    assert task_setting(documented, "payroll.tasks.clean", "default_retry_delay") == decorated
    assert task_setting(documented, "payroll.tasks.pay", "max_retries") == Setting(3, "Celery's default")
    assert (
        task_setting(documented, "payroll.tasks.pay", "acks_on_failure_or_timeout").origin
        == "Celery's default"
    )
    assert task_setting(documented, "payroll.tasks.none", "max_retries") == Setting(None, "")


def test_a_setting_given_twice_is_shadowed(documented: dict[str, Any]) -> None:
    """``conf.update`` beats the Django settings."""
    (hidden,) = documented["shadowed"]
    assert hidden["name"] == "result_backend"
    assert hidden["origin"] == f"CELERY_RESULT_BACKEND in Django settings {SETTINGS}:4"
    assert hidden["by"] == "app.conf.update in shop/celery.py:9"


def test_explicit_retry_calls_are_read_from_the_source(documented: dict[str, Any]) -> None:
    """With what their handler catches: `smtplib.SMTPException` is an `OSError`."""
    clean = documented["tasks"]["payroll.tasks.clean"]
    assert clean["calls_retry"]
    assert clean["retry_calls"] == [
        {
            "at": "payroll/tasks.py:16",
            "max_retries": None,
            "countdown": None,
            "countdown_source": "min(300, 60 * 2 ** self.request.retries)",
            "catches": ["filesystem", "mail"],
        }
    ]
    assert not documented["tasks"]["payroll.tasks.pay"]["calls_retry"]
    assert retried_failures(documented, "payroll.tasks.clean") == ("filesystem", "mail")


def test_credentials_stay_in_the_app(documented: dict[str, Any]) -> None:
    """Passwords of URLs and values of secret names are masked."""
    assert conf_setting(documented, "broker_url").value == "redis://:********@localhost:6379/0"
    assert "hunter2" not in json.dumps(documented)


CLEAN = {
    "shop/__init__.py": "",
    "shop/base.py": """
        CELERY_TASK_TIME_LIMIT = 60
        CELERY_HOLIDAYS_URL = "https://holidays.example"
        CELERY_OPERATORS = ["ops@example.com"]
        ADMINS = [("ops", mail) for mail in CELERY_OPERATORS]
        """,
    "shop/settings.py": """
        from .base import *
        SECRET_KEY = "x"
        INSTALLED_APPS = ["payroll"]
        CELERY_REDBEAT_LOCK_TIMEOUT = 10
        CELERYD_MAX_TASKS_PER_CHILD = 100
        CELERY_REDIS_CLIENT_NAME = "shop"
        CELERY_TASK_PUBLISH_DELAY = 3
        """,
    "shop/celery.py": """
        import os
        from celery import Celery, Task

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

        class Patient(Task):
            autoretry_for = (OSError,)
            max_retries = 7
            greeting = "hello"

        app = Celery("shop", task_cls=Patient)
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.conf.task_annotations = {"payroll.tasks.pay": {"rate_limit": "2/m", "greeting": "hi"}}
        app.conf.task_routes = [{"payroll.*": "critical"}]
        app.conf.update(tenant="north")
        app.autodiscover_tasks()
        """,
    "payroll/__init__.py": "",
    "payroll/tasks.py": """
        from celery import current_app, shared_task
        from django.conf import settings

        @shared_task(bind=True, dont_autoretry_for=(FileNotFoundError,), retry_backoff=30)
        def pay(self):
            return settings.CELERY_HOLIDAYS_URL, current_app.conf.tenant

        @shared_task(retry_kwargs={"max_retries": 2})
        def report():
            return getattr(settings, "CELERY_TASK_PUBLISH_DELAY", 0)
        """,
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An app in which everything that is configured has an effect."""
    return take(tmp_path_factory.mktemp("clean"), "shop.celery:app", CLEAN)


def test_a_clean_app_has_no_claims_without_effect(clean: dict[str, Any]) -> None:
    """Old names, undeclared names, other packages' names and the project's own are no false alarms."""
    assert claims_without_effect(clean) == ()
    assert {item["written"]: item["read_by"] for item in clean["app_settings"]} == {
        "CELERY_HOLIDAYS_URL": "payroll/tasks.py:6",
        "CELERY_OPERATORS": "shop/base.py:4",
        "CELERY_REDBEAT_LOCK_TIMEOUT": "a package for Celery",
        "CELERY_TASK_PUBLISH_DELAY": "payroll/tasks.py:10",
        "tenant": "payroll/tasks.py:6",
    }


def test_a_base_class_and_star_imported_settings_are_origins(clean: dict[str, Any]) -> None:
    """The line is where the value stands, not where it is imported."""
    base = Setting(7, "class Patient in shop/celery.py:8")
    assert task_setting(clean, "payroll.tasks.pay", "max_retries") == base
    limit = Setting(60, "CELERY_TASK_TIME_LIMIT in Django settings shop/base.py:1")
    assert task_setting(clean, "payroll.tasks.pay", "time_limit") == limit
    rate = Setting("2/m", "annotation 'payroll.tasks.pay' in shop/celery.py:13")
    assert task_setting(clean, "payroll.tasks.pay", "rate_limit") == rate
    assert (
        clean["tasks"]["payroll.tasks.report"]["queue_origin"]
        == "task_routes['payroll.*'] in shop/celery.py:14"
    )
    assert task_setting(clean, "payroll.tasks.report", "retry_kwargs").value == {"max_retries": 2}
    assert retried_failures(clean, "payroll.tasks.pay") == ("filesystem", "mail")


PLAIN = {
    "celeryconfig.py": """
        import datetime
        from pathlib import Path

        host = "localhost"
        broker_url = f"redis://{host}/0"
        task_ack_late = True
        CELERY_TASK_ACKS_LATE = True
        ROOT = Path(".")
        result_expires = datetime.timedelta(hours=2)

        def helper():
            pass
        """,
    "jobs.py": """
        from celery import Celery, Task

        app = Celery("jobs")
        app.config_from_object("celeryconfig")

        class Strange:
            def __repr__(self):
                raise RuntimeError("no repr")

        def router(name, args, kwargs, options, task=None, **kw):
            if name == "jobs.Crawl":
                raise ValueError("no route for redis://user:hunter2@host")

        app.conf.task_routes = (router, {"jobs.*": {"queue": "jobs"}})
        app.conf.task_annotations = {
            "jobs.fetch": {"rate_limit": "2/m", "retry_jitter": False, "max_retires": 2},
            "jobs.fetsh": {"rate_limit": "2/m"},
            "*": {"rate_limit": "9/m"},
        }
        app.conf.beat_max_loop_interval = Strange()
        app.conf["security_key_password"] = b"hunter2"

        @app.task(autoretry_for=(KeyError, OSError), retry_jitter=True, max_retires=9, throws=(Strange,))
        def fetch():
            pass

        @app.register_task
        class Crawl(Task):
            name = "jobs.Crawl"
            time_limit = 5

            def run(self):
                pass
        """,
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An app without Django, with strange values and a router that raises."""
    folder = tmp_path_factory.mktemp("plain")
    return take(folder, "jobs:app", PLAIN, CELERY_RESULT_BACKEND="redis://:hunter2@env/1")


def test_a_module_of_settings_is_told_from_its_helpers(plain: dict[str, Any]) -> None:
    """Names that the module itself uses, constants and functions are not settings."""
    assert [(item["written"], item["origin"], item["near"], item["why"]) for item in plain["unknown"]] == [
        (
            "CELERY_TASK_ACKS_LATE",
            "CELERY_TASK_ACKS_LATE in settings celeryconfig.py:7",
            "task_acks_late",
            "it has a prefix, but config_from_object was given no namespace",
        ),
        (
            "task_ack_late",
            "task_ack_late in settings celeryconfig.py:6",
            "task_acks_late",
            "Celery has no such setting",
        ),
    ]
    assert conf_setting(plain, "result_expires") == Setting(
        7200.0, "result_expires in settings celeryconfig.py:9"
    )


def test_what_a_decorator_and_annotations_lose_is_found(plain: dict[str, Any]) -> None:
    """``'*'`` overwrites exact keys; the decorator's ``retry_jitter`` beats the annotation's."""
    assert [(a["key"], a["attribute"], a["why"], a["near"]) for a in plain["annotations_without_effect"]] == [
        ("jobs.fetch", "rate_limit", "'*' is applied after it and sets '9/m'", ""),
        ("jobs.fetch", "retry_jitter", "the decorator sets True, and Celery takes that", ""),
        ("jobs.fetch", "max_retires", "Celery reads no such attribute of a task", "max_retries"),
        ("jobs.fetsh", None, "the app has no task of this name", "jobs.fetch"),
    ]
    assert plain["options_without_effect"] == [
        {"task": "jobs.fetch", "name": "max_retires", "origin": "jobs.py:23", "near": "max_retries"}
    ]
    jitter = task_setting(plain, "jobs.fetch", "retry_jitter")
    assert jitter == Setting(True, "decorator of jobs.fetch in jobs.py:23")


def test_nothing_that_an_app_holds_breaks_the_snapshot(plain: dict[str, Any]) -> None:
    """A `repr` that raises, a router that raises, secrets: shown bounded and masked."""
    assert conf_setting(plain, "beat_max_loop_interval") == Setting("<Strange>", "app.conf in jobs.py:20")
    crawl = plain["tasks"]["jobs.Crawl"]
    assert crawl["queue"] is None
    assert crawl["route_error"] == "ValueError('no route for redis://user:********@host')"
    assert crawl["time_limit"] == {"value": 5, "origin": "class Crawl in jobs.py:30"}
    assert task_queue(plain, "jobs.fetch") == "jobs"
    assert conf_setting(plain, "result_backend") == Setting(
        "redis://:********@env/1", "environment variable CELERY_RESULT_BACKEND"
    )
    assert "hunter2" not in json.dumps(plain)


@pytest.mark.parametrize("app", ["documented", "clean", "plain"])
def test_every_snapshot_drafts_to_a_contract(
    app: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """It loads, each tier has tasks, and it fits the app that it was drafted from."""
    snapshot = request.getfixturevalue(app)
    contract = loads(draft(snapshot, app, tmp_path))
    resolve(contract, task_names(snapshot))
    assert fit(contract, snapshot) == []


def test_readers_bear_a_snapshot_with_missing_parts() -> None:
    """Of an older version, or of a run that never took one."""
    assert conf_setting({}, "task_acks_late") == Setting(None, "")
    assert conf_setting({"conf": {"task_acks_late": True}}, "task_acks_late") == Setting(True, "")
    assert task_setting({"tasks": None}, None, "max_retries") == Setting(None, "")
    assert task_queue({"default_queue": "normal"}, "a.b") == "normal"
    assert task_queue({"default_queue": "normal", "tasks": {"a.b": {"queue": None}}}, "a.b") is None
    assert task_names({}) == ()
    assert retried_failures({}, "a.b") == ()
    assert claims_without_effect({"unknown": [{"name": "x"}]}) == (Claim("x = None: None", ""),)


WIRED = {
    "shop.py": """
        from datetime import timedelta

        from celery import Celery, Task, signals
        from celery.schedules import crontab

        app = Celery("shop", broker="redis://localhost:6379/0")
        app.conf.update(
            task_acks_late="no",
            beat_schedule={
                "often": {"task": "shop.pay", "schedule": timedelta(minutes=5), "options": {"expires": 60}},
                "quarters": {"task": "shop.pay", "schedule": crontab(minute="*/15")},
                "nightly": {"task": "shop.pay", "schedule": crontab(hour="2,4", minute=10)},
                "daily": {"task": "shop.pay", "schedule": crontab(hour=2, minute=10)},
            },
        )

        @signals.task_failure.connect
        def file(**_): ...

        @app.task
        def pay(): ...

        @app.task(bind=True, autoretry_for=(OSError,))
        def sell(self): ...
        """,
}


def test_what_is_connected_and_planned_is_told(tmp_path: Path) -> None:
    """Receivers and beat entries with their lines; a crontab's period is the shortest that it can be."""
    found = take(tmp_path, "shop:app", WIRED)
    assert found["signals"] == {"task_failure": [{"name": "file", "file": "shop.py", "line": 17}]}
    entries = {entry["name"]: entry for entry in found["schedule"]}
    assert {name: (entry["every_s"], entry["timed"]) for name, entry in entries.items()} == {
        "often": (300.0, False),
        "quarters": (900.0, False),
        "nightly": (7200.0, True),
        "daily": (86400.0, True),
    }
    assert entries["often"]["options"] == {"expires": 60}
    assert entries["often"]["origin"] == "shop.py:10"
    assert found["types"]["task_acks_late"] == "bool"
    assert "task_time_limit" not in found["types"]


def test_the_project_s_modules_and_bound_tasks_are_told(tmp_path: Path) -> None:
    found = take(tmp_path, "shop:app", WIRED)
    assert found["sources"] == {"shop.py": str((tmp_path / "shop.py").resolve())}
    assert found["app"] == {"main": "shop", "file": "shop.py"}
    assert {name: task["bound"] for name, task in found["tasks"].items()} == {
        "shop.pay": False,
        "shop.sell": True,
    }
