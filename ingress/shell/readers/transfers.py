"""Programs that fetch and send: git, rsync, curl, wget."""

import re

from ingress.shell.arguments import Syntax, read_arguments
from ingress.shell.findings import Findings
from ingress.shell.script import Word
from schemas.vocabulary import Intent

_GIT_READS = frozenset(
    [
        "status",
        "log",
        "diff",
        "show",
        "rev-parse",
        "describe",
        "ls-files",
        "ls-tree",
        "blame",
        "shortlog",
        "cat-file",
        "rev-list",
        "name-rev",
    ]
)
_GIT_OPTIONS = re.compile(
    r"-(?:[0-9]+|[sbpuqvn]|n[0-9]+)|--(?:oneline|short|porcelain(?:=v?[12])?|branch|stat|name-only|name-status|graph|"
    r"all|decorate|cached|staged|no-color|abbrev-ref|show-toplevel|tags|numstat|no-ext-diff|no-textconv)"
    r"|--(?:since|until|after|before|author|grep|format|pretty|max-count|date)=.*"
)
_RSYNC_LONG = frozenset(
    [
        "--server",
        "--sender",
        "--delete",
        "--delete-before",
        "--delete-during",
        "--delete-after",
        "--delete-excluded",
        "--partial",
        "--numeric-ids",
        "--inplace",
        "--whole-file",
        "--existing",
        "--ignore-existing",
        "--size-only",
        "--force",
        "--append",
        "--stats",
        "--no-implied-dirs",
        "--omit-dir-times",
        "--safe-links",
        "--prune-empty-dirs",
    ]
)
_UPLOADS = frozenset(
    [
        "-d",
        "-F",
        "-T",
        "--data",
        "--data-binary",
        "--data-raw",
        "--data-urlencode",
        "--form",
        "--upload-file",
        "--json",
    ]
)
_CURL = Syntax(
    "sSfLIikvg46#",
    "HXAmero",
    frozenset(
        [
            "--silent",
            "--show-error",
            "--fail",
            "--location",
            "--head",
            "--include",
            "--insecure",
            "--verbose",
            "--compressed",
        ]
    ),
    frozenset(
        [
            "--header",
            "--request",
            "--user-agent",
            "--max-time",
            "--connect-timeout",
            "--retry",
            "--url",
            "--output",
        ]
    ),
)


def git(arguments: tuple[Word, ...], findings: Findings) -> None:
    values = [word.plain for word in arguments]
    subcommand = values[0] if values else None
    findings.does(Intent.READ)
    options = [value for value in values[1:] if value is None or value.startswith("-")]
    if subcommand not in _GIT_READS or not all(value and _GIT_OPTIONS.fullmatch(value) for value in options):
        findings.does(Intent.WRITE, Intent.EXEC)
        findings.doubt("git: what this subcommand, or option, does is not read")
    findings.uses(Word("."), recursive=False)
    for word in arguments[1:]:
        if word.value is None or not word.value.startswith("-"):
            findings.uses(word)


def git_upload_pack(arguments: tuple[Word, ...], findings: Findings) -> None:
    """A clone or fetch: all that the repository holds leaves, compressed."""
    _git_service("git-upload-pack", arguments, findings)
    findings.does(Intent.READ, Intent.EXPORT)


def git_receive_pack(arguments: tuple[Word, ...], findings: Findings) -> None:
    _git_service("git-receive-pack", arguments, findings, writes=True)
    findings.does(Intent.WRITE)


def _git_service(name: str, arguments: tuple[Word, ...], findings: Findings, *, writes: bool = False) -> None:
    if len(arguments) != 1 or (arguments[0].value or "-").startswith("-"):
        findings.doubt(f"{name}: expected one folder")
    for word in arguments:
        findings.uses(word, writes=writes)


def rsync(arguments: tuple[Word, ...], findings: Findings) -> None:
    """The host's half of a transfer, as a client starts it."""
    values = [word.value for word in arguments]
    sends, deletes = "--sender" in values, any(value and value.startswith("--delete") for value in values)
    findings.does(Intent.NETWORK if "--server" not in values else Intent.READ if sends else Intent.WRITE)
    if sends:
        findings.does(Intent.EXPORT)
    if deletes:
        findings.does(Intent.BULK_WRITE)
    if "--server" not in values:
        findings.does(Intent.EXPORT)
        findings.doubt("rsync: it connects to another host")
    operands = []
    for word in arguments:
        value = word.value
        if value is None or not value.startswith("-"):
            operands.append(word)
        elif value not in _RSYNC_LONG and not re.fullmatch(r"-[A-Za-z.]+", value):
            findings.doubt(f"rsync: the option {value.partition('=')[0]} is not known")
    for number, operand in enumerate(operands):
        if number or operand.value != ".":  # the first stands for the client's side
            findings.uses(operand, writes=not sends, recursive=sends)


def curl(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.NETWORK)
    read = read_arguments(arguments, _CURL)
    if any((word.value or "").partition("=")[0] in _UPLOADS for word in arguments):
        findings.does(Intent.EXPORT)
    if read.unread:
        findings.doubt(f"curl: {read.unread}")
    for target in read.values("-o", "--output"):
        findings.uses(target, writes=True)
    if read.has("-X", "--request"):
        findings.does(Intent.WRITE)
    urls = [*read.operands, *read.values("--url")]
    if not all(
        re.match(r"(?:https?://)?[A-Za-z0-9]", url.plain or "") and "file:" not in (url.plain or "")
        for url in urls
    ):
        findings.doubt("curl: an address is computed, or is of another kind than http")
    for header in read.values("-H", "--header"):
        if header.value is None or header.value.startswith("@"):
            findings.doubt("curl: a header is computed, or comes from a file")


def wget(arguments: tuple[Word, ...], findings: Findings) -> None:
    findings.does(Intent.NETWORK, Intent.WRITE)
    read = read_arguments(arguments, Syntax("qScNnvp", "OPTtU", frozenset(("--quiet", "--spider"))))
    if read.unread or not all(re.match(r"https?://", url.plain or "") for url in read.operands):
        findings.doubt(f"wget: {read.unread or 'an address is computed, or is no address'}")
    for target in read.values("-O", "-P"):
        if target.value != "-":
            findings.uses(target, writes=True)
    if not read.has("-O"):
        findings.uses(Word("."), writes=True)
