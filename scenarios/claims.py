"""The 50 claims of the configuration document: what is said, what is so, and what shows it.

The numbers are those of the facts gathered about the document. A claim is judged by a verdict of the run of
`myhours.documented`, whose text must contain `says`, or by an experiment of `scenarios/document/` on its
workers. `holds` is what the facts say; `python scenarios/judge_document.py` finds out and writes docs/claims.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scenarios.document import (
    broker_away,
    commands,
    delays,
    handlers,
    hooks,
    limits,
    priorities,
    results,
)
from scenarios.document.bench import Bench, Seen


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, what the facts say of it, and how it is judged."""

    number: int
    claim: str
    fact: str
    instead: str
    """What myhours does in its place."""
    guarantee: str = ""
    tier: str = "app"
    """With `guarantee`, the verdict that judges it in the run of the app as documented."""
    says: str = ""
    observe: Callable[[Bench], Seen] | None = None
    """Else the experiment that does."""
    holds: bool = False
    holds_on: str = ""
    """The one broker on which it holds, where they differ."""
    broker: str = ""
    """The broker that it is about; empty: all."""
    celery: tuple[int, int] = (0, 0)
    """The oldest Celery for which the fact is one."""
    shown_by: tuple[str, ...] = ()
    """Guarantees that every tier of myhours keeps, which show what it does instead."""
    instead_celery: tuple[int, int] = (0, 0)
    """The oldest Celery with which myhours can do it."""
    both: bool = False
    """The experiment also shows what myhours does instead."""
    long: bool = False
    """The experiment takes hours of the stage's time: it is made by the command, not by every test run."""
    note: str = ""
    """Where running it has corrected the facts."""

    def expected(self, broker: str) -> bool:
        """Whether it holds on a broker, by the facts."""
        return self.holds or self.holds_on == broker


CLAIMS = (
    Claim(
        1,
        "Four settings make retries exponential, capped and jittered.",
        "None of the four is a setting of Celery.",
        "`myhours/policy.py` states them once; `core.task.TierTask` applies them to every task",
        guarantee="settings_known",
        tier="app",
        says="task_default_retry_delay",
        shown_by=(
            "settings_known",
            "retry_delays",
        ),
    ),
    Claim(
        2,
        "A task that fails is retried.",
        "Only `autoretry_for` or a call of `retry()` retries.",
        "`autoretry_for` in the base class, for what may be gone a minute later, and for nothing else",
        guarantee="retried_failures",
        tier="critical",
        says="no autoretry_for and no self.retry()",
        shown_by=("retried_failures",),
    ),
    Claim(
        3,
        "Retries come after 1, 2 and 4 minutes, with jitter.",
        "There is no retry, so there is no delay.",
        "doubling delays with bounded jitter: between half of the delay and all of it, never zero",
        guarantee="retry_delays",
        tier="high",
        says="failed for good without a retry",
        shown_by=("retry_delays",),
    ),
    Claim(
        4,
        "Annotations for 'payroll.tasks.*' apply to payroll.",
        "Annotations take exact names or '*' alone.",
        "no annotations: the base class finds a task's tier by its name",
        guarantee="annotations_match",
        tier="app",
        says="'payroll.tasks.*'",
        shown_by=("annotations_match",),
    ),
    Claim(
        5,
        "`retry_policy` gives payroll five retries.",
        "It becomes an attribute that nobody reads.",
        "`max_retries` of the tier, 5 for payroll",
        guarantee="retry_cap",
        tier="critical",
        says="1 attempt, promised 6",
        shown_by=("retry_cap",),
    ),
    Claim(
        6,
        "Specific annotations override those for '*'.",
        "The other way round: the exact name is applied first, '*' over it.",
        "no annotations; an attribute in the decorator wins over the tier's",
        observe=priorities.annotations_for_all,
        shown_by=("annotations_match",),
    ),
    Claim(
        7,
        "Every task runs in one of four queues, `normal` by default.",
        "The default is `celery`, which no documented worker consumes.",
        "`task_default_queue` is `normal`, unknown queues are not made, each queue has workers",
        guarantee="queue_consumed",
        tier="app",
        says="queue celery (task_default_queue) is consumed by no worker",
        shown_by=(
            "queue_consumed",
            "routes_match",
        ),
    ),
    Claim(
        8,
        "Priority 9 is the highest.",
        "On Redis 0 is, and a message without a priority has it; on RabbitMQ 9 is.",
        "no numbers: a queue and workers for each tier, the same on every broker",
        observe=priorities.highest_number_first,
        holds_on="rabbitmq",
        shown_by=("queue_used",),
    ),
    Claim(
        9,
        "Four tiers of priority: the more urgent is done first.",
        "Priority never crosses queues; a worker of two queues takes from each in turn.",
        "workers of their own for each tier, prefetch 1",
        observe=priorities.urgent_before_the_rest,
        both=True,
    ),
    Claim(
        10,
        "`x-max-priority` orders each queue.",
        "Redis ignores it; on RabbitMQ one priority a queue leaves nothing to order, and a change is refused.",
        "no `x-max-priority`",
        observe=priorities.order_within_a_queue,
        shown_by=("queue_used",),
    ),
    Claim(
        11,
        "routing_key 'critical.*' routes by pattern.",
        "A direct exchange knows no pattern; Celery hides it by naming the queue itself.",
        "routing key and queue have the same name",
        observe=priorities.pattern_in_a_direct_exchange,
        shown_by=("queue_used",),
    ),
    Claim(
        12,
        "The dead letter queue keeps failed tasks for a day, ten thousand of them.",
        "Redis ignores both arguments; RabbitMQ deletes what is over them.",
        "a table; nothing removes a letter but `deadletters purge`, and that only after a mail",
        observe=handlers.kept_for_a_day,
        shown_by=("dead_letter",),
        both=True,
        long=True,
    ),
    Claim(
        13,
        "Failed tasks are routed to the dead letter queue.",
        "Nothing calls the handler.",
        "Celery's signals for every kind of end lead to one letter (`core/receivers.py`)",
        guarantee="dead_letter",
        tier="critical",
        says="nothing calls",
        shown_by=(
            "dead_letter",
            "dead_letter_only_failed",
        ),
    ),
    Claim(
        14,
        "The handler can be a `link_error`.",
        "Bound, it is called as a task with one argument of three, a TypeError; no letter, no log of its own.",
        "no `link_error`: signals reach every task, whoever sent it",
        observe=handlers.bound_link_error,
        shown_by=("dead_letter",),
    ),
    Claim(
        15,
        "An unbound handler gets id and error.",
        "It gets a Context in the place of the id, and fails on it.",
        "signals, with the task itself as the sender",
        observe=handlers.unbound_link_error,
        shown_by=("dead_letter",),
        note="The facts have `TypeError`: that is the line after the publish; the publish itself fails first, with `EncodeError`.",
    ),
    Claim(
        16,
        "Failed payroll tasks alert the admins.",
        "'payroll' is looked for in an id that is a UUID; and nobody looks.",
        "the tier of the task decides, by its name",
        guarantee="alert_sent",
        tier="critical",
        says="announced to nobody",
        shown_by=("alert_sent",),
    ),
    Claim(
        17,
        "`send_mail` tells the admins.",
        "It is called without `from_email`, a TypeError; the setting with the addresses is read by nobody.",
        "a task of its own mails the admins of the settings, once, and is retried",
        observe=handlers.mails_the_admins,
        shown_by=("alert_sent",),
    ),
    Claim(
        18,
        "Error and traceback travel as they are.",
        "An exception is not JSON.",
        "texts: `repr` of the error and the formatted traceback",
        observe=handlers.error_travels,
        shown_by=("dead_letter",),
    ),
    Claim(
        19,
        "A dead letter is the failed task.",
        "It has no name and no arguments: nobody can send it again.",
        "name, args, kwargs, error, traceback, attempts and queue",
        observe=handlers.letter_is_the_task,
        shown_by=("dead_letter",),
    ),
    Claim(
        20,
        "The failed queue is for review, its task retried once.",
        "A worker takes every entry at once, and nothing retries it.",
        "a table that no worker empties; `deadletters list`, `show`, `replay`",
        observe=handlers.kept_for_review,
        shown_by=(
            "dead_letter",
            "retry_cap",
        ),
    ),
    Claim(
        21,
        "`retry=False` publishes dead letters fast.",
        "No second try when the broker blinks: on RabbitMQ. redis-py connects again by itself.",
        "letters go to the database, and to disk while that is away; no broker is needed for them",
        observe=handlers.published_without_retry,
        holds_on="redis",
        shown_by=("dead_letter",),
        note="The facts name no broker. It is so on RabbitMQ; on Redis the client library connects again by itself.",
    ),
    Claim(
        22,
        "A hook runs when all retries are used up.",
        "None is connected; and `on_failure` is not called for a killed process or `Reject`, `task_failure` may be called twice.",
        "all signals are connected, and a unique key lets the first one file the letter",
        observe=hooks.called_at_the_end,
        shown_by=(
            "dead_letter",
            "dead_letter_only_failed",
        ),
        note="By the facts Celery 5.5 and 5.6 call neither hook at a hard limit. Run, 5.4, 5.5 and 5.6 send `task_failure` once and do not call `on_failure`; after `Reject` they call neither.",
    ),
    Claim(
        23,
        "Dead letter code in `on_failure` is safe.",
        "If it raises it is called again with its own error, and that is what is stored.",
        "`bury` never raises; what cannot be filed is spooled to disk",
        observe=hooks.may_raise,
        shown_by=("dead_letter",),
    ),
    Claim(
        24,
        "No tasks are lost.",
        "A task whose retry cannot be published is gone; those without a route wait where nobody looks (7).",
        "a retry that cannot be published gives the message back to its queue",
        observe=hooks.retry_cannot_be_sent,
        shown_by=("no_lost_task",),
        both=True,
    ),
    Claim(
        25,
        "Late acknowledgement and rejection on a lost worker prevent loss.",
        "A task that kills its process comes back for ever.",
        "a count of runs that never came back, in Redis: after three the task is a dead letter",
        guarantee="poison_braked",
        tier="critical",
        says="reject_on_worker_lost = True",
        shown_by=("poison_braked",),
    ),
    Claim(
        26,
        "A task whose worker dies is not lost.",
        "True; on Redis it takes the visibility timeout, an hour.",
        "late acknowledgement; the time until redelivery follows from the tiers",
        guarantee="loss_recovered",
        tier="critical",
        says="ran again",
        holds=True,
        shown_by=("loss_recovered",),
    ),
    Claim(
        27,
        "Countdowns of up to an hour are fine.",
        "An hour is the visibility timeout: such tasks run twice.",
        "a visibility timeout above the longest delay and two runs (`policy.visibility_timeout_s`)",
        observe=delays.longest_delay,
        broker="redis",
        shown_by=("loss_recovered",),
        both=True,
        long=True,
    ),
    Claim(
        28,
        "The same on RabbitMQ.",
        "The consumer timeout, 30 minutes, closes the channel and ends the worker; the task never runs.",
        "the same number as `consumer_timeout`; queues ask for it from RabbitMQ 3.12 on",
        observe=delays.longest_delay,
        broker="rabbitmq",
        shown_by=("loss_recovered",),
        both=True,
        long=True,
    ),
    Claim(
        29,
        "A run ends after 30 minutes, with a warning after 25.",
        "True for the prefork pool.",
        "prefork, limits of each tier, soft limits not retried",
        guarantee="time_limits",
        tier="critical",
        says="killed after",
        holds=True,
        shown_by=("time_limits",),
    ),
    Claim(
        30,
        "Timeouts fit the type of task.",
        "One global pair: face recognition gets half an hour like all others.",
        "from 120 s for face recognition to 1,800 s",
        observe=limits.limits_by_type,
        shown_by=("time_limits",),
        both=True,
    ),
    Claim(
        31,
        "Timeouts and acknowledgement go together.",
        "Where failures and timeouts are not acknowledged, a task that hits its limit comes back for ever.",
        "what hits its limit is acknowledged and becomes a dead letter",
        celery=(5, 5),  # 5.4 throws the message away (celery/worker/request.py, on_failure)
        observe=limits.limit_and_acknowledgement,
        shown_by=(
            "time_limits",
            "dead_letter",
        ),
    ),
    Claim(
        32,
        "Results are kept for an hour.",
        "True, of successes and failures alike.",
        "an hour for successes, a week for failures",
        guarantee="result_expiry",
        tier="critical",
        says="3600 s to live",
        holds=True,
        shown_by=("result_expiry",),
    ),
    Claim(
        33,
        "Results are compressed.",
        "True since Celery 5.7; nobody read the setting before.",
        "the same, with Celery 5.7; older ones do not get the setting",
        guarantee="result_compression",
        tier="critical",
        says="stored compressed",
        holds=True,
        celery=(5, 7),
        shown_by=("result_compression",),
    ),
    Claim(
        34,
        "Storing results is tried for 5 s.",
        "The read before it is not, and gives up at once.",
        "`result_backend_always_retry` for about a minute, with a finite number of retries; Celery 5.4 has none for Redis",
        observe=results.tried_for_five_seconds,
        instead_celery=(5, 5),
        both=True,
    ),
    Claim(
        35,
        "Outcomes are tracked.",
        "With the backend away the body runs, and no outcome is known.",
        "the same; and what still cannot be stored becomes a dead letter",
        observe=results.outcomes_are_known,
        instead_celery=(5, 5),
        shown_by=("dead_letter",),
        both=True,
    ),
    Claim(
        36,
        "Everything is visible.",
        "A result has no name and no arguments without `result_extended`.",
        "`result_extended`",
        observe=results.what_a_result_says,
        both=True,
    ),
    Claim(
        37,
        "Events tell what happens.",
        "True: these settings are real.",
        "the same settings",
        guarantee="events_present",
        tier="critical",
        says="seen from sent to succeeded",
        holds=True,
        shown_by=("events_present",),
    ),
    Claim(
        38,
        "Logs are structured.",
        "Celery takes the root logger, and with it the handlers.",
        "a receiver of `setup_logging` keeps the worker's hands off; one JSON object a line",
        guarantee="structured_logs",
        tier="critical",
        says="worker_hijack_root_logger",
        shown_by=("structured_logs",),
    ),
    Claim(
        39,
        "20 to 200 tasks a minute.",
        "No `rate_limit` anywhere; and it would count per worker.",
        "slots in Redis that all workers share",
        guarantee="rate_limit",
        tier="critical",
        says="rate_limit is not set",
        shown_by=("rate_limit",),
    ),
    Claim(
        40,
        "Equal tasks are recognised by MD5 keys.",
        "There is no code for it.",
        "MD5 of the bound arguments, a lock with an owner, longer than all attempts",
        guarantee="deduplication",
        tier="critical",
        says="no deduplication of its own",
        shown_by=(
            "deduplication",
            "no_duplicate_effect",
        ),
    ),
    Claim(
        41,
        "Workers are restarted before they leak.",
        "`worker_max_tasks_per_child` is not set.",
        "a child is replaced after 500 tasks or 400 MB",
        observe=limits.children_are_replaced,
        both=True,
    ),
    Claim(
        42,
        "Reconnection backs off exponentially.",
        "Linearly, and gives up after 100 times.",
        "the same waits without an end, and `acks_late` so that nothing is lost meanwhile",
        observe=broker_away.reconnects,
        both=True,
        long=True,
    ),
    Claim(
        43,
        "Publishing is reliable.",
        "`confirm_publish` is off on RabbitMQ: what it refuses is lost. On Redis the caller gets the error, and nothing sends it later.",
        "`confirm_publish`, sending on commit, and a command that may be repeated (`pay_salaries`)",
        observe=broker_away.no_publish_is_lost,
        both=True,
    ),
    Claim(
        44,
        "cleanup_old_logs backs off to five minutes.",
        "1, 2 and 4 minutes without jitter, never five; and it goes to `celery`, where nobody runs it.",
        "the tier's delays, in the tier's queue",
        observe=delays.ladder_of_cleanup,
        shown_by=(
            "retry_delays",
            "queue_used",
        ),
    ),
    Claim(
        45,
        "`queue='failed'` in the decorator routes the task.",
        "True, with a deprecation warning.",
        "routes by pattern, in one place",
        guarantee="queue_used",
        tier="failed",
        says="published to failed",
        holds=True,
        shown_by=(
            "queue_used",
            "routes_match",
        ),
    ),
    Claim(
        46,
        "Four worker commands side by side.",
        "Without `-n` all have one name.",
        "`-n critical@%h` and so on",
        observe=commands.nodes_side_by_side,
        both=True,
    ),
    Claim(
        47,
        "A retry keeps queue and priority.",
        "True on both brokers; what a task sends itself inherits neither.",
        "the same: a retry stays in its queue",
        observe=delays.retry_stays,
        holds=True,
        shown_by=("queue_used",),
    ),
    Claim(
        48,
        "Periodic tasks run.",
        "There is no `beat_schedule`.",
        "a schedule, and a lease in Redis: of several beats one sends",
        observe=commands.periodic_tasks,
        both=True,
    ),
    Claim(
        49,
        "One line installs it.",
        "Nothing is pinned; Django and decouple, which it imports, are missing.",
        "`requirements.txt` with ranges, and a lock for the whole project",
        observe=commands.one_line_installs_it,
    ),
    Claim(
        50,
        "Printing the settings proves them.",
        "A name that Celery does not know reads back as well.",
        "`manage.py test`, and `celery-harness verify` with a contract",
        observe=commands.printed_settings,
        shown_by=("settings_known",),
    ),
)
