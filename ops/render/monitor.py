"""The recording monitor: answers the SDK as the engine would and writes down every registration."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_project, get_stack

from ops.render.placeholders import output_types, placeholder, reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi.runtime.mocks import Mocks

SECRET_MASK = "[secret]"  # noqa: S105 - what stands in the place of a secret
_STASH = "pulumi:index:Stash"
_STACK = "pulumi:pulumi:Stack"


@dataclass
class Record:
    """One registered resource, as plain data. A component is not custom and has outputs; secrets are a `Secret`."""

    urn: str
    type: str
    name: str
    custom: bool
    parent: str | None
    provider: str | None
    dependencies: list[str]
    property_dependencies: dict[str, list[str]]
    protect: bool
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    options: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Secret:
    """A secret value of an input; its text may hold references to generated values, never generated values."""

    value: Any


def with_secrets(value: Any, change: Callable[[Secret], Any]) -> Any:
    """Plain data with something else in the place of each secret."""
    if isinstance(value, Secret):
        return change(value)
    if isinstance(value, dict):
        return {key: with_secrets(item, change) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [with_secrets(item, change) for item in cast("list[Any]", value)]
    return value


def plain(value: Any) -> Any:
    """A deserialized property as plain data: secrets wrapped, whole numbers as integers."""
    if rpc.is_rpc_secret(value):
        return Secret(plain(rpc.unwrap_rpc_secret(value)))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in cast("dict[object, Any]", value).items()}
    if isinstance(value, list):
        return [plain(v) for v in cast("list[Any]", value)]
    # Numbers cross the wire as doubles; Kubernetes wants 80, not 80.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


class RecordingMonitor(MockMonitor):
    """Records what a program registers and answers with references where only a provider knows."""

    def __init__(self) -> None:
        super().__init__(cast("Mocks", None))  # it would ask them for outputs, and nothing here does
        self.records: dict[str, Record] = {}
        self._root = ""
        # The SDK calls the monitor from several threads.
        self._lock = threading.Lock()

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        """Answer a provider function with its arguments and a reference to what it would return."""
        if request.tok == "pulumi:pulumi:getResource":
            return cast("Any", super()).Invoke(request)
        arguments = cast("dict[str, Any]", plain(rpc.deserialize_properties(request.args)))
        given = json.dumps(arguments, sort_keys=True) if arguments else ""
        result = {**arguments, "id": reference(f"{request.tok.rpartition(':')[2]}({given})", "id")}
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(result)})

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as Pulumi's engine has it (https://www.pulumi.com/docs/iac/concepts/resources/names/#urns), with the
        types of all ancestors; the SDK's mocks take the nearest's alone."""
        above = parent.split("::")[2] if parent else ""
        qualified = f"{above}${type_}" if above not in ("", _STACK) else type_
        return f"urn:pulumi:{get_stack()}::{get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        """Record a resource and answer with its inputs and references to its other outputs."""
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = cast("dict[str, Any]", plain(rpc.deserialize_properties(request.object)))
        record = Record(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=bool(request.custom),
            parent=request.parent or None,
            provider=request.provider.rsplit("::", 1)[0] or None if request.provider else None,
            dependencies=sorted(set(request.dependencies)),
            property_dependencies={
                key: sorted(set(deps.urns)) for key, deps in sorted(request.propertyDependencies.items()) if deps.urns
            },
            protect=bool(request.protect),
            inputs=inputs,
            options={**self._aliases(request), **_options(request)},
        )
        with self._lock:
            if urn in self.records:
                raise ValueError(f"two resources have the URN {urn}: give one of them another name")
            self.records[urn] = record
            if request.type == _STACK:
                self._root = urn
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        identity = reference(request.name, "id")
        outputs = self._outputs(record)
        with self._lock:
            self.resources[urn] = MockMonitor.ResourceRegistration(urn, identity, outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=to_struct(outputs))

    def _aliases(self, request: Any) -> dict[str, list[str]]:
        """The URNs under which the resource was known before; what an alias leaves out is as it is now."""
        found: set[str] = set()
        for alias in request.aliases:
            spec = alias.spec
            parent = self._root if spec.noParent else spec.parentUrn or request.parent
            found.add(alias.urn or self.make_urn(parent, spec.type or request.type, spec.name or request.name))
        return {"aliases": sorted(found)} if found else {}

    def _outputs(self, record: Record) -> dict[str, Any]:
        if record.type == _STASH:
            return {"input": record.inputs.get("input"), "output": Secret(reference(record.name, "output"))}
        declared = output_types(record.type)
        filled = {
            key: record.inputs[key]
            if isinstance(record.inputs.get(key), Secret)
            else placeholder(record.name, key, kind, record.inputs.get(key))
            for key, kind in declared.items()
        }
        return {**record.inputs, **filled}

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        with self._lock:
            self.records[request.urn].outputs = cast(
                "dict[str, Any]", plain(rpc.deserialize_properties(request.outputs))
            )
        return empty_pb2.Empty()


def _options(request: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "deleteBeforeReplace": request.deleteBeforeReplace,
        "deletedWith": request.deletedWith,
        "ignoreChanges": sorted(request.ignoreChanges),
        "replaceOnChanges": sorted(request.replaceOnChanges),
        "replaceWith": sorted(request.replace_with),
        "retainOnDelete": request.retainOnDelete,
        "import": request.importId,
        "additionalSecretOutputs": sorted(request.additionalSecretOutputs),
        "customTimeouts": {
            key: getattr(request.customTimeouts, key)
            for key in ("create", "update", "delete")
            if getattr(request.customTimeouts, key)
        },
    }
    return {key: value for key, value in options.items() if value}


def to_struct(value: dict[str, Any]) -> Any:
    """Plain data as the SDK's wire format."""
    struct = struct_pb2.Struct()
    struct.update(_wire(value))
    return struct


def _wire(value: Any) -> Any:
    return with_secrets(value, lambda secret: rpc.wrap_rpc_secret(_wire(secret.value)))
