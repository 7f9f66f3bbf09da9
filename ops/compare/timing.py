"""When a cloud makes a change that it was asked for: some wait for a maintenance window, and `up` does not.

Source: the RDS user guide, settings for DB instances
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops.compare.immutable import REFUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

_RDS = "aws:rds/instance:Instance"
_DEFERRED = ("allocatedStorage", "engineVersion", "instanceClass", "multiAz", "parameterGroupName", "storageType")


def when_applied(token: str, base: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    """What a reader should know of the moment of a change; nothing where everything is done when `up` is."""
    if token != _RDS:
        return []
    changed = [key for key in _DEFERRED if base.get(key) != head.get(key)]
    if base.get("allocatedStorage", 0) > head.get("allocatedStorage", 0):
        changed.remove("allocatedStorage")
        return ["`allocatedStorage` stays as it is: storage never shrinks", *_moment(changed, base, head)]
    return _moment(changed, base, head)


def _moment(changed: list[str], base: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    if not changed:
        return []
    if base.get("engineVersion") != head.get("engineVersion") and not head.get("allowMajorVersionUpgrade"):
        return [f"{REFUSES} another major version without `allowMajorVersionUpgrade`"]
    names = ", ".join(f"`{key}`" for key in changed)
    if head.get("applyImmediately"):
        return [f"{names} is changed at once, with the outage that it brings"]
    window = head.get("maintenanceWindow", "of RDS's choice")
    return [f"{names} waits for the maintenance window ({window} UTC); `up` is done before it"]
