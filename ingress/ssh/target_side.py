"""The connection to the host: its key pinned, the gateway's own credential, nothing of this machine's."""

from collections.abc import Sequence

import asyncssh

from infra.config import ConfigError, HostKeyAuthority, SshResource
from infra.credentials import Asker, CredentialUnavailable, Secrets
from ingress.errors import TargetError
from ingress.ssh.algorithms import CIPHERS, COMPRESSIONS, KEY_EXCHANGES, MACS, SIGNATURES
from ingress.ssh.certificates import Certificates, SignedKey


async def open_target(
    resource: SshResource, secrets: Secrets, certificates: Certificates, asker: Asker
) -> asyncssh.SSHClientConnection:
    """A connection, signed in. Raises TargetError, and ConfigError where a private key cannot be used."""
    credentials = resource.credentials
    if credentials.certificate is not None:
        wanted = credentials.certificate
        signed = certificates.sign(asker, credentials.user, wanted.lifetime, wanted.source_addresses)
        return await _connect(resource, [signed], None)
    stored = credentials.private_key or credentials.password
    assert stored is not None  # the configuration was checked
    try:
        secret = await secrets.read(stored)
        try:
            return await _sign_in(resource, secret)
        except _NotTaken:
            # It may have been rotated since it was read.
            if (again := await secrets.read(stored, fresh=True)) == secret:
                raise
            return await _sign_in(resource, again)
    except CredentialUnavailable as error:
        raise TargetError(str(error), error.reason) from error


class _NotTaken(TargetError):
    """The host does not take the credential."""


async def _sign_in(resource: SshResource, secret: str) -> asyncssh.SSHClientConnection:
    if resource.credentials.password is not None:
        return await _connect(resource, [], secret)
    try:
        # OpenSSH's format wants the line end that a secret is read without.
        key = asyncssh.import_private_key(secret + "\n")
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise ConfigError([f"resource {resource.name}: its private key cannot be used: {error}"]) from error
    return await _connect(resource, [key], None)


async def _connect(
    resource: SshResource, keys: Sequence[asyncssh.SSHKey | SignedKey], password: str | None
) -> asyncssh.SSHClientConnection:
    host, port = resource.address.host, resource.address.port
    seconds = resource.timeout.total_seconds()
    known = asyncssh.import_known_hosts(_known_hosts_line(f"[{host}]:{port}", resource.host_key))
    try:
        return await asyncssh.connect(
            host,
            port,
            config=None,
            known_hosts=known,
            username=resource.credentials.user,
            password=password,
            client_keys=list(keys),
            agent_path=None,
            gss_host=None,
            preferred_auth="publickey" if keys else "password",
            kex_algs=KEY_EXCHANGES,
            encryption_algs=CIPHERS,
            mac_algs=MACS,
            signature_algs=SIGNATURES,
            compression_algs=COMPRESSIONS,
            connect_timeout=seconds,
            login_timeout=seconds,
            keepalive_interval=seconds,
            keepalive_count_max=3,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise TargetError("its host key is not the one in the configuration", str(error)) from error
    except asyncssh.PermissionDenied as error:
        raise _NotTaken("it does not take the gateway's credential", str(error)) from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise TargetError("it cannot be reached", str(error) or type(error).__name__) from error


def _known_hosts_line(host: str, host_key: str | HostKeyAuthority) -> str:
    if isinstance(host_key, HostKeyAuthority):
        return f"@cert-authority {host} {host_key.ca}\n"
    return f"{host} {host_key}\n"
