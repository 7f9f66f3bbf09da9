"""Take the cluster's packet filter rules out again, and nothing else's.

kube-proxy, the CNI plugins and we put rules into chains of our own (`KUBE-…`, `CNI-…`, `SLIPWAY-…`), and jumps to them
into the common ones. Both are removed one by one, never by writing whole tables back, so that rules which another
program (Docker, a firewall) adds at the same time survive.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.debian import Packages

_COMMANDS = ("iptables", "ip6tables")
_OURS = re.compile(r"^(?:KUBE-|CNI-|SLIPWAY-)")
_GUARD = "SLIPWAY-PODS"
_ADMIN = "CNI-ADMIN"
"""Rules of the machine's administrator (https://www.cni.dev/plugins/current/meta/firewall/)."""


def chains(packages: Packages) -> dict[str, list[str]]:
    """The chains there are, by `<command> <table>`; empty ones of the kernel included."""
    found: dict[str, list[str]] = {}
    for command in _COMMANDS:
        for table, lines in _tables(_save(packages, command)).items():
            found[f"{command} {table}"] = [line[1:].split()[0] for line in lines if line.startswith(":")]
    return found


def guard(packages: Packages, bridge: str) -> None:
    """Keep pods away from link-local addresses: a cloud's metadata service answers there, credentials included.

    Names may be asked for: some clouds' DNS server is at such an address too. Run again, it changes nothing.

    Args:
        packages: where the programs are.
        bridge: the interface that pods are behind.
    """
    text = guarding(_save(packages, "iptables"), bridge)
    if text:
        _run(packages, ["iptables-restore", "--noflush"], text)


def guarding(saved: str, bridge: str) -> str:
    """The input for `iptables-restore --noflush` that adds what is missing of the guard.

    Args:
        saved: the output of iptables-save.
        bridge: the interface that pods are behind.

    Returns:
        the text, empty when all is there.
    """
    rules = [
        *(f"-A {_GUARD} -p {protocol} -m {protocol} --dport 53 -j RETURN" for protocol in ("udp", "tcp")),
        f"-A {_GUARD} -j REJECT --reject-with icmp-port-unreachable",
    ]
    there = _tables(saved).get("filter", [])
    wanted: list[str] = []
    if [line for line in there if line.startswith(f"-A {_GUARD} ")] != rules:
        wanted += [f":{_GUARD} - [0:0]", *rules]
    # To declare a chain that is there would empty it.
    if not any(line.startswith(f":{_ADMIN} ") for line in there):
        wanted.append(f":{_ADMIN} - [0:0]")
    # To the machine's own addresses, and past it: the CNI plugin asks its ADMIN chain before it accepts anything.
    jumps = [f"{chain} -d 169.254.0.0/16 -i {bridge} -j {_GUARD}" for chain in ("INPUT", _ADMIN)]
    wanted += [f"-I {jump}" for jump in jumps if f"-A {jump}" not in there]
    return "".join(f"{line}\n" for line in ("*filter", *wanted, "COMMIT")) if wanted else ""


def nft_tables(packages: Packages) -> list[str]:
    """The nftables tables there are, as `<family> <name>`."""
    output = _run(packages, ["nft", "list", "tables"]).stdout
    return re.findall(r"^table (\S+ \S+)", output, re.MULTILINE)


def removal(saved: str, keep: set[str]) -> str:
    """The input for `iptables-restore --noflush` that takes our chains, and the jumps to them, out of `saved`.

    Args:
        saved: the output of iptables-save.
        keep: as `<table> <chain>`, the chains that were there before us.

    Returns:
        the text, empty when there is nothing of ours.
    """
    result: list[str] = []
    for table, lines in _tables(saved).items():
        names = [line[1:].split()[0] for line in lines if line.startswith(":")]
        ours = [name for name in names if _OURS.match(name) and f"{table} {name}" not in keep]
        commands = [f"-F {name}" for name in ours]
        for line in lines:
            rule = re.match(r"-A (\S+) (.*)", line)
            if rule and rule.group(1) not in ours and _targets(rule.group(2)) & set(ours):
                commands.append(f"-D {rule.group(1)} {rule.group(2)}")
        commands += [f"-X {name}" for name in ours]
        if commands:
            result += [f"*{table}", *commands, "COMMIT"]
    return "".join(f"{line}\n" for line in result)


def _targets(rule: str) -> set[str]:
    """The chains that a rule jumps to; a comment may hold any words, so quoted text is not looked at."""
    return set(re.findall(r"(?:^| )-[jg] (\S+)", re.sub(r'"(?:[^"\\]|\\.)*"', '""', rule)))


def clear(packages: Packages, before: dict[str, list[str]], tables_before: list[str]) -> None:
    """Remove our chains, and tables that were not there before and hold no rule now."""
    for command in _COMMANDS:
        keep = {
            f"{key.split()[1]} {name}" for key, names in before.items() for name in names if key.split()[0] == command
        }
        text = removal(_save(packages, command), keep)
        if text:
            _run(packages, [f"{command}-restore", "--noflush"], text)
    for table in nft_tables(packages):
        if table in tables_before:
            continue
        content = _run(packages, ["nft", "--stateless", "list", "table", *table.split()]).stdout
        if _holds_nothing(content):
            _run(packages, ["nft", "delete", "table", *table.split()])


def _holds_nothing(content: str) -> bool:
    """Whether an nftables table is only a frame: base chains that accept everything, hints of ours, no rule."""
    for line in content.splitlines():
        words = line.strip()
        frame = words in {"", "}"} or words.startswith(("table ", "chain ", "#"))
        if not frame and not re.fullmatch(r"type \w+ hook \w+ (device \S+ )?priority [\w\s+-]+; policy accept;", words):
            return False
    return True


def _tables(saved: str) -> dict[str, list[str]]:
    """The lines of iptables-save by table."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            current = found.setdefault(line[1:].strip(), [])
        elif line and not line.startswith("#"):
            current.append(line)
    return found


def _save(packages: Packages, command: str) -> str:
    return _run(packages, [f"{command}-save"]).stdout


def _run(packages: Packages, command: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(packages.program(command[0])), *command[1:]],
        env={**os.environ, **packages.environment()},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
