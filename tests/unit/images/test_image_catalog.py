from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components import versions
from local.errors import LocalError
from local.images import catalog, content
from local.images.reference import Reference

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, name: str, toml: str, dockerfile: str = "FROM scratch\n") -> Path:
    directory = root / name
    directory.mkdir()
    (directory / "image.toml").write_text(toml, encoding="utf-8")
    (directory / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return directory


def test_every_image_of_the_project_is_described_and_its_pin_exists() -> None:
    images = catalog.load()
    assert {"h2o", "nginx"} <= set(images)
    for image in images.values():
        assert (image.public is None) == (image.kind == "own" or image.name == "h2")
        assert content.content_hash(image, images)


def test_a_stand_in_says_so_and_why() -> None:
    for image in catalog.load().values():
        assert bool(image.reason) == (image.kind == "stand-in")


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a", 'name = "a"\nkind = "fake"\ndescription = "x"\n')
    write(tmp_path, "b", 'name = "c"\nkind = "own"\ndescription = "x"\n')
    write(tmp_path, "d", 'name = "d"\nkind = "stand-in"\npin = "nginx"\ndescription = "x"\n')
    write(tmp_path, "e", "name = \n")
    write(tmp_path, "f", 'name = "f"\nkind = "own"\ndescription = "x"\nbase = "nowhere"\n')
    write(tmp_path, "g", 'name = "g"\nkind = "own"\ndescription = "x"\ncolour = "red"\n')
    with pytest.raises(LocalError) as refusal:
        catalog.load(tmp_path)
    message = str(refusal.value)
    for expected in (
        "images/a/image.toml: kind",
        "images/b/image.toml: name 'c' differs from its directory 'b'",
        "a stand-in, and only a stand-in, says why",
        "images/e/image.toml",
        "base 'nowhere' is neither",
        "images/g/image.toml: colour",
    ):
        assert expected in message


def test_a_missing_pin_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a", 'name = "a"\nkind = "real"\npin = "no-such-pin"\ndescription = "x"\n')
    image = catalog.load(tmp_path)["a"]
    with pytest.raises(LocalError, match="no-such-pin"):
        _ = image.public


def test_selecting_an_unknown_image_lists_the_known_ones() -> None:
    with pytest.raises(LocalError, match=r"no image named h3o; there are .*h2o"):
        catalog.select(["h2o", "h3o"])


def test_images_are_found_by_their_reference() -> None:
    images = catalog.load()
    found = catalog.find(Reference.parse("localhost:5000/h2o:7"), images, "localhost:5000")
    assert found is images["h2o"]
    assert catalog.find(Reference.parse(versions.IMAGES["nginx"]), images, "localhost:5000") is images["nginx"]
    assert catalog.find(Reference.parse("docker.io/h2o:7"), images, "localhost:5000") is None
    assert catalog.find(Reference.parse("docker.io/someone/nginx:1"), images, "localhost:5000") is None


def test_the_content_hash_follows_what_the_image_is_made_from(tmp_path: Path) -> None:
    base = write(tmp_path, "base", 'name = "base"\nkind = "own"\ndescription = "x"\nbase = "scratch"\n')
    directory = write(tmp_path, "a", 'name = "a"\nkind = "own"\ndescription = "x"\nbase = "base"\nshared = ["lib"]\n')
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "x.py").write_text("1", encoding="utf-8")

    def current() -> str:
        images = catalog.load(tmp_path)
        return content.content_hash(images["a"], images)

    seen = [current()]
    assert current() == seen[0]
    (directory / "__pycache__").mkdir()
    (directory / "__pycache__" / "x.pyc").write_text("junk", encoding="utf-8")
    (directory / "image.toml").write_text(
        (directory / "image.toml").read_text(encoding="utf-8").replace('"x"', '"y"'), encoding="utf-8"
    )
    assert current() == seen[0], "neither caches nor the description are content"

    for change in (
        lambda: (directory / "new").write_text("", encoding="utf-8"),
        lambda: (directory / "new").chmod(0o755),
        lambda: (directory / "new").rename(directory / "newer"),
        lambda: (tmp_path / "lib" / "x.py").write_text("2", encoding="utf-8"),
        lambda: (base / "Dockerfile").write_text("FROM scratch\nUSER 1\n", encoding="utf-8"),
    ):
        change()
        seen.append(current())
    assert len(set(seen)) == len(seen)
