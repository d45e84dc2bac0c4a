"""What a program that is known does with its arguments."""

from dataclasses import dataclass
from enum import Enum

from ingress.shell.arguments import Syntax, read_arguments
from ingress.shell.findings import Findings
from ingress.shell.script import Word
from schemas.vocabulary import Intent

_NAME_FILES = (
    "--f",
    "--exclude-f",
    "--include-f",
    "--ref",
    "--to-f",
)  # long options that name files begin so


class Files(Enum):
    """Which of a program's operands are files."""

    NONE = "none"
    ALL = "all"
    AFTER_FIRST = "after the first"


@dataclass(frozen=True, slots=True)
class Program:
    """`syntax`: the options under which it does what is said here, None where all do. `writes`: its files.
    `here`: it works on the current folder where no operand names another. `recursive`: the options by which
    it works on all beneath. `doubt`: why what it does is not proven."""

    intents: tuple[Intent, ...]
    files: Files = Files.ALL
    syntax: Syntax | None = None
    writes: bool = False
    here: bool = False
    recursive: tuple[str, ...] = ()
    most: int | None = None  # operands; with more it does something else
    doubt: str = ""


def judge(name: str, program: Program, arguments: tuple[Word, ...], findings: Findings) -> None:
    """Adds what the program does."""
    findings.does(*program.intents)
    if program.doubt:
        findings.doubt(f"{name}: {program.doubt}")
    operands, recursive = _operands(name, program, arguments, findings)
    if program.most is not None and len(operands) > program.most:
        findings.doubt(f"{name}: with so many operands it does something else")
    if program.files is Files.NONE:
        return
    if program.files is Files.AFTER_FIRST and not _says_first(arguments):
        operands = operands[1:]
    if not operands and program.here and (recursive or program.files is Files.ALL):
        operands = [Word(".")]
    for operand in operands:
        findings.uses(operand, writes=program.writes, recursive=recursive)
    if program.writes and (recursive or any(operand.has_glob for operand in operands)):
        findings.does(Intent.BULK_WRITE)


def _operands(
    name: str, program: Program, arguments: tuple[Word, ...], findings: Findings
) -> tuple[list[Word], bool]:
    """The operands, and whether it works on all beneath them."""
    if program.syntax is not None:
        read = read_arguments(arguments, program.syntax)
        if read.unread:
            findings.doubt(f"{name}: {read.unread}")
        return read.operands, read.has(*program.recursive)
    operands: list[Word] = []
    recursive = options_ended = False
    is_value = False  # what follows an option may be its value: a number is no file then
    for word in arguments:
        value = word.value
        if value is None or options_ended or not value.startswith("-") or value == "-":
            if value != "-" and not (is_value and value is not None and _is_number(value)):
                operands.append(word)
            is_value = False
            continue
        options_ended = value == "--"
        is_value = not options_ended
        recursive = recursive or _is_one_of(value, program.recursive)
        if program.files is not Files.NONE and (path := _path_in(value)):
            findings.uses(Word(path))
    return operands, recursive


def _is_one_of(option: str, names: tuple[str, ...]) -> bool:
    """Whether an option is one of these, alone, among other letters, or abbreviated."""
    if option.startswith("--"):
        given = option.partition("=")[0]
        return any(name.startswith(given) for name in names if name.startswith("--"))
    return any(name[1] in option for name in names if len(name) == 2)


def _says_first(arguments: tuple[Word, ...]) -> bool:
    """Whether an option may stand for the first operand, which is then a file like the others: grep -e."""
    options = [word.value for word in arguments if word.value is not None and word.value.startswith("-")]
    return any(
        option.startswith(("--r", "--f")) if option.startswith("--") else not {"e", "f"}.isdisjoint(option)
        for option in options
    )


def _path_in(option: str) -> str:
    """The file that an option's own value may name: --file=/x, -f/x."""
    _, equals, value = option.partition("=")
    if equals:
        return value if "/" in value or value.startswith("~") or option.startswith(_NAME_FILES) else ""
    starts = [position for position in (option.find("/"), option.find("~")) if position > 0]
    return option[min(starts) :] if starts and not option.startswith("--") else ""


def _is_number(value: str) -> bool:
    return value.lstrip("+-").rstrip("bcdhkmswGKMT").replace(".", "", 1).isdigit()
