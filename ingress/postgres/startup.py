"""The client's start-up packet: who wants what, and which settings may go along.

PostgreSQL documentation, "StartupMessage" and "Start-up" (55.2.1).
"""

import re
from dataclasses import dataclass

from ingress.errors import LoginRefused
from ingress.postgres.encodings import is_read
from ingress.postgres.messages import NEWEST_MINOR, Startup

_WORD = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)
_SIGN_IN = "countersign.sign_in"  # for the gateway alone: the server speaks first, and must know how
_NO, _YES = ("false", "off", "no", "0"), ("true", "on", "yes", "1")
# Settings a client may bring. Names resolve by search_path, so it is asked for again before it matters.
_SETTINGS = frozenset(
    (
        "application_name",
        "bytea_output",
        "client_encoding",
        "client_min_messages",
        "countersign.reason",
        "countersign.ticket",
        "datestyle",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "extra_float_digits",
        "geqo",
        "idle_in_transaction_session_timeout",
        "intervalstyle",
        "jit",
        "lc_messages",
        "lc_monetary",
        "lc_numeric",
        "lc_time",
        "lock_timeout",
        "search_path",
        "statement_timeout",
        "tcp_keepalives_count",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "timezone",
        "work_mem",
    )
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for: a resource, perhaps another of its databases, and settings."""

    user: str
    resource: str
    database: str  # "" for the resource's own
    settings: dict[str, str]
    unknown_options: tuple[str, ...]  # protocol options ("_pq_.…") that are not spoken here
    minor: int  # the version of the protocol is 3.`minor`
    negotiate: bool  # it asked for a newer minor version, or for such an option
    replication: str = ""  # of a replication connection, what it asked for: "true" or "database"
    oauth: bool = False  # it signs in with OAuth, and has no password

    @property
    def client_name(self) -> str:
        return self.settings.get("application_name", "")


def read_wish(startup: Startup) -> Wish:
    """Raises LoginRefused for what is missing or not permitted."""
    parameters = dict(startup.parameters)
    user = parameters.pop("user", "")
    if not user:
        raise LoginRefused("no user name in the start-up packet", "28000")
    database = parameters.pop("database", user)
    replication = parameters.pop("replication", "false").lower()
    if replication not in (*_NO, *_YES, "database"):
        raise LoginRefused(f'invalid value for parameter "replication": "{replication}"', "22023")
    if replication in _YES and ":" in user:
        # Tools of physical replication name no database: libpq says "replication" for them.
        user, _, database = user.partition(":")
    options = parameters.pop("options", "")
    unknown = tuple(name for name in parameters if name.startswith("_pq_."))
    for name in unknown:
        del parameters[name]
    settings = {**parameters, **_read_options(options)}
    sign_in = settings.pop(_SIGN_IN, "password")
    if sign_in not in ("password", "oauth"):
        raise LoginRefused(f'{_SIGN_IN}: expected password or oauth, not "{sign_in}"', "22023")
    for name, value in settings.items():
        if name.lower() not in _SETTINGS:
            raise LoginRefused(
                f'the start-up setting "{name}" is not permitted through the gateway',
                "42501",
                "Leave it out of the connection string or PGOPTIONS, or SET it as a command under policy.",
            )
        if name.lower() == "client_encoding":
            _check_encoding(value)
    resource, _, other = database.partition("/")
    minor = min(startup.minor, NEWEST_MINOR)
    negotiate = startup.minor > NEWEST_MINOR or bool(unknown)
    return Wish(
        user,
        resource,
        other,
        settings,
        unknown,
        minor,
        negotiate,
        replication="" if replication in _NO else replication,
        oauth=sign_in == "oauth",
    )


def _check_encoding(value: str) -> None:
    if not is_read(value):
        raise LoginRefused(
            f'client_encoding "{value}" is not spoken by the gateway',
            "0A000",
            "Connect with client_encoding=UTF8, or another in which ASCII bytes are ASCII characters.",
        )


def _read_options(options: str) -> dict[str, str]:
    """ "-c name=value" and "--name=value", as the server's own command line takes them."""
    settings: dict[str, str] = {}
    # Spaces separate, a backslash keeps the character after it: postinit.c, pg_split_opts.
    words = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in _WORD.findall(options)]
    words.reverse()
    while words:
        word = words.pop()
        if word == "-c" and words:
            assignment = words.pop()
        elif word.startswith(("-c", "--")):
            assignment = word[2:]
        else:
            raise LoginRefused(f'the start-up option "{word}" is not permitted through the gateway', "42501")
        name, equals, value = assignment.partition("=")
        if not equals:
            raise LoginRefused(f'the start-up option "{assignment}" has no value', "42601")
        settings[name.replace("-", "_")] = value
    return settings
