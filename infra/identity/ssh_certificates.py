"""SSH user certificates: a token of the gateway in the form that SSH clients sign in with. Pure.

A certificate is for one key of the user's, which stays with them, and is no secret. It is signed by an
authority of its own, which no host trusts; its principal is the name, its key id that of the token, and an
extension of ours holds what the token says. OpenSSH's PROTOCOL.certkeys.
"""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    SSHCertificate,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_public_identity,
    load_ssh_public_key,
)

from infra.clock import Clock, now
from infra.identity.signed_in import SignedIn, TokenRefused

SAID = b"identity@countersign"  # the extension; named as PROTOCOL.certkeys wants a vendor's
_PERMITTED = (b"permit-port-forwarding", b"permit-pty")  # for clients that look; rules decide
_SKEW = timedelta(minutes=1)  # by which a client's clock may be behind: ssh looks at the time itself
_SMALLEST_RSA = 2048  # bits

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


class NoUsableKey(ValueError):
    """What somebody wants a certificate for is no public key that can have one."""


def read_public_key(line: str) -> PublicKey:
    """A public key as `ssh-keygen` writes it. Raises NoUsableKey."""
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoUsableKey("expected one public key, as in id_ed25519.pub") from error
    if isinstance(key, RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        raise NoUsableKey(f"expected an RSA key of {_SMALLEST_RSA} bits or more")
    if not isinstance(key, PublicKey):
        raise NoUsableKey("expected an Ed25519, ECDSA or RSA key")
    return key


def make_certificate(authority: Ed25519PrivateKey, key: PublicKey, token: SignedIn, now: datetime) -> str:
    """The certificate of who was given this token, as a line for `id_….pub`'s neighbour `id_…-cert.pub`."""
    assert token.until is not None
    builder = (
        SSHCertificateBuilder()
        .public_key(key)
        .type(SSHCertificateType.USER)
        .key_id(token.token.encode())
        .valid_principals([token.principal.name.encode()])
        .valid_after((now - _SKEW).timestamp())
        .valid_before(token.until.timestamp())
        .add_extension(SAID, msgspec.json.encode(token))
    )
    for extension in _PERMITTED:
        builder = builder.add_extension(extension, b"")
    return builder.sign(authority).public_bytes().decode()


class CertificateReader:
    """Believes certificates of these authorities; there are several while one is being replaced."""

    def __init__(self, authorities: Sequence[Ed25519PublicKey], clock: Clock = now) -> None:
        self._authorities = [key.public_bytes_raw() for key in authorities]
        self._clock = clock

    def trusts(self, authority: object) -> bool:
        """Whether this is the public key of one of them."""
        return isinstance(authority, Ed25519PublicKey) and authority.public_bytes_raw() in self._authorities

    def read(self, blob: bytes, name: str) -> SignedIn:
        """Whose certificate this is, who signs in as `name`. That they have its key is for others to know.
        Raises TokenRefused."""
        certificate = _certificate(blob)
        if not self.trusts(certificate.signature_key()):
            raise TokenRefused("the certificate is not signed by this gateway")
        try:
            certificate.verify_cert_signature()
        except InvalidSignature as error:
            raise TokenRefused("the certificate is not signed by this gateway") from error
        if certificate.type is not SSHCertificateType.USER or certificate.critical_options:
            raise TokenRefused("the certificate is not one to sign in with")
        if certificate.valid_principals != [name.encode()]:
            raise TokenRefused(f'the certificate is not that of "{name}"')
        at = self._clock().timestamp()
        if not certificate.valid_after <= at < certificate.valid_before:
            raise TokenRefused("the certificate has expired; `countersign ssh-cert` gets another")
        try:
            said = msgspec.json.decode(certificate.extensions.get(SAID, b""), type=SignedIn)
        except msgspec.MsgspecError as error:
            raise TokenRefused("the certificate was made by another version of the gateway") from error
        if said.principal.name != name:
            raise TokenRefused(f'the certificate is not that of "{name}"')
        return said


def _certificate(blob: bytes) -> SSHCertificate:
    size = int.from_bytes(blob[:4], "big")
    try:
        found = load_ssh_public_identity(blob[4 : 4 + size] + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TokenRefused("it is no certificate") from error
    if not isinstance(found, SSHCertificate):
        raise TokenRefused("it is no certificate")
    return found
