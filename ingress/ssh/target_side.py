"""The connection to the host: its key pinned, the gateway's own credential, nothing of this machine's."""

from pathlib import Path

import asyncssh

from infra.config import ConfigError, SshResource
from ingress.errors import TargetError
from ingress.ssh.algorithms import CIPHERS, COMPRESSIONS, KEY_EXCHANGES, MACS, SIGNATURES

_SECONDS = 20.0
_KEEPALIVE = 15.0  # seconds between two; four unanswered ones end the connection


async def open_target(resource: SshResource, base: Path) -> asyncssh.SSHClientConnection:
    """A connection, signed in. Raises TargetError, and ConfigError where a credential is not there."""
    credentials = resource.credentials
    password = credentials.password.read(base) if credentials.password is not None else None
    keys = []
    if credentials.private_key is not None:
        try:
            # OpenSSH's format wants the line end that a secret is read without.
            keys = [asyncssh.import_private_key(credentials.private_key.read(base) + "\n")]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise ConfigError(
                [f"resource {resource.name}: its private key cannot be used: {error}"]
            ) from error
    host, port = resource.address.host, resource.address.port
    known = asyncssh.import_known_hosts(f"[{host}]:{port} {resource.host_key}\n")
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
