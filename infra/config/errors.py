"""What is wrong with a configuration, and the words it may use."""

from dataclasses import dataclass


class ConfigError(Exception):
    """The configuration cannot be used; each problem names file, line and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Names:
    """The words a configuration may use that other packages define; handed in by the caller."""

    protocols: frozenset[str]
    statements: frozenset[str]
    masks: frozenset[str]
    detectors: frozenset[str]
