"""The drafted contract of an app, line by line, and where a contract no longer fits."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness.contract import Delay, Limits, Result, Retry, WorkerLayout
from harness.contract_file import loads, resolve
from harness.draft import draft, fit
from harness.draft_workers import found

DEFAULT = "Celery's default"


def _given(value: Any, origin: str = DEFAULT) -> dict[str, Any]:
    return {"value": value, "origin": origin}


def _task(queue: str = "celery", **options: Any) -> dict[str, Any]:
    """A task as a snapshot describes it, with Celery's defaults."""
    usual = {
        "max_retries": 3,
        "default_retry_delay": 180,
        "autoretry_for": [],
        "retry_kwargs": {},
        "retry_backoff": False,
        "retry_backoff_max": 600,
        "retry_jitter": True,
        "acks_late": False,
        "reject_on_worker_lost": None,
        "time_limit": None,
        "soft_time_limit": None,
        "rate_limit": None,
        "ignore_result": False,
    }
    described: dict[str, Any] = {name: _given(value) for name, value in usual.items()}
    plain: dict[str, Any] = {
        "queue": queue,
        "queue_origin": "task_routes",
        "priority": None,
        "covers": [],
        "retry_calls": [],
    }
    return {**described, **plain, **options}


SNAPSHOT: dict[str, Any] = {
    "versions": {"celery": "5.7.0"},
    "conf": {
        "broker_url": _given("redis://localhost/0"),
        "result_backend": _given("redis://localhost/1", "app.conf.update in shop.py:4"),
        "result_expires": _given(3600, "app.conf.update in shop.py:5"),
        "result_serializer": _given("json"),
        "result_compression": _given("gzip", "app.conf.update in shop.py:6"),
        "worker_send_task_events": _given(value=True, origin="app.conf.update in shop.py:7"),
        "task_send_sent_event": _given(value=True),
    },
    "unknown": [
        {
            "name": "task_retry_jitter",
            "written": "task_retry_jitter",
            "value": True,
            "origin": "app.conf.update in shop.py:8",
            "near": "the task option retry_jitter",
            "why": "Celery has no such setting",
        }
    ],
    "annotations_without_effect": [
        {"key": "shop.*", "attribute": None, "why": "no patterns here", "origin": "shop.py:9", "near": ""}
    ],
    "default_queue": "celery",
    "queues": {"celery": {"declared": True}, "critical": {"declared": False}},
    "tasks": {
        "shop.pay": _task(
            "critical",
            priority=9,
            autoretry_for=_given(["OSError"], "decorator of shop.pay in shop.py:20"),
            covers=["filesystem", "mail"],
            retry_backoff=_given(30.0, "decorator of shop.pay in shop.py:21"),
            retry_backoff_max=_given(300),
            retry_kwargs=_given({"max_retries": 5}, "decorator of shop.pay in shop.py:22"),
            time_limit=_given(1800, "class Base in shop.py:11"),
            soft_time_limit=_given(1500.0, "class Base in shop.py:12"),
            rate_limit=_given("120/m", "decorator of shop.pay in shop.py:23"),
            acks_late=_given(value=True),
        ),
        "shop.clean": _task(ignore_result=_given(value=True)),
        "shop.tidy": _task(ignore_result=_given(value=True)),
        "shop.sync": _task(
            retry_calls=[
                {
                    "at": "shop.py:40",
                    "max_retries": None,
                    "countdown": None,
                    "countdown_source": "2 ** self.request.retries",
                    "catches": ["database"],
                }
            ],
            ignore_result=_given(value=True),
        ),
    },
}

DRAFT = """
# Drafted from shop:app: what Celery has in force, and the line that puts it there.
# Celery promises nothing more: no dead letter, no alert, no deduplication, no effect at most once.
# Write down what you rely on; celery-harness verify tells whether it is kept.
schema = 1

[tiers.celery]
tasks = ["shop.clean", "shop.tidy"]
queue = "celery"  # task_routes
events = true  # app.conf.update in shop.py:7
# loss: acknowledged before it runs (acks_late off): a killed worker loses the task that it ran

[tiers.celery.retry]
not_on = ["filesystem", "mail", "database", "programming"]  # no autoretry_for and no call of retry()

[tiers.celery-2]
tasks = ["shop.sync"]
queue = "celery"  # task_routes
events = true  # app.conf.update in shop.py:7
# loss: acknowledged before it runs (acks_late off): a killed worker loses the task that it ran

[tiers.celery-2.retry]
on = ["database"]  # retry() in shop.py:40
max_retries = 3  # Celery's default
# the delay is computed: 2 ** self.request.retries

[tiers.critical]
tasks = ["shop.pay"]
queue = "critical"  # task_routes
# priority 9 is in force; on Redis 0 starts first (kombu/transport/redis.py)
events = true  # app.conf.update in shop.py:7
# loss: a killed child's task is acknowledged (reject_on_worker_lost off); a killed worker's comes back

[tiers.critical.retry]
on = ["filesystem", "mail"]  # decorator of shop.pay in shop.py:20
not_on = ["database", "programming"]  # decorator of shop.pay in shop.py:20
max_retries = 5  # decorator of shop.pay in shop.py:22
delay = { shape = "exponential", base_s = 30, factor = 2, cap_s = 300, jitter = "full" }  # BACKOFF

[tiers.critical.result]
expires_s = 3600  # app.conf.update in shop.py:5
compression = "gzip"  # app.conf.update in shop.py:6
serializer = "json"  # Celery's default

[tiers.critical.limits]
hard_s = 1800  # class Base in shop.py:11
soft_s = 1500  # class Base in shop.py:12
rate = "120/m"  # decorator of shop.pay in shop.py:23
rate_scope = "worker"  # celery/worker/consumer/consumer.py: a bucket in each worker

# No Procfile or compose file starts a worker here: one that consumes every queue.
[workers.all]
queues = ["celery", "critical"]
concurrency = 1
pool = "prefork"

# Claims without effect:
# - task_retry_jitter = True: Celery has no such setting; MEANT  (app.conf.update in shop.py:8)
# - annotation 'shop.*': no patterns here  (shop.py:9)
"""


def test_a_draft_says_what_is_in_force_and_why(tmp_path: Path) -> None:
    """Tier by tier, each value with its origin, claims without effect at the end."""
    expected = DRAFT.lstrip().replace("BACKOFF", "decorator of shop.pay in shop.py:21")
    expected = expected.replace("MEANT", "perhaps the task option retry_jitter was meant")
    assert draft(SNAPSHOT, "shop:app", tmp_path) == expected


def test_a_draft_is_a_contract_that_fits(tmp_path: Path) -> None:
    """It loads, its tiers have tasks, and nothing in it contradicts the app."""
    contract = loads(draft(SNAPSHOT, "shop:app", tmp_path))
    pay = resolve(contract, SNAPSHOT["tasks"]).tier("critical")
    assert pay.members == ("shop.pay",)
    assert pay.retry == Retry(
        ("filesystem", "mail"), ("database", "programming"), 5, Delay("exponential", 30.0, 2.0, 300.0, "full")
    )
    assert pay.limits == Limits(1800.0, 1500.0, "120/m", "worker")
    assert pay.result == Result(expires_s=3600.0, compression="gzip", serializer="json")
    assert fit(contract, SNAPSHOT) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"retry_backoff": _given(0.0)}, 'delay = { shape = "fixed", base_s = 180, jitter = "none" }'),
        (
            {"retry_backoff": _given(0.0), "retry_kwargs": _given({"countdown": 5})},
            'delay = { shape = "fixed", base_s = 5, jitter = "none" }',
        ),
        ({"retry_backoff": _given(0.5)}, "base_s = 1, factor = 2, cap_s = 600"),
        (
            {"retry_backoff": _given(900.0), "retry_jitter": _given(value=False)},
            'cap_s = 600, jitter = "none"',
        ),
        ({"max_retries": _given(None)}, "# max_retries = None: retried for ever"),
        ({"overrides": {"retry": "Base.retry in a.py:3"}}, "# the delay is computed by Base.retry in a.py:3"),
        ({"rate_limit": _given("20/d")}, "# rate_limit = '20/d' is no rate that Celery can read"),
        ({"rate_limit": _given(10)}, 'rate = "10/s"'),
        (
            {"time_limit": _given(5), "soft_time_limit": _given(9)},
            "# soft_time_limit = 9 is not below time_limit",
        ),
        ({"queue": None, "route_error": "KeyError('x')"}, "# no queue: KeyError('x')"),
        ({"covers": []}, "# retries for failures of other classes than the harness knows"),
    ],
)
def test_what_cannot_be_promised_is_a_comment(options: dict[str, Any], expected: str, tmp_path: Path) -> None:
    """And what can be is Celery's own arithmetic (celery/app/autoretry.py)."""
    task = _task(**{"autoretry_for": _given(["OSError"]), "covers": ["filesystem"], **options})
    text = draft({**SNAPSHOT, "tasks": {"shop.pay": task}}, "shop:app", tmp_path)
    assert expected in text
    loads(text)


def test_an_app_of_nothing_is_drafted_to_nothing(tmp_path: Path) -> None:
    """No tasks, no conf: comments and a worker, no traceback."""
    assert "# The app has no task of its own." in draft({}, "shop:app", tmp_path)


def test_workers_are_read_from_a_procfile(tmp_path: Path) -> None:
    """``-Q -c -P -n`` in all their spellings; a worker without ``-Q`` consumes what is declared."""
    (tmp_path / "Procfile").write_text(
        textwrap.dedent("""
        web: gunicorn shop.wsgi
        critical: celery -A shop worker -Q critical,mail -c 2 -n pay@%h -l info -O fair
        rest: python -m celery -A shop worker --queues=low --concurrency=4 --pool=threads -E
        bare: exec celery -A shop worker -c4
        beat: celery -A shop beat
        """),
        encoding="utf-8",
    )
    workers, file = found(tmp_path, ["celery"])
    assert file == "Procfile"
    assert workers == (
        WorkerLayout("pay", ("critical", "mail"), 2, options=("-O", "fair")),
        WorkerLayout("rest", ("low",), 4, pool="threads", options=("-E",)),
        WorkerLayout("bare", ("celery",), 4),
    )
    assert "# Workers as Procfile starts them.\n[workers.pay]" in draft(SNAPSHOT, "shop:app", tmp_path)


def test_workers_are_read_from_a_compose_file(tmp_path: Path) -> None:
    """Services name them; the command is a text or a list on one line."""
    (tmp_path / "compose.yaml").write_text(
        textwrap.dedent("""
        services:
          critical:
            image: shop
            environment:
              - A=b
            command: celery -A shop worker -Q critical
          rest:
            command: ["celery", "-A", "shop", "worker", "-Q", "celery"]
        """),
        encoding="utf-8",
    )
    workers, file = found(tmp_path, [], concurrency=3)
    assert file == "compose.yaml"
    assert workers == (WorkerLayout("critical", ("critical",), 3), WorkerLayout("rest", ("celery",), 3))


DRIFTED = """
[tiers.critical]
tasks = ["shop.pay", "shop.sink"]
queue = "critcal"

[tiers.payments]
tasks = ["shop.pa*"]
queue = "payments"

[tiers.rest]
tasks = ["shop.clean", "shop.sync"]

[workers.critical]
queues = ["critical", "hihg"]

[samples."shop.payy"]
"""


def test_drift_is_told_sentence_by_sentence() -> None:
    """Tasks in no tier, tiers of nothing, other queues, samples of nothing, queues that nobody consumes."""
    assert fit(loads(DRIFTED), SNAPSHOT) == [
        "contract.toml: the task shop.tidy is in no tier: nothing is promised of it.",
        (
            "contract.toml:3: the tier critical selects 'shop.sink', which matches no task. "
            "Did you mean 'shop.sync'?"
        ),
        "contract.toml:7: every task of the tier payments belongs to an earlier tier.",
        "contract.toml:16: there is a sample for shop.payy, and no such task. Did you mean 'shop.pay'?",
        (
            "contract.toml:4: the tier critical promises the queue 'critcal' for shop.pay; "
            "it goes to 'critical' (task_routes)."
        ),
        "contract.toml:14: the worker critical consumes 'hihg', a queue that the app does not have.",
        "contract.toml:4: no worker consumes 'critcal', the queue of the tier critical.",
        "contract.toml:8: no worker consumes 'payments', the queue of the tier payments.",
        "contract.toml: no worker consumes 'celery', the queue that shop.clean goes to.",
    ]


def test_a_contract_without_workers_says_nothing_of_them() -> None:
    """The layout is optional; only what is written can fail to fit."""
    contract = loads('[tiers.all]\ntasks = ["shop.*"]')
    assert fit(contract, SNAPSHOT) == []
