"""CLIENTS: protocol -> how its usual client is told where, who and with which token. Pure.

A secret goes into the client's environment or into a file that lasts as long as the client, never among its
arguments, which others on the machine can read.
"""

import base64
import hashlib
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from api.cli.kubeconfig import make_kubeconfig
from api.cli.web_clients import make_curlrc, make_mcp_config, make_netrc


@dataclass(frozen=True, slots=True)
class Target:
    """One resource, and who connects to it."""

    resource: str
    host: str
    port: int
    principal: str
    token: str = field(repr=False)
    ca: Path | None  # what verifies the gateway; None: the system's
    host_key: str = ""  # of SSH: the gateway's public key
    folder: Path = Path()  # where a client's files are kept, as our own are
    plugin: tuple[str, ...] = ()  # the command line that prints the token for a client that asks
    mcp: str | None = None  # of an MCP server: its path
    scratch: Path = Path()  # a folder for what holds the token, there while a client runs
    why: Mapping[str, str] = field(default_factory=dict)  # COUNTERSIGN_REASON, COUNTERSIGN_TICKET: as said

    @property
    def origin(self) -> str:
        """Of a resource over HTTP."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Client:
    """A command to run, and what its environment needs beside our own. Without a command, what is told is to
    be run by the user's own shell."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)  # variables that go on after the user's own
    files: Mapping[Path, str] = field(default_factory=dict)  # what it reads, without a secret in it
    secrets: Mapping[Path, str] = field(default_factory=dict, repr=False)  # the same with one, in `scratch`
    said: str = ""  # to be told where nothing is run: for a shell or a program
    hint: str = ""  # the same, for whoever reads it
    base: str = ""  # what a path alone is below, on curl's command line


def _psql(target: Target) -> Client:
    # PostgreSQL documentation, "Environment Variables" of libpq (34.15): every client over libpq reads them.
    return Client(
        ("psql",),
        {
            "PGHOST": target.host,
            "PGPORT": str(target.port),
            "PGUSER": target.principal,
            "PGPASSWORD": target.token,
            "PGDATABASE": target.resource,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(target.ca) if target.ca is not None else "system",
        },
        {"PGOPTIONS": " ".join(map(_pg_option, target.why.items()))} if target.why else {},
    )


def _pg_option(said: tuple[str, str]) -> str:
    """The same, "options" (34.1.2): a space or backslash is one of the value behind a backslash."""
    name, value = said
    setting = name.lower().replace("_", ".", 1)
    return f"-c{setting}=" + re.sub(r"[\\\s]", r"\\\g<0>", value)


def _kubectl(target: Target) -> Client:
    path = target.folder / f"{target.resource}.kubeconfig"
    server = f"{target.origin}/clusters/{target.resource}"
    plugin = (*target.plugin, "--kubernetes")
    return Client(
        (),
        {"KUBECONFIG": str(path), **target.why},
        files={path: make_kubeconfig(target.resource, server, target.ca, plugin)},
        said=_exports({"KUBECONFIG": str(path), **target.why}),
    )


def _http(target: Target) -> Client:
    return _mcp(target, target.mcp) if target.mcp is not None else _api(target)


def _api(target: Target) -> Client:
    lasting = _lasting(target, _base(target))
    connect = f"countersign connect {target.resource} --"
    return Client(
        (),
        {**lasting, **_by_netrc(target)},
        secrets=_netrc(target),
        said=_exports(lasting),
        hint=f"One request: {connect} curl /…\n"
        f"A program that reads NETRC (requests; httpx.NetRCAuth): {connect} …\n"
        f"Any other sends {_own_way(target)}",
        base=_base(target),
    )


def _mcp(target: Target, path: str) -> Client:
    lasting = _lasting(target, _base(target) + path)
    return Client(
        (),
        {**lasting, **_by_netrc(target)},
        secrets=_netrc(target),
        said=make_mcp_config(target.resource, _base(target) + path, (*target.plugin, "--headers")),
        hint=f"A client without headersHelper sends {_own_way(target)}\n"
        f"How it knows the gateway:\n{_exports(lasting)}",
        base=_base(target),
    )


def _base(target: Target) -> str:
    return f"{target.origin}/{target.resource}"


def _lasting(target: Target, url: str) -> dict[str, str]:
    """Variables without a secret: where it is; for OpenSSL (httpx), requests and Node, what verifies it."""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS") if target.ca is not None else ()
    return {"COUNTERSIGN_BASE_URL": url, **dict.fromkeys(names, str(target.ca))}


def _by_netrc(target: Target) -> dict[str, str]:
    return {"CURL_HOME": str(target.scratch), "NETRC": str(target.scratch / "netrc")}


def _netrc(target: Target) -> dict[Path, str]:
    """The file with the token, and curl's that names it."""
    netrc = target.scratch / "netrc"
    return {
        netrc: make_netrc(target.host, target.principal, target.token),
        target.scratch / ".curlrc": make_curlrc(netrc, target.ca, _header_fields(target)),
    }


def _header_fields(target: Target) -> dict[str, str]:
    """X-Countersign-Reason, X-Countersign-Ticket (docs/protocols.md)."""
    return {f"X-{name.title().replace('_', '-')}": value for name, value in target.why.items()}


def _exports(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def _own_way(target: Target) -> str:
    return f"Authorization: Bearer TOKEN; this prints the token: {shlex.join(target.plugin)}"


def known_hosts(target: Target) -> str:
    """The lines by which OpenSSH knows the gateway (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), and as a comment
    what its DNS zone may say of it (RFC 4255 and 7479: Ed25519 is 4, SHA-256 is 2)."""
    host = target.host if target.port == 22 else f"[{target.host}]:{target.port}"
    digest = hashlib.sha256(base64.b64decode(target.host_key.split()[1])).hexdigest()
    return f"{host} {target.host_key}\n# {target.host}. IN SSHFP 4 2 {digest}\n"


def ssh_config(target: Target, key: Path, renew: tuple[str, ...]) -> str:
    """What `ssh RESOURCE`, and scp, sftp, rsync, git and Ansible with it, need in ~/.ssh/config.
    A ProxyJump of the user's own goes beside it.

    `key`: the private half, with the certificate beside it; `renew`: what gets another where it ends. Who has
    none is asked for the token.
    """
    return (
        f'Match originalhost {target.resource} exec "{shlex.join(renew)}"\n'
        f"{_ssh_host(target)}"
        f'    IdentityFile "{key}"\n'
        f'    CertificateFile "{key}-cert.pub"\n'
        "    IdentitiesOnly yes\n"
        "    PreferredAuthentications publickey,password,keyboard-interactive\n"
    )


def _ssh_host(target: Target) -> str:
    return (
        f"Host {target.resource}\n"
        f"    HostName {target.host}\n"
        f"    Port {target.port}\n"
        f"    User {target.principal}:{target.resource}\n"
        f'    UserKnownHostsFile "{_known_hosts_path(target)}"\n'
        "    StrictHostKeyChecking yes\n"
        "    SendEnv COUNTERSIGN_REASON COUNTERSIGN_TICKET\n"
    )


def ssh_files(target: Target) -> dict[Path, str]:
    """The files that the block names."""
    return {_known_hosts_path(target): known_hosts(target)}


def _ssh(target: Target) -> Client:
    config, askpass = target.folder / f"ssh-{target.resource}.conf", target.folder / "askpass"
    # ssh(1), "ENVIRONMENT": the program that is asked for the password, which is the token.
    return Client(
        ("ssh", "-F", str(config), target.resource),
        {
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "COUNTERSIGN_ASKPASS": target.token,
            **target.why,
        },
        files={
            **ssh_files(target),
            config: _ssh_host(target)
            + "    PreferredAuthentications password,keyboard-interactive\n    PubkeyAuthentication no\n",
            askpass: "#!/bin/sh\nprintf '%s\\n' \"$COUNTERSIGN_ASKPASS\"\n",
        },
    )


def _known_hosts_path(target: Target) -> Path:
    return target.folder / f"known_hosts-{target.resource}"


CLIENTS: Mapping[str, Callable[[Target], Client]] = {
    "postgres": _psql,
    "ssh": _ssh,
    "kubernetes": _kubectl,
    "http": _http,
}
