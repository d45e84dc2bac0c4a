"""Programs with a language of their own: what of it is proven, and what it does.

READERS: name -> a function of its arguments and the findings.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from ingress.shell.arguments import Syntax, read_arguments
from ingress.shell.findings import Findings
from ingress.shell.paths import holds_credentials
from ingress.shell.script import Word
from schemas.vocabulary import Intent

Reader = Callable[[tuple[Word, ...], Findings], None]

# A line, a range or a pattern, and then print, delete, quit, or a substitution without the flags e and w.
_ADDRESS = r"(?:(?:\d+|\$|/[^/\\\n]*/)(?:,(?:[+~]?\d+|\$|/[^/\\\n]*/))?!?)?"
_SED = re.compile(
    rf"(?:{_ADDRESS}(?:[pdqQ=hHgGxnN]|s([/|#,:@])(?:(?!\1)[^\\\n]|\\[^\n])*\1(?:(?!\1)[^\\\n]|\\[^\n])*\1[gpiI0-9]*)"
    r"\s*(?:;\s*|\Z))+"
)
# Fields, numbers, comparisons and strings: nothing that opens a file or starts a program.
_AWK_REFUSED = re.compile(r"system|getline|\||>|printf?\s*\(.*>|@|close|fflush|ENVIRON|ARGV|/inet")
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
_IP_SHOWS = frozenset(
    [
        "-4",
        "-6",
        "-s",
        "-br",
        "-o",
        "-c",
        "a",
        "addr",
        "address",
        "l",
        "link",
        "r",
        "route",
        "neigh",
        "rule",
        "show",
        "list",
        "up",
    ]
)
_FIND_ALONE = frozenset(
    [
        "-print",
        "-print0",
        "-ls",
        "-empty",
        "-xdev",
        "-mount",
        "-depth",
        "-daystart",
        "-follow",
        "-readable",
        "-writable",
        "-executable",
        "-prune",
        "-quit",
        "-not",
        "-a",
        "-and",
        "-o",
        "-or",
        "!",
        "(",
        ")",
        ",",
        "-H",
        "-L",
        "-P",
        "-nouser",
        "-nogroup",
        "-true",
        "-false",
        "-noleaf",
    ]
)
_FIND_VALUED = frozenset(
    [
        "-name",
        "-iname",
        "-path",
        "-ipath",
        "-wholename",
        "-regex",
        "-iregex",
        "-regextype",
        "-type",
        "-xtype",
        "-size",
        "-mtime",
        "-mmin",
        "-atime",
        "-amin",
        "-ctime",
        "-cmin",
        "-newer",
        "-anewer",
        "-cnewer",
        "-maxdepth",
        "-mindepth",
        "-user",
        "-group",
        "-uid",
        "-gid",
        "-perm",
        "-inum",
        "-links",
        "-printf",
        "-lname",
        "-ilname",
        "-samefile",
        "-fstype",
        "-used",
    ]
)
_FIND_WIDENS = frozenset(("-o", "-or", "!", "-not", ","))
FIND_RUNS = frozenset(("-exec", "-execdir", "-ok", "-okdir"))


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


def systemctl(arguments: tuple[Word, ...], findings: Findings) -> None:
    values = [word.plain or "?" for word in arguments]
    verb = next((value for value in values if not value.startswith("-")), "list-units")
    reads = verb in (
        "status",
        "is-active",
        "is-enabled",
        "is-failed",
        "list-units",
        "list-timers",
        "list-unit-files",
    )
    known = all(
        value in ("--no-pager", "-l", "--full", "--all", "-a", "--user", "-q", "--quiet", "--now", "--failed")
        for value in values
        if value.startswith("-")
    )
    if reads and known:
        findings.does(Intent.READ)
        return
    findings.does(Intent.ADMIN)
    if not known or verb not in ("start", "stop", "restart", "reload", "try-restart", "daemon-reload"):
        findings.doubt("systemctl: what this does is not read")


def ps(arguments: tuple[Word, ...], findings: Findings) -> None:
    """In its BSD form the letter e shows the environment of every process."""
    findings.does(Intent.READ)
    for word in arguments:
        value = word.value
        if value is None or "environ" in value or ("e" in value and not value.startswith("-")):
            findings.does(Intent.CREDENTIAL)


def ip(arguments: tuple[Word, ...], findings: Findings) -> None:
    values = [word.plain or "?" for word in arguments]
    if all(value in _IP_SHOWS for value in values):
        findings.does(Intent.READ)
        return
    findings.does(Intent.ADMIN)
    if any(value.startswith(("-b", "e", "n", "?")) for value in values):
        findings.doubt("ip: it may start programs")


def find(arguments: tuple[Word, ...], findings: Findings) -> tuple[tuple[Word, ...], ...]:
    """Adds what it reads; the commands it runs, `{}` replaced by what it may find."""
    findings.does(Intent.READ)
    words = list(arguments)
    roots: list[Word] = []
    while words and (words[0].value is None or not words[0].value.startswith(("-", "(", "!"))):
        roots.append(words.pop(0))
    roots = roots or [Word(".")]
    found = tuple(
        Word(None if root.value is None else f"{root.value.rstrip('/')}/**", has_glob=True) for root in roots
    )
    runs: list[tuple[Word, ...]] = []
    names = [following.value for word, following in pairwise(words) if word.value in ("-name", "-iname")]
    bounded = bool(names) and not any(word.value in _FIND_WIDENS for word in words)
    while words:
        value = words.pop(0).value
        if value in FIND_RUNS:
            run: list[Word] = []
            while words and words[0].value not in (";", "+"):
                run.append(words.pop(0))
            if words:
                words.pop(0)
            runs.append(tuple(part for word in run for part in (found if word.value == "{}" else (word,))))
            if any(word.value is None or ("{}" in word.value and word.value != "{}") for word in run):
                findings.doubt("find: a name becomes a part of a word")
        elif value == "-delete":
            findings.does(Intent.WRITE, Intent.BULK_WRITE)
            for word in found:
                findings.uses(word, writes=True, recursive=True)
        elif value in _FIND_VALUED and words:
            words.pop(0)
        elif value not in _FIND_ALONE:
            findings.doubt("find: an expression is computed, or is not known")
    for root in roots:
        findings.uses(root, recursive=bool(runs) and not bounded)
    if runs and not bounded:
        findings.doubt("find: which files it hands on is not proven")
    if runs and any(name is None or holds_credentials(f"/{name}") for name in names):
        findings.does(Intent.CREDENTIAL)
    return tuple(runs)


READERS: Mapping[str, Reader] = {
    "sed": sed,
    "awk": awk,
    "gawk": awk,
    "mawk": awk,
    "dd": dd,
    "tar": tar,
    "git": git,
    "git-upload-pack": git_upload_pack,
    "git-receive-pack": git_receive_pack,
    "rsync": rsync,
    "curl": curl,
    "wget": wget,
    "systemctl": systemctl,
    "ps": ps,
    "ip": ip,
}
