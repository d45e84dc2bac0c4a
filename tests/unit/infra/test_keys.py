"""Keys under the state folder: made once, private, agreed on by all who start at the same time."""

import base64
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.certificates import server_certificate
from infra.config import Config, ConfigError, Gateway, Listen, Tls, parse_address
from infra.keys import keyring, sealer, secret, signer
from schemas.signature import SignatureRefused
from schemas.vocabulary import Role


def config_in(folder: Path, tls: Tls | None = None, api: str = "127.0.0.1:8080") -> Config:
    config = Config(gateway=Gateway(listen=Listen(api=parse_address(api)), tls=tls or Tls(mode="auto")))
    config._base = folder
    return config


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_role_signs_and_all_can_verify(tmp_path: Path) -> None:
    signatures = {role: signer(tmp_path, role).sign(b"said") for role in Role}
    ring = keyring(tmp_path)
    for role, signature in signatures.items():
        ring.verify(role, b"said", signature)
        for other in set(Role) - {role}:
            with pytest.raises(SignatureRefused):
                ring.verify(other, b"said", signature)


def test_keys_stay_the_same(tmp_path: Path) -> None:
    before = signer(tmp_path, Role.API).sign(b"said")
    assert signer(tmp_path, Role.API).sign(b"said") == before


def test_private_keys_are_the_owners_alone(tmp_path: Path) -> None:
    signer(tmp_path, Role.API)
    sealer(tmp_path)
    secret(tmp_path, "sessions")
    server_certificate(config_in(tmp_path))
    assert mode(tmp_path / "keys") == 0o700
    private = [path for path in (tmp_path / "keys").iterdir() if path.suffix != ".pub"]
    private += (tmp_path / ".countersign" / "tls").glob("*.key")
    assert len(private) >= 4 + 1 + 1 + 2
    assert {path.name: mode(path) for path in private if mode(path) != 0o600} == {}
    assert not list((tmp_path / "keys").glob(".*")), "a draft was left behind"


def test_a_role_has_two_keys_while_one_is_being_replaced(tmp_path: Path) -> None:
    old = signer(tmp_path, Role.PROCESSORS).sign(b"said")
    keys = tmp_path / "keys"
    (keys / "processors.pub").rename(keys / "processors.old.pub")
    (keys / "processors.key").unlink()
    new = signer(tmp_path, Role.PROCESSORS).sign(b"said")
    assert old != new
    ring = keyring(tmp_path)
    ring.verify(Role.PROCESSORS, b"said", old)
    ring.verify(Role.PROCESSORS, b"said", new)


def test_a_public_key_alone_is_enough_to_verify(tmp_path: Path) -> None:
    """On another machine only the public half of a role's key is there; none is made in its place."""
    here, there = tmp_path / "here", tmp_path / "there"
    signature = signer(here, Role.PROCESSORS).sign(b"said")
    (there / "keys").mkdir(parents=True)
    (there / "keys" / "processors.pub").write_bytes((here / "keys" / "processors.pub").read_bytes())
    keyring(there).verify(Role.PROCESSORS, b"said", signature)
    assert not (there / "keys" / "processors.key").exists()
    with pytest.raises(ConfigError, match=r"processors\.key"):
        signer(there, Role.PROCESSORS)


def test_who_start_at_the_same_time_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        signatures = set(pool.map(lambda _: signer(tmp_path, Role.INGRESS).sign(b"said"), range(8)))
        secrets = set(pool.map(lambda _: secret(tmp_path, "sessions"), range(8)))
        certificates = {
            path.read_bytes()
            for path, _ in pool.map(lambda _: server_certificate(config_in(tmp_path)), range(8))
        }
    assert (len(signatures), len(secrets)) == (1, 1)
    assert len(certificates) == 1
    (signature,) = signatures
    keyring(tmp_path).verify(Role.INGRESS, b"said", signature)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_broken_key_is_told_by_its_path(tmp_path: Path, content: bytes) -> None:
    signer(tmp_path, Role.API)
    (tmp_path / "keys" / "api.key").write_bytes(content)
    with pytest.raises(ConfigError, match=r"keys/api\.key: the signing key cannot be read"):
        signer(tmp_path, Role.API)


def test_a_key_of_another_kind_is_told(tmp_path: Path) -> None:
    signer(tmp_path, Role.API)
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "keys" / "api.key").write_bytes(pem)
    with pytest.raises(ConfigError, match="expected an Ed25519 private key"):
        signer(tmp_path, Role.API)


def test_what_is_sealed_is_opened_for_its_command_alone(tmp_path: Path) -> None:
    sealed = sealer(tmp_path).seal("command-1", "select '4111'", ("4111", None))
    assert b"4111" not in sealed
    assert sealer(tmp_path).open("command-1", sealed) == ("select '4111'", ("4111", None))
    with pytest.raises(InvalidTag):
        sealer(tmp_path).open("command-2", sealed)
    with pytest.raises(InvalidTag):
        sealer(tmp_path).open("command-1", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(InvalidTag):
        sealer(tmp_path / "another").open("command-1", sealed)


def test_secrets_are_for_one_purpose(tmp_path: Path) -> None:
    one = secret(tmp_path, "sessions")
    assert len(one) == 32
    assert secret(tmp_path, "sessions") == one
    assert secret(tmp_path, "projector") != one
    assert base64.b64decode((tmp_path / "keys" / "sessions.secret").read_bytes()) == one


def test_processes_agree_too(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from infra.keys import secret\n"
        "print(secret(Path(sys.argv[1]), 'sessions').hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1
