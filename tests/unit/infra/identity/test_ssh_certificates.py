"""A token as an SSH certificate: what it says, and what is no certificate of ours."""

import base64
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)
from support.reviews import NOW

from infra.identity.signed_in import Method, SignedIn, TokenRefused
from infra.identity.ssh_certificates import (
    SAID,
    CertificateReader,
    NoUsableKey,
    make_certificate,
    read_public_key,
)
from schemas.vocabulary import Principal, PrincipalKind

AUTHORITY = Ed25519PrivateKey.generate()
KEY = Ed25519PrivateKey.generate().public_key()
ACTING = Principal("agent-7", PrincipalKind.AGENT, ("agents",), "dana", ("dba",))
TOKEN = SignedIn(ACTING, Method.OIDC, NOW, NOW + timedelta(hours=1), "token-1", ("token-1", "login"), NOW)


def blob(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def read(line: str, name: str = "agent-7", at: datetime = NOW) -> SignedIn:
    return CertificateReader((AUTHORITY.public_key(),), lambda: at).read(blob(line), name)


def usual() -> SSHCertificateBuilder:
    """What we would have signed, but for the type and the principals."""
    return (
        SSHCertificateBuilder()
        .public_key(KEY)
        .key_id(b"token-1")
        .valid_after(NOW.timestamp())
        .valid_before((NOW + timedelta(hours=1)).timestamp())
    )


def signed(builder: SSHCertificateBuilder, by: Ed25519PrivateKey = AUTHORITY) -> str:
    return builder.sign(by).public_bytes().decode()


def test_it_says_what_the_token_says() -> None:
    line = make_certificate(AUTHORITY, KEY, TOKEN, NOW)
    assert read(line) == TOKEN
    assert read(line, at=NOW + timedelta(minutes=59)) == TOKEN


@pytest.mark.parametrize("at", [NOW - timedelta(minutes=2), NOW + timedelta(hours=1)])
def test_it_lasts_as_long_as_the_token(at: datetime) -> None:
    with pytest.raises(TokenRefused, match="expired"):
        read(make_certificate(AUTHORITY, KEY, TOKEN, NOW), at=at)


@pytest.mark.parametrize("name", ["agent-8", "dana", "", "agent-7:web-1"])
def test_it_is_for_one_name(name: str) -> None:
    with pytest.raises(TokenRefused, match="not that of"):
        read(make_certificate(AUTHORITY, KEY, TOKEN, NOW), name)


def test_another_authority_is_not_believed() -> None:
    with pytest.raises(TokenRefused, match="not signed by this gateway"):
        read(make_certificate(Ed25519PrivateKey.generate(), KEY, TOKEN, NOW))


def test_a_changed_certificate_is_not_believed() -> None:
    content = blob(make_certificate(AUTHORITY, KEY, TOKEN, NOW))
    changed = content.replace(b"agents", b"agentz")
    assert changed != content
    with pytest.raises(TokenRefused, match="not signed by this gateway"):
        CertificateReader((AUTHORITY.public_key(),), lambda: NOW).read(changed, "agent-7")


def test_what_is_no_users_certificate_is_refused() -> None:
    host = usual().type(SSHCertificateType.HOST).valid_principals([b"agent-7"])
    everybodys = usual().type(SSHCertificateType.USER).valid_for_all_principals()  # type: ignore[no-untyped-call]
    several = usual().type(SSHCertificateType.USER).valid_principals([b"agent-7", b"root"])
    empty = usual().type(SSHCertificateType.USER).valid_principals([b"agent-7"])
    for builder in (host, everybodys, several, empty, empty.add_extension(SAID, b"{}")):
        with pytest.raises(TokenRefused):
            read(signed(builder))
    forced = empty.add_critical_option(b"force-command", b"x")
    with pytest.raises(TokenRefused, match="not one to sign in with"):
        read(signed(forced))


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x0bssh-ed25519", b"\xff" * 64])
def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    with pytest.raises(TokenRefused, match="no certificate"):
        CertificateReader((), lambda: NOW).read(content, "agent-7")
    plain = KEY.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    with pytest.raises(TokenRefused, match="no certificate"):
        read(plain)


def test_usual_keys_can_have_one() -> None:
    for key in (KEY, make_ec(SECP256R1()).public_key(), make_rsa(65537, 2048).public_key()):
        line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " me@here"
        assert read(make_certificate(AUTHORITY, read_public_key(line), TOKEN, NOW)) == TOKEN


def test_others_cannot() -> None:
    weak = make_rsa(65537, 1024).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    for line in (weak, "", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"):
        with pytest.raises(NoUsableKey):
            read_public_key(line)
