"""A quiet tier wakes nobody: its failures for good are announced by no mail."""

from __future__ import annotations

from collections.abc import Iterable

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import QUIET, RETRIES
from harness.checkers._evidence import cited, counted, seconds
from harness.checkers._failures import SILENCE_S, experiment, failures
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import end_s
from harness.workload import Experiment


class NoAlert(Checker):
    """No task of the tier that failed for good is announced by mail.

    What everybody is written to about is read by nobody. A mail concerns a task if it contains its id,
    or the name of the task and no id within two minutes of the failure.
    """

    depends = RETRIES + QUIET

    def promise(self, tier: Tier) -> str | None:
        return "failed for good is announced to nobody" if tier.quiet else None

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.quiet"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return experiment(contract, tier) if tier.quiet else ()

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        failed = failures(contract, tier, history)
        if not failed:
            return unknown("no task of the tier failed for good")
        mails = [
            mail
            for mail in history.of("alert-sent")
            if any(_concerns(mail, each.task_id, each.life.task, each.at_s) for each in failed)
        ]
        if mails:
            people = sorted({str(to) for mail in mails for to in mail.get("to") or ()})
            return broken(
                f"{counted(len(mails), 'mail')} to {', '.join(people)} about {counted(len(failed), 'task')}",
                cited([each.end for each in failed], mails),
                blame="what announces failures does so for this tier too",
                mend="ask for the tier of the task before mail is sent; its dead letter can be read later",
            )
        silent = [each for each in failed if end_s(history) > each.at_s + SILENCE_S]
        if not silent:
            return unknown(
                f"the record ends less than {seconds(SILENCE_S)} after {counted(len(failed), 'failure')}",
                cited([each.end for each in failed]),
            )
        return kept(
            f"{counted(len(silent), 'task')} failed for good, and no mail came within {seconds(SILENCE_S)}",
            cited([each.end for each in silent]),
        )


def _concerns(mail: Event, task_id: str, task: str, at_s: float) -> bool:
    text = f"{mail.get('subject') or ''}\n{mail.get('text') or ''}"
    ids = mail.get("concerns") or ()
    if task_id in ids or task_id in text:
        return True
    return not ids and task in text and at_s - 1 <= mail.at_s <= at_s + SILENCE_S
