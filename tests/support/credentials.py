"""What credentials look like, for tests that look for them where none may be."""

from __future__ import annotations

import re

# What issuers of credentials say that theirs look like, and private keys as files hold them.
PATTERNS = {
    "private key": rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----\r?\n[A-Za-z0-9+/]{40}",
    "AWS access key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": rb"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b",
    "Google key": rb"\bAIza[0-9A-Za-z_-]{35}\b",
    "Google service account": rb'"private_key_id"\s*:\s*"[0-9a-f]{40}"',
    "Slack token": rb"\bxox[abprs]-[0-9A-Za-z-]{20,}",
    "Pulumi token": rb"\bpul-[0-9a-f]{40}\b",
    "Stripe key": rb"\bsk_live_[0-9A-Za-z]{20,}",
    "npm or PyPI token": rb"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
    "bearer token": rb"\beyJhbGciOi[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "state in clear": rb'"4dabf18193072939515e22adb298388d":\s*"[0-9a-f]{32}",\s*"plaintext":\s*"\\?"[^"]{8,}',
    "kubeconfig's key": rb"client-key-data:\s*LS0tLS1CRUdJTi[A-Za-z0-9+/=]{40,}",
}
EVERYTHING = re.compile(b"|".join(b"(?:" + pattern + b")" for pattern in PATTERNS.values()))


def named(content: bytes) -> set[str]:
    """Kinds of credentials that a text holds."""
    if not EVERYTHING.search(content):
        return set()
    return {name for name, pattern in PATTERNS.items() if re.search(pattern, content)}
