"""The connection to the host: its key pinned, the gateway's own credential, nothing of this machine's."""

from pathlib import Path

import asyncssh

from infra.config import Config, ConfigError, HostKeyAuthority, Secret, SshCertificate, SshResource
from infra.keys import ssh_ca_key
from ingress.errors import TargetError
from ingress.ssh.algorithms import CIPHERS, COMPRESSIONS, KEY_EXCHANGES, MACS, SIGNATURES

_SECONDS = 20.0
_KEEPALIVE = 15.0  # seconds between two; four unanswered ones end the connection


async def open_target(resource: SshResource, config: Config, key_id: str) -> asyncssh.SSHClientConnection:
    """A connection, signed in. `key_id`: whose it is, for the host's log, where it is shown a certificate.

    Raises TargetError, and ConfigError where a credential is not there.
    """
    credentials = resource.credentials
    password = credentials.password.read(config.base) if credentials.password is not None else None
    keys: list[asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]] = []
    if credentials.private_key is not None:
        keys = [_stored_key(resource.name, credentials.private_key, config.base)]
    elif credentials.certificate is not None:
        ca = asyncssh.read_private_key(ssh_ca_key(config.state))
        keys = [make_certificate(credentials.certificate, ca, key_id)]
    host, port = resource.address.host, resource.address.port
    known = asyncssh.import_known_hosts(_known_hosts_line(f"[{host}]:{port}", resource.host_key))
    try:
        return await asyncssh.connect(
            host,
            port,
            config=None,
            known_hosts=known,
            username=credentials.user,
            password=password,
            client_keys=keys,
            agent_path=None,
            gss_host=None,
            preferred_auth="publickey" if keys else "password",
            kex_algs=KEY_EXCHANGES,
            encryption_algs=CIPHERS,
            mac_algs=MACS,
            signature_algs=SIGNATURES,
            compression_algs=COMPRESSIONS,
            connect_timeout=_SECONDS,
            login_timeout=_SECONDS,
            keepalive_interval=_KEEPALIVE,
            keepalive_count_max=4,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise TargetError("its host key is not the one in the configuration", str(error)) from error
    except asyncssh.PermissionDenied as error:
        raise TargetError("it does not take the gateway's credential", str(error)) from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise TargetError("it cannot be reached", str(error) or type(error).__name__) from error


def make_certificate(
    said: SshCertificate, ca: asyncssh.SSHKey, key_id: str
) -> tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]:
    """A key pair for one connection, with a certificate that permits a terminal and connections, which policy
    decides on (OpenSSH, PROTOCOL.certkeys: user certificates)."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    certificate = ca.generate_user_certificate(
        key,
        key_id,
        principals=[said.principal],
        valid_after="-1m",
        valid_before=f"+{said.minutes}m",
        source_address=[str(network) for network in said.source_addresses] or None,
        permit_x11_forwarding=False,
        permit_agent_forwarding=False,
        permit_user_rc=False,
    )
    return key, certificate


def _stored_key(resource: str, private_key: Secret, base: Path) -> asyncssh.SSHKey:
    try:
        # OpenSSH's format wants the line end that a secret is read without.
        return asyncssh.import_private_key(private_key.read(base) + "\n")
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise ConfigError([f"resource {resource}: its private key cannot be used: {error}"]) from error


def _known_hosts_line(host: str, host_key: str | HostKeyAuthority) -> str:
    if isinstance(host_key, HostKeyAuthority):
        return f"@cert-authority {host} {host_key.ca}\n"
    return f"{host} {host_key}\n"
