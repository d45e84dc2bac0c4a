"""As whom the gateway asks a cluster: its own credential, the principal by impersonation, or a service
account by tokens of a few minutes.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

import json
from collections.abc import Awaitable, Callable

from infra.config.resources import KubernetesCredentials, ServiceAccount
from infra.credentials import CredentialUnavailable, Secrets
from ingress.errors import TargetError
from ingress.web.credentials import Granted, Renewed, bearer, forms_of
from ingress.web.exchange import Exchange
from ingress.web.fields import Field
from ingress.web.target_connection import Target
from schemas.vocabulary import Principal

_LIFE = 600  # seconds; the least a cluster gives
_RENEWED_BEFORE = 60.0
_SYSTEM = "system:"


class Credentials:
    """Of one cluster."""

    def __init__(self, credentials: KubernetesCredentials, secrets: Secrets, target: Target) -> None:
        self._token = credentials.token
        self._secrets = secrets
        self._was_refused = False
        self._prefix = credentials.impersonate.prefix if credentials.impersonate is not None else None
        account = credentials.service_account
        self._tokens = (
            Renewed(_TokenRequests(account, self._own, target).make) if account is not None else None
        )

    def user(self, principal: Principal) -> str:
        """As whom the cluster knows this principal; empty: as the gateway."""
        return f"{self._prefix}{principal.name}" if self._prefix is not None else ""

    async def granted(self, principal: Principal) -> Granted:
        """The credential for one request of a principal. Raises TargetError."""
        own = await (self._own() if self._tokens is None else self._tokens.current())
        if self._prefix is None:
            return own
        names = [self.user(principal), *(f"{self._prefix}{group}" for group in principal.groups)]
        if any(name.startswith(_SYSTEM) or not _is_plain(name) for name in names):
            raise TargetError("the cluster cannot be asked in this principal's name: it is no name there")
        fields: list[Field] = [(b"impersonate-user", names[0].encode())]
        fields += [(b"impersonate-group", name.encode()) for name in names[1:]]
        return Granted((*own.fields, *fields), own.secrets)

    def refused(self) -> None:
        """The cluster answered 401: the next request asks whoever keeps the credential."""
        self._was_refused = True
        if self._tokens is not None:
            self._tokens.forget()

    async def _own(self) -> Granted:
        """What the gateway itself signs in with, beside its certificate. Raises TargetError."""
        if self._token is None:
            return Granted()
        fresh, self._was_refused = self._was_refused, False
        try:
            return bearer((await self._secrets.read(self._token, fresh=fresh)).strip())
        except CredentialUnavailable as error:
            raise TargetError(str(error), error.reason) from error


class _TokenRequests:
    """Tokens of a service account."""

    def __init__(
        self, account: ServiceAccount, own: Callable[[], Awaitable[Granted]], target: Target
    ) -> None:
        self._path = f"/api/v1/namespaces/{account.namespace}/serviceaccounts/{account.name}/token"
        self._own = own
        self._target = target

    async def make(self) -> tuple[Granted, float]:
        """One, and for how many seconds it may be used. Raises TargetError."""
        wanted = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "spec": {"expirationSeconds": _LIFE},
        }
        body = json.dumps(wanted).encode()
        own = await self._own()
        fields: list[Field] = [
            (b"host", self._target.authority),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *own.fields,
        ]
        async with Exchange(self._target, await self._target.connect(fresh=True)) as exchange:
            await exchange.send("POST", self._path, fields, body, None)
            head = await exchange.head()
            answer = b"".join([piece async for piece in exchange.body()])
        try:
            token = str(json.loads(answer)["status"]["token"]) if head.status == 201 else ""
        except (ValueError, KeyError, TypeError):
            token = ""
        if not token:
            raise TargetError(
                "the gateway gets no token for this cluster", f"TokenRequest answered {head.status}"
            )
        access = bearer(token)
        return (
            Granted(access.fields, (*access.secrets, *own.secrets, *forms_of(token))),
            _LIFE - _RENEWED_BEFORE,
        )


def _is_plain(name: str) -> bool:
    """Whether a header field can hold it, and the server reads the same from it."""
    return name.isascii() and name.isprintable() and name == name.strip()
