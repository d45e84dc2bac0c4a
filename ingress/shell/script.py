"""The pieces of a command line, as the grammar hands them on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `value`: what it will be, None where it is computed. `has_glob`: the shell replaces it with
    the names that match it."""

    value: str | None
    has_glob: bool = False

    @property
    def plain(self) -> str | None:
        """Its value where it is exactly that, None otherwise."""
        return None if self.has_glob else self.value


@dataclass(frozen=True, slots=True)
class Invocation:
    """A program with its arguments. `script`: what it reads on its standard input, where the text says so;
    `upstream`: the programs whose output it reads."""

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    script: str | None = None
    upstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirection:
    """A file that the shell opens. `operator`: as it stands: ">", "2>" is ">"."""

    operator: str
    target: Word


COMPUTED = Word(None)
