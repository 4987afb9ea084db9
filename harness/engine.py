"""The container engine: Docker, or Podman's socket that answers as Docker; found by the standard variables.

Whatever a run makes there carries its token as a label and is removed by label: by the run itself, by a
process that notices the harness's end by a pipe (``python -m harness.engine``), also after SIGKILL, and by
`sweep` when both were killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.broker import Availability
from harness.errors import StageError
from harness.reaper import TOKEN, start_time

SESSION = "celery-harness.session"
OWNER = "celery-harness.owner"
SOCKET = "unix:///var/run/docker.sock"
ANSWER_WITHIN_S = 60.0
LOOK_WITHIN_S = 5.0
REMOVE_WITHIN_S = 30.0
QUIET_S = 1.0
"""How long nothing may be found: a container that was being made when the harness died comes late."""
DAEMON = "Start Docker (dockerd), or name another engine: DOCKER_HOST=unix:///run/podman/podman.sock"


def connect(within_s: float = ANSWER_WITHIN_S) -> Any:
    """The engine that ``DOCKER_HOST`` and its kin name, else the one of this machine; close it.

    Raises `StageError` where there is none, with the line that gets it.
    """
    if find_spec("docker") is None:
        raise StageError("docker is not installed.", remedy="pip install 'celery-harness[containers]'")
    import docker

    host = os.environ.get("DOCKER_HOST") or SOCKET
    if host.startswith("unix://"):  # docker leaves a socket open that it could not connect
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(host.removeprefix("unix://"))
        except OSError as error:
            raise StageError(f"No container engine answers ({error}).", remedy=DAEMON) from None
    try:
        client = docker.APIClient(version="auto", timeout=within_s, **docker.utils.kwargs_from_env())
    except docker.errors.DockerException as error:
        raise StageError(f"No container engine answers ({_short(error)}).", remedy=DAEMON) from None
    return client


def check_here(client: Any) -> None:
    """`StageError` where the engine's kernel is another than this one; nothing was made there then.

    Containers and harness share folders, a clock and the numbers of processes.
    """
    with told("tell about itself"):
        found = client.info()
    memory = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    here = os.uname().release, int(memory) * 1024
    if (found.get("KernelVersion"), found.get("MemTotal")) != here:
        raise StageError(
            f"The engine runs on another machine ({found.get('Name') or 'unnamed'}, kernel "
            f"{found.get('KernelVersion')}): its processes and folders are not seen here.",
            remedy="Take one of this machine (Docker Desktop has one of its own), or --stage processes.",
        )


def available() -> Availability:
    """Whether an engine answers, on this machine."""
    try:
        client = connect(LOOK_WITHIN_S)
    except StageError as error:
        return Availability(False, error.fact.rstrip("."), error.remedy)
    try:
        found = client.version()
        check_here(client)
    except StageError as error:
        return Availability(False, error.fact.rstrip("."), error.remedy)
    finally:
        client.close()
    return Availability(True, version=f"engine {found['Version']}, API {found['ApiVersion']}")


def _short(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip()[:120] or type(error).__name__


@contextmanager
def told(what: str) -> Iterator[None]:
    """What the engine refuses becomes a `StageError` of one line."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise StageError(
            f"The engine could not {what}: {str(error.explanation or error).strip()[:300]}."
        ) from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise StageError(f"The engine could not {what}: {_short(error)}.", remedy=DAEMON) from error


def labels(token: str) -> dict[str, str]:
    """What everything of a run carries: the run's token, and whose it is."""
    return {SESSION: token, OWNER: _owner(os.getpid())}


def _owner(pid: int) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}/{pid}/{start_time(pid)}"


def _is_stale(owner: str) -> bool:
    """Whether an owner of this boot is gone; of other machines and namespaces nothing can be told."""
    place, pid, _ = owner.rsplit("/", 2) if owner.count("/") >= 3 else ("", "", "")
    here = _owner(os.getpid()).rsplit("/", 2)[0]
    if place.partition("/")[0] != here.partition("/")[0]:
        return bool(place)
    return place == here and pid.isdigit() and _owner(int(pid)) != owner


def remains(client: Any, token: str | None = None) -> dict[str, list[tuple[str, Mapping[str, str]]]]:
    """Containers, networks and volumes of a run, or of all: id and labels of each."""
    wanted = {"label": SESSION if token is None else f"{SESSION}={token}"}
    volumes = client.volumes(filters=wanted).get("Volumes") or []
    return {
        "containers": [(c["Id"], c.get("Labels") or {}) for c in client.containers(all=True, filters=wanted)],
        "networks": [(n["Id"], n.get("Labels") or {}) for n in client.networks(filters=wanted)],
        "volumes": [(v["Name"], v.get("Labels") or {}) for v in volumes],
    }


def remove(client: Any, token: str) -> int:
    """Remove everything of a run, once; how much there was. What resists is there at the next look."""
    import docker

    found = remains(client, token)

    def end(container: str) -> None:
        with suppress(docker.errors.APIError):
            client.remove_container(container, force=True, v=True)

    if found["containers"]:
        with ThreadPoolExecutor(min(8, len(found["containers"]))) as pool:
            list(pool.map(end, [name for name, _ in found["containers"]]))
    for name, _ in found["networks"]:
        with suppress(docker.errors.APIError):
            client.remove_network(name)
    for name, _ in found["volumes"]:
        with suppress(docker.errors.APIError):
            client.remove_volume(name, force=True)
    return sum(map(len, found.values()))


def remove_all(client: Any, token: str, *, quiet_s: float = 0.0) -> bool:
    """Remove everything of a run until nothing was found for `quiet_s`; False when time ran out."""
    deadline = time.monotonic() + REMOVE_WITHIN_S
    seen_at = time.monotonic()
    while True:
        now = time.monotonic()
        if remove(client, token):
            seen_at = now
        elif now - seen_at >= quiet_s:
            return True
        if now > deadline:
            return False
        time.sleep(0.05)  # an engine that is removing can only be asked again; bounded above


def sweep(client: Any) -> set[str]:
    """Remove what earlier runs left whose harness and reaper were both killed; their tokens."""
    found = [each for kind in remains(client).values() for each in kind]
    stale = {own.get(SESSION, "") for _, own in found if _is_stale(own.get(OWNER, ""))}
    for token in stale:
        remove_all(client, token)
    return stale


class EngineReaper:
    """The harness's end of the pipe to the process that removes a run's containers when it ends."""

    def __init__(self, token: str) -> None:
        read, self._pipe = os.pipe()
        home = str(Path(__file__).resolve().parent.parent)
        unwanted = ("LD_PRELOAD", TOKEN)
        environment = {k: v for k, v in os.environ.items() if k not in unwanted} | {"PYTHONPATH": home}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, token],
            stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd="/",
            start_new_session=True,
        )  # fmt: skip
        os.close(read)
        os.register_at_fork(after_in_child=self._let_go)

    def close(self, *, removed: bool = False) -> None:
        """The run is over: what is left is removed, unless all is, and the process ends."""
        if self._pipe >= 0:
            with suppress(BrokenPipeError):
                os.write(self._pipe, b"removed\n" if removed else b"over\n")
        self._let_go()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=REMOVE_WITHIN_S * 2)
        self._process.kill()
        self._process.wait()

    def _let_go(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def main() -> None:
    """``python -m harness.engine TOKEN``: wait for the pipe's end, remove what carries the token."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    said = sys.stdin.read()
    if "removed" in said:
        return
    client = connect()
    try:
        remove_all(client, sys.argv[1], quiet_s=0.0 if "over" in said else QUIET_S)
    finally:
        client.close()


if __name__ == "__main__":
    main()
