"""Each retry comes after the promised delay, and the delays are spread as promised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.blame import no_retry, wrong_delay
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._busy import busy_s, handed_s
from harness.checkers._chance import Draw, can_tell, distance_from_uniform, unlike_chance
from harness.checkers._depends import RETRIES
from harness.checkers._evidence import bent, cited, counted, seconds
from harness.checkers._findings import folded, made_to_fail
from harness.checkers.retry_cap import ENDLESS, ladder
from harness.contract import Contract, Delay, Tier
from harness.history import Event, History
from harness.lives import Life, Retrial, end_s, lives
from harness.workload import Experiment

EARLY_S = 0.2
LATE_S = 2.0
LATE_SHARE = 0.01
"""Tolerances of one delay: the time that a broker and a busy machine may add, or clocks round off."""


@dataclass(slots=True)
class _Seen:
    """What was seen of all retries: each is in order, wrong, excused by a bent clock, or still to come."""

    good: list[Retrial] = field(default_factory=list)
    wrong: list[tuple[Life, Retrial]] = field(default_factory=list)
    bent: list[Retrial] = field(default_factory=list)
    pending: list[Retrial] = field(default_factory=list)


class RetryDelays(Checker):
    """Each delay between attempts is inside its promised envelope, and jitter is really there.

    Tolerated are 0.2 s too early and 2 s + 1 % too late; for the time in which all children of the
    worker were busy, nobody is to blame. Where jitter is promised, the delays that Celery was asked
    for must be spread over their envelopes as evenly as chance would have it, in all but one of a
    million runs. Without `retry_backoff` Celery waits `default_retry_delay`, 180 s, and its own
    jitter starts at 0 s (`celery/app/task.py`, `celery/utils/time.py`).
    """

    weight = 2
    depends = RETRIES

    def promise(self, tier: Tier) -> str | None:
        if tier.retry is None or tier.retry.delay is None or tier.retry.max_retries == 0:
            return None
        delay = tier.retry.delay
        envelopes = [_said(delay, number) for number in range(1, (tier.retry.max_retries or ENDLESS) + 1)]
        jitter = "no jitter" if delay.jitter == "none" else f"{delay.jitter} jitter"
        return f"retries come after {', '.join(envelopes[:8])} ({delay.shape}, {jitter})"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.retry.delay"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return ladder(contract, tier) if self.promise(tier) else ()

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        delay = (tier.retry.delay if tier.retry else None) or Delay()
        mine = list(lives(history, f"retry_cap/{tier.name}").values())
        if not mine:
            return unknown("no task was made to fail for ever")
        given_up = [
            life
            for life in mine
            if not life.retries and life.outcome in ("failed", "rejected") and made_to_fail(life)
        ]
        seen = _sorted(mine, delay, _queueing_s(tier, len(mine)), history)
        if seen.wrong or given_up:
            return _broken(delay, seen, given_up, history)
        if seen.bent:
            said = _listed(delay, seen.bent)
            return unknown(f"{said}; but the stage's clock was bent meanwhile", _events(seen.bent))
        if seen.pending:
            return unknown(f"{_listed(delay, seen.pending)} when the record ends", _events(seen.pending))
        if not seen.good:
            return unknown("no retry was seen, and no task failed for good", cited(*(x.story for x in mine)))
        return _unmade(tier, delay, seen.good) or _spread(delay, seen.good, mine, history)


def _unmade(tier: Tier, delay: Delay, trials: Sequence[Retrial]) -> Finding | None:
    """Promised retries of which not one was made: nothing is known of their delays."""
    cap = (tier.retry.max_retries if tier.retry else None) or ENDLESS
    unmade = sorted(set(range(1, cap + 1)) - {trial.number for trial in trials})
    if not unmade:
        return None
    which = f"{counted(len(unmade), 'retry', 'retries')} of {cap} never made"
    return unknown(f"{_listed(delay, trials)}; {which}, from retry {unmade[0]} on", _events(trials))


def _queueing_s(tier: Tier, tasks: int) -> float:
    """How long a retry that is due may wait because the promised rate lets no more tasks start."""
    rate = tier.limits.rate_per_s if tier.limits else None
    return tasks / rate if rate else 0.0


def _sorted(mine: Iterable[Life], delay: Delay, queueing_s: float, history: History) -> _Seen:
    seen = _Seen()
    for life in mine:
        for trial in life.retries:
            low_s, high_s = delay.envelope_s(trial.number)
            late_s = high_s + LATE_S + LATE_SHARE * high_s
            if trial.scheduled_s is not None and trial.scheduled_s <= late_s:
                late_s = max(late_s, trial.scheduled_s + LATE_S + queueing_s)
            until_s = trial.again.began.at_s if trial.again else end_s(history)
            waited_s = until_s - trial.retried.at_s
            if waited_s > late_s and trial.again is not None:
                due_s = trial.retried.at_s + (high_s if trial.scheduled_s is None else trial.scheduled_s)
                taken_s = handed_s(life, trial, due_s)
                waited_s -= taken_s - due_s + busy_s(history, trial.again.worker, taken_s, until_s)
            if waited_s > late_s and bent(history, trial.retried.at_s, until_s):
                seen.bent.append(trial)
            elif waited_s > late_s:
                seen.wrong.append((life, trial))
            elif trial.again is None:
                seen.pending.append(trial)
            elif waited_s < low_s - min(EARLY_S, low_s / 2):
                seen.wrong.append((life, trial))
            else:
                seen.good.append(trial)
    return seen


def _broken(delay: Delay, seen: _Seen, given_up: Sequence[Life], history: History) -> Finding:
    observed, blames, mends = [], [], []
    if given_up:
        tasks = ", ".join(dict.fromkeys(life.task for life in given_up))
        observed.append(f"{tasks} failed for good without a retry")
    if seen.wrong:
        observed.append(_listed(delay, [trial for _, trial in seen.wrong]))
    for life in {life.task: life for life in given_up}.values():
        found = no_retry(history, life.task, life.error_type)
        blames.append(found.blame)
        mends.append(found.mend)
    for task in dict.fromkeys(life.task for life, _ in seen.wrong):
        found = wrong_delay(history, task)
        blames.append(found.blame)
        mends.append(found.mend)
    events = cited(_events([trial for _, trial in seen.wrong]), *(life.story for life in given_up))
    return broken("; ".join(observed), events, blame="; ".join(folded(blames)), mend="; ".join(folded(mends)))


def _spread(delay: Delay, trials: Sequence[Retrial], mine: Sequence[Life], history: History) -> Finding:
    """Tell, of delays that are all inside their envelopes, whether they are spread as promised."""
    said = _listed(delay, trials)
    if delay.jitter == "none":
        return kept(said, _events(trials))
    draws = [
        Draw(trial.number, _drawn_s(trial) - low_s, high_s - low_s)
        for trial in trials
        for low_s, high_s in [delay.envelope_s(trial.number)]
        if high_s > low_s
    ]
    if not draws:
        return kept(said, _events(trials))
    if not can_tell(draws):
        few = counted(len(draws), "retry", "retries")
        return unknown(f"{said}; {few} are too few to tell jitter from none", _events(trials))
    wrong = unlike_chance(draws)
    if wrong is None:
        distance = distance_from_uniform([draw.share for draw in draws])
        return kept(f"{said}; spread evenly (distance {distance:.2f})", _events(trials))
    found = wrong_delay(history, next((life.task for life in mine if life.retries), ""))
    return broken(
        f"{said}; {wrong}: no {delay.jitter} jitter", _events(trials), blame=found.blame, mend=found.mend
    )


def _drawn_s(trial: Retrial) -> float:
    """The delay that Celery was asked for: what there was has the broker and a busy worker in it."""
    return trial.scheduled_s if trial.scheduled_s is not None else trial.observed_s or 0.0


def _said(delay: Delay, number: int) -> str:
    low_s, high_s = delay.envelope_s(number)
    return seconds(high_s) if low_s == high_s else f"{round(low_s, 2):g}-{seconds(high_s)}"


def _listed(delay: Delay, trials: Sequence[Retrial]) -> str:
    """``retry 1: promised 15-30 s, observed 180.0 s (12x)``, for every retry among these."""
    lines = []
    for number in sorted({trial.number for trial in trials}):
        some = [trial for trial in trials if trial.number == number]
        times = sorted(trial.observed_s for trial in some if trial.observed_s is not None)
        observed = "did not start" if not times else f"observed {times[0]:.1f} s"
        if times and f"{times[0]:.1f}" != f"{times[-1]:.1f}":
            observed = f"observed {times[0]:.1f}-{times[-1]:.1f} s"
        lines.append(f"retry {number}: promised {_said(delay, number)}, {observed} ({len(some)}x)")
    return "; ".join(lines)


def _events(trials: Iterable[Retrial]) -> tuple[Event, ...]:
    return cited([e for trial in trials for e in (trial.retried, trial.again and trial.again.began) if e])
