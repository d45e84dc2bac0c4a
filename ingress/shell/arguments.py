"""A program's arguments -> options and operands (POSIX, Utility Conventions, and GNU's long options)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ingress.shell.script import Word


@dataclass(frozen=True, slots=True)
class Syntax:
    """The options that are known. `flags`: short ones without a value; `valued`: with one; long ones by their
    whole names, likewise. `numbers`: `-5` is an option too."""

    flags: str = ""
    valued: str = ""
    long: frozenset[str] = frozenset()
    long_valued: frozenset[str] = frozenset()
    numbers: bool = False


@dataclass(slots=True)
class Arguments:
    """What was read. `rest`: from the first operand on, as it stands; `unread`: an option that is not known,
    or a word that may be one."""

    operands: list[Word] = field(default_factory=list)
    options: list[tuple[str, Word | None]] = field(default_factory=list)
    rest: tuple[Word, ...] = ()
    unread: str = ""

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self.options)

    def values(self, *names: str) -> Iterator[Word]:
        return (value for name, value in self.options if name in names and value is not None)


def read_arguments(words: Sequence[Word], syntax: Syntax, *, stop_early: bool = False) -> Arguments:
    """`stop_early`: the first operand ends the options, as in programs that run others."""
    read = Arguments()
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        value = word.value
        if value is None:
            read.unread = read.unread or "an argument is computed, and may be an option"
        elif value == "--":
            read.operands += waiting
            read.rest = read.rest or tuple(waiting)
            return read
        elif word.has_glob and value[:1] in "*?[":
            read.unread = read.unread or "a name that matches may look like an option"
        elif value.startswith("--"):
            _long(read, value, waiting, syntax)
            continue
        elif value.startswith("-") and len(value) > 1:
            _short(read, value, waiting, syntax)
            continue
        if not read.rest:
            read.rest = (word, *waiting)
        if stop_early:
            return read
        read.operands.append(word)
    return read


def _long(read: Arguments, value: str, waiting: list[Word], syntax: Syntax) -> None:
    name, equals, given = value.partition("=")
    if name in syntax.long_valued:
        read.options.append((name, Word(given) if equals else _next(read, waiting)))
    elif name in syntax.long and not equals:
        read.options.append((name, None))
    else:
        read.unread = read.unread or f"the option {name} is not known"


def _short(read: Arguments, value: str, waiting: list[Word], syntax: Syntax) -> None:
    letters = value[1:]
    if syntax.numbers and letters.isdigit():
        return
    for position, letter in enumerate(letters):
        if letter in syntax.flags:
            read.options.append((f"-{letter}", None))
        elif letter in syntax.valued:
            joined = letters[position + 1 :]
            read.options.append((f"-{letter}", Word(joined) if joined else _next(read, waiting)))
            return
        else:
            read.unread = read.unread or f"the option -{letter} is not known"
            return


def _next(read: Arguments, waiting: list[Word]) -> Word | None:
    if not waiting:
        read.unread = read.unread or "an option has no value"
        return None
    return waiting.pop(0)
