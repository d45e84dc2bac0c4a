"""What clients of HTTP APIs and of MCP servers read, and curl's command line. Pure.

The token is in a netrc file, from which curl and Python's clients show it to one host
(docs/decisions/0046-a-token-for-one-host.md).
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# curl(1), "--help all": " -d, --data <data>   what it is for". What has no <…> takes no value.
_OPTION = re.compile(r"^ *(?:-(?P<letter>\S), )?--(?P<name>\S+) <", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ValueOptions:
    """curl's options that take a value: with one hyphen, and with two."""

    letters: frozenset[str]
    names: frozenset[str]

    def wants_next(self, argument: str) -> bool:
        """Whether this argument is an option whose value is the next one."""
        if argument.startswith("--"):
            # curl(1): a long option may be shortened as long as it is clear which is meant.
            name = argument.removeprefix("--")
            return name in self.names or any(known.startswith(name) for known in self.names)
        for place, letter in enumerate(argument[1:], 1):
            if letter in self.letters:
                return place == len(argument) - 1  # else the rest is its value
        return False


def value_options(help_text: str) -> ValueOptions:
    """From what `curl --help all` says."""
    found = list(_OPTION.finditer(help_text))
    return ValueOptions(
        frozenset(one["letter"] for one in found if one["letter"]), frozenset(one["name"] for one in found)
    )


def with_urls(arguments: Sequence[str], options: ValueOptions, base: str) -> Iterator[str]:
    """curl's arguments, with each URL that is a path alone completed by the resource's own URL."""
    option, is_over = "", False
    for argument in arguments:
        is_option = not option and not is_over and len(argument) > 1 and argument.startswith("-")
        if is_option and argument == "--":
            is_over = True
        is_url = not is_option and option in ("", "--url")
        yield f"{base}{argument}" if is_url and argument.startswith("/") else argument
        option = argument if is_option and not is_over and options.wants_next(argument) else ""


def make_curlrc(netrc: Path, ca: Path | None, fields: Mapping[str, str]) -> str:
    """curl(1), "--config". `fields`: header fields of each request."""
    lines = [f'netrc-file = "{_quoted(netrc)}"']
    if ca is not None:
        lines.append(f'cacert = "{_quoted(ca)}"')
    lines += [f'header = "{_quoted(f"{name}: {value}")}"' for name, value in fields.items()]
    return "".join(f"{line}\n" for line in lines)


def make_netrc(host: str, principal: str, token: str) -> str:
    """The token for this host; neither it nor a principal's name has spaces."""
    return f"machine {host} login {principal} password {token}\n"


def make_mcp_config(resource: str, url: str, helper: Sequence[str]) -> str:
    """`.mcp.json` and its like, without a token: `helper` is the command line that prints it as header
    fields, for each connection anew (https://code.claude.com/docs/en/mcp, "Use dynamic headers")."""
    server = {"type": "http", "url": url, "headersHelper": shlex.join(helper)}
    return json.dumps({"mcpServers": {resource: server}}, indent=2)


def header_fields(token: str) -> str:
    """What such a helper prints."""
    return json.dumps({"Authorization": f"Bearer {token}"})


def _quoted(value: Path | str) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"')
