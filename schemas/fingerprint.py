"""The fingerprint of a command's pattern: what a grant is for."""

import hashlib
from collections.abc import Sequence

from schemas.vocabulary import ContextItem, Facts

_DOMAIN = b"countersign pattern fingerprint v1"


def pattern_fingerprint(exact: str, facts: Facts, context: Sequence[ContextItem]) -> str:
    """SHA-256, in hex, over a pattern, over all that such commands are proven to do, and over what their
    meaning depends on.

    `exact`: the pattern with a zero character where a value may vary. Two commands of one text that do not do
    the same, as a value in it is the name of a file or of a function, do not have one fingerprint.
    """
    hasher = hashlib.sha256()

    def part(value: str) -> None:
        data = value.encode()
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)

    def parts(values: Sequence[str]) -> None:
        hasher.update(len(values).to_bytes(8, "big"))
        for value in values:
            part(value)

    hasher.update(_DOMAIN)
    part(exact)
    for values in (
        facts.intents,
        facts.statements,
        facts.tables,
        facts.columns,
        facts.functions,
        facts.programs,
        facts.methods,
        facts.paths,
        facts.probed,
        facts.unproven,
    ):
        parts(values)
    for item in sorted(context, key=lambda item: item.name):
        part(item.name)
        part(item.value)
    return hasher.hexdigest()
