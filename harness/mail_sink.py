"""The stage's mail server: keeps every mail, and misbehaves as it is told.

It runs as a process of its own (``python -m harness.mail_sink``), on the stage's clock like everything
that answers the app. Accepted mails are appended to ``mails.jsonl``; how to behave is read from
``behave.json`` at each step of the protocol.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import json
import os
import signal
import smtplib
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from harness.broker import Launcher
from harness.errors import StageError, UsageError
from harness.mail_digest import digest

STEPS = ("connect", "ehlo", "mail", "rcpt", "data", "middle", "end", "stored")
"""Where it can misbehave: the greeting, EHLO and HELO, MAIL, RCPT, the command DATA, in the middle of the
mail, at its end before it is kept, and after it was kept, in the place of the answer."""
MODES = ("accept", "refuse", "reply", "hang", "drop")
COPY = "CELERY_HARNESS_MAIL_COPY"
"""Names a server (``HOST:PORT``) that gets a copy of each mail that is kept, to look at: Mailpit's, say."""
COPY_WITHIN_S = 10.0
TEXT_LIMIT = 8_000
READY_WITHIN_S = 60.0
FOREVER_S = 1e9
"""The server never ends a silent connection itself, however far the stage's clock jumps."""


class MailSink:
    """The harness's handle on the mail server."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.folder = launcher.folder / "mail"
        self.folder.mkdir(exist_ok=True)
        self.address = (launcher.host("mail"), launcher.free_port())
        self.pid = 0
        self._offset = 0
        self._mails: list[dict[str, Any]] = []

    def launch(self) -> None:
        """Start and return at once."""
        self._write({"mode": "accept"})
        home = str(Path(__file__).resolve().parent.parent)
        command = [
            sys.executable,
            "-m",
            __name__,
            "--host",
            self.address[0],
            "--port",
            str(self.address[1]),
            "--folder",
            str(self.folder),
        ]
        self.pid = self.launcher.launch("mail", command, environment={"PYTHONPATH": home})

    def ready(self) -> None:
        """Wait for the greeting."""
        self._wait(self._greets, "greet")

    def start(self) -> None:
        """Start and wait for the greeting."""
        self.launch()
        self.ready()

    def renew(self) -> bool:
        """Forget every mail, and accept again; False where it has ended."""
        if not self.pid or self.launcher.ended(self.pid):
            return False
        self.behave("accept")
        (self.folder / "mails.jsonl").unlink(missing_ok=True)
        self._offset, self._mails = 0, []
        return True

    def behave(self, mode: str, *, code: int = 250, at: str = "end") -> None:
        """From now on: see `harness.stage.Mail`; returns when it is in force for new connections."""
        if mode not in MODES or at not in STEPS:
            remedy = f"Modes: {', '.join(MODES)}; steps: {', '.join(STEPS)}."
            raise UsageError(f"The mail server cannot {mode!r} at {at!r}.", remedy=remedy)
        if mode == "reply" and not 200 <= code <= 599:
            raise UsageError(
                f"{code} is no SMTP reply.", remedy="Replies are 200 to 599, such as 421 or 550."
            )
        if (mode, at) == ("reply", "middle"):
            raise UsageError(
                "A mail server does not answer in the middle of a mail.", remedy="Take the step end."
            )
        if not self.pid or self.launcher.ended(self.pid):
            raise StageError("The mail server does not run.", remedy="See mail.log in the stage's folder.")
        self._write({"mode": mode, "code": code, "at": at})
        os.kill(self.pid, signal.SIGHUP)
        if mode == "refuse":
            self._wait(lambda: not self._open(), "close its port")
        else:
            self._wait(self._greets if mode == "accept" else self._open, "open its port")

    def mails(self) -> list[dict[str, Any]]:
        """Every mail accepted so far: to, sender, subject, text, mono_ns (of the stage's clock)."""
        path = self.folder / "mails.jsonl"
        if path.exists() and path.stat().st_size > self._offset:
            with path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
            end = data.rfind(b"\n") + 1
            self._offset += end
            self._mails += [json.loads(line) for line in data[:end].splitlines()]
        return self._mails

    def _write(self, document: Mapping[str, Any]) -> None:
        partial = self.folder / "behave.partial"
        partial.write_text(json.dumps(document), encoding="ascii")
        partial.replace(self.folder / "behave.json")

    def _open(self) -> bool:
        with suppress(OSError), socket.create_connection(self.address, timeout=1):
            return True
        return False

    def _greets(self) -> bool:
        with suppress(OSError, smtplib.SMTPException), smtplib.SMTP(*self.address, timeout=2):
            return True
        return False

    def _wait(self, fact: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not fact():
            if self.launcher.ended(self.pid):
                raise StageError("The mail server ended.", remedy="See mail.log in the stage's folder.")
            if time.monotonic() > deadline:
                raise StageError(f"The mail server did not {what} within {READY_WITHIN_S:g} s.")
            time.sleep(0.01)  # polls a process that has no other way to tell; bounded above


class Server(SMTP):
    """The server's side: aiosmtpd's server, which looks at its orders at each step of the protocol."""

    line_length_limit = 2**20  # longer lines than RFC 5321 has are common, and most servers take them

    def __init__(self, folder: Path) -> None:
        super().__init__(self, enable_SMTPUTF8=True, timeout=FOREVER_S)
        self.folder = folder

    def ordered(self, step: str) -> tuple[str, str]:
        """The mode that is ordered for a step, ``accept`` where none is, and the reply."""
        order = orders(self.folder)
        if order["mode"] == "refuse" or order.get("at") != step:
            return "accept", ""
        return order["mode"], f"{order['code']} ordered by the harness"

    async def disturbed(self, step: str) -> bool:
        """Reply, hang or drop where that is ordered; whether it was."""
        mode, answer = self.ordered(step)
        if mode == "drop":
            reset(self.transport)
        if mode == "hang":
            await asyncio.Event().wait()  # until aiosmtpd cancels it: the client has gone
        if mode == "reply":
            await self.push(answer)
        return mode != "accept"

    async def push(self, status: Any) -> None:
        """Send a reply; 421 closes the connection (RFC 5321, section 3.8)."""
        await super().push(status)
        if self.transport is not None and status[:3] in ("421", b"421"):
            self.transport.close()

    async def _handle_client(self) -> None:
        if not await self.disturbed("connect"):
            await super()._handle_client()
        elif self.transport is not None:
            self.transport.close()

    # aiosmtpd finds these by name; `smtplib` falls back to HELO when EHLO was refused.

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        if not await self.disturbed("ehlo"):
            await super().smtp_HELO(hostname)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self.disturbed("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if not await self.disturbed("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        if not await self.disturbed("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """The command, and the mail itself up to its middle where it is to come no further."""
        if await self.disturbed("data"):
            return
        if self.ordered("middle")[0] == "accept":
            await super().smtp_DATA(arg)
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        await self._reader.read(16)
        await self._ended("middle")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The end of DATA: keep the mail, then answer."""
        if answer := await self._ended("end"):
            return answer
        with (self.folder / "mails.jsonl").open("ab", buffering=0) as file:  # one write: whole or not at all
            file.write(json.dumps(mail_document(envelope)).encode() + b"\n")
        if address := os.environ.get(COPY):
            asyncio.get_running_loop().run_in_executor(None, copy, address, envelope)
        return await self._ended("stored") or "250 kept"

    async def _ended(self, step: str) -> str:
        """Hang or drop where that is ordered, until the client has gone; else the answer that is."""
        mode, answer = self.ordered(step)
        if mode == "drop":
            reset(self.transport)
        if mode in ("drop", "hang"):
            await asyncio.Event().wait()
        return answer if mode == "reply" else ""


def copy(address: str, envelope: Envelope) -> None:
    """Give a mail to another server as well; one that does not take it is told in the log, and no more."""
    host, _, port = address.rpartition(":")
    try:
        with smtplib.SMTP(host, int(port), timeout=COPY_WITHIN_S) as server:
            server.sendmail(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content or b"")
    except (OSError, ValueError, smtplib.SMTPException) as error:
        sys.stderr.write(f"No copy to {address}: {error}\n")


def orders(folder: Path) -> dict[str, Any]:
    """How the harness wants the server to behave now."""
    return dict(json.loads((folder / "behave.json").read_text(encoding="ascii")))


def reset(transport: Any) -> None:
    """Close with RST instead of FIN: ``SO_LINGER`` of 0 s (``socket(7)``)."""
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def mail_document(envelope: Envelope) -> dict[str, Any]:
    """What is kept of a mail: its text decoded, and cut at `TEXT_LIMIT` characters."""
    raw = envelope.original_content or b""
    subject, text = "", raw.decode("utf-8", "replace")
    with suppress(LookupError, ValueError, AttributeError):  # what the parser raises on mails that are none
        message = email.message_from_bytes(raw, policy=email.policy.default)
        subject = str(message["subject"] or "")
        body = message.get_body(("plain", "html"))
        text = body.get_content() if body is not None else ""
    subject, text = subject[:TEXT_LIMIT], text.replace("\r\n", "\n")[:TEXT_LIMIT]
    mono_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    sender, to = envelope.mail_from, list(envelope.rcpt_tos)
    return {
        "to": to,
        "sender": sender,
        "subject": subject,
        "text": text,
        "mono_ns": mono_ns,
        "digest": digest(raw),
    }


async def serve(host: str, port: int, folder: Path) -> None:
    """Listen until the process is ended; SIGHUP looks at the orders again."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    listener: asyncio.Server | None = None
    while True:
        refuses = orders(folder)["mode"] == "refuse"
        if refuses and listener is not None:
            listener.close()
            listener = None
        elif not refuses and listener is None:
            listener = await loop.create_server(lambda: Server(folder), host, port, reuse_address=True)
        await changed.wait()
        changed.clear()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--folder", type=Path, required=True)
    asyncio.run(serve(**vars(options.parse_args())))
