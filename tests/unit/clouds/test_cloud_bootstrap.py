"""`slipway bootstrap` with stand-ins for Pulumi's CLI and AWS's: the flow, its repetition, and what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from ops.app import app
from ops.render.program import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

BUCKET = "kops-state.example.com"
TARGET = f"s3://{BUCKET}?region=ap-northeast-1&s3ForcePathStyle=true"
PROVIDER = "awskms://alias/slipway-prod-state?region=ap-northeast-1"

# Keeps a state for each backend; `up` writes what the configuration beside it asks for.
PULUMI = """\
#!{python}
import json, os, pathlib, sys
import yaml
home = pathlib.Path({home!r})
if sys.argv[1:] == ["version"]:
    print((home / "version").read_text()); sys.exit()
url, args = os.environ["PULUMI_BACKEND_URL"], [a for a in sys.argv[1:] if a not in ("--non-interactive",)]
args = args[:args.index("--color")] + args[args.index("--color") + 2:]
with (home / "calls").open("a") as log:
    assumed = "AWS_SESSION_TOKEN" in os.environ
    log.write(json.dumps({{"url": url, "args": args, "cwd": os.getcwd(), "assumed": assumed}}) + "\\n")
def fail(text):
    sys.stderr.write("error: " + text + "\\n"); sys.exit(255)
if (home / "fail").exists() and (home / "fail").read_text() in " ".join(args):
    fail("something broke")
if url.startswith("s3://") and not (home / "bucket").exists():
    fail("no such bucket")
store = home / "backends.json"
backends = json.loads(store.read_text()) if store.exists() else {{}}
stacks = backends.setdefault(url, {{}})
option = lambda name: args[args.index(name) + 1] if name in args else None
command, stack = " ".join(args[:2]), option("--stack")
config = pathlib.Path(f"Pulumi.{{stack or (args[2] if len(args) > 2 else '')}}.yaml")
if command == "stack ls":
    print(json.dumps([{{"name": name}} for name in stacks]))
elif command == "stack init":
    if args[2] in stacks: fail("stack exists")
    stacks[args[2]] = {{"provider": option("--secrets-provider"), "resources": []}}
elif command == "stack export":
    if stack not in stacks: fail("no stack")
    resources = [{{"urn": urn}} for urn in stacks[stack]["resources"]]
    text = json.dumps({{"deployment": {{"provider": stacks[stack]["provider"], "resources": resources}}}})
    pathlib.Path(option("--file")).write_text(text) if "--file" in args else print(text)
elif command == "stack import":
    given = json.loads(pathlib.Path(option("--file")).read_text())["deployment"]
    if given["provider"] != stacks[stack]["provider"]: fail("cannot decrypt")
    stacks[stack]["resources"] = [r["urn"] for r in given["resources"]]
elif command == "stack change-secrets-provider":
    stacks[stack]["provider"] = args[2]
elif command == "stack rm":
    del stacks[args[2]]
elif args[0] == "up":
    waiting = home / "not-ready"
    left = int(waiting.read_text()) if waiting.exists() else 0
    if left:
        waiting.write_text(str(left - 1))
        fail("googleapi: Error 403: Artifact Registry API has not been used in project example-project before")
    keys = yaml.safe_load(config.read_text())["config"]
    (home / "made.json").write_text(json.dumps(keys))
    stacks[stack]["resources"] = [
        "urn:pulumi:prod::slipway::slipway:foundation:StateBucket$aws:s3/bucket:Bucket::state-store"
    ]
    (home / "bucket").write_text("ours")
else:
    fail("unknown command " + " ".join(args))
store.write_text(json.dumps(backends))
"""

AWS = """\
#!{python}
import json, os, pathlib, sys
home = pathlib.Path({home!r})
line = " ".join(sys.argv[1:])
if line.startswith("sts assume-role"):
    role = sys.argv[sys.argv.index("--role-arn") + 1]
    if (home / "untrusted").exists():
        sys.stderr.write("An error occurred (AccessDenied)"); sys.exit(254)
    keys = {{"AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": role.split(":")[4]}}
    print(json.dumps({{"Credentials": keys}})); sys.exit()
if line.startswith("sts get-caller-identity"):
    account = os.environ.get("AWS_SESSION_TOKEN") or (home / "account").read_text()
    if not account:
        sys.stderr.write("Unable to locate credentials"); sys.exit(255)
    print(json.dumps({{"Account": account, "Arn": f"arn:aws:iam::{{account}}:user/me"}}))
elif line.startswith("s3api head-bucket"):
    state = (home / "bucket").read_text() if (home / "bucket").exists() else "404 Not Found"
    if state != "ours":
        sys.stderr.write("An error occurred (" + state + ")"); sys.exit(254)
else:
    sys.exit(9)
"""


class World:
    """A project, and the stand-ins with what they know."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = tmp_path / "world"
        self.bin = tmp_path / "bin"
        self.project = tmp_path / "project"
        for folder in (self.home, self.bin, self.project, tmp_path / "cache", tmp_path / "user"):
            folder.mkdir()
        for name, script in (("pulumi", PULUMI), ("aws", AWS)):
            (self.bin / name).write_text(script.format(python=sys.executable, home=str(self.home)), encoding="utf-8")
            (self.bin / name).chmod(0o755)
        for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.dev.yaml"):
            (self.project / name).write_text((PROJECT_DIR / name).read_text(encoding="utf-8"), encoding="utf-8")
        self.tell("account", "123456789012")
        self.tell("version", "v3.272.0")
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("HOME", str(tmp_path / "user"))
        monkeypatch.setenv("SLIPWAY_PROJECT", str(self.project))
        monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "google.json"))
        for name in ("PULUMI_BACKEND_URL", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        self.monkeypatch = monkeypatch

    def tell(self, name: str, text: str) -> None:
        """Let the stand-ins know something: `account`, `version`, `bucket`, `fail`, `not-ready`, `untrusted`."""
        (self.home / name).write_text(text, encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        """Replace a text in the stack file."""
        file = self.project / "Pulumi.prod.yaml"
        before = file.read_text(encoding="utf-8")
        assert old in before
        file.write_text(before.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["bootstrap", "--stack", "prod", *arguments])

    def calls(self) -> list[dict[str, Any]]:
        path = self.home / "calls"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def backends(self) -> dict[str, Any]:
        return json.loads((self.home / "backends.json").read_text(encoding="utf-8"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_the_first_run_makes_the_foundation_alone_and_moves_the_state(world: World) -> None:
    before = (world.project / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    result = world.run()
    assert result.exit_code == 0, result.output
    assert f"export PULUMI_BACKEND_URL='{TARGET}'" in result.output
    backends = world.backends()
    assert len(backends[TARGET]["prod"]["resources"]) == 1
    assert backends[TARGET]["prod"]["provider"] == PROVIDER
    # Nothing of the state stays on this machine.
    assert [url for url, stacks in backends.items() if stacks] == [TARGET]
    made = json.loads((world.home / "made.json").read_text(encoding="utf-8"))
    settings = ("lifecycle", "owner", "clouds", "state", "registries", "namespacePrefix")
    assert set(made) == {f"slipway:{key}" for key in settings}
    assert set(made["slipway:registries"]) == {"asia", "tokyo"}
    # The first state has files of its own.
    assert (world.project / "Pulumi.prod.yaml").read_text(encoding="utf-8") == before
    up = next(call for call in world.calls() if call["args"][0] == "up")
    assert up["cwd"] != str(world.project)
    work = yaml.safe_load((Path(up["cwd"]) / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert (work["main"], work["name"]) == (str(world.project), "slipway")


def test_a_second_run_changes_nothing(world: World) -> None:
    world.run()
    before = len(world.calls())
    result = world.run("--json")
    assert result.exit_code == 0, result.output
    known = {"backend": TARGET, "secrets_provider": PROVIDER}
    assert json.loads(result.output) == {**known, "made": False, "moved": False}
    commands = {" ".join(call["args"][:2]) for call in world.calls()[before:]}
    assert commands == {"stack ls", "stack export"}


BREAKS = (
    "stack init",
    "up --stack",
    "change-secrets-provider",
    "stack export --stack prod --file",
    "stack import",
    "stack rm",
)


@pytest.mark.parametrize("command", BREAKS)
def test_a_run_that_broke_is_continued(world: World, command: str) -> None:
    world.tell("fail", command)
    broken = world.run()
    assert broken.exit_code == 1
    assert "something broke" in broken.output
    assert "Traceback" not in broken.output
    (world.home / "fail").unlink()
    result = world.run()
    assert result.exit_code == 0, result.output
    assert len(world.backends()[TARGET]["prod"]["resources"]) == 1


def test_registries_can_wait(world: World) -> None:
    world.monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    refused = world.run()
    assert refused.exit_code == 1
    assert "gcloud auth application-default login" in refused.output
    assert world.run("--no-registries").exit_code == 0
    made = json.loads((world.home / "made.json").read_text(encoding="utf-8"))
    assert "slipway:registries" not in made
    assert set(made["slipway:clouds"]) == {"tokyo"}


def test_a_state_that_is_elsewhere_is_moved(world: World) -> None:
    urn = "urn:pulumi:prod::slipway::slipway:foundation:StateBucket$aws:s3/bucket:Bucket::state-store"
    elsewhere = {"file:///old": {"prod": {"provider": "passphrase", "resources": [urn, "urn:other"]}}}
    world.tell("backends.json", json.dumps(elsewhere))
    world.tell("bucket", "ours")
    result = world.run("--from", "file:///old")
    assert result.exit_code == 0, result.output
    assert world.backends()[TARGET]["prod"]["resources"] == [urn, "urn:other"]
    assert "up" not in {call["args"][0] for call in world.calls()}


def test_a_state_without_bucket_is_not_moved(world: World) -> None:
    elsewhere = {"file:///old": {"prod": {"provider": "passphrase", "resources": ["urn:other"]}}}
    world.tell("backends.json", json.dumps(elsewhere))
    refused = world.run("--from", "file:///old")
    assert refused.exit_code == 1
    assert "run pulumi up -s prod" in refused.output
    missing = world.run("--from", "file:///nothing")
    assert "it has no stack prod" in missing.output


MISSING: list[tuple[Callable[[World], None], str]] = [
    (lambda w: (w.bin / "pulumi").unlink(), "needs Pulumi's CLI and there is none on PATH"),
    (lambda w: (w.bin / "aws").unlink(), "the AWS CLI is missing"),
    (lambda w: w.tell("version", "v3.210.0"), "is Pulumi 3.210.0, but this program needs 3.211.0 or newer"),
    (lambda w: w.tell("version", "dev"), "of an unknown version, but this program needs 3.211.0"),
    (lambda w: w.tell("account", ""), "AWS credentials are missing or no longer good"),
    (lambda w: w.tell("account", "999999999999"), "are of account 999999999999, but the stack's is 123456789012"),
    (lambda w: w.tell("bucket", "403 Forbidden"), "belongs to somebody else"),
    (lambda w: w.tell("bucket", "500 Oops"), "AWS cannot say whether bucket"),
    (lambda w: w.tell("bucket", "ours"), "is there, but this program did not make it"),
]


@pytest.mark.parametrize(("break_it", "message"), MISSING)
def test_what_is_missing_is_told(world: World, break_it: Callable[[World], None], message: str) -> None:
    break_it(world)
    result = world.run()
    assert result.exit_code == 1
    assert message in result.output
    assert "up" not in {call["args"][0] for call in world.calls()}


@pytest.mark.usefixtures("world")
def test_a_stack_without_state_is_refused() -> None:
    result = CliRunner().invoke(app, ["bootstrap", "--stack", "dev"])
    assert result.exit_code == 1
    assert "names no state bucket" in result.output


ROLE = "arn:aws:iam::123456789012:role/admin"


def as_role(world: World) -> None:
    """The operator is of another account and assumes a role in the stack's."""
    world.tell("account", "999999999999")
    world.change('accountId: "123456789012" # replace', f'accountId: "123456789012"\n      roleArn: {ROLE}')


def test_a_role_of_another_account_is_assumed(world: World) -> None:
    as_role(world)
    result = world.run("--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    role = "&role=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fadmin"
    assert told["backend"] == TARGET + role
    assert told["secrets_provider"] == PROVIDER + role
    assert len(world.backends()[TARGET + role]["prod"]["resources"]) == 1
    # Pulumi and its providers assume the role by themselves; assumed twice, it would have to trust itself.
    assert not any(call["assumed"] for call in world.calls())


def test_a_role_that_does_not_trust_the_operator_is_told(world: World) -> None:
    as_role(world)
    world.tell("untrusted", "")
    result = world.run()
    assert result.exit_code == 1
    assert f"may not assume {ROLE}" in result.output.replace("\n", " ")
    assert not world.calls()


def test_a_role_needs_a_cli_that_knows_roles_in_urls(world: World) -> None:
    as_role(world)
    world.tell("version", "v3.245.0")
    assert "but roleArn needs 3.246.0 or newer" in world.run().output.replace("\n", " ")


@pytest.mark.parametrize(
    ("pauses", "code", "told"), [(3, 0, "does not answer yet"), (2, 1, "has not been used in project")]
)
def test_an_api_that_is_not_usable_yet_is_waited_for_with_an_end(
    world: World, monkeypatch: pytest.MonkeyPatch, pauses: int, code: int, told: str
) -> None:
    monkeypatch.setattr("ops.bootstrap.flow.API_PAUSES_S", (0.01,) * pauses)
    world.tell("not-ready", "3")
    result = world.run()
    assert result.exit_code == code, result.output
    assert told in result.output.replace("\n", " ")
    assert sum(call["args"][0] == "up" for call in world.calls()) == pauses + 1
