"""Claims about hooks for tasks that failed for good, and about retries that cannot be sent: 22, 23 and 24."""

from __future__ import annotations

from typing import Any

from scenarios.document.bench import Bench, Seen
from scenarios.document.faults import full_broker

OUTCOMES: dict[str, tuple[str, dict[str, Any]]] = {
    "an exception": ("wired.hooked", {"raises": "programming"}),
    "the hard limit": ("wired.hooked", {"hold_s": 60, "ignores_soft": True}),
    "a killed child": ("wired.dies_once", {"dies": True}),
    "Reject": ("wired.hooked_and_rejects", {}),
}


def called_at_the_end(bench: Bench) -> Seen:
    """Claim 22: how often `on_failure` and the signal `task_failure` are called, for each end of a task."""
    sent = {what: bench.send(task, body=body) for what, (task, body) in OUTCOMES.items()}
    bench.ended(*sent.values(), within_s=120)
    bench.passes(30)
    counts = {
        what: (_calls(bench, "on_failure", i), _calls(bench, "task_failure", i)) for what, i in sent.items()
    }
    told = "; ".join(f"{what}: {base}, {signal}" for what, (base, signal) in counts.items())
    return Seen(
        all(base == 1 for base, _ in counts.values()), f"calls of on_failure and of task_failure after {told}"
    )


def may_raise(bench: Bench) -> Seen:
    """Claim 23: `on_failure` raises, because the store of dead letters is away."""
    sent = bench.send("wired.raising", body={"raises": "filesystem"})
    bench.ended(sent)
    bench.passes(10)
    stored = bench.ask("result", task_id=sent)["result"]
    calls = _calls(bench, "on_failure", sent)
    return Seen(
        calls == 1 and "space" in stored,
        f"called {calls}x, and the stored error is {stored!r}, not the task's own",
    )


def retry_cannot_be_sent(bench: Bench) -> Seen:
    """Claim 24: the broker is full at the moment at which a task is to be tried again."""
    queue = "celery" if bench.documented else "normal"
    body = {"hold_s": 5.0, "raises": "filesystem", "failing_attempts": 1}
    sent = bench.send("core.tasks.cleanup_old_logs", 31, body=body)
    bench.wait(lambda: bool(bench.all("body-entered", sent)))
    with full_broker(bench, queue):
        bench.passes(30)
    bench.revive()  # Redis without memory ends workers; what supervises them starts them again
    again_s = 4500 if bench.broker == "redis" else 600  # above the visibility timeout, where there is one
    came_back = bench.wait(lambda: bool(bench.all("task-succeeded", sent)), within_s=again_s)
    ends = [f": {event.get('error_type')}" for event in bench.all("task-failed", sent)]
    return Seen(
        came_back, "tried again later, and done" if came_back else f"never tried again{''.join(ends)}"
    )


def _calls(bench: Bench, hook: str, task_id: str) -> int:
    """How often a hook has said in the log that it was called."""
    return sum(
        f"HOOK {hook} {task_id}" in line for worker in bench.world.workers for line in bench.log(worker)
    )
