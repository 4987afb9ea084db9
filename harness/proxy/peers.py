"""Who is at the other end of a connection on this machine, for the record."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def pid_of(port: int) -> int | None:
    """A process that has a TCP socket with this local port; None where it cannot be told (``proc(5)``)."""
    inode = _inode(f":{port:04X}")
    if inode is None:
        return None
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and any(_leads(each, wanted) for each in (process / "fd").iterdir()):
                return int(process.name)
    return None


def _leads(descriptor: Path, where: str) -> bool:
    with suppress(OSError):
        return str(descriptor.readlink()) == where
    return False


def _inode(local: str) -> str | None:
    for table in TABLES:
        with suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(local):
                    return fields[9]
    return None
