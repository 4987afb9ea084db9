"""JSON without what `json` makes anew for each value that it writes."""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable
from typing import Any


def encoder(given: json.JSONEncoder) -> Callable[[Any], str]:
    """What ``given.encode`` does (`json/encoder.py`, `iterencode`)."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None or given.indent is not None or not given.ensure_ascii or not given.check_circular:
        return given.encode
    settings = (
        given.default, json.encoder.encode_basestring_ascii, None, given.key_separator, given.item_separator,
        given.sort_keys, given.skipkeys, given.allow_nan,
    )  # fmt: skip
    return lambda value: "".join(make({}, *settings)(value, 0))
