"""The stage's mail server: keeps every mail, and misbehaves as it is told.

It runs as a process of its own (``python -m harness.mail_sink``), on the stage's clock like everything
that answers the app. Accepted mails are appended to ``mails.jsonl``; how to behave is read from
``behave.json`` at each step of the protocol.
"""

from __future__ import annotations

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
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from harness.broker import Launcher
from harness.errors import StageError, UsageError

STEPS = ("connect", "ehlo", "mail", "rcpt", "data")
MODES = ("accept", "refuse", "reply", "hang", "drop")
TEXT_LIMIT = 8_000
READY_WITHIN_S = 10.0


class MailSink:
    """The harness's handle on the mail server."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.folder = launcher.folder / "mail"
        self.folder.mkdir(exist_ok=True)
        self.address = ("127.0.0.1", launcher.free_port())
        self.pid = 0
        self._offset = 0
        self._mails: list[dict[str, Any]] = []

    def launch(self) -> None:
        """Start the process and return at once; `ready` waits."""
        self._write({"mode": "accept"})
        home = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-m", "harness.mail_sink", str(self.address[1]), str(self.folder)]
        self.pid = self.launcher.launch("mail", command, environment={"PYTHONPATH": home})

    def ready(self) -> None:
        """Wait for the greeting."""
        self._wait(listening=True)

    def start(self) -> None:
        """Start and wait for the greeting."""
        self.launch()
        self.ready()

    def behave(self, mode: str, *, code: int = 250, at: str = "data") -> None:
        """From now on: see `harness.stage.Mail`; returns when it is in force."""
        if mode not in MODES or at not in STEPS:
            raise UsageError(f"The mail server cannot {mode!r} at {at!r}.", remedy=f"Modes: {', '.join(MODES)}; steps: {', '.join(STEPS)}.")
        self._write({"mode": mode, "code": code, "at": at})
        os.kill(self.pid, signal.SIGHUP)
        if mode in ("accept", "refuse"):
            self._wait(listening=mode == "accept")

    def mails(self) -> list[dict[str, Any]]:
        """Every mail accepted so far: to, sender, subject, text, mono_ns (of the stage's clock)."""
        path = self.folder / "mails.jsonl"
        if path.exists() and path.stat().st_size > self._offset:
            data = path.read_bytes()[self._offset :]
            end = data.rfind(b"\n") + 1
            self._offset += end
            self._mails += [json.loads(line) for line in data[:end].splitlines()]
        return self._mails

    def _write(self, document: Mapping[str, Any]) -> None:
        partial = self.folder / "behave.partial"
        partial.write_text(json.dumps(document), encoding="ascii")
        partial.replace(self.folder / "behave.json")

    def _wait(self, *, listening: bool) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.launcher.ended(self.pid):
                raise StageError("The mail server ended.", remedy="See mail.log in the stage's folder.")
            try:
                with smtplib.SMTP(*self.address, timeout=2):
                    answered = True
            except (OSError, smtplib.SMTPException):
                answered = False
            if answered == listening:
                return
            time.sleep(0.01)  # polls a process that has no other way to tell; bounded above
        raise StageError(f"The mail server did not {'answer' if listening else 'close'} in {READY_WITHIN_S:g} s.")


class Sink:
    """The server's side: aiosmtpd's handler hooks, one for each step of the protocol."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def behaviour(self) -> dict[str, Any]:
        """What the harness wants now."""
        return dict(json.loads((self.folder / "behave.json").read_text(encoding="ascii")))

    async def step(self, name: str, server: SMTP) -> str | None:
        """The answer to give instead of the usual one, None for the usual one."""
        behave = self.behaviour()
        if behave["mode"] in ("accept", "refuse") or behave.get("at") != name:
            return None
        if behave["mode"] == "hang":
            await asyncio.sleep(86_400)
        if behave["mode"] == "drop":
            reset(server)
            await asyncio.sleep(86_400)
        return f"{behave['code']} ordered by the harness"

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]) -> list[str]:  # noqa: N802, E501
        """EHLO."""
        session.host_name = name
        ordered = await self.step("ehlo", server)
        return [ordered] if ordered else answers

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802, E501
        """MAIL FROM."""
        ordered = await self.step("mail", server)
        if ordered:
            return ordered
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802, E501
        """RCPT TO."""
        ordered = await self.step("rcpt", server)
        if ordered:
            return ordered
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The end of DATA: keep the mail, then answer."""
        ordered = await self.step("data", server)
        if ordered:
            return ordered
        line = json.dumps(mail_document(envelope)) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self.folder / "mails.jsonl", flags, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
        return "250 kept"


class Server(SMTP):
    """aiosmtpd's server, with a step before the greeting and one in the middle of DATA."""

    def connection_made(self, transport: Any) -> None:
        """Refuse, hang or drop at once where that is ordered."""
        behave = self.event_handler.behaviour()
        at_connect = behave.get("at") == "connect"
        if at_connect and behave["mode"] == "reply":
            transport.write(f"{behave['code']} ordered by the harness\r\n".encode())
            transport.close()
        elif at_connect and behave["mode"] == "drop":
            transport.abort()
        elif not (at_connect and behave["mode"] == "hang"):
            super().connection_made(transport)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Drop the connection in the middle of DATA where that is ordered."""
        behave = self.event_handler.behaviour()
        if behave["mode"] == "drop" and behave.get("at") == "data":
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.read(16)
            reset(self)
            return
        await super().smtp_DATA(arg)


def reset(server: SMTP) -> None:
    """Close with RST instead of FIN."""
    transport: Any = server.transport
    with suppress(OSError, AttributeError):
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def mail_document(envelope: Envelope) -> dict[str, Any]:
    """What is kept of a mail."""
    content = envelope.content or b""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    try:
        text = body.get_content() if body is not None else ""
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return {
        "to": list(envelope.rcpt_tos), "sender": envelope.mail_from, "subject": str(message["subject"] or ""),
        "text": text[:TEXT_LIMIT], "mono_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC),
    }  # fmt: skip


async def serve(port: int, folder: Path) -> None:
    """Listen until the process is ended; SIGHUP looks at the orders again."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    sink = Sink(folder)
    listener: asyncio.Server | None = None
    while True:
        wanted = sink.behaviour()["mode"] != "refuse"
        if wanted and listener is None:
            listener = await loop.create_server(
                lambda: Server(sink, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", port, reuse_address=True
            )
        elif not wanted and listener is not None:
            listener.close()
            listener = None
        await changed.wait()
        changed.clear()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
