"""The effects of one task, as its contract counts them."""

from __future__ import annotations

from fnmatch import fnmatchcase

from harness.history import Event
from harness.lives import Life


def effects_of(life: Life, counts: str, until_s: float) -> tuple[Event, ...]:
    """The events that count as one effect each: ``body``, ``mail``, ``file`` or ``row:app.Model``.

    After the colon of a mail or a file stands a pattern for its receivers or its path. A file that was
    renamed counts under its last name.
    """
    if counts == "body":
        found = [event for event in life.of("body-left") if event.get("error_type") is None]
    else:
        kind, _, what = counts.partition(":")
        found = [event for event in life.of("effect") if event.get("effect") == kind]
        renamed = {event.get("renamed") for event in found} - {None}
        found = [event for event in found if event.get("key") not in renamed or kind != "file"]
        found = [event for event in found if not what or fnmatchcase(str(event.get("what")), what)]
    return tuple(event for event in found if event.at_s < until_s)
