"""Makes kubeconform's schema files out of the OpenAPI document that comes with Kubernetes' own source module.

The public schema repository is not needed: `api/openapi-spec/swagger.json` of the module that the embedded cluster's
API server is built from says the same, for exactly that version. Every object is closed (`additionalProperties:
false`), so a misspelt field is an error, as it is to `kubectl --validate=strict`.

Run as a script it prints the directory of the schemas.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from local import golang, paths, toolchain
from local.errors import LocalError
from local.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

_PREFIX = "#/definitions/"
# A change of what this module makes of the document makes new files.
_FORM = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_OPEN = "x-kubernetes-preserve-unknown-fields"


def document() -> Path:
    """The OpenAPI document of the pinned Kubernetes; its source module is fetched where the cache lacks it."""
    version = toolchain.version("kube-apiserver")
    path = paths.go_home() / "mod" / "k8s.io" / f"kubernetes@{version}" / "api" / "openapi-spec" / "swagger.json"
    if not path.is_file():
        module = paths.module_dir("kubernetes")
        go = golang.go_command(module, SilentProgress())
        fetched = subprocess.run(
            [str(go), "mod", "download", "k8s.io/kubernetes"],
            cwd=module,
            env=golang.go_environment(go),
            capture_output=True,
            text=True,
            check=False,
        )
        if fetched.returncode != 0 or not path.is_file():
            raise LocalError(f"the source of Kubernetes {version} cannot be fetched: {fetched.stderr.strip()[-300:]}")
    return path


def closed(schema: Schema) -> Schema:
    """A definition as a JSON schema whose objects take no field that they do not name."""
    made: Schema = {}
    for key, item in schema.items():
        if key == "properties":
            made[key] = {name: closed(entry) for name, entry in cast("dict[str, Schema]", item).items()}
        elif key in ("items", "additionalProperties") and isinstance(item, dict):
            made[key] = closed(cast("Schema", item))
        elif not key.startswith("x-") and key not in ("description", "format"):
            made[key] = item
    if "properties" in made and not schema.get(_OPEN):
        made.setdefault("additionalProperties", False)
    return made


def kinds(definitions: dict[str, Schema]) -> Iterator[tuple[str, str]]:
    """File name (as kubeconform asks for it) and definition of each kind of object."""
    for name, schema in definitions.items():
        known = cast("list[dict[str, str]]", schema.get("x-kubernetes-group-version-kind", []))
        # What is of many kinds at once (DeleteOptions, WatchEvent) is no object of its own.
        if len(known) == 1 and not known[0]["kind"].endswith("List"):
            kind, group = known[0], known[0]["group"].split(".")[0]
            yield "-".join([kind["kind"].lower(), *([group] if group else []), kind["version"]]), name


def build(source: Path, directory: Path) -> int:
    """Write one schema file per kind, and one with all definitions that they refer to."""
    directory.mkdir(parents=True, exist_ok=True)
    given = cast("dict[str, Schema]", json.loads(source.read_text(encoding="utf-8"))["definitions"])
    definitions = {name: closed(schema) for name, schema in given.items()}
    definitions[_INT_OR_STRING] = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    definitions[_QUANTITY] = {"oneOf": [{"type": "string"}, {"type": "number"}]}
    text = json.dumps({"definitions": definitions}).replace(f'"{_PREFIX}', '"_definitions.json#/definitions/')
    (directory / "_definitions.json").write_text(text, encoding="utf-8")
    count = 0
    for count, (file, name) in enumerate(kinds(given), start=1):  # noqa: B007 - the last number is the count
        # An object has to say what it is, and to have a name.
        schema = {
            "allOf": [
                {"$ref": f"_definitions.json#/definitions/{name}"},
                {"required": ["apiVersion", "kind", "metadata"]},
            ]
        }
        (directory / f"{file}.json").write_text(json.dumps(schema), encoding="utf-8")
    return count


def ensure() -> Path:
    """The directory of the schemas, made once for each version of Kubernetes."""
    directory = paths.cache() / "schemas" / f"{toolchain.version('kube-apiserver')}-{_FORM}"
    done = directory / ".done"
    if not done.is_file():
        build(document(), directory)
        done.touch()
    return directory


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{ensure()}\n")
    except LocalError as error:
        sys.exit(f"error: {error}")
