"""The right people get one mail for each task that failed for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import ALERTS, RETRIES
from harness.checkers._evidence import cited, counted, seconds
from harness.checkers._failures import Failure, experiment, failures, hindered, idle_handlers
from harness.contract import Alert, Contract, Tier
from harness.history import Event, History
from harness.lives import end_s
from harness.workload import Experiment


class AlertSent(Checker):
    """Each task that failed for good is announced by mail, once, to exactly the promised recipients, in time.

    A mail concerns a task if it contains its id, or the name of the task within the promised time.
    Celery 4 and later send no mail of their own (`docs/history/whatsnew-4.0.rst`, "Removed
    features"): what sends it is the app's, and a task id is a UUID that never contains a task's name.
    """

    weight = 2
    depends = RETRIES + ALERTS

    def promise(self, tier: Tier) -> str | None:
        alert = tier.alert
        if alert is None:
            return None
        people = ", ".join(alert.to) or "nobody"
        return f"failed for good is announced once to {people} within {seconds(alert.within_s)}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.alert"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return experiment(contract, tier) if tier.alert is not None else ()

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        alert = tier.alert or Alert()
        failed = failures(contract, tier, history)
        if not failed:
            return unknown("no task of the tier failed for good")
        mails = _attributed(history, failed, alert)
        without = [failure for failure in failed if not mails[failure.task_id]]
        due = [failure for failure in without if end_s(history) > failure.at_s + alert.within_s]
        if due:
            return _none(history, alert, failed, due)
        for failure in failed:
            finding = _wrong(history, alert, failure, mails[failure.task_id])
            if finding is not None:
                return finding
        if without:
            return unknown(
                f"the record ends before the mails for {counted(len(without), 'task')} were due",
                cited([failure.end for failure in without]),
            )
        found = [mail for sent in mails.values() for mail in sent]
        return kept(
            f"{counted(len(failed), 'task')} failed for good, each announced to {', '.join(alert.to)}",
            cited([failure.end for failure in failed], found),
        )


def _attributed(history: History, failed: Sequence[Failure], alert: Alert) -> dict[str, list[Event]]:
    """The mails about each failure: by id, else the first mail of its time that names only the task.

    Mails with the subject of such a mail, in the time of such a failure, are its further copies.
    """
    mails = list(history.of("alert-sent"))
    named = {f.task_id: [mail for mail in mails if _names(mail, f.task_id)] for f in failed}
    taken = {id(mail) for sent in named.values() for mail in sent}
    plain = [failure for failure in failed if not named[failure.task_id]]
    for failure in plain:
        for mail in mails:
            if id(mail) not in taken and _may_concern(mail, failure, alert):
                named[failure.task_id].append(mail)
                taken.add(id(mail))
                break
    for mail in mails:
        alike = [
            failure
            for failure in plain
            if id(mail) not in taken
            and _may_concern(mail, failure, alert)
            and any(mail.get("subject") == other.get("subject") for other in named[failure.task_id])
        ]
        if alike:
            told = {
                f.task_id: {to for each in named[f.task_id] for to in each.get("to") or ()} for f in alike
            }
            untold = [f for f in alike if not told[f.task_id] & set(mail.get("to") or ())]
            named[(untold or alike[-1:])[0].task_id].append(mail)
    return named


def _may_concern(mail: Event, failure: Failure, alert: Alert) -> bool:
    """Whether a mail names the task and no task id, and came in the time of the failure."""
    in_time = failure.at_s - 1 <= mail.at_s <= failure.at_s + alert.within_s
    return in_time and not mail.get("concerns") and failure.life.task in _text(mail)


def _names(mail: Event, task_id: str) -> bool:
    return task_id in (mail.get("concerns") or ()) or task_id in _text(mail)


def _text(mail: Event) -> str:
    return f"{mail.get('subject') or ''}\n{mail.get('text') or ''}"


def _wrong(history: History, alert: Alert, failure: Failure, mails: Sequence[Event]) -> Finding | None:
    """What is wrong with the mails about one task; None where nothing is, or there are none."""
    if not mails:
        return None
    events = cited([failure.end], mails)
    got = Counter(str(to).lower() for mail in mails for to in mail.get("to") or ())
    promised = {to.lower() for to in alert.to}
    if set(got) != promised:
        people = "; ".join(
            part
            for part in (
                f"not to {', '.join(sorted(promised - set(got)))}" if promised - set(got) else "",
                f"but to {', '.join(sorted(set(got) - promised))}" if set(got) - promised else "",
            )
            if part
        )
        return broken(
            f"the failure of {failure.life.task} was announced {people}",
            events,
            blame="the recipients of the alert (ADMINS for mail_admins, recipient_list for send_mail)",
            mend=f"recipients = {sorted(alert.to)!r}",
        )
    if max(got.values()) > 1:
        return broken(
            f"the failure of {failure.life.task} was announced {max(got.values())} times",
            events,
            blame="what sends the alert runs more than once for one task (a hard time limit reports twice)",
            mend="send it where the dead letter is filed for the first time: a unique key on the task id",
        )
    late_s = mails[0].at_s - failure.at_s
    if late_s > alert.within_s and not hindered(history, "mail_", failure.at_s, mails[0].at_s):
        return broken(
            f"the failure of {failure.life.task} was announced after {seconds(late_s)}",
            events,
            blame="the alert waits for a free worker or a retry",
            mend="give the task that sends alerts a queue and a worker of its own",
        )
    return None


def _none(history: History, alert: Alert, failed: Sequence[Failure], due: Sequence[Failure]) -> Finding:
    idle = idle_handlers(history)
    if idle:
        blame = f"no alert is wired: nothing calls {' or '.join(idle)}"
    elif history.header.settings.get("conf", {}).get("admin_emails"):
        blame = "nothing sends mail: admin_emails is no setting of Celery's, nothing reads it"
    else:
        blame = "nothing sends mail when a task has failed for good, or its list of recipients is empty"
    return broken(
        f"{len(due)} of {counted(len(failed), 'task')} that failed for good announced to nobody",
        cited([failure.end for failure in due]),
        blame=blame,
        mend=f"send mail to {', '.join(alert.to)} from celery.signals.task_failure, by a task with retries",
    )
