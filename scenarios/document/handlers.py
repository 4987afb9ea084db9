"""Claims about the handler of failed tasks, wired up as the document would have it: 12, 14, 15, 17 to 21."""

from __future__ import annotations

import re
from typing import Any

from harness.history import Event
from scenarios.document.bench import Bench, Seen

FACE = "biometrics.tasks.process_face_recognition"
LETTER = "core.tasks.process_dead_letter"
HANDLER = "handle_failed_task"
ERROR = re.compile(r"[\w.]*(Error|Exception)\b")
DAY_S = 24 * 3600.0
OVER = 10_005
"""Five more than the document's ``x-max-length``."""


def kept_for_a_day(bench: Bench) -> Seen:
    """Claim 12: more than ten thousand failed tasks, and a day."""
    if not bench.documented:
        dead = bench.send("payroll.tasks.process_salary_payment", 900, "2026-02", 1, body=_fails())
        bench.ended(dead)
        bench.passes(10)  # the letter is filed after the failure is known
        with bench.only():
            bench.passes(DAY_S + 60)
        letters = [row for row in bench.world.database.rows("core_deadletter") if row["task_id"] == dead]
        return Seen(len(letters) == 1, f"{len(letters)} of 1 letter is in the table after a day")
    with bench.only():
        bench.ask("fill", queue="failed", count=OVER)
        full = bench.ask("depth", queue="failed")
        bench.passes(DAY_S + 60)
        later = bench.ask("depth", queue="failed")
        bench.ask("purge", queue="failed")
    text = f"of {OVER:,} failed tasks {full:,} were there at once, and {later:,} after a day"
    if later > 10_000:
        return Seen(False, f"{text}: both arguments are ignored, and the queue grows without end")
    return Seen(later == OVER, f"{text}: the others were deleted without a word")


def bound_link_error(bench: Bench) -> Seen:
    """Claim 14: `handle_failed_task` as ``link_error`` of a task that fails."""
    letters, said = _fail_with(bench, HANDLER)
    return Seen(letters > 0, f"{letters} dead letters; the worker logs {said!r}")


def unbound_link_error(bench: Bench) -> Seen:
    """Claim 15: the same without ``bind=True``."""
    letters, said = _fail_with(bench, "wired.unbound_handler")
    return Seen(letters > 0, f"{letters} dead letters: its first argument is a Context; logged {said!r}")


def mails_the_admins(bench: Bench) -> Seen:
    """Claim 17: the handler is called with an id that has 'payroll' in it, so that it does mail."""
    called = bench.send(HANDLER, "payroll-77", "boom", "traceback")
    bench.ended(called)
    bench.passes(30)
    mails = [event for event in bench.all("alert-sent") if "payroll-77" in str(event.get("subject"))]
    errors = [_error(event) for event in bench.all("task-failed", called)]
    return Seen(len(mails) == 1, f"{len(mails)} mails: {'; '.join(errors)}")


def error_travels(bench: Bench) -> Seen:
    """Claim 18: error and traceback are given to the next task as they are."""
    sent = bench.send("wired.passes_error")
    bench.ended(sent)
    errors = [_error(event) for event in bench.all("task-failed", sent)]
    return Seen(not errors, f"the publish failed: {'; '.join(errors)[:160]}")


def letter_is_the_task(bench: Bench) -> Seen:
    """Claim 19: what the handler publishes, for a task of that id."""
    place = len(bench.world.arrived())
    bench.ended(bench.send(HANDLER, "0b5f", "boom", "traceback"))
    letters = bench.since(place, "task-sent", LETTER)
    given = [event.get("args") for event in letters]
    return Seen(not letters or len(given[0]) > 3, f"it carries {given[0] if given else 'nothing'}")


def kept_for_review(bench: Bench) -> Seen:
    """Claim 20: one entry goes through the failed queue, and one whose processing fails."""
    read, fails = (
        bench.send(LETTER, "0b5f", "boom", "tb"),
        bench.send(LETTER, "0b60", "boom", "tb", body=_fails()),
    )
    bench.ended(read, fails)
    left = bench.ask("depth", queue="failed")
    lives = [event.get("ttl_s") for event in bench.all("result-stored", read)][-1:]
    runs = len(bench.all("task-started", fails))
    text = f"taken at once ({left} left), its result lives {lives[0] if lives else 0:.0f} s"
    text += f"; one that failed ran {runs}x"
    return Seen(left == 2, text)


def published_without_retry(bench: Bench) -> Seen:
    """Claim 21: two processes that have published before do it again after a restart of the broker, twice."""
    told, lost = [], {}
    for name in ("wired.publishes_without_retry", "wired.publishes_with_retry"):
        _published(bench, name)
        with bench.strike("broker_restart"):
            pass
        bench.passes(30)
        raised, arrived = map(sum, zip(*(_published(bench, name) for _ in range(2)), strict=True))
        lost[name] = 4 - arrived
        told.append(f"{raised} raised, {4 - raised - arrived} lost without a word")
    text = f"of 4 letters after a restart of the broker: retry=False: {told[0]}; with retries: {told[1]}"
    return Seen(not lost["wired.publishes_without_retry"], text)


def _published(bench: Bench, task: str) -> tuple[int, int]:
    """Two processes publish a letter each, at the same time: how many raised, and how many arrived."""
    sent = [bench.send(task, body={"hold_s": 1.0}) for _ in range(2)]
    bench.ended(*sent, within_s=300)
    bench.passes(5)
    letters = [e.task_id for e in bench.world.events() if e.kind == "task-sent" and e.get("parent") in sent]
    arrived = {event.task_id for event in bench.all("task-received") if event.task_id in letters}
    raised = [event for event in bench.all("body-left", *sent) if event.get("error_type")]
    return len(raised), len(arrived)


def _fail_with(bench: Bench, handler: str) -> tuple[int, str]:
    """A task that fails with this ``link_error``: the dead letters of it, and the last error logged."""
    options: dict[str, Any] = {
        "args": [],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
        "immutable": False,
    }
    place, lines = len(bench.world.arrived()), len(bench.log("high"))
    failed = bench.send(FACE, 1, "ff", body=_fails(), link_error={"task": handler, **options})
    bench.ended(failed, within_s=60)
    bench.passes(10)
    errors = [line.strip() for line in bench.log("high")[lines:] if ERROR.match(line.strip())]
    others = [line for line in errors if "ordered by the harness" not in line]
    return len(bench.since(place, "message-published", LETTER)), others[-1][:160] if others else ""


def _fails() -> dict[str, Any]:
    return {"raises": "programming"}


def _error(event: Event) -> str:
    return f"{event.get('error_type')}: {str(event.get('error'))[:140]}"
