"""Reads stored secrets when they are used, so that one that was rotated counts from the next use on."""

import asyncio
from pathlib import Path

from infra.config import Config, ConfigError, StoredSecret
from infra.credentials.errors import CredentialUnavailable
from infra.credentials.kubernetes import KubernetesSecrets
from infra.credentials.vault import Vault, vault_of

_KEPT = 30.0  # seconds for which a store is not asked again


class Secrets:
    """`base`: the configuration's folder; relative paths start there."""

    def __init__(self, base: Path, vault: Vault | None, kubernetes: KubernetesSecrets) -> None:
        self.vault = vault
        self._base = base
        self._kubernetes = kubernetes
        self._kept: dict[StoredSecret, tuple[float, str]] = {}

    async def read(self, secret: StoredSecret, *, fresh: bool = False) -> str:
        """The secret. `fresh`: as it is now, since the target refused the one before.

        Raises CredentialUnavailable where it is not where the configuration says.
        """
        if secret.vault is None and secret.kubernetes is None:
            try:
                return secret.local.read(self._base)
            except ConfigError as error:
                raise CredentialUnavailable("the gateway has no credential for it", str(error)) from error
        clock = asyncio.get_running_loop().time
        read_at, value = self._kept.get(secret, (float("-inf"), ""))
        if fresh or clock() - read_at > _KEPT:
            value = await self._ask(secret)
            self._kept[secret] = clock(), value
        return value

    async def _ask(self, secret: StoredSecret) -> str:
        if secret.vault is not None:
            assert self.vault is not None  # the configuration was checked
            return await self.vault.read(secret.vault)
        assert secret.kubernetes is not None
        return await self._kubernetes.read(secret.kubernetes)


def secrets_of(config: Config) -> Secrets:
    """Reads nothing yet. Raises ConfigError where the way to a store is not configured well."""
    return Secrets(config.base, vault_of(config), KubernetesSecrets(config.gateway.kubernetes, config.base))
