"""The fingerprint of a command's pattern: what a grant is for."""

import hashlib
from collections.abc import Sequence

import msgspec

from schemas.vocabulary import ContextItem, Facts

_DOMAIN = b"countersign pattern fingerprint v1\x00"


def pattern_fingerprint(exact: str, facts: Facts, context: Sequence[ContextItem]) -> str:
    """SHA-256, in hex, over a pattern, over all that such commands are proven to do, and over what their
    meaning depends on.

    `exact`: the pattern with a zero character where a value may vary. Two commands of one text that do not do
    the same, as a value in it is the name of a file or of a function, do not have one fingerprint.
    """
    does = (
        facts.intents,
        facts.statements,
        facts.tables,
        facts.columns,
        facts.functions,
        facts.programs,
        facts.methods,
        facts.paths,
        facts.verbs,
        facts.kinds_of_object,
        facts.namespaces,
        *((facts.tools,) if facts.tools else ()),  # fingerprints from before there were tools stay
        facts.probed,
        facts.unproven,
    )
    means = sorted((item.name, item.value) for item in context)
    # JSON keeps the parts apart: no two different ones are one text.
    return hashlib.sha256(_DOMAIN + msgspec.json.encode((exact, does, means))).hexdigest()
