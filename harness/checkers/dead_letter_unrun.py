"""A message that never becomes a run leaves a dead letter too: expired, unknown to the worker, malformed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import LETTERS, QUEUES
from harness.checkers._evidence import cited, member_to_send
from harness.checkers._failures import MARGIN_S
from harness.checkers._findings import merged
from harness.checkers._letters import letters_of
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import end_s
from harness.workload import Body, Experiment, Send

STRANGER = "celery_harness.task_of_another_release"
"""A task that no worker has, as during a deploy in which the client is ahead."""
WAITS_S, EXPIRES_S = 60.0, 30.0
"""An ETA after the expiry: the worker has the message, and finds it expired when its time has come."""
SIGNALS: Mapping[str, str] = {
    "expired": "task_revoked (expired=True)",
    "unknown": "task_unknown",
    "malformed": "task_rejected",
}
"""Which signal reports it (celery/worker/request.py:_announce_revoked, consumer.py:on_unknown_task and
on_invalid_task); none of them calls `on_failure` or sends task_failure."""


class DeadLetterUnrun(Checker):
    """A message that a worker takes and never runs leaves one dead letter, where the contract says so.

    An expired task is acknowledged and reported as revoked; a task that the worker does not know and a
    message that is no valid task are rejected for good (`celery/worker/consumer/consumer.py`). Each has a
    signal of its own, and none of them is ``task_failure``: what files letters of failures does not see it.
    """

    weight = 2
    depends = (*QUEUES, *LETTERS, "task_protocol", "enable_utc", "timezone")

    def promise(self, tier: Tier) -> str | None:
        letter = tier.dead_letter
        if letter is None or not letter.also:
            return None
        return f"what is {' or '.join(letter.also)} leaves one letter in {letter.to}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.dead_letter.also"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        letter, task = tier.dead_letter, member_to_send(contract, tier)
        if letter is None or task is None:
            return
        for what in letter.also:
            made = SENDS[what](task, tier)
            if made is not None:
                settle_s = WAITS_S + letter.within_s + 300
                yield Experiment(
                    f"{self.name}/{tier.name}/{what}", tier.name, (made,), settle_within_s=settle_s,
                    watch_s=letter.within_s + MARGIN_S + (WAITS_S if what == "expired" else 0.0),
                )  # fmt: skip

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        letter = tier.dead_letter
        if letter is None:
            return unknown("nothing is promised")
        found = []
        for what in letter.also:
            sent = list(history.workload(f"{self.name}/{tier.name}/{what}"))
            if not sent:
                found.append(unknown(f"nothing {what} was sent{_why(what, tier)}"))
            found += [_judged(what, event, letter.to, letter.within_s, history) for event in sent]
        return merged(found)


def _judged(what: str, sent: Event, to: str, within_s: float, history: History) -> Finding:
    letters = letters_of(history, str(sent.task_id))
    copies = sum(int(each.get("count") or 1) for each in letters)
    ran = list(history.of("body-entered", task_id=sent.task_id))
    if ran:
        return unknown(f"what was to be {what} was run", cited([sent], ran))
    if copies > 1:
        return broken(
            f"what was {what} left {copies} letters", cited([sent], letters),
            blame="what files the letter runs more than once for one message",
            mend="make it idempotent: a unique key on the task id, SET NX, or get_or_create",
        )  # fmt: skip
    if letters:
        return kept(f"what was {what} left one letter in {to}", cited([sent], letters))
    due_s = sent.at_s + within_s + (WAITS_S if what == "expired" else 0.0)
    if end_s(history) <= due_s:
        return unknown(f"the record ends before the letter of what was {what} was due", cited([sent]))
    return broken(
        f"what was {what} left no letter in {to}: nobody will know", _seen(history, sent),
        blame=f"no receiver of {SIGNALS[what]} files it",
        mend=f"connect what files letters to celery.signals.{SIGNALS[what].partition(' ')[0]} as well",
    )  # fmt: skip


def _seen(history: History, sent: Event) -> tuple[Event, ...]:
    return cited([event for event in history.events if event.task_id == sent.task_id])


def _why(what: str, tier: Tier) -> str:
    return ": the tier names no queue" if what == "unknown" and tier.queue is None else ""


def _expired(task: str, _tier: Tier) -> Send:
    return Send(task, Body(stub=True), options={"countdown": WAITS_S, "expires": EXPIRES_S})


def _unknown(_task: str, tier: Tier) -> Send | None:
    return Send(STRANGER, args=(), options={"queue": tier.queue}) if tier.queue else None


def _malformed(task: str, _tier: Tier) -> Send:
    return Send(task, Body(stub=True), options={"headers": {"eta": "when there is time"}})


SENDS: Mapping[str, Callable[[str, Tier], Send | None]] = {
    "expired": _expired,
    "unknown": _unknown,
    "malformed": _malformed,
}
