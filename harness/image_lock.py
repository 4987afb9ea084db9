"""Images from a registry, and the file that says which ones they were: ``reports/images.lock.toml``.

A tag can be moved to another image; a digest names one for good. What was pulled once is pulled again by
its digest, and an image with another digest plays no role until the file says otherwise.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit

from harness import engine, images
from harness.errors import StageError, UsageError

LOCK = Path("reports/images.lock.toml")
HEADING = "Which image played each role: celery-harness images pull. Keep it in your repository."


def read(path: Path = LOCK) -> Mapping[str, Mapping[str, str]]:
    """Reference and digest by role; empty where there is no such file. `UsageError` where it is damaged."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return {
            role: {key: str(each[key]) for key in ("reference", "digest")} for role, each in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Remove it, and pull again: celery-harness images pull"
        raise UsageError(f"{path} cannot be read ({error}).", remedy=remedy) from None


def pull(client: Any, wanted: Iterable[str], path: Path = LOCK) -> Iterator[str]:
    """Get images from their registry, and keep their digests; a line for each.

    `wanted` are roles, or ``ROLE=REFERENCE`` for one of another registry. A role that is in the file gets
    that very image, unless another reference is given.
    """
    known = {role: dict(each) for role, each in read(path).items()}
    for role, reference in map(_asked, wanted):
        name, _, digest = reference.partition("@")
        before = known.get(role, {})
        if not digest and before.get("reference") == name:
            digest = before["digest"]
        place = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        exact = f"{place}@{digest}" if digest else name
        with engine.told(f"pull {exact}"):
            client.pull(exact) if digest else client.pull(place, tag=name[len(place) + 1 :] or "latest")
            found = client.inspect_image(exact)
            own, _, tag = images.tag_of(role, "official").partition(":")
            client.tag(found["Id"], own, tag, force=True)
        known[role] = {"reference": name, "digest": digest or _digests(found, place)[0]}
        _write(path, known)
        yield f"{images.tag_of(role, 'official')}: {name} {known[role]['digest']}"


def check(client: Any, image: images.Image, path: Path = LOCK) -> images.Image:
    """The image, if it is the one in the file, or none is there. `StageError` where it is another."""
    entry = read(path).get(image.role)
    if image.source != "official" or entry is None:
        return image
    with engine.told(f"look at {image.reference}"):
        found = client.inspect_image(image.reference)
    if entry["digest"] in {each.partition("@")[2] for each in found.get("RepoDigests") or ()}:
        return image
    raise StageError(
        f"{image.reference} is not the image that {path} names for {image.role}.",
        remedy=f"celery-harness images pull {image.role}, or remove its entry.",
    )


def _asked(word: str) -> tuple[str, str]:
    role, _, reference = word.partition("=")
    if role not in images.OFFICIAL:
        known = ", ".join(images.OFFICIAL)
        raise UsageError(f"No image is pulled for {role}.", remedy=f"There are: {known}.")
    return role, reference or images.OFFICIAL[role]


def _digests(found: Mapping[str, Any], place: str) -> list[str]:
    """An engine leaves out what is the default: ``docker.io/library/redis`` is ``redis`` to it."""
    digests = [each.rpartition("@") for each in found.get("RepoDigests") or ()]
    own = [digest for name, _, digest in digests if place.endswith(name)]
    if not own:
        raise StageError(f"The registry gave no digest for {place}.", remedy="Name one: ROLE=NAME@sha256:...")
    return own


def _write(path: Path, known: Mapping[str, Mapping[str, str]]) -> None:
    document = tomlkit.document()
    document.add(tomlkit.comment(HEADING))
    for role in sorted(known):
        document[role] = dict(known[role])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error}).", remedy="Name another: --lock FILE"
        ) from error
