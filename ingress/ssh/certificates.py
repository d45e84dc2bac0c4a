"""The gateway's certificates for hosts: one for each session, good to sign in for a moment.

OpenSSH's PROTOCOL.certkeys. Its key id says who really acts: sshd writes it into the host's own log.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import asyncssh

from infra.clock import Clock
from infra.credentials import Asker
from infra.ssh_keys import ssh_target_ca

_SKEW = timedelta(minutes=1)  # by which the host's clock may be behind

SignedKey = tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]


def certificates_of(state: Path, clock: Clock) -> "Certificates":
    """By the CA under the state folder, made where there is none yet."""
    return Certificates(asyncssh.read_private_key(ssh_target_ca(state)), clock)


class Certificates:
    """Signs with the gateway's CA for hosts."""

    def __init__(self, ca: asyncssh.SSHKey, clock: Clock) -> None:
        self._ca = ca
        self._clock = clock

    def sign(
        self, asker: Asker, user: str, lifetime: timedelta, source_addresses: Sequence[str] = ()
    ) -> SignedKey:
        """A new key, and a certificate with which it is `user` until `lifetime` from now, from these networks
        (none: from anywhere). The connection it opens may last longer. No ~/.ssh/rc; on what is
        forwarded and lent policy decides."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        now = self._clock()
        certificate = self._ca.generate_user_certificate(
            key,
            f"{asker.principal.name}/{asker.session}",
            principals=[user],
            valid_after=now - _SKEW,
            valid_before=now + lifetime,
            source_address=list(source_addresses) or None,
            permit_user_rc=False,
        )
        return key, certificate
