"""The detectors over one text."""

from processors.masking.scan import make_scanner


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
