"""What an apply would change: the API server's own answer to a dry run against what is there."""

from __future__ import annotations

import copy
import difflib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import yaml

from ops.drift.fields import Path, added_by_hand, without
from ops.drift.orphans import orphans
from ops.engines import stash
from ops.engines.base import Change
from ops.engines.release import MANAGER, owned
from ops.errors import OpsError
from ops.kube import CommandError, Key, Manifest, section
from ops.live import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ops.kube import Kubectl
    from ops.live import Inventory
    from ops.render.result import SecretManifest

# Written by the server with every change, or by controllers: no difference of the stack.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_VERSION = ("f:metadata", "f:resourceVersion")
_CONTEXT_LINES = 3
_ATTEMPTS = 5
# What the API server says of a write with a version that is not the newest any more.
_CONFLICT = "modified"
# How the API server says that a field cannot change (apimachinery, pkg/api/validation).
_IMMUTABLE = ("field is immutable", "may not change once set", "updates to")
# Of these nothing is lost but the moment: what they keep is elsewhere, or made from the program.
_REPLACEABLE = ("ConfigMap", "CronJob", "DaemonSet", "Deployment", "Ingress", "Job", "PodDisruptionBudget", "Service")


def bare(item: Manifest) -> Manifest:
    """A live object without what the server and the controllers write."""
    result = copy.deepcopy(item)
    result.pop("status", None)
    for name in _SERVER_FIELDS:
        result["metadata"].pop(name, None)
    return result


def _masked(item: Manifest, before: Manifest | None) -> Manifest:
    """A Secret without its values; that a value differs from the one before shows, and not more."""
    if item.get("kind") != "Secret":
        return item
    known = section(before, "data") if before is not None else None
    data = section(item, "data")
    changed = {key for key, value in data.items() if known is not None and known.get(key) != value}
    return {**item, "data": {key: "[secret, changed]" if key in changed else "[secret]" for key in data}}


def yaml_diff(before: Manifest, after: Manifest, name: str) -> str:
    """Unified diff of two objects as YAML, secrets masked."""
    texts = [
        yaml.safe_dump(_masked(item, previous), sort_keys=True, width=120).splitlines()
        for item, previous in ((before, None), (after, before))
    ]
    lines = difflib.unified_diff(
        *texts, fromfile=f"live {name}", tofile=f"wanted {name}", n=_CONTEXT_LINES, lineterm=""
    )
    return "\n".join(lines)


@dataclass(frozen=True)
class Comparison:
    """What installing a chart would change on a cluster.

    Attributes:
        changes: The changes.
        gone: Live objects that are not wanted any more, or never were, and go.
        spared: Live objects that nobody wants and that are left to people all the same: data of a durable stack, and
            namespaces that somebody else made.
        added: Fields that somebody added by hand, by object.
        replaced: Live objects that cannot be changed in place, and hold no data: they are removed and made again.
    """

    changes: list[Change] = field(default_factory=list[Change])
    gone: list[Key] = field(default_factory=list[Key])
    spared: list[Key] = field(default_factory=list[Key])
    added: dict[Key, list[Path]] = field(default_factory=dict[Key, list[Path]])
    replaced: list[Key] = field(default_factory=list[Key])


Answers = dict[Key, Manifest]
"""What the API server would make of manifests, by object."""


def ask(kubectl: Kubectl, wanted: Sequence[Manifest]) -> Answers | None:
    """Ask the API server what it would make of manifests, of objects that are there or not; changes nothing.

    Args:
        kubectl: The cluster.
        wanted: The manifests, with the marks of their release.

    Returns:
        Its answers, `managedFields` included; None where it refuses one, which says nothing about the others.
    """
    try:
        return _dry_run(kubectl, wanted)
    except OpsError:
        return None


def _dry_run(kubectl: Kubectl, wanted: Sequence[Manifest]) -> Answers:
    return {Key.of(item): item for item in kubectl.apply(wanted, manager=MANAGER, dry_run=True)} if wanted else {}


def chart_changes(
    kubectl: Kubectl,
    wanted: Sequence[Manifest],
    release: str,
    there: Inventory,
    *,
    others: Collection[Key] = (),
    durable: bool = False,
    answers: Answers | None = None,
) -> Comparison:
    """What installing a chart would change on a cluster.

    Args:
        kubectl: The cluster.
        wanted: The chart's manifests.
        release: Name of the release.
        there: The stack's live objects.
        others: Objects of the stack beside this chart.
        durable: Whether the stack is one whose data must survive a mistake.
        answers: What `ask` answered about the same manifests with this release's marks; None: it is asked now.

    Returns:
        The changes.

    Raises:
        UnreachableError: The cluster does not answer.
        OpsError: The API server refuses a manifest.
    """
    marked = {Key.of(item): owned(item, release) for item in wanted}
    made = there.made()
    changes = [Change("create", kubectl.cluster, str(key)) for key in marked if key not in made]
    known = [item for key, item in marked.items() if key in made]
    replaced: list[Key] = []
    if answers is not None and answers.keys() >= marked.keys() & made.keys():
        answers = {key: answers[key] for key in marked if key in made}
    else:
        answers, replaced = _answers(kubectl, known)
    changes += [Change("replace", kubectl.cluster, str(key), diff) for key, diff in _replaced(marked, made, replaced)]
    added = effective(kubectl, made, {key: added_by_hand(item) for key, item in answers.items()})
    for key, answer in answers.items():
        before, after = bare(made[key]), without(bare(answer), added.get(key, []))
        if before != after:
            changes.append(Change("update", kubectl.cluster, str(key), yaml_diff(before, after, str(key))))
    gone, spared = orphans(made, {*marked, *others}, release, durable=durable)
    changes += [Change("delete", kubectl.cluster, str(key)) for key in gone]
    return Comparison(changes, gone, spared, added, replaced)


def _answers(kubectl: Kubectl, wanted: Sequence[Manifest]) -> tuple[Answers, list[Key]]:
    """What the API server would make of each object that is there already, and which it cannot change in place."""
    try:
        return _dry_run(kubectl, wanted), []
    except CommandError as error:
        if not any(sign in error.text for sign in _IMMUTABLE):
            raise _not_taken(kubectl, error) from None
    answers: dict[Key, Manifest] = {}
    replaced: list[Key] = []
    for item in wanted:
        key = Key.of(item)
        try:
            (answers[key],) = kubectl.apply([item], manager=MANAGER, dry_run=True)
        except CommandError as error:
            if key.kind not in _REPLACEABLE or not any(sign in error.text for sign in _IMMUTABLE):
                raise _not_taken(kubectl, error) from None
            replaced.append(key)
    return answers, replaced


def _replaced(
    wanted: Mapping[Key, Manifest], made: Mapping[Key, Manifest], keys: Sequence[Key]
) -> Iterator[tuple[Key, str]]:
    """Objects that are made again, with what the program says about them that is not so."""
    for key in keys:
        yield key, yaml_diff(_alike(made[key], wanted[key]), wanted[key], str(key))


def _alike(live: Any, wanted: Any) -> Any:
    """What a live object says where the wanted one says something, so that the server's defaults do not show."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        there, named = cast("Manifest", live), cast("Manifest", wanted)
        return {name: _alike(there[name], value) for name, value in named.items() if name in there}
    if isinstance(live, list) and isinstance(wanted, list):
        items, others = cast("list[Any]", live), cast("list[Any]", wanted)
        return [_alike(*pair) for pair in zip(items, others, strict=True)] if len(items) == len(others) else items
    return cast("Any", live)


def _not_taken(kubectl: Kubectl, error: CommandError) -> OpsError:
    return OpsError(
        f"cluster {kubectl.cluster}: the API server does not take a change:\n{error.text}\nwhat cannot be changed in "
        "place and may hold data has to be removed first (`slipway down`)"
    )


def effective(kubectl: Kubectl, made: Mapping[Key, Manifest], added: Mapping[Key, list[Path]]) -> dict[Key, list[Path]]:
    """The fields added by hand that can be taken out: some the server would put in again, a Service's address say.

    Args:
        kubectl: The cluster.
        made: The live objects.
        added: Fields added by hand, by object; may be empty for one.

    Raises:
        UnreachableError: The cluster does not answer.
        CommandError: An object was changed by somebody else each time it was asked about.
    """
    wanted = {key: paths for key, paths in added.items() if paths}
    found: dict[Key, list[Path]] = {}
    for key, paths in wanted.items():
        # Without the version that was read: a controller that writes a status this moment would hide the change.
        asked = without(made[key], [*paths, _VERSION])
        try:
            (answer,) = _past_conflicts(partial(kubectl.replace, [asked], manager=stash.FIELD_MANAGER, dry_run=True))
        except CommandError as error:
            if _CONFLICT in error.text:
                raise
            # An object that is wrong without them: the rollout itself will tell.
            continue
        if bare(answer) != bare(made[key]):
            found[key] = paths
    return found


def _past_conflicts(write: Callable[[], list[Manifest]]) -> list[Manifest]:
    """Write, again where a controller wrote between reading the version (kubectl does so itself) and writing."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return write()
        except CommandError as error:
            if _CONFLICT not in error.text:
                raise
    return write()


def take_out(kubectl: Kubectl, added: Mapping[Key, list[Path]]) -> None:
    """Take fields that somebody added by hand out of live objects.

    Args:
        kubectl: The cluster.
        added: The fields, by object.

    Raises:
        UnreachableError: The cluster does not answer.
        CommandError: The API server refuses the object without them.
    """
    for key, paths in added.items():
        _past_conflicts(partial(_take_out_of, kubectl, key, paths))


def _take_out_of(kubectl: Kubectl, key: Key, paths: list[Path]) -> list[Manifest]:
    kind = f"{key.kind}.{key.group}" if key.group else key.kind
    where = ["-n", key.namespace] if key.namespace else []
    live = kubectl.get([kind.lower(), key.name, *where])
    return kubectl.replace([without(item, paths) for item in live], manager=stash.FIELD_MANAGER)


@dataclass(frozen=True)
class SecretComparison:
    """What would change about the Secrets with generated values.

    Attributes:
        changes: The changes; no value shows.
        apply: The filled Secrets that have to be applied.
        gone: Those that are not wanted any more.
        added: Entries that somebody added by hand, by Secret.
    """

    changes: list[Change] = field(default_factory=list[Change])
    apply: list[Manifest] = field(default_factory=list[Manifest])
    gone: list[Key] = field(default_factory=list[Key])
    added: dict[Key, list[Path]] = field(default_factory=dict[Key, list[Path]])


def secret_changes(
    cluster: str,
    wanted: Sequence[SecretManifest],
    values: Mapping[str, str],
    there: Inventory,
    *,
    others: Collection[Key] = (),
) -> SecretComparison:
    """What would change about the Secrets with generated values.

    Args:
        cluster: Name of the cluster.
        wanted: The Secrets.
        values: Stash name to value.
        there: The stack's live objects.
        others: Objects that the stack makes elsewhere: two entries of a stack may lead to one cluster.

    Returns:
        The changes.
    """
    made = there.made()
    found = SecretComparison()
    keys = {stash.key(secret) for secret in wanted}
    for secret in wanted:
        manifest = stash.filled(secret, values)
        key = stash.key(secret)
        live = made.get(key)
        if live is None:
            found.changes.append(Change("create", cluster, str(key)))
        elif stash.same(live, manifest):
            continue
        else:
            diff = yaml_diff(bare(live), {**bare(live), "data": manifest["data"]}, str(key))
            found.changes.append(Change("update", cluster, str(key), diff))
            if more := sorted(section(live, "data").keys() - manifest["data"].keys()):
                found.added[key] = [("f:data", f"f:{name}") for name in more]
        found.apply.append(manifest)
    live_namespaces = there.namespaces()
    found.gone.extend(
        key
        for key, item in made.items()
        if stash.is_ours(item)
        and key not in keys
        and key not in others
        and key.namespace != NAMESPACE
        and key.namespace in live_namespaces
    )
    found.changes.extend(Change("delete", cluster, str(key)) for key in found.gone)
    return found
