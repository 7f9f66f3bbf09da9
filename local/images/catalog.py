"""The catalogue of images: each directory of `images/` with an `image.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components import versions
from local.errors import LocalError
from local.images.goprogram import GoProgram  # noqa: TC001 - pydantic evaluates the annotation
from local.images.reference import Reference

Kind = Literal["own", "real", "stand-in"]

ROOT = Path(__file__).parents[2] / "images"


class Image(BaseModel):
    """One image that this project can build, as its `image.toml` describes it.

    `kind` is `own` (an image that the project itself publishes), `real` (upstream's software from packages, under its
    public name, for machines that cannot pull it) or `stand-in` (something else that answers like the public image; one
    without a pin has its own name in the stack's registry, and a setting chooses it).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    kind: Kind
    description: str = Field(min_length=1)
    reason: str = ""
    """Why a stand-in is needed; stand-ins only."""
    pin: str = ""
    """Key of the public reference in components/versions.py; real images always have one, own ones never."""
    base: str = "debian"
    """`debian`, `scratch` or the name of another image of the catalogue."""
    tools: tuple[str, ...] = ()
    """Go tools (local.toolchain) whose binaries the build context holds as `bin/<tool>`."""
    go: GoProgram | None = None
    """A Go program built from the image's own go.mod; the build context holds it as `bin/<program>`."""
    shared: tuple[str, ...] = ()
    """Directories of `images/` that the build context holds besides the image's own, under their own names."""
    platform: str = "linux/amd64"
    internal: bool = False
    """Only a base of others: never pushed by itself."""
    directory: Path = Path()

    @model_validator(mode="after")
    def _consistent(self) -> Image:
        if (self.kind == "stand-in") != bool(self.reason):
            raise ValueError(
                f"kind {self.kind!r} with reason {self.reason!r}: a stand-in, and only a stand-in, says why"
            )
        if self.kind == "own" and self.pin:
            raise ValueError(f"kind 'own' with pin {self.pin!r}: an own image has no public reference")
        if self.kind == "real" and not self.pin:
            raise ValueError(f"kind {self.kind!r} without pin: name the key of its reference in components/versions.py")
        return self

    @property
    def public(self) -> Reference | None:
        """The public reference that this image stands for, without its digest; None for one of the own registry.

        Raises:
            LocalError: components/versions.py has no such pin.
        """
        if not self.pin:
            return None
        if self.pin not in versions.IMAGES:
            raise LocalError(
                f"images/{self.name}/image.toml names the pin {self.pin!r}; components/versions.py has none"
            )
        return Reference.parse(versions.by_tag(versions.IMAGES[self.pin]))


def load(root: Path = ROOT) -> dict[str, Image]:
    """Every image of the project by name.

    Raises:
        LocalError: an image.toml is wrong (all mistakes of all files at once).
    """
    images: dict[str, Image] = {}
    problems: list[str] = []
    for file in sorted(root.glob("*/image.toml")):
        try:
            images[file.parent.name] = _read(file)
        except ValidationError as error:
            for detail in error.errors():
                where = ".".join(str(part) for part in detail["loc"]) or "file"
                problems.append(f"images/{file.parent.name}/image.toml: {where}: {detail['msg']}")
        except (tomllib.TOMLDecodeError, ValueError) as error:
            problems.append(f"images/{file.parent.name}/image.toml: {error}")
    problems += [
        f"images/{image.name}/image.toml: base {image.base!r} is neither debian, scratch nor an image of the catalogue"
        for image in images.values()
        if image.base not in {"debian", "scratch", *images} or image.base == image.name
    ]
    if problems:
        raise LocalError("the image catalogue is wrong:\n  " + "\n  ".join(problems))
    return images


def _read(file: Path) -> Image:
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    image = Image.model_validate({**data, "directory": file.parent})
    if image.name != file.parent.name:
        raise ValueError(f"name {image.name!r} differs from its directory {file.parent.name!r}")
    if not (file.parent / "Dockerfile").is_file():
        raise ValueError("no Dockerfile beside it")
    return image


def select(names: list[str] | tuple[str, ...], images: dict[str, Image] | None = None) -> list[Image]:
    """The named images, or with no names all that are not internal.

    Raises:
        LocalError: a name is not in the catalogue.
    """
    catalogue = load() if images is None else images
    unknown = [name for name in names if name not in catalogue]
    if unknown:
        raise LocalError(f"no image named {', '.join(unknown)}; there are {', '.join(sorted(catalogue))}")
    if names:
        return [catalogue[name] for name in dict.fromkeys(names)]
    return [image for image in catalogue.values() if not image.internal]


def find(reference: Reference, images: dict[str, Image], own_registry: str) -> Image | None:
    """The catalogue's image for `reference`: one below `own_registry` (host:port), or a public name's."""
    for image in images.values():
        public = image.public
        if public is None:
            if reference.host == own_registry and reference.repository == image.name and not image.internal:
                return image
        elif public.name == reference.name:
            return image
    return None
