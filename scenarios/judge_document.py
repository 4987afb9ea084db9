"""Judges the 50 claims of the configuration document by running, and writes what it found.

``python scenarios/judge_document.py [redis] [rabbitmq] [runs] [documented] [myhours]`` does, for these
brokers, the whole runs of `myhours.documented` and `myhours`, and the experiments with each of them: all,
unless parts are named (some ten minutes). It writes docs/claims.json after each part, then docs/claims.md.
``--render`` only renders, ``--check`` only tells whether the page is current and every row agrees with the
facts; `scenarios/test_documented_claims.py` does the same, and compares what is stored with what it sees.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness import run  # noqa: E402 - run by its path, from any folder
from harness.contract_file import load  # noqa: E402
from scenarios.claims import CLAIMS, Claim  # noqa: E402
from scenarios.document import page  # noqa: E402
from scenarios.document.bench import CONTRACTS, DOCUMENTED, INTENDED, Seen, bench  # noqa: E402
from scenarios.document.verdicts import all_kept, by_verdict  # noqa: E402

APPS = {DOCUMENTED: "myhours.documented:app", INTENDED: "myhours.celery:app"}
BROKERS = ("redis", "rabbitmq")
PARTS = ("runs", DOCUMENTED, INTENDED)
Rows = dict[str, dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Judge, render or check; returns the exit status: 0, 1 for a row that does not agree, 2 for usage."""
    if set(arguments) - {*BROKERS, *PARTS, "--render", "--check"}:
        print(__doc__, file=sys.stderr)
        return 2
    stored = json.loads(page.DATA.read_text(encoding="utf-8")) if page.DATA.exists() else {}
    if "--check" in arguments:
        current = page.PAGE.exists() and page.PAGE.read_text(encoding="utf-8") == page.render(stored)
        print(
            "docs/claims.md is",
            "current" if current else "stale: python scenarios/judge_document.py --render",
        )
        return 0 if current and not page.disagreements(stored) else 1
    if "--render" not in arguments:
        for broker in [each for each in BROKERS if each in arguments] or BROKERS:
            found = stored.setdefault(broker, {"versions": {}, "claims": {}})
            for part in [each for each in PARTS if each in arguments] or PARTS:
                judge(part, broker, found)
                keep(stored)
    page.PAGE.write_text(page.render(stored), encoding="utf-8")
    for line in page.disagreements(stored):
        print(line)
    return 1 if page.disagreements(stored) else 0


def keep(stored: dict[str, Any]) -> None:
    """Write what is known, in a fixed order."""
    for found in stored.values():
        found["claims"] = {key: found["claims"][key] for key in sorted(found["claims"], key=int)}
    text = json.dumps({each: stored[each] for each in BROKERS if each in stored}, indent=1, sort_keys=False)
    page.DATA.write_text(text + "\n", encoding="utf-8")


def judge(part: str, broker: str, found: dict[str, Any]) -> None:
    """Do one part on one broker, and put what it shows into the rows of the claims."""
    rows: Rows = found["claims"]
    if part == "runs":
        found["versions"] = from_runs(broker, rows)
        return
    for number, seen in experiments(part, broker).items():
        row = rows.setdefault(str(number), {})
        row.update(page.row(seen) if part == DOCUMENTED else {"instead": page.row(seen)})


def from_runs(broker: str, rows: Rows) -> dict[str, str]:
    """What the verdicts of both whole runs show; returns the versions of all that took part."""
    runs = {app: whole_run(app, broker) for app in APPS}
    for claim in CLAIMS:
        if claim.broker not in ("", broker):
            continue
        row = rows.setdefault(str(claim.number), {})
        if claim.guarantee:
            row.update(page.row(by_verdict(claim, runs[DOCUMENTED].verdicts)))
        if claim.shown_by:
            row["kept"] = page.row(all_kept(claim.shown_by, runs[INTENDED].verdicts))
    return dict(runs[INTENDED].history.header.versions)


def whole_run(app: str, broker: str) -> run.Outcomes:
    """The run that ``celery-harness verify`` makes of an app."""
    print(f"{broker}: {APPS[app]}", flush=True)
    contract = load(ROOT / "myhours" / CONTRACTS[app])
    with tempfile.TemporaryDirectory() as reports:
        return run.verify(
            run.Request(
                app=APPS[app],
                contract=contract,
                workdir=ROOT / "myhours",
                broker=broker,
                reports=Path(reports),
            )
        )


def experiments(app: str, broker: str) -> dict[int, Seen]:
    """Every experiment of an app on one broker, by the number of its claim."""
    found = {}
    with bench(app, broker) as opened:
        for claim in asked_of(app, broker):
            assert claim.observe is not None
            seen = found[claim.number] = claim.observe(opened)
            print(f"{broker}: {app} {claim.number}: {seen.holds} {seen.observed}", flush=True)
    return found


def asked_of(app: str, broker: str) -> list[Claim]:
    """The claims that are judged by an experiment with this app; those that take long come last."""
    chosen = [
        claim
        for claim in CLAIMS
        if claim.observe and claim.broker in ("", broker) and (app == DOCUMENTED or claim.both)
    ]
    return sorted(chosen, key=lambda claim: claim.long)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
