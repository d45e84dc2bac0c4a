"""The examples that AWS itself gives: its test suite of Signature Version 4, and S3's documentation."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.config.resources import AwsCredentials
from infra.credentials import Secrets
from infra.credentials.kubernetes import KubernetesSecrets
from ingress.http.aws import AccessKey
from ingress.web.credentials import Granted
from ingress.web.fields import Field

SUITE = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", datetime(2015, 8, 30, 12, 36, tzinfo=UTC))
BUCKET = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    datetime(2013, 5, 24, tzinfo=UTC),
)
AMAZON: Field = (b"host", b"example.amazonaws.com")
S3: Field = (b"host", b"examplebucket.s3.amazonaws.com")


async def granted(folder: Path, service: str, key: tuple[str, str, datetime], token: str = "") -> Granted:
    access, secret, when = key
    for name, value in (("access", access), ("secret", secret), ("session", token)):
        (folder / name).write_text(value)
    credentials = AwsCredentials.model_validate(
        {
            "region": "us-east-1",
            "service": service,
            "access_key": {"file": "access"},
            "secret_key": {"file": "secret"},
            **({"session_token": {"file": "session"}} if token else {}),
        }
    )
    secrets = Secrets(folder, None, KubernetesSecrets(None, folder))
    return await AccessKey(credentials, secrets, lambda: when).current()


@pytest.mark.parametrize(
    ("service", "key", "method", "target", "fields", "body", "signature"),
    [
        # aws-sig-v4-test-suite: get-vanilla, get-vanilla-query-order-key-case, post-x-www-form-urlencoded
        (
            "service",
            SUITE,
            "GET",
            "/",
            (AMAZON,),
            b"",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "service",
            SUITE,
            "GET",
            "/?Param2=value2&Param1=value1",
            (AMAZON,),
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "service",
            SUITE,
            "POST",
            "/",
            (AMAZON, (b"content-type", b"application/x-www-form-urlencoded")),
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        # S3 API reference, "Authenticating Requests: Using the Authorization Header": its examples of GET
        (
            "s3",
            BUCKET,
            "GET",
            "/?lifecycle",
            (S3,),
            b"",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "s3",
            BUCKET,
            "GET",
            "/?max-keys=2&prefix=J",
            (S3,),
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
async def test_the_examples(
    tmp_path: Path,
    service: str,
    key: tuple[str, str, datetime],
    method: str,
    target: str,
    fields: tuple[Field, ...],
    body: bytes,
    signature: str,
) -> None:
    signed = (await granted(tmp_path, service, key)).applied(method, target, fields, body)
    assert dict(signed.fields)[b"authorization"].endswith(b"Signature=" + signature.encode())
    assert signature.encode() in signed.secrets
    assert key[1].encode() in signed.secrets


async def test_what_a_client_says_in_the_place_of_the_signature_is_replaced(tmp_path: Path) -> None:
    said = ((b"authorization", b"AWS4 mine"), (b"x-amz-date", b"1"), (b"x-amz-security-token", b"mine"))
    key = await granted(tmp_path, "execute-api", SUITE)
    fields = key.applied("GET", "/", (AMAZON, *said, (b"x-amz-target", b"Do")), b"").fields
    assert [name for name, _ in fields].count(b"authorization") == 1
    assert b"mine" not in b"".join(value for _, value in fields)
    assert dict(fields)[b"x-amz-date"] == b"20150830T123600Z"
    assert b"SignedHeaders=host;x-amz-date;x-amz-target," in dict(fields)[b"authorization"]


async def test_a_session_token_goes_along_and_is_a_secret(tmp_path: Path) -> None:
    key = await granted(tmp_path, "execute-api", SUITE, token="the-session-token")
    signed = key.applied("GET", "/", (AMAZON,), b"")
    assert dict(signed.fields)[b"x-amz-security-token"] == b"the-session-token"
    assert b"the-session-token" in signed.secrets


async def test_a_body_that_is_not_held_is_not_signed(tmp_path: Path) -> None:
    key = await granted(tmp_path, "s3", BUCKET)
    fields = dict(key.applied("PUT", "/big", (S3, (b"content-length", b"5000000")), None).fields)
    assert fields[b"x-amz-content-sha256"] == b"UNSIGNED-PAYLOAD"
    assert fields[b"content-length"] == b"5000000"
