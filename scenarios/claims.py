"""The 50 claims of the configuration document: what is said, what is so, and which verdict shows it.

The numbers are those of the facts gathered about the document. A claim is judged by a verdict of the run
of `myhours.documented`, with a text that the verdict must contain; or it is not judged by that run, and
`why_not` says why. `breaks` are claims that must be found false; the others hold.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim; `guarantee` and `tier` name the verdict that judges it."""

    number: int
    claim: str
    fact: str
    guarantee: str = ""
    tier: str = "app"
    says: str = ""
    holds: bool = False
    why_not: str = ""
    broker: str = ""
    """The broker for which the fact is one; empty: all."""
    celery: tuple[int, int] = (0, 0)
    """The oldest Celery for which the fact is one."""


NOTHING_RETRIES = "no documented task ever retries, so the case does not arise"
NOT_WIRED = "the document does not do it, and what it leaves out cannot be run"
NO_CHECKER = "no guarantee of a contract says it yet"

CLAIMS = (
    Claim(
        1,
        "Four settings make retries exponential, capped and jittered.",
        "None of the four is a setting of Celery.",
        "settings_known",
        says="task_default_retry_delay",
    ),
    Claim(
        2,
        "A task that fails is retried.",
        "Only `autoretry_for` or a call of `retry()` retries.",
        "retried_failures",
        "critical",
        says="no autoretry_for and no self.retry()",
    ),
    Claim(
        3,
        "Retries come after 1, 2 and 4 minutes, with jitter.",
        "There is no retry, so there is no delay.",
        "retry_delays",
        "high",
        says="failed for good without a retry",
    ),
    Claim(
        4,
        "Annotations for 'payroll.tasks.*' apply to payroll.",
        "Annotations take exact names or '*' alone.",
        "annotations_match",
        says="'payroll.tasks.*'",
    ),
    Claim(
        5,
        "`retry_policy` gives payroll five retries.",
        "It becomes an attribute that nobody reads.",
        "retry_cap",
        "critical",
        says="1 attempt, promised 6",
    ),
    Claim(
        6,
        "Specific annotations override those for '*'.",
        "The other way round: '*' is applied last.",
        why_not="the document has no annotation for '*'",
    ),
    Claim(
        7,
        "Every task runs in one of four queues, `normal` by default.",
        "The default is `celery`, which no documented worker consumes.",
        "queue_consumed",
        says="queue celery (task_default_queue) is consumed by no worker",
    ),
    Claim(
        8,
        "Priority 9 is the highest.",
        "On Redis 0 is, and a message without a priority has it.",
        "priority_order",
        "critical",
        says="priority 0 before 9 within critical",
        broker="redis",
    ),
    Claim(
        9,
        "Four tiers of priority: the more urgent is done first.",
        "Priority never crosses queues; a worker of two queues takes from each in turn.",
        "priority_order",
        "integrations",
        says="low before integrations",
        broker="redis",
    ),
    Claim(
        10,
        "`x-max-priority` orders each queue.",
        "Redis ignores it; with one priority a queue there is nothing to order.",
        "priority_order",
        "high",
        says="priority 0 before 7 within high",
        broker="redis",
    ),
    Claim(
        11,
        "routing_key 'critical.*' routes by pattern.",
        "A direct exchange knows no pattern; Celery hides it by naming the queue itself.",
        "queue_used",
        "critical",
        says="published to critical",
        holds=True,
    ),
    Claim(
        12,
        "The dead letter queue keeps failed tasks for a day, ten thousand of them.",
        "Redis ignores both arguments; RabbitMQ deletes what is over them.",
        why_not="nothing ever reaches the queue to be kept or deleted",
    ),
    Claim(
        13,
        "Failed tasks are routed to the dead letter queue.",
        "Nothing calls the handler.",
        "dead_letter",
        "critical",
        says="nothing calls",
    ),
    Claim(
        14,
        "The handler can be a `link_error`.",
        "Bound, it is sent with one argument of three.",
        why_not=NOT_WIRED,
    ),
    Claim(
        15,
        "An unbound handler gets id and error.",
        "It gets a Context in the place of the id.",
        why_not=NOT_WIRED,
    ),
    Claim(
        16,
        "Failed payroll tasks alert the admins.",
        "'payroll' is looked for in an id that is a UUID; and nobody looks.",
        "alert_sent",
        "critical",
        says="announced to nobody",
    ),
    Claim(
        17,
        "`send_mail` tells the admins.",
        "It is called without `from_email`, a TypeError.",
        why_not="the handler is never called; 16 shows that no mail arrives",
    ),
    Claim(18, "Error and traceback travel as they are.", "An exception is not JSON.", why_not=NOT_WIRED),
    Claim(
        19,
        "A dead letter is the failed task.",
        "It has no name and no arguments: nobody can send it again.",
        why_not="there is no letter to look into; 13 shows that",
    ),
    Claim(
        20,
        "The failed queue is for review, its task retried once.",
        "A worker takes every entry at once, and nothing retries it.",
        "retry_cap",
        "failed",
        says="1 attempt, promised 2",
    ),
    Claim(
        21,
        "`retry=False` publishes dead letters fast.",
        "No second try when the broker blinks.",
        why_not=NOT_WIRED,
    ),
    Claim(
        22,
        "A hook runs when all retries are used up.",
        "No hook is connected: no signal, no base class, no `link_error`.",
        "dead_letter",
        "low",
        says="no handler is wired",
    ),
    Claim(
        23, "Dead letter code in `on_failure` is safe.", "It is called again if it raises.", why_not=NOT_WIRED
    ),
    Claim(
        24,
        "No tasks are lost.",
        "Tasks without a route wait where nobody looks.",
        "no_lost_task",
        "normal",
        says="which no worker consumes",
    ),
    Claim(
        25,
        "Late acknowledgement and rejection on a lost worker prevent loss.",
        "A task that kills its process comes back for ever.",
        "poison_braked",
        "critical",
        says="reject_on_worker_lost = True",
    ),
    Claim(
        26,
        "A task whose worker dies is not lost.",
        "True; on Redis it takes the visibility timeout, an hour.",
        "loss_recovered",
        "critical",
        says="ran again",
        holds=True,
    ),
    Claim(
        27,
        "Countdowns of up to an hour are fine.",
        "An hour is the visibility timeout: such tasks run twice.",
        why_not=NOTHING_RETRIES,
    ),
    Claim(28, "The same on RabbitMQ.", "The consumer timeout kills the worker.", why_not=NOTHING_RETRIES),
    Claim(
        29,
        "A run ends after 30 minutes, with a warning after 25.",
        "True for the prefork pool.",
        "time_limits",
        "critical",
        says="killed after",
        holds=True,
    ),
    Claim(
        30,
        "Timeouts fit the type of task.",
        "One global pair: face recognition gets half an hour like all others.",
        "time_limits",
        "high",
        says="killed after",
        holds=True,
    ),
    Claim(
        31,
        "Timeouts and acknowledgement go together.",
        "Without `task_acks_on_failure_or_timeout` they loop.",
        why_not="the document leaves the setting at its default, which acknowledges",
    ),
    Claim(
        32,
        "Results are kept for an hour.",
        "True, of successes and failures alike.",
        "result_expiry",
        "critical",
        says="3600 s to live",
        holds=True,
    ),
    Claim(
        33,
        "Results are compressed.",
        "True since Celery 5.7; nobody read the setting before.",
        "result_compression",
        "critical",
        says="stored compressed",
        holds=True,
        celery=(5, 7),
    ),
    Claim(
        34,
        "Storing results is tried for 5 s.",
        "The read before it is not, and gives up at once.",
        why_not="the run has no fault of the result backend for this app",
    ),
    Claim(
        35,
        "Outcomes are tracked.",
        "With the backend away the body runs, and no outcome is known.",
        why_not="the run has no fault of the result backend for this app",
    ),
    Claim(
        36,
        "Everything is visible.",
        "A result has no name and no arguments without `result_extended`.",
        why_not=NO_CHECKER,
    ),
    Claim(
        37,
        "Events tell what happens.",
        "True: these settings are real.",
        "events_present",
        "critical",
        says="seen from sent to succeeded",
        holds=True,
    ),
    Claim(
        38,
        "Logs are structured.",
        "Celery takes the root logger, and with it the handlers.",
        "structured_logs",
        "critical",
        says="worker_hijack_root_logger",
    ),
    Claim(
        39,
        "20 to 200 tasks a minute.",
        "No `rate_limit` anywhere; and it would count per worker.",
        "rate_limit",
        "critical",
        says="rate_limit is not set",
    ),
    Claim(
        40,
        "Equal tasks are recognised by MD5 keys.",
        "There is no code for it.",
        "deduplication",
        "critical",
        says="no deduplication of its own",
    ),
    Claim(
        41,
        "Workers are restarted before they leak.",
        "`worker_max_tasks_per_child` is not set.",
        why_not=NO_CHECKER,
    ),
    Claim(
        42,
        "Reconnection backs off exponentially.",
        "Linearly, and gives up after 100 times.",
        why_not=NO_CHECKER,
    ),
    Claim(
        43,
        "Publishing is reliable.",
        "`confirm_publish` is off on RabbitMQ; a broker that is away raises in the caller.",
        why_not="needs a full queue on RabbitMQ, which no experiment makes",
    ),
    Claim(
        44,
        "cleanup_old_logs backs off to five minutes.",
        "It never runs: it goes to `celery`.",
        "queue_used",
        "normal",
        says="core.tasks.cleanup_old_logs was published to celery",
    ),
    Claim(
        45,
        "`queue='failed'` in the decorator routes the task.",
        "True, with a deprecation warning.",
        "queue_used",
        "failed",
        says="published to failed",
        holds=True,
    ),
    Claim(
        46,
        "Four worker commands side by side.",
        "Without `-n` all have one name.",
        why_not="the stage gives each worker a name of its own",
    ),
    Claim(47, "A retry keeps queue and priority.", "True on both brokers.", why_not=NOTHING_RETRIES),
    Claim(48, "Periodic tasks run.", "There is no `beat_schedule`.", why_not="the stage runs no beat"),
    Claim(
        49,
        "One line installs it.",
        "Nothing is pinned, and decouple is missing.",
        why_not="not a matter of running",
    ),
    Claim(
        50,
        "Printing the settings proves them.",
        "A made-up name reads back as well.",
        "settings_known",
        says="task_default_max_retries = 3",
    ),
)
