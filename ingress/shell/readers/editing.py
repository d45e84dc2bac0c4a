"""Programs that edit text by a script of their own: sed and awk."""

import re

from ingress.shell.arguments import Syntax, read_arguments
from ingress.shell.findings import Findings
from ingress.shell.script import Word
from schemas.vocabulary import Intent

# A line, a range or a pattern, and then print, delete, quit, or a substitution without the flags e and w.
_ADDRESS = r"(?:(?:\d+|\$|/[^/\\\n]*/)(?:,(?:[+~]?\d+|\$|/[^/\\\n]*/))?!?)?"
_SED = re.compile(
    rf"(?:{_ADDRESS}(?:[pdqQ=hHgGxnN]|s([/|#,:@])(?:(?!\1)[^\\\n]|\\[^\n])*\1(?:(?!\1)[^\\\n]|\\[^\n])*\1[gpiI0-9]*)"
    r"\s*(?:;\s*|\Z))+"
)
# Fields, numbers, comparisons and strings: nothing that opens a file or starts a program.
_AWK_REFUSED = re.compile(r"system|getline|\||>|printf?\s*\(.*>|@|close|fflush|ENVIRON|ARGV|/inet")


def sed(arguments: tuple[Word, ...], findings: Findings) -> None:
    syntax = Syntax(
        "nErsuz", "e", frozenset(("--quiet", "--silent", "--regexp-extended")), frozenset(("--expression",))
    )
    in_place = [word for word in arguments if (word.value or "") in ("-i", "--in-place")]
    read = read_arguments([word for word in arguments if word not in in_place], syntax)
    scripts = list(read.values("-e", "--expression"))
    operands = read.operands
    if not scripts:
        scripts, operands = operands[:1], operands[1:]
    if read.unread or not scripts:
        findings.doubt(f"sed: {read.unread or 'it has no script'}")
    if not all(word.plain is not None and _SED.fullmatch(word.plain.strip()) for word in scripts):
        findings.doubt("sed: its script may write files or start programs")
    findings.does(Intent.WRITE if in_place else Intent.READ)
    for operand in operands:
        findings.uses(operand, writes=bool(in_place))


def awk(arguments: tuple[Word, ...], findings: Findings) -> None:
    read = read_arguments(arguments, Syntax("", "Fv"))
    program, *operands = read.operands or [Word(None)]
    if read.unread:
        findings.doubt(f"awk: {read.unread}")
    if program.plain is None or _AWK_REFUSED.search(program.plain):
        findings.doubt("awk: its program may write files or start programs")
    findings.does(Intent.READ)
    for operand in operands:
        if operand.value is None or "=" not in operand.value:
            findings.uses(operand)
