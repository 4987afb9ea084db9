"""The score of an app's gate: as text, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from harness.masking import masked_deep, printable
from harness.mutation import Mutant
from harness.mutation_bench import EQUIVALENT, KILLED, SURVIVED, UNJUDGED, Judged

SCHEMA = 1
WIDTH = 110


@dataclass(frozen=True, slots=True)
class Score:
    """What became of every mutant; `broken` are the guarantees that no mutation was needed to break."""

    app: str
    broker: str
    seed: int
    judged: tuple[Judged, ...]
    broken: tuple[str, ...] = ()
    took_s: float = 0.0

    def of(self, outcome: str) -> list[Judged]:
        """The mutants with such an outcome."""
        return [each for each in self.judged if each.outcome == outcome]

    @property
    def counted(self) -> int:
        """The mutants that the score is about: all but the equivalent ones."""
        return len(self.judged) - len(self.of(EQUIVALENT))

    @property
    def percent(self) -> float:
        """Killed of counted, in percent; 0 where there is none."""
        return 100.0 * len(self.of(KILLED)) / self.counted if self.counted else 0.0


def as_text(score: Score, *, verbose: bool = False) -> str:
    """A line for each operator, each survivor with its reason, and the score."""
    lines = _table(score)
    for outcome in (SURVIVED, UNJUDGED, *((EQUIVALENT, KILLED) if verbose else ())):
        for each in score.of(outcome):
            lines += ["", f"{outcome.upper()} {each.mutant.text}"]
            lines += [f"  {'noticed by' if each.by else 'reason':<10} {each.by or each.reason}"]
            lines += [f"  {'':<10} {_cut(each.what)}"] if each.what else []
            lines += [f"  {'again':<10} --only '{each.mutant.id}'"]
    if score.broken:
        lines += ["", f"broken or unknown without a mutation: {', '.join(score.broken)}"]
    counts = Counter(each.outcome for each in score.judged)
    told = ", ".join(
        f"{counts[name]} {name}" for name in (KILLED, SURVIVED, EQUIVALENT, UNJUDGED) if counts[name]
    )
    shown = f"{score.percent:.1f} %" if score.counted else "there is nothing to change"
    lines += ["", f"{score.app} on simulated, {score.broker}; seed {score.seed}; {score.took_s:.0f} s"]
    lines += [f"mutation score: {shown} ({len(score.judged)} mutants: {told or 'none'})"]
    return printable("\n".join(lines)) + "\n"


def as_json(score: Score) -> str:
    """One document."""
    counts = Counter(each.outcome for each in score.judged)
    document = {
        "schema": SCHEMA, "app": score.app, "broker": score.broker, "seed": score.seed,
        "score": round(score.percent, 2) if score.counted else None, "took_s": round(score.took_s, 1),
        "counts": {name: counts[name] for name in (KILLED, SURVIVED, EQUIVALENT, UNJUDGED)},
        "broken_without_mutation": list(score.broken),
        "mutants": [{**_plain(each.mutant), **_judgement(each)} for each in score.judged],
    }  # fmt: skip
    return json.dumps(document, indent=2, default=str) + "\n"


def as_list(mutants: list[Mutant]) -> str:
    """One line for each mutant."""
    return "".join(f"{mutant.id}\n" for mutant in mutants)


def _table(score: Score) -> list[str]:
    names = sorted({each.mutant.operator for each in score.judged})
    width = max((len(name) for name in names), default=0)
    lines = []
    for name in names:
        mine = [each for each in score.judged if each.mutant.operator == name]
        counts = Counter(each.outcome for each in mine)
        by = Counter(each.by.partition(" [")[0] for each in mine if each.by)
        told = ", ".join(f"{key} {count}" for key, count in by.most_common(4))
        lines.append(_cut(f"{name:<{width}}  {counts[KILLED]:>4} of {len(mine):>4}  {told}".rstrip()))
    return lines


def _plain(mutant: Mutant) -> dict[str, Any]:
    shown: dict[str, Any] = masked_deep({mutant.name: [mutant.before, mutant.after]})
    before, after = shown[mutant.name] if isinstance(shown[mutant.name], list) else (None, None)
    return {
        "id": mutant.id, "operator": mutant.operator, "name": mutant.name, "task": mutant.task or None,
        "before": before, "after": after,
    }  # fmt: skip


def _judgement(each: Judged) -> dict[str, Any]:
    return {
        "outcome": each.outcome, "noticed_by": each.by or None, "evidence": each.what or None,
        "reason": each.reason or None, "took_s": round(each.took_s, 2),
    }  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
