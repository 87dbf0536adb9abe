"""What images are made from: one Dockerfile a component, tagged by the hash of its inputs.

The tag is made from the bytes of the build context, the build arguments and the tag of the image
below; so whoever changes none of these never waits for a build.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ringwall
from ringwall.errors import BadInput, RingwallError
from ringwall.runtime.bases import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringwall.config.model import Build, Settings

PACKAGE: Final = Path(ringwall.__file__).parent
STACK: Final = PACKAGE / "stack"
# An image's share of the package: an edit of anything else does not restart its container.
_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "control": (
        "__init__.py", "py.typed", "errors.py", "config", "render",
        "security", "telemetry", "store", "api", "console",
    ),
    "fail2ban": ("__init__.py", "py.typed", "guard"),
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How an image is made: from the folder of its name in stack/, on another image."""

    base: str | None = None
    """The image it stands on, its build argument BASE."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Further build arguments that name images."""


# In the order in which missing ones are started: what takes long, or is waited for, first.
RECIPES: Final[Mapping[str, Recipe]] = {
    "base-edge": Recipe(),
    "base-stable": Recipe(),
    "asterisk": Recipe("base-edge"),
    "kamailio-packages": Recipe("base-edge"),
    "control-packages": Recipe("base-stable"),
    "fail2ban-packages": Recipe("base-stable"),
    "mariadb": Recipe("base-stable", {"KAMAILIO_IMAGE": "kamailio-packages"}),
    "rtpengine": Recipe("base-edge"),
    "tools": Recipe("base-edge"),
    "syslog": Recipe("base-stable"),
    "kamailio": Recipe("kamailio-packages"),
    "control": Recipe("control-packages"),
    "fail2ban": Recipe("fail2ban-packages"),
}


def image_tag(component: str, settings: Settings) -> str:
    """Return the name and tag of a component's image: ``ringwall/COMPONENT:<12 hex digits>``."""
    digest = hashlib.sha256()
    for name, value in sorted(build_args(component, settings).items()):
        digest.update(f"{name}={value}\0".encode())
    for path, content in sorted(context_files(component, settings.build)):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return f"ringwall/{component}:{digest.hexdigest()[:12]}"


def build_args(component: str, settings: Settings) -> dict[str, str]:
    """Return what the component's Dockerfile is given; tags of other images among it."""
    if (source := base_source(component, settings.build)) is not None:
        return source.build_args()
    return {name: image_tag(image, settings) for name, image in needs(component).items()}


def needs(component: str) -> dict[str, str]:
    """Return the build arguments that name images, and which component's each is."""
    recipe = RECIPES[component]
    return {**recipe.images, **({"BASE": recipe.base} if recipe.base else {})}


def base_source(component: str, build: Build) -> Source | None:
    """Return where a base image's packages come from; None for all other components."""
    if component == "base-edge":
        return Source.of(build, "edge")
    return Source.of(build, "stable") if component == "base-stable" else None


def context_files(component: str, build: Build) -> Iterator[tuple[str, bytes]]:
    """Return the files of the component's build context that decide its tag."""
    source = base_source(component, build)
    folder = STACK / ("base" if source else component)
    if not (folder / "Dockerfile").is_file():
        raise RingwallError(f"{folder}/Dockerfile is missing", "install ringwall again")
    yield from _files(folder, folder)
    if source is not None:
        yield "ca.pem", _authorities(build)
    if component == "control-packages":
        yield "requirements.txt", requirements().read_bytes()
    if component in _SOURCES:
        for name in _SOURCES[component]:
            yield from _files(PACKAGE / name, PACKAGE.parent, "src/")


def _files(top: Path, relative_to: Path, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for path in [top] if top.is_file() else top.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield prefix + path.relative_to(relative_to).as_posix(), path.read_bytes()


def _authorities(build: Build) -> bytes:
    """Return the certificates with which apt verifies a mirror; empty: Debian's own default."""
    if build.ca_file is None:
        return b""
    try:
        return build.ca_file.read_bytes()
    except OSError as error:
        raise BadInput(
            f"build.ca_file: {build.ca_file}: {error.strerror}", "name a PEM file, or remove it"
        ) from error


def requirements() -> Path:
    """Return the locked dependencies: part of an installed package, beside src/ in a clone."""
    for folder in (PACKAGE, PACKAGE.parent.parent):
        if (path := folder / "requirements" / "runtime.txt").is_file():
            return path
    raise RingwallError("requirements/runtime.txt is missing", "install ringwall again")


def write_context(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write a build context; scripts are executable, whatever the checkout made of them."""
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.chmod(path, 0o755 if content.startswith(b"#!") else 0o644)  # noqa: PTH101
