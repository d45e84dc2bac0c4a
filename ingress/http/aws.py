"""Requests signed with an access key of AWS: Signature Version 4, by AWS's own runtime.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import hashlib

from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSignedBodyValue,
    AwsSigningAlgorithm,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders, HttpRequest

from infra.clock import Clock, now
from infra.config.resources import AwsCredentials
from infra.credentials import Secrets
from ingress.web.credentials import Granted, forms_of
from ingress.web.fields import Field

_SECONDS = 5.0
# What a signature covers: proxies before a service may change other fields, and then it would be none.
_COVERED = (b"host", b"content-type", b"content-md5")
# What only the signature may say.
_OWN = frozenset((b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"))


class AccessKey:
    """The access key of an API. `clock`: signatures are good for some minutes."""

    sets_authorization = True

    def __init__(self, credentials: AwsCredentials, secrets: Secrets, clock: Clock = now) -> None:
        self._credentials = credentials
        self._secrets = secrets
        self._clock = clock
        self._refused = False

    async def current(self) -> Granted:
        """For one request. Raises CredentialUnavailable."""
        wanted, fresh = self._credentials, self._refused
        self._refused = False
        access = await self._secrets.read(wanted.access_key, fresh=fresh)
        secret = await self._secrets.read(wanted.secret_key, fresh=fresh)
        token = None
        if wanted.session_token is not None:
            token = await self._secrets.read(wanted.session_token, fresh=fresh)

        def sign(method: str, target: str, fields: tuple[Field, ...], body: bytes | None) -> Granted:
            config = self._config(AwsCredentialsProvider.new_static(access, secret, token), body)
            return _signed(method, target, fields, config)

        return Granted(secrets=forms_of(secret, *([token] if token else [])), sign=sign)

    def forget(self) -> None:
        """The target refused it: the next request asks whoever keeps it."""
        self._refused = True

    def _config(self, key: AwsCredentialsProvider, body: bytes | None) -> AwsSigningConfig:
        is_s3 = self._credentials.is_s3
        told = AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256 if is_s3 else AwsSignedBodyHeaderType.NONE
        return AwsSigningConfig(
            algorithm=AwsSigningAlgorithm.V4,
            signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=key,
            region=self._credentials.region,
            service=self._credentials.service,
            date=self._clock(),
            use_double_uri_encode=not is_s3,
            should_normalize_uri_path=not is_s3,
            signed_body_value=(
                AwsSignedBodyValue.UNSIGNED_PAYLOAD if body is None else hashlib.sha256(body).hexdigest()
            ),
            signed_body_header_type=told,
        )


def _signed(method: str, target: str, fields: tuple[Field, ...], config: AwsSigningConfig) -> Granted:
    """All the fields, and the signature among them, which is as good as the key for this one request."""
    fields = tuple(one for one in fields if one[0] not in _OWN)
    covered = [one for one in fields if one[0] in _COVERED or one[0].startswith(b"x-amz-")]
    headers = HttpHeaders([(name.decode(), value.decode("latin-1")) for name, value in covered])
    signed = aws_sign_request(HttpRequest(method, target, headers), config).result(_SECONDS)
    found = [(name.lower().encode(), value.encode("latin-1")) for name, value in signed.headers]
    added = tuple(one for one in found if one[0] in _OWN)
    signature = dict(added)[b"authorization"].rpartition(b"=")[2]
    return Granted((*fields, *added), (signature,))
