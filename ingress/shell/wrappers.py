"""Programs that start another one, unfolded to what they start.

UNFOLD: name -> a function that gives the program inside, with its arguments; None where there is none, or it
is not known, of which a doubt remains.
"""

import re
from collections.abc import Callable, Mapping

from ingress.shell.arguments import Syntax, read_arguments
from ingress.shell.findings import Findings
from ingress.shell.script import COMPUTED, Word
from schemas.vocabulary import Intent

Inner = tuple[Word, ...]
Unfold = Callable[[tuple[Word, ...], Findings], Inner | None]

SHELLS = frozenset(["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash"])
_SHELL_FLAGS = frozenset("aeiuvxlcsp")
_DURATION = re.compile(r"\d+(?:\.\d+)?[smhd]?")
# Variables that change no more than how a program shows things. Others choose what runs, or what it loads.
HARMLESS_VARIABLE = re.compile(
    r"LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLUMNS|LINES|NO_COLOR|CLICOLOR|DEBIAN_FRONTEND|[a-z_][a-z0-9_]*"
)
_NOT_HARMLESS = re.compile(r".*(?:path|proxy)|histchars|module.*|fignore|prompt")


def is_harmless(name: str) -> bool:
    """Whether a variable changes no more than what is shown, or is the script's own."""
    return bool(HARMLESS_VARIABLE.fullmatch(name)) and not _NOT_HARMLESS.fullmatch(name)


def _simple(
    syntax: Syntax, *, name: str, skip: int = 0, intents: tuple[Intent, ...] = (), must: bool = True
) -> Unfold:
    """One that takes its own options, `skip` operands, and then a command. `must`: there has to be one."""

    def unfold(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
        findings.does(*intents)
        read = read_arguments(arguments, syntax, stop_early=True)
        inner = read.rest[skip:]
        if read.unread:
            findings.doubt(f"{name}: {read.unread}")
        elif not inner and must:
            findings.doubt(f"{name}: it starts a program that is not named")
        return inner or None

    return unfold


def _timeout(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    read = read_arguments(
        arguments, Syntax("v", "ks", frozenset(("--preserve-status", "--foreground"))), stop_early=True
    )
    if read.unread or not read.rest or not _DURATION.fullmatch(read.rest[0].plain or ""):
        findings.doubt(f"timeout: {read.unread or 'expected a duration and a command'}")
        return read.rest or None
    return read.rest[1:] or None


def _env(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    read = read_arguments(arguments, Syntax("i0", "u", frozenset(("--ignore-environment",))), stop_early=True)
    if read.unread:
        findings.doubt(f"env: {read.unread}")
    rest = list(read.rest)
    while rest and rest[0].value is not None and re.match(r"[A-Za-z_]\w*=", rest[0].value):
        if not is_harmless(rest.pop(0).value.partition("=")[0]):  # type: ignore[union-attr]
            findings.doubt("env: it sets a variable that can decide what runs")
    if not rest:
        findings.does(Intent.READ, Intent.CREDENTIAL)  # it shows all variables
    return tuple(rest) or None


def _sudo(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    findings.does(Intent.ADMIN)
    if [word.value for word in arguments] in (["-l"], ["-n", "-l"], ["-v"], ["-k"]):
        return None
    syntax = Syntax("nHSE", "ug", frozenset(("--non-interactive",)), frozenset(("--user", "--group")))
    read = read_arguments(arguments, syntax, stop_early=True)
    if read.unread or not read.rest or "=" in (read.rest[0].value or "="):
        findings.doubt(f"sudo: {read.unread or 'it starts a shell, or sets variables'}")
    if read.has("-E"):
        findings.doubt("sudo: the variables of the user decide what runs")
    return read.rest or None


def _command(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    if arguments and arguments[0].value in ("-v", "-V"):
        findings.does(Intent.READ)
        return None
    return _simple(Syntax("p"), name="command")(arguments, findings)


def _exec(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    return _simple(Syntax("cl", "a"), name="exec", must=False)(arguments, findings)


def _xargs(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    syntax = Syntax("0rtx", "nPLdIsE", frozenset(("--null", "--no-run-if-empty")), frozenset(("--max-args",)))
    read = read_arguments(arguments, syntax, stop_early=True)
    if read.unread:
        findings.doubt(f"xargs: {read.unread}")
    inner = read.rest or (Word("echo"),)
    if read.has("-I"):
        inner = (inner[0], *(COMPUTED for _ in inner[1:]))
    return (*inner, COMPUTED)


def _flock(arguments: tuple[Word, ...], findings: Findings) -> Inner | None:
    read = read_arguments(arguments, Syntax("nxsu", "wE"), stop_early=True)
    if read.unread or len(read.rest) < 2 or read.rest[1].value in ("-c", "--command"):
        findings.doubt(f"flock: {read.unread or 'what it starts is not read'}")
    for word in read.rest[:1]:
        findings.uses(word, writes=True)
    return read.rest[1:] or None


UNFOLD: Mapping[str, Unfold] = {
    "sudo": _sudo,
    "doas": _simple(Syntax("n", "u"), name="doas", intents=(Intent.ADMIN,)),
    "env": _env,
    "xargs": _xargs,
    "timeout": _timeout,
    "command": _command,
    "exec": _exec,
    "flock": _flock,
    "builtin": _simple(Syntax(), name="builtin"),
    "nohup": _simple(Syntax(), name="nohup"),
    "nice": _simple(Syntax("", "n", numbers=True), name="nice"),
    "ionice": _simple(Syntax("t", "cn"), name="ionice"),
    "stdbuf": _simple(Syntax("", "ioe"), name="stdbuf"),
    "setsid": _simple(Syntax("fwc"), name="setsid"),
    "taskset": _simple(Syntax("c"), name="taskset", skip=1),
    "time": _simple(Syntax("p"), name="time"),
    "busybox": _simple(Syntax(), name="busybox"),
}


def script_of_shell(
    name: str, arguments: tuple[Word, ...], given: str | None, findings: Findings
) -> str | None:
    """What a shell runs: of its -c, or of the here-document on its standard input; None leaves a doubt."""
    flags = ""
    waiting = list(arguments)
    while waiting and (value := waiting[0].value) is not None and value.startswith("-") and len(value) > 1:
        waiting.pop(0)
        if value == "--":
            break
        if value.startswith("--") or not set(value[1:]) <= _SHELL_FLAGS | {"o"}:
            findings.doubt(f"{name}: the option {value} is not known")
        if "o" in value and (not waiting or waiting.pop(0).plain != "pipefail"):
            findings.doubt(f"{name}: an option changes how it reads")
        flags += value[1:]
    if "i" in flags or "l" in flags:
        findings.doubt(f"{name}: it runs the user's own start-up files")
    if "c" in flags:
        if not waiting or waiting[0].plain is None:
            findings.doubt(f"{name}: what it runs is computed")
            return None
        return waiting[0].plain
    if not waiting or "s" in flags:
        if given is None:
            findings.doubt(f"{name}: it runs what comes on its standard input")
        return given
    findings.doubt(f"{name}: it runs a file that is not seen")
    findings.uses(waiting[0])
    return None
