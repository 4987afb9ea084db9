"""JSON without what `json` makes anew for each value: an encoder and its inside, or a decoder."""

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


def install() -> None:
    """Kombu makes an encoder for each message that it writes and a decoder for each that it reads
    (`kombu/utils/json.py`).
    """
    from kombu.utils import json as kombu_json

    module: Any = kombu_json
    kind, hook = module.JSONEncoder, module.object_hook
    encode, decode = encoder(kind()), json.JSONDecoder(object_hook=hook).decode

    def dumps(value: Any, cls: Any = None, **options: Any) -> str:
        return encode(value) if cls is kind and not options else json.dumps(value, cls=cls, **options)

    def loads(text: Any, object_hook: Any = None) -> Any:
        if object_hook is not hook or type(text) is not str or text.startswith("\ufeff"):
            return json.loads(text, object_hook=object_hook)
        return decode(text)

    for function, original, ours in ((module.dumps, json.dumps, dumps), (module.loads, json.loads, loads)):
        if (function.__defaults__ or (None,))[0] is original:
            function.__defaults__ = (ours, *function.__defaults__[1:])
