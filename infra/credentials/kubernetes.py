"""Kubernetes secrets, read through its API by the service account of the gateway's pod, or as configured.

Kubernetes documentation, "Accessing the Kubernetes API from a Pod" and "Secret v1 core".
"""

import base64
import binascii
import os
import ssl
from pathlib import Path

import httpx

from infra.config import ConfigError
from infra.config.gateway import KubernetesApi
from infra.config.values import KubernetesKey
from infra.credentials.errors import CredentialUnavailable

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 10.0
_AWAY = "the gateway cannot reach the store of its credentials"


class KubernetesSecrets:
    """`api`: where, and as whom; None: in the cluster that the gateway runs in."""

    def __init__(self, api: KubernetesApi | None, base: Path) -> None:
        self._api = api
        self._base = base

    async def read(self, wanted: KubernetesKey) -> str:
        """Raises CredentialUnavailable."""
        try:
            url, token, ca, own_namespace = self._way()
        except (ConfigError, OSError) as error:
            raise CredentialUnavailable(_AWAY, f"Kubernetes: {error}") from error
        place = f"secret {wanted.namespace or own_namespace}/{wanted.name}"
        path = f"/api/v1/namespaces/{wanted.namespace or own_namespace}/secrets/{wanted.name}"
        try:
            verify = ssl.create_default_context(cadata=ca)
            async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=_SECONDS) as client:
                answer = await client.get(url + path, headers={"Authorization": f"Bearer {token}"})
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise CredentialUnavailable(_AWAY, f"Kubernetes: {place}: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            raise CredentialUnavailable(
                "the store of its credentials has none for it",
                f"Kubernetes: {place}: status {answer.status_code}; its account needs `get` on this secret",
            )
        try:
            # Secret v1: the values of `data` are base64.
            return base64.b64decode(answer.json()["data"][wanted.key], validate=True).decode().strip()
        except (ValueError, KeyError, TypeError, binascii.Error):
            # Not `from` it: a decoder's error holds what it read.
            raise CredentialUnavailable(
                "the store of its credentials has none for it",
                f"Kubernetes: {place} has no text {wanted.key}",
            ) from None

    def _way(self) -> tuple[str, str, str | None, str]:
        """URL, token, CA and own namespace; read each time, as Kubernetes renews them."""
        if (api := self._api) is not None:
            ca = api.ca.read(self._base) if api.ca is not None else None
            return api.url, api.token.read(self._base), ca, api.namespace
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
        if not host or not port:
            raise ConfigError(["the gateway runs in no cluster; set gateway.kubernetes"])
        token, ca, namespace = (
            (_ACCOUNT / name).read_text().strip() for name in ("token", "ca.crt", "namespace")
        )
        return f"https://{f'[{host}]' if ':' in host else host}:{port}", token, ca, namespace
