"""HashiCorp Vault: values of its KV engine, and accounts of its database engine for one session each.

hvac waits for answers, so requests run in threads. Vault documentation: "KV secrets engine" (API, versions
1 and 2), "Database secrets engine (API)", "Lease, renew, and revoke".
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from infra.config import Config, ConfigError
from infra.config import gateway as settings
from infra.config.resources import VaultDatabase
from infra.config.values import VaultKey
from infra.credentials.account import Account
from infra.credentials.errors import CredentialUnavailable
from infra.credentials.leases import Asker

T = TypeVar("T")

_SECONDS = 10.0
_AT_ONCE = 8  # requests
_AWAY = "the gateway cannot reach the store of its credentials"
_NONE = "the store of its credentials has none for it"


class Vault:
    """One Vault, signed in to when it is first asked. `base`: the configuration's folder."""

    def __init__(self, configured: settings.Vault, base: Path) -> None:
        import hvac  # takes 200 ms, and only those who have a Vault want it
        import requests

        session = requests.Session()
        session.trust_env = False  # nothing of this machine's: no proxy, no .netrc
        verify = session.verify = str(base / configured.ca) if configured.ca is not None else True
        # Without "" it would look for a token of its own in the environment and in the home folder.
        self._client = hvac.Client(
            url=configured.url,
            token="",
            verify=verify,
            timeout=_SECONDS,
            allow_redirects=False,  # the token goes where it was meant to go
            session=session,
            namespace=configured.namespace,
        )
        self._auth = configured.auth
        self._base = base
        # Its own: with a Vault that hangs, whatever else waits in threads (names being looked up) goes on.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "vault")
        self._lock = threading.Lock()  # one signs in, the others wait
        self._renew_at = 0.0  # monotonic; when the gateway's own token has lived half its life

    async def read(self, wanted: VaultKey) -> str:
        """A value of a KV engine. Raises CredentialUnavailable."""

        def ask() -> Any:
            kv = self._client.secrets.kv
            if wanted.version == 1:
                return kv.v1.read_secret(wanted.path, mount_point=wanted.mount)["data"].get(wanted.key)
            answer = kv.v2.read_secret_version(
                wanted.path, mount_point=wanted.mount, raise_on_deleted_version=True
            )
            return answer["data"]["data"].get(wanted.key)

        value = await self._request(ask, f"{wanted.mount}/{wanted.path}")
        if not isinstance(value, str):
            raise CredentialUnavailable(
                _NONE, f"Vault: {wanted.mount}/{wanted.path} has no text under the key {wanted.key}"
            )
        return value.strip()

    async def make_account(self, wanted: VaultDatabase) -> Account:
        """An account of the database engine. Raises CredentialUnavailable."""

        def ask() -> Account:
            made = self._client.secrets.database.generate_credentials(wanted.role, mount_point=wanted.mount)
            return Account(made["data"]["username"], made["data"]["password"], made["lease_id"])

        return await self._request(ask, f"{wanted.mount}/creds/{wanted.role}")

    async def renew(self, account: Account, lifetime: float) -> None:
        """Raises CredentialUnavailable."""

        def ask() -> str:
            answer = self._client.sys.renew_lease(account.lease, increment=int(lifetime))
            return str(answer["lease_id"])  # a redirect, which is not followed, has none

        await self._request(ask, account.lease)

    async def revoke(self, account: Account) -> None:
        """Raises CredentialUnavailable."""
        await self._request(lambda: self._client.sys.revoke_lease(account.lease), account.lease)

    async def _request(self, ask: Callable[[], T], place: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, ask, place)

    def _ask(self, ask: Callable[[], T], place: str) -> T:
        from hvac import exceptions as refusals
        from requests import RequestException

        try:
            self._sign_in(anew=False)
            try:
                return ask()
            except (refusals.Forbidden, refusals.Unauthorized):
                # Leases end with the token they were made by: a good one is not given up for another.
                if self._is_good():
                    raise
                self._sign_in(anew=True)
                return ask()
        except ConfigError as error:
            raise CredentialUnavailable(_AWAY, f"Vault: {error}") from error
        except (
            refusals.Forbidden,
            refusals.Unauthorized,
            refusals.InvalidPath,
            refusals.InvalidRequest,
        ) as error:
            # Its text may quote what was asked for, so that only its kind is told.
            raise CredentialUnavailable(
                _NONE,
                f"Vault: {place}: {type(error).__name__}; see the path, and the policy of its token",
            ) from None
        except (refusals.VaultError, RequestException, KeyError, TypeError, ValueError) as error:
            raise CredentialUnavailable(_AWAY, f"Vault: {place}: {type(error).__name__}") from None

    def _sign_in(self, *, anew: bool) -> None:
        """Has a token that is good: the one it has, renewed, while that is possible."""
        with self._lock:
            if not anew and self._client.token and time.monotonic() < self._renew_at:
                return
            if not anew and self._client.token and self._renewed():
                return
            auth = self._auth
            if auth.token is not None:
                self._client.token = auth.token.read(self._base)
                self._renew_at = time.monotonic() + _SECONDS
                return
            if auth.approle is not None:
                answer = self._client.auth.approle.login(
                    auth.approle.role_id,
                    auth.approle.secret_id.read(self._base),
                    use_token=False,
                    mount_point=auth.approle.mount,
                )
            else:
                assert auth.kubernetes is not None
                answer = self._client.auth.kubernetes.login(
                    auth.kubernetes.role,
                    _read_token(self._base / auth.kubernetes.token),
                    use_token=False,
                    mount_point=auth.kubernetes.mount,
                )
            self._client.token = answer["auth"]["client_token"]
            self._good_for(answer["auth"].get("lease_duration") or 0)

    def _renewed(self) -> bool:
        from hvac.exceptions import VaultError

        try:
            answer = self._client.auth.token.renew_self()
        except VaultError:  # it may not be renewed, or not any longer
            return False
        self._good_for(answer["auth"].get("lease_duration") or 0)
        return True

    def _is_good(self) -> bool:
        from hvac.exceptions import Forbidden, Unauthorized

        try:
            self._client.auth.token.lookup_self()
        except (Forbidden, Unauthorized):
            return False
        return True

    def _good_for(self, seconds: int) -> None:
        # Vault: a duration of 0 is that of a token that never expires.
        self._renew_at = time.monotonic() + (seconds / 2 if seconds else 3600.0)


class VaultAccounts:
    """Makes accounts of the database engine for sessions (leases.Maker)."""

    def __init__(self, vault: Vault, wanted: VaultDatabase) -> None:
        self._vault = vault
        self._wanted = wanted

    async def make(self, asker: Asker, lifetime: float) -> Account:
        return await self._vault.make_account(self._wanted)

    async def used(self, credential: Account, lifetime: float) -> None:
        """Vault's own: whoever had it could use it until its lease ends."""

    async def renew(self, credentials: list[Account], lifetime: float) -> None:
        failed: CredentialUnavailable | None = None
        for account in credentials:
            try:
                await self._vault.renew(account, lifetime)
            except CredentialUnavailable as error:  # the others are renewed all the same
                failed = error
        if failed is not None:
            raise failed

    async def end(self, credential: Account) -> None:
        await self._vault.revoke(credential)

    async def sweep(self) -> None:
        """Vault ends leases that nobody renews."""


def vault_of(config: Config) -> Vault | None:
    """None where the configuration has none. Raises ConfigError."""
    return Vault(config.gateway.vault, config.base) if config.gateway.vault is not None else None


def _read_token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError([f"{path.name} cannot be read: {error.strerror}"]) from error
