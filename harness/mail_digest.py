"""By what a mail is known both to who sends it and to who gets it."""

from __future__ import annotations

import hashlib


def digest(message: str | bytes) -> str:
    """A short name for the bytes of a mail, whatever its line ends were on the way (RFC 5321, 2.3.8)."""
    data = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else bytes(message)
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n")
    return hashlib.sha256(lines).hexdigest()[:16]
