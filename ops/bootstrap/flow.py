"""The flow of a bootstrap. Each step looks first whether it is done, so a run can be repeated wherever it ended.

1. The bucket, its key and the registries are made by the stack's own program with the rest of its settings taken away.
   Their state is a file on this machine.
2. The secrets in that state are encrypted anew, with the key.
3. The state is moved into the bucket. From then on the stack's next `up` finds them there and makes the rest.
"""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from local import paths
from ops.bootstrap.backend import Backend
from ops.bootstrap.checks import aws_cli, google_credentials, operator, pulumi_cli
from ops.errors import EngineError, RefusedError
from ops.pulumi.backend import file_url, sweep
from ops.pulumi.command import StoppableCommand

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.bootstrap.plan import BootstrapPlan

_BUCKET = "aws:s3/bucket:Bucket"
_STATE_COMPONENT = "slipway:foundation:StateBucket"
API_PAUSES_S = (15.0, 30.0, 60.0, 60.0)
"""Pauses before an `up` is tried again because an API of Google's is not usable yet: some minutes in all."""
_API_NOT_READY = re.compile(r"SERVICE_DISABLED|accessNotConfigured|has not been used in project")
_FIRST_PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_CONFIG_PASSPHRASE_FILE": ""}
"""The first state holds no secret: nothing that a passphrase would protect."""


@dataclass(frozen=True)
class Done:
    """What a bootstrap found and did; backend (the bucket) and secrets provider (the key) are URLs for Pulumi."""

    backend: str
    secrets_provider: str
    made: bool
    moved: bool


def bootstrap(directory: Path, plan: BootstrapPlan, progress: Progress, source: str | None = None) -> Done:
    """Make the bucket and move the state there. `source`: URL of the backend that has the stack's state by now, None
    where it was never made. Raises RefusedError where something is missing or the bucket is somebody else's,
    EngineError where Pulumi failed; the same command continues."""
    command = StoppableCommand(pulumi_cli(plan, progress))
    aws, environment = aws_cli(plan), operator(plan)
    target = Backend(command, plan.backend, directory, environment)
    bucket = aws.bucket(plan.bucket)
    if bucket == "foreign":
        raise RefusedError(
            f"bucket {plan.bucket} belongs to somebody else: bucket names are global; choose another name"
        )
    if bucket == "ours" and plan.stack in target.stacks() and target.urns(plan.stack):
        progress.note(f"the state of {plan.stack} is in {plan.bucket} already")
        return Done(plan.backend, plan.secrets_provider, made=False, moved=False)
    if source is not None:
        origin = Backend(command, source, directory, environment)
        _must_own_bucket(origin, plan)
        made = False
    else:
        if plan.needs_google:
            google_credentials()
        origin = _first(command, directory, plan, environment)
        known = plan.stack in origin.stacks()
        if bucket == "ours" and not (known and _owns_bucket(origin, plan.stack)):
            raise RefusedError(
                f"bucket {plan.bucket} is there, but this program did not make it and no state of {plan.stack} is in "
                "it; choose another name, or name the backend that has the stack's state with --from"
            )
        with progress.step(f"bucket {plan.bucket} and its key"):
            if not known:
                origin.run("stack", "init", plan.stack, "--secrets-provider", "passphrase")
            _up(origin, plan, progress)
        made = bucket == "missing"
    with progress.step(f"state of {plan.stack} into {plan.bucket}"):
        _move(origin, target, plan)
    if source is None:
        origin.run("stack", "rm", plan.stack, "--yes", "--force", "--preserve-config")
    return Done(plan.backend, plan.secrets_provider, made=made, moved=True)


def _up(origin: Backend, plan: BootstrapPlan, progress: Progress) -> None:
    """Make what is missing. Google says that an API is enabled some time before every part of it knows, and its
    provider tries nothing again; what was made stays, so the next try goes on from there."""
    for pause in (*API_PAUSES_S, None):
        try:
            origin.run("up", "--stack", plan.stack, "--yes", "--skip-preview")
        except EngineError as error:
            if pause is None or not _API_NOT_READY.search(str(error)):
                raise
            progress.note(
                f"an API of Google Cloud was enabled a moment ago and does not answer yet; again in {pause:.0f} s"
            )
            time.sleep(pause)
        else:
            return


def _first(command: StoppableCommand, directory: Path, plan: BootstrapPlan, environment: dict[str, str]) -> Backend:
    """The backend of the first run: a directory, and one that Pulumi may write its own keys into."""
    home = paths.cache() / "bootstrap" / f"{plan.project}-{plan.stack}"
    work, state = home / "work", home / "state"
    for folder in (work, state):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(state)
    project = cast("dict[str, Any]", yaml.safe_load((directory / "Pulumi.yaml").read_text(encoding="utf-8")))
    options = cast("dict[str, Any]", project["runtime"]["options"])
    options["virtualenv"] = str((directory / str(options["virtualenv"])).resolve())
    project["main"] = str(directory)
    project.pop("backend", None)
    (work / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
    file = work / f"Pulumi.{plan.stack}.yaml"
    # What Pulumi wrote beside the settings stays.
    before = cast("dict[str, Any] | None", yaml.safe_load(file.read_text(encoding="utf-8"))) if file.is_file() else {}
    file.write_text(yaml.safe_dump({**(before or {}), "config": plan.config}, sort_keys=False), encoding="utf-8")
    return Backend(command, file_url(state), work, {**environment, **_FIRST_PASSPHRASE})


def _owns_bucket(backend: Backend, stack: str) -> bool:
    return any(_STATE_COMPONENT in urn and _BUCKET in urn for urn in backend.urns(stack))


def _must_own_bucket(backend: Backend, plan: BootstrapPlan) -> None:
    if plan.stack not in backend.stacks():
        raise RefusedError(f"--from {backend.url}: it has no stack {plan.stack}; leave --from out for a first run")
    if not _owns_bucket(backend, plan.stack):
        raise RefusedError(
            f"--from {backend.url}: its stack {plan.stack} has no state bucket yet; run pulumi up -s {plan.stack} "
            "there first, with slipway:state in the stack file"
        )


def _move(origin: Backend, target: Backend, plan: BootstrapPlan) -> None:
    origin.run("stack", "change-secrets-provider", plan.secrets_provider, "--stack", plan.stack)
    wanted = origin.urns(plan.stack)
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "state.json"
        # Secrets stay encrypted, with the key that the bucket's stack uses, too.
        origin.run("stack", "export", "--stack", plan.stack, "--file", str(exported))
        if plan.stack not in target.stacks():
            target.run("stack", "init", plan.stack, "--secrets-provider", plan.secrets_provider)
        target.run("stack", "import", "--stack", plan.stack, "--file", str(exported))
    missing = wanted - target.urns(plan.stack)
    if missing:
        raise EngineError(f"{len(missing)} resources did not arrive in {plan.bucket}; run the same command again")
