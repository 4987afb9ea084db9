"""One judgement that all reporters show: a broken, a kept and an unknown guarantee."""

from __future__ import annotations

from harness.contract import Contract, Tier
from harness.history import Event, Header, History
from harness.verdict import Outcome, Verdict

CONTRACT = Contract((Tier("critical", ("pay.*",)), Tier("low", ("report.*",))), path="contract.toml")
HISTORY = History(
    Header(
        app="shop:app",
        stage="processes",
        broker="redis",
        seed=7,
        warp="idle",
        versions={"celery": "5.7.0", "celery-harness": "0.1.0"},
    ),
    (
        Event(1.0, "task-sent", "client:1", "11111111-a", "pay.run", {"queue": "critical"}),
        Event(2.5, "task-failed", "child:1", "11111111-a", "pay.run", {"error": "OSError(28)"}),
    ),
)
BROKEN = Verdict(
    "retry_cap",
    "critical",
    Outcome.BROKEN,
    "given up after 5 retries",
    "1 attempt",
    origin="contract.toml:9",
    events=(0, 1),
    blame="no autoretry_for",
    mend="name OSError in autoretry_for",
    reproduce="celery-harness verify -A shop:app --seed 7",
)
KEPT = Verdict("retry_cap", "low", Outcome.KEPT, "given up after 2 retries", "3 attempts")
UNKNOWN = Verdict("rate_limit", "low", Outcome.UNKNOWN, "20/m", "no burst was sent", reproduce="again")
VERDICTS = (BROKEN, UNKNOWN, KEPT)

HOSTILE = (
    "</script><script>alert(1)</script> `a``b | @all [x](javascript:1) ]]> \x00\x1b[31m redis://u:hunter2@h"
)
"""What an app may put into a name or an error: markup of every kind, a control character and a password."""
HOSTILE_VERDICT = Verdict(
    "retry_cap", "low", Outcome.BROKEN, HOSTILE, HOSTILE, blame=HOSTILE, mend=HOSTILE, reproduce=HOSTILE
)
