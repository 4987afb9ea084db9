"""Which image plays which role of the containers stage, and where it comes from.

``official``     the projects' own images from a registry (`pull`)
``debian``       built from Debian packages without any registry (`build`)
``environment``  this machine's own programs and this Python environment, mounted read-only: needs nothing
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import harness
from harness import engine
from harness.errors import StageError, UsageError

REPOSITORY = "celery-harness"
ROLES = ("redis", "valkey", "rabbitmq", "postgres", "worker")
"""What containers of a stage play; the client is played as the worker is."""
SOURCES = ("official", "debian", "environment")
OFFICIAL = {
    "redis": (
        "docker.io/library/redis:7.4.11-bookworm"
        "@sha256:c6eabf748fc7a61dbb5a705c78bcf3d6377b1127a97d0ce965c11c44ba46896f"
    ),
    "valkey": "docker.io/valkey/valkey:8.0.2-bookworm",
    "rabbitmq": (
        "docker.io/library/rabbitmq:4.2.9"
        "@sha256:ed3b6942a720f4319ab4fe63802c80a20fb65143af2e814150252e8ce4d68c39"
    ),
    "postgres": (
        "docker.io/library/postgres:17.10-bookworm"
        "@sha256:9b18b78397054fce88a9552e9d5a3ad5bb7fd258c5b3cc1c5028e46373d6ea8f"
    ),
}
"""Full versions with the GNU C library, which the clock needs. Digests are those of
https://github.com/docker-library/repo-info; Valkey's images are not in it, and a tag can be moved.
"""
PACKAGES = {
    "redis": ("redis-server",),
    "rabbitmq": ("rabbitmq-server",),
    "postgres": ("postgresql",),
    "python": ("python3",),
}
"""What Debian has of each role, of the release in `SUITE`; images of your own can begin with its Python."""
SUITE = "bookworm"
PROGRAMS = {"redis": "redis-server", "valkey": "valkey-server", "rabbitmq": "rabbitmq-server"}
PATH = "/usr/lib/rabbitmq/bin:/usr/lib/postgresql/15/bin:"
PATH += "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUILD_WITHIN_S = 600.0
LEAN = (
    "(for part in share/doc share/man share/locale lib/x86_64-linux-gnu/libLLVM;"
    """ do echo "path-exclude=/usr/$part*"; done) >"$1"/etc/dpkg/dpkg.cfg.d/lean"""
)
"""Not as ``--dpkgopt``: then each package goes through a filter written in Python, which takes 18 s."""
ROOTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "opt")
OWN_ETC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "ssl", "pki"),
    *("passwd", "group", "nsswitch.conf", "mime.types", "services", "protocols", "ca-certificates", "java"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """What a container is made of: a reference, and what is mounted into it (read-only unless it says so)."""

    role: str
    source: str
    reference: str
    program: str | None = None
    """The server's program by name; None runs what this machine would run."""
    mounts: tuple[str, ...] = ()
    name: str = ""
    """What the user calls it."""


def tag_of(role: str, source: str) -> str:
    """The name under which an image is kept: ``celery-harness/redis:debian``."""
    return f"{REPOSITORY}/{role}:{source}"


def find(client: Any, role: str, sources: Iterable[str] = SOURCES) -> Image:
    """The image for a role: of the first source that has one here; the environment always has."""
    for source in sources:
        if source == "environment":
            return environment(client, role)
        if source not in SOURCES:
            raise UsageError(f"There is no source {source!r}.", remedy=f"One of {', '.join(SOURCES)}.")
        with engine.told("list images"):
            found = client.images(name=tag_of(role, source), quiet=True)
        if found:
            return Image(role, source, tag_of(role, source), PROGRAMS.get(role))
    raise StageError(
        f"There is no image for {role}.", remedy=f"celery-harness images build {role} (or pull {role})"
    )


def given(client: Any, role: str, reference: str) -> Image:
    """An image of the user's own, as it is now: what its name means later does not matter to the run."""
    import docker

    with engine.told(f"look at {reference}"):
        try:
            found = client.inspect_image(reference)
        except docker.errors.ImageNotFound:
            raise StageError(
                f"There is no image {reference} here.", remedy=f"docker pull {reference}, or build it."
            ) from None
    return Image(role, "given", str(found["Id"]), PROGRAMS.get(role), name=reference)


def environment(client: Any, role: str) -> Image:
    """This machine's programs and this Python environment, as they are; made in no time."""
    archive = _skeleton()
    reference = f"{REPOSITORY}/environment:{hashlib.sha256(archive).hexdigest()[:12]}"
    with engine.told("make the image of this environment"):
        if not client.images(name=reference, quiet=True):
            client.import_image_from_data(archive, repository=reference)  # Podman heeds no tag beside it
    return Image(role, "environment", reference, mounts=tuple(map(str, places())))


@cache
def _skeleton() -> bytes:
    """A root folder with nothing in it but where things are mounted; links are as they are here."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("etc", "dev", "proc", "sys", "run", "var", "root", "home", "tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name in ROOTS:
            here = Path("/", name)
            if here.is_symlink():
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, str(here.readlink())
                archive.addfile(entry)
    return buffer.getvalue()


def places(more: Iterable[Path] = ()) -> list[Path]:
    """What of this machine makes a program run as it does here; none lies within another."""
    python = Path(sys.executable).resolve().parent.parent
    imported = (Path(entry) for entry in sys.path if entry)
    own = (Path(sys.prefix), Path(sys.base_prefix), python, Path(harness.__file__).parent)
    wanted = [Path("/", name) for name in ROOTS if not Path("/", name).is_symlink()]
    wanted += [Path("/etc", name) for name in OWN_ETC]
    wanted += [each.resolve() for each in own]
    wanted += [each.resolve() for each in (*imported, *more)]
    wanted += [Path(sys.prefix), Path(sys.base_prefix)]
    return outermost(path for path in wanted if path.exists())


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Paths of which none lies within another."""
    found: list[Path] = []
    for path in sorted(set(paths), key=lambda each: (len(each.parts), each)):
        if path != Path("/") and not any(path.is_relative_to(outer) for outer in found):
            found.append(path)
    return found


def build(client: Any, roles: Iterable[str], report: Callable[[str], None]) -> Iterator[str]:
    """Build images from Debian packages, all roles in one; a line for each. No registry is needed."""
    roles = tuple(roles)
    for role in roles:
        if role not in PACKAGES:
            remedy = f"Debian has: {', '.join(PACKAGES)}; of {role} the environment's own is taken."
            raise UsageError(f"No image is built for {role}.", remedy=remedy)
    if shutil.which("mmdebstrap") is None:
        raise StageError("There is no mmdebstrap.", remedy="apt-get install mmdebstrap")
    packages = [each for role in roles for each in PACKAGES[role]]
    key = hashlib.sha256(repr((SUITE, LEAN, PATH, sorted(packages))).encode()).hexdigest()[:12]
    reference = f"{REPOSITORY}/debian:{key}"
    with engine.told("list images"):
        known = client.images(name=reference, quiet=True)
    if not known:
        report(f"building {reference} from {', '.join(packages)}")
        began_s = time.monotonic()
        _bootstrap(client, reference, packages)
        report(f"built in {time.monotonic() - began_s:.0f} s")
    for role in roles:
        with engine.told(f"name {reference}"):
            name, _, tag = tag_of(role, "debian").partition(":")
            client.tag(reference, name, tag, force=True)
        yield f"{tag_of(role, 'debian')}: {reference}"


def _bootstrap(client: Any, reference: str, packages: Iterable[str]) -> None:
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    given = [str(sources)] if sources.exists() else []  # else mmdebstrap knows where Debian is
    memory = Path("/dev/shm")  # noqa: S108 - dpkg writes thousands of files that nobody keeps
    command = [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"),
        *("--dpkgopt=force-unsafe-io", f"--essential-hook={LEAN}", SUITE, "-", *given),
    ]
    variables = os.environ | ({"TMPDIR": str(memory)} if memory.is_dir() else {})
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables
    ) as made:
        try:
            archive, said = made.communicate(timeout=BUILD_WITHIN_S)
        except subprocess.TimeoutExpired:
            made.terminate()
            raise StageError(f"mmdebstrap was not ready within {BUILD_WITHIN_S:g} s.") from None
    if made.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-3:]
        raise StageError(f"mmdebstrap ended with {made.returncode}: {' '.join(last)}")
    with engine.told(f"import {reference}"):
        client.import_image_from_data(archive, repository=reference, changes=[f"ENV PATH={PATH}"])


def listed(client: Any) -> Iterator[tuple[str, str, str]]:
    """Role, source and reference of what each role would be played by now."""
    for role in ROLES:
        sources = SOURCES if role in OFFICIAL else ("environment",)
        image = find(client, role, sources)
        yield role, image.source, image.reference
