"""Programs that show, or steer, the system: systemctl, ps, ip."""

from ingress.shell.findings import Findings
from ingress.shell.script import Word
from schemas.vocabulary import Intent

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
