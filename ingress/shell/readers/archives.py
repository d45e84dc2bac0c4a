"""Programs that copy between files: dd and tar."""

from ingress.shell.arguments import Syntax, read_arguments
from ingress.shell.findings import Findings
from ingress.shell.script import Word
from schemas.vocabulary import Intent


def dd(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.READ)
    for word in arguments:
        key, equals, value = (word.value or "").partition("=")
        if not equals or word.value is None:
            findings.doubt("dd: an operand is computed, or is not known")
        elif key in ("if", "of"):
            findings.uses(Word(value), writes=key == "of")


def tar(arguments: tuple[Word, ...], findings: Findings) -> None:
    words = list(arguments)
    first = words[0].value if words else None
    if first is not None and first.isalpha():
        words[0] = Word(f"-{first}")  # the old way: letters without a dash
    read = read_arguments(
        words, Syntax("ctxzjJvpkO", "fC", frozenset(("--list", "--extract", "--create", "--gzip")))
    )
    if read.unread:
        findings.doubt(f"tar: {read.unread}")
    extracts = read.has("-x", "--extract") and not read.has("-O")
    creates = read.has("-c", "--create")
    findings.does(Intent.READ)
    if extracts:
        findings.does(Intent.BULK_WRITE)
        findings.doubt("tar: what it writes stands in the archive")
    if read.has("-C"):
        findings.doubt("tar: it changes the folder")
    for archive in read.values("-f"):
        if archive.value != "-":
            findings.uses(archive, writes=creates)
    if creates:
        for operand in read.operands:
            findings.uses(operand, recursive=True)
