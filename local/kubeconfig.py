"""Kubeconfig files: the components' own, and the context merged into the user's `~/.kube/config`.

The user's file is treated as kind and minikube treat it: our entries are added or replaced, everything else stays as it
was, and the current context changes only when none is set.
"""

from __future__ import annotations

import base64
import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from local import pki, settings
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Document = dict[str, Any]

_SECTIONS = ("clusters", "users", "contexts")


def build(directory: Path, user: str, certificate: str, server: str = settings.API_SERVER) -> Document:
    """A kubeconfig with one context named `slipway`.

    Args:
        directory: where the keys and certificates lie.
        user: the name of the user entry.
        certificate: the client certificate's name in `local.pki`.
        server: the API server's address.
    """

    def data(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode("ascii")

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": settings.CONTEXT,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": data(pki.certificate(directory, "ca")),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": data(pki.certificate(directory, certificate)),
                    "client-key-data": data(pki.key(directory, certificate)),
                },
            }
        ],
        "contexts": [{"name": settings.CONTEXT, "context": {"cluster": settings.CONTEXT, "user": user}}],
        "current-context": settings.CONTEXT,
    }


def write(path: Path, document: Mapping[str, Any]) -> bool:
    """Write a kubeconfig with mode 0600; returns whether the file changed."""
    text = StringIO()
    _yaml().dump(document, text)  # pyright: ignore[reportUnknownMemberType] - ruamel's types are partial
    return pki.write_private(path, text.getvalue())


def user_file() -> Path:
    """The file that kubectl writes to: the first of $KUBECONFIG, else `~/.kube/config`."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first).expanduser() if first else Path.home() / ".kube" / "config"


def merge(path: Path, ours: Mapping[str, Any]) -> bool:
    """Put our cluster, user and context into the file at `path`, which may not exist yet.

    Returns:
        whether this call made the file (so that `remove` may delete it).

    Raises:
        LocalError: the file is not a kubeconfig; it is left as it is.
    """
    existed = path.is_file()
    document = _read(path) if existed else {"apiVersion": "v1", "kind": "Config", "current-context": ""}
    for section in _SECTIONS:
        entries = _entries(document, section, path)
        for entry in ours[section]:
            _put(entries, entry)
    if not document.get("current-context"):
        document["current-context"] = settings.CONTEXT
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, document)
    return not existed


def remove(path: Path) -> None:
    """Take our entries out of the file at `path`; a file in which nothing else is left is deleted.

    Raises:
        LocalError: the file is not a kubeconfig; it is left as it is.
    """
    if not path.is_file():
        return
    document = _read(path)
    for section in _SECTIONS:
        entries = _entries(document, section, path)
        entries[:] = [entry for entry in entries if entry.get("name") not in {settings.CONTEXT, _user_name()}]
    if document.get("current-context") == settings.CONTEXT:
        document["current-context"] = ""
    if not any(document.get(section) for section in _SECTIONS) and not document.get("current-context"):
        path.unlink()
        return
    write(path, document)


def _user_name() -> str:
    return f"{settings.CONTEXT}-admin"


def admin(directory: Path) -> Document:
    """The kubeconfig of the cluster's administrator."""
    return build(directory, _user_name(), "admin")


def _put(entries: list[Document], entry: Document) -> None:
    for index, present in enumerate(entries):
        if present.get("name") == entry["name"]:
            entries[index] = entry
            return
    entries.append(entry)


def _entries(document: Document, section: str, path: Path) -> list[Document]:
    """The list under `section`, made when absent (kubectl writes `null` for an empty one)."""
    found = document.get(section)
    if found is None:
        found = document[section] = []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in cast("list[object]", found)):
        raise LocalError(f"{path} is not a kubeconfig: {section} should be a list of named entries; repair or move it")
    return cast("list[Document]", found)


def _read(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
        document: object = _yaml().load(text)  # pyright: ignore[reportUnknownMemberType] - ruamel's types are partial
    except (YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise LocalError(f"{path} is not a kubeconfig ({reason}); repair it or move it away") from None
    if document is None:
        return {"apiVersion": "v1", "kind": "Config"}
    if not isinstance(document, dict):
        raise LocalError(f"{path} is not a kubeconfig: it should hold a mapping; repair it or move it away")
    return cast("Document", document)


def _yaml() -> YAML:
    """Keeps the user's comments, order and quotes."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml
