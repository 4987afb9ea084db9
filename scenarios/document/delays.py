"""Claims about delays and what holds a message for long: 27, 28, 44 and 47."""

from __future__ import annotations

from scenarios.document.bench import Bench, Seen
from scenarios.document.faults import as_deployed

PAYROLL = "payroll.tasks.calculate_payroll"
CLEANUP = "core.tasks.cleanup_old_logs"
HOLIDAYS = "integrations.tasks.sync_holidays"


def longest_delay(bench: Bench) -> Seen:
    """Claims 27 and 28: the longest delay that is promised, and a run of ten minutes after it."""
    as_deployed(bench)
    if bench.documented:
        sent = bench.send(PAYROLL, 1, "2026-01", body={"hold_s": 600.0}, countdown=3600)
    else:
        sent = bench.send(HOLIDAYS, "DE", 2031, body={"hold_s": 600.0}, countdown=600)
    bench.ended(sent, within_s=3 * 3600)
    bench.passes(900)
    runs = len(bench.all("body-entered", sent))
    closed = [
        line for name in bench.world.workers for line in bench.log(name) if "PRECONDITION_FAILED" in line
    ]
    gone = sorted(name for name, worker in bench.world.workers.items() if worker.ended())
    bench.world.calm(sent)
    bench.revive()
    text = f"it ran {runs}x"
    if closed:
        text += f"; {_short(closed[0])}"
    if gone:
        text += f"; worker {', '.join(gone)} ended"
    return Seen(runs == 1 and not closed and not gone, text)


def ladder_of_cleanup(bench: Bench) -> Seen:
    """Claim 44: the one task that retries by hand, on a worker for the queue that nobody consumes."""
    sent = bench.send(CLEANUP, 33, body={"raises": "filesystem"})
    bench.ended(sent, within_s=3 * 3600)
    waits = [round(event.get("countdown_s") or 0) for event in bench.all("task-retried", sent)]
    queues = sorted({str(event.get("queue")) for event in bench.all("task-sent", sent)})
    text = f"delays of {', '.join(map(str, waits))} s: no jitter, never 300; published to {', '.join(queues)}"
    return Seen(300 in waits, text)


def retry_stays(bench: Bench) -> Seen:
    """Claim 47: a task that was sent to another queue with a priority fails once."""
    sent = bench.send(
        CLEANUP, 34, body={"raises": "filesystem", "failing_attempts": 1}, queue="critical", priority=9
    )
    bench.ended(sent)
    places = [(str(event.get("queue")), event.get("priority")) for event in bench.all("task-sent", sent)]
    place = len(bench.world.arrived())
    bench.ended(bench.send("wired.parent"))
    bench.wait(lambda: bool(bench.since(place, "task-sent", "wired.limited")), within_s=30)
    child = [(e.get("queue"), e.get("priority")) for e in bench.since(place, "task-sent", "wired.limited")]
    text = f"sent to {places[0]}, again to {places[-1]}; what a task sends itself goes to {child[0]}"
    return Seen(len(places) == 2 and places[0] == places[1], text)


def _short(line: str) -> str:
    at = line.find("PRECONDITION_FAILED")
    return line[at : at + 120].strip()
