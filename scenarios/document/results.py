"""Claims about results while their backend is away, and about what is in one: 34, 35 and 36."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.document.bench import Bench, Seen

FACE = "biometrics.tasks.process_face_recognition"


@dataclass(frozen=True, slots=True)
class Lost:
    """What became of a task whose result could not be stored when it ended."""

    gave_up_after_s: float | None
    status: str
    ran: int
    failures: int


def tried_for_five_seconds(bench: Bench) -> Seen:
    """Claim 34: the backend is away for ten seconds when the task ends."""
    lost = _backend_away(bench)
    if lost.gave_up_after_s is None:
        return Seen(lost.status == "SUCCESS", f"tried until the backend was back: {lost.status}")
    return Seen(lost.gave_up_after_s >= 4, f"given up after {lost.gave_up_after_s:.1f} s")


def outcomes_are_known(bench: Bench) -> Seen:
    """Claim 35: what is known of such a task afterwards."""
    lost = _backend_away(bench)
    return Seen(
        lost.status == "SUCCESS",
        f"the body ran {lost.ran}x and ended well; its state is {lost.status}, "
        f"with {lost.failures} task_failure",
    )


def what_a_result_says(bench: Bench) -> Seen:
    """Claim 36: the stored result of a task that succeeded."""
    sent = bench.send(FACE, 1, "ff", body={"stub": True})
    bench.ended(sent)
    keys = sorted(bench.ask("result", task_id=sent))
    return Seen({"name", "args", "kwargs"} <= set(keys), f"it has {', '.join(keys)}")


def _backend_away(bench: Bench) -> Lost:
    sent = bench.send(FACE, 2, "fe", body={"stub": True, "hold_s": 2.0})
    bench.wait(lambda: bool(bench.all("body-entered", sent)))
    with bench.strike("results_gone"):
        bench.wait(lambda: bool(bench.all("body-left", sent)))
        bench.passes(10)
    bench.ended(sent, within_s=120)
    bench.passes(10)
    left = bench.all("body-left", sent)
    errors = [event for event in bench.all("task-internal-error", sent) if event.at_s >= left[0].at_s]
    return Lost(
        gave_up_after_s=errors[0].at_s - left[0].at_s if errors else None,
        status=str(bench.ask("result", task_id=sent)["status"]),
        ran=len(left),
        failures=len(bench.all("task-failed", sent)),
    )
