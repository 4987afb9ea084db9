"""Every setting given to Celery is one that it reads."""

from __future__ import annotations

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._evidence import counted
from harness.contract import Contract, Tier
from harness.history import History


class SettingsKnown(Checker):
    """Every setting given to Celery is one that Celery reads.

    Celery ignores settings that it does not know, without a word: nothing compares them with
    `celery.app.defaults.SETTING_KEYS`, and an unknown name reads back from `app.conf` all the
    same (`celery/utils/collections.py`). Judged from the snapshot of the settings in force.
    """

    weight = 2
    depends = ("unknown", "options_without_effect")
    scope = "app"

    def promise(self, tier: Tier) -> str | None:
        return "every setting given to Celery is one that Celery reads"

    def path(self, tier: Tier) -> str:
        return "app"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        settings = history.header.settings
        if "unknown" not in settings:
            return unknown("the run has no snapshot of the settings in force")
        rows = settings["unknown"]
        if not rows:
            return kept("no setting is given that Celery does not read")
        origins: dict[str, list[str]] = {}
        for row in rows:
            near = f" (nearest: {row['near']})" if row.get("near") else ""
            found = origins.setdefault(f"{row['name']} = {row.get('value')!r}{near}", [])
            found += [str(row["origin"])] if row.get("origin") else []
        said = [f"{what} from {' and '.join(lines)}" if lines else what for what, lines in origins.items()]
        names = list(dict.fromkeys(str(row["name"]) for row in rows))
        return broken(
            f"{counted(len(names), 'setting')} that Celery does not read: {'; '.join(said)}",
            (),
            blame=f"{', '.join(names)}: not in celery.app.defaults.SETTING_KEYS",
            mend="rename each to the setting meant, or remove it; retry options belong on the task",
        )
