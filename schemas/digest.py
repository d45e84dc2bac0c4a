"""The digest of a command: what a verdict is for."""

import hashlib
from collections.abc import Sequence

from schemas.vocabulary import ContextItem, Stage

_DOMAIN = b"countersign command digest v1"
_COMMIT_DOMAIN = b"countersign commit digest v1"


def command_digest(
    *,
    stage: Stage,
    principal: str,
    resource: str,
    text: str,
    parameters: Sequence[bytes | None],
    context: Sequence[ContextItem],
) -> str:
    """SHA-256, in hex, over the command's canonical form.

    Every part is preceded by its length, so that no two different commands have one form. A parameter
    is the bytes the client bound, a NULL is marked by a length of -1.
    """
    hasher = hashlib.sha256()

    def part(value: bytes | None) -> None:
        hasher.update((-1 if value is None else len(value)).to_bytes(8, "big", signed=True))
        hasher.update(value or b"")

    for text_part in (_DOMAIN, stage.encode(), principal.encode(), resource.encode(), text.encode()):
        part(text_part)
    part(str(len(parameters)).encode())
    for parameter in parameters:
        part(parameter)
    for item in sorted(context, key=lambda item: item.name):
        part(item.name.encode())
        part(item.value.encode())
    return hasher.hexdigest()


def commit_digest(commit: str, statements: Sequence[str]) -> str:
    """SHA-256, in hex, of a COMMIT and what it makes last: its own digest, and those of the statements in the
    order in which they ran. All are in hex and of one length."""
    return hashlib.sha256(
        b"\n".join((_COMMIT_DOMAIN, *(one.encode() for one in (commit, *statements))))
    ).hexdigest()
