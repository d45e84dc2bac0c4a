"""OAUTHBEARER: the token in a client's first message, and where it is told to get one."""

import json

import pytest

from infra.config import Config
from ingress.errors import ProtocolError
from ingress.postgres.oauth import make_challenge, parse_token

# RFC 7628, section 4.1, with libpq's shorter form after it; section 4.3.
RFC = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmT\x01\x01"


@pytest.mark.parametrize(
    ("initial", "token"),
    [
        (RFC, "vF9dft4qmT"),
        (b"n,,\x01auth=Bearer a.b-c_d~e+f/g==\x01\x01", "a.b-c_d~e+f/g=="),
        (b"y,,\x01auth=bearer  x\x01\x01", "x"),
        (b"n,,\x01auth=\x01\x01", ""),
    ],
)
def test_the_token_is_found(initial: bytes, token: str) -> None:
    assert parse_token(initial) == token


@pytest.mark.parametrize(
    "initial",
    [
        b"",
        b"n,,",
        b"n,,\x01\x01",
        b"n,,\x01auth=Bearer x\x01",
        b"n,,\x01auth=Bearer x\x01\x01more",
        b"p=tls-exporter,,\x01auth=Bearer x\x01\x01",
        b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
        b"n,,\x01auth=Basic x\x01\x01",
        b"n,,\x01auth=Bearer x y\x01\x01",
        b"n,,\x01auth=Bearer x\x00\x01\x01",
        b"n,,\x01host=x\x01\x01",
    ],
)
def test_anything_else_is_refused(initial: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_token(initial)


def test_a_client_is_told_the_issuer_where_its_access_tokens_count() -> None:
    oidc = {"issuer": "https://idp.example.com/", "client_id": "countersign"}
    config = Config.model_validate({"identity": {"oidc": {**oidc, "audience": "gateway"}}})
    challenge = make_challenge(config)
    assert challenge is not None
    assert json.loads(challenge) == {
        "status": "invalid_token",
        "scope": "openid profile email",
        "openid-configuration": "https://idp.example.com/.well-known/openid-configuration",
    }
    assert make_challenge(Config.model_validate({"identity": {"oidc": oidc}})) is None
    assert make_challenge(Config()) is None
