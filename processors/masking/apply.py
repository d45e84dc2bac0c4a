"""The detectors over one text, and over the names in facts."""

from dataclasses import replace
from typing import Any

from processors.masking.scan import make_scanner
from schemas.vocabulary import Facts

_WORDS_OF_CLIENTS = (
    *("columns", "functions", "programs", "unproven", "methods", "paths"),
    *("verbs", "kinds_of_object", "namespaces", "tools"),
)
"""The facts that a client may put words of its own into, where no catalogue says what there is."""


def redact_text(text: str, detectors: tuple[str, ...]) -> str:
    """The text with all that the detectors of these names find in it masked.

    For what goes into events: command texts, parameters, messages. Raises ValueError for an unknown name.
    """
    return redact_bytes(text.encode("utf-8", "surrogatepass"), detectors).decode("utf-8", "surrogatepass")


def redact_bytes(value: bytes, detectors: tuple[str, ...]) -> bytes:
    """As `redact_text`, in as many bytes as there were."""
    if not detectors:
        return value
    scanner = make_scanner(detectors)
    return scanner.redact_all(value, [0] * len(scanner.names))


def redact_facts(facts: Facts, detectors: tuple[str, ...]) -> Facts:
    """The facts, as events may have them: a path, a program or an argument's name can hold a value."""
    redacted: dict[str, Any] = {
        name: tuple(sorted({redact_text(word, detectors) for word in words}))
        for name in _WORDS_OF_CLIENTS
        if (words := getattr(facts, name))
    }
    return replace(facts, **redacted)
