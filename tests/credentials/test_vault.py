"""What the gateway asks a Vault, of a real one."""

import time
from pathlib import Path

import pytest
from support.vault import RunningVault
from support.wait import eventually

from infra.config import gateway as settings
from infra.config.resources import VaultDatabase
from infra.config.values import VaultKey
from infra.credentials import Account, CredentialUnavailable
from infra.credentials.vault import Vault


def by_token(url: str, token: str, folder: Path) -> Vault:
    (folder / "token").write_text(token)
    auth = settings.VaultAuth.model_validate({"token": {"file": "token"}})
    return Vault(settings.Vault(url=url, auth=auth), folder)


def by_approle(running: RunningVault, folder: Path) -> Vault:
    (folder / "secret").write_text(running.secret_id)
    auth = {"approle": {"role_id": running.role_id, "secret_id": {"file": "secret"}}}
    return Vault(settings.Vault(url=running.url, auth=settings.VaultAuth.model_validate(auth)), folder)


@pytest.mark.parametrize(("mount", "version"), [("secret", 2), ("old", 1)])
async def test_a_value_is_read_and_read_again(
    vault: RunningVault, tmp_path: Path, mount: str, version: int
) -> None:
    asks = by_approle(vault, tmp_path)

    def wanted(key: str) -> VaultKey:
        return VaultKey.model_validate({"path": "one", "key": key, "mount": mount, "version": version})

    for value in ("first", "second"):
        if version == 1:
            vault.client.secrets.kv.v1.create_or_update_secret("one", {"password": value}, mount_point=mount)
        else:
            vault.put("one", password=value)
        assert await asks.read(wanted("password")) == value
    with pytest.raises(CredentialUnavailable) as caught:
        await asks.read(wanted("other"))
    assert "no text under the key other" in caught.value.reason
    assert "second" not in caught.value.reason


async def test_what_is_not_there_and_what_it_may_not_read(vault: RunningVault, tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await by_token(vault.url, vault.root, tmp_path).read(VaultKey(path="nowhere", key="password"))
    assert str(caught.value) == "the store of its credentials has none for it"
    assert "InvalidPath" in caught.value.reason
    with pytest.raises(CredentialUnavailable) as refused:
        await by_token(vault.url, "hvs.not-a-token", tmp_path).read(VaultKey(path="nowhere", key="password"))
    assert "Forbidden" in refused.value.reason
    assert "hvs.not-a-token" not in refused.value.reason


async def test_a_value_of_a_deleted_version_is_none(vault: RunningVault, tmp_path: Path) -> None:
    vault.put("deleted", password="gone")
    vault.client.secrets.kv.v2.delete_latest_version_of_secret("deleted")
    with pytest.raises(CredentialUnavailable, match="has none for it"):
        await by_approle(vault, tmp_path).read(VaultKey(path="deleted", key="password"))


async def test_an_account_is_made_renewed_and_revoked(vault: RunningVault, tmp_path: Path) -> None:
    asks = by_approle(vault, tmp_path)
    account = await asks.make_account(VaultDatabase(role="reader"))
    assert account.user.startswith("v-approle-reader-")
    assert str(account.password) not in repr(account)
    before = _ends(vault, account)
    await asks.renew(account, 7200.0)
    assert _ends(vault, account) > before
    await asks.revoke(account)
    await eventually(lambda: account.lease.rpartition("/")[2] not in vault.leases(), what="its end")
    with pytest.raises(CredentialUnavailable):
        await asks.renew(account, 180.0)
    with pytest.raises(CredentialUnavailable):
        await asks.renew(Account("nobody", None, "no/lease"), 180.0)


def _ends(vault: RunningVault, account: Account) -> str:
    return str(vault.client.sys.read_lease(account.lease)["data"]["expire_time"])


async def test_its_own_token_is_renewed_before_it_ends(vault: RunningVault, tmp_path: Path) -> None:
    """Leases end with the token they were made by."""
    vault.put("one", key="value")
    asks, before = by_approle(vault, tmp_path), vault.tokens().keys()
    await asks.read(VaultKey(path="one", key="key"))
    (own,) = vault.tokens().keys() - before
    assert vault.tokens()[own].get("last_renewal") is None
    asks._renew_at = time.monotonic()  # half of its life is over
    await asks.read(VaultKey(path="one", key="key"))
    assert vault.tokens()[own]["last_renewal"] is not None
    assert vault.tokens().keys() - before == {own}


async def test_another_is_had_where_its_own_was_revoked(vault: RunningVault, tmp_path: Path) -> None:
    vault.put("one", key="value")
    asks, before = by_approle(vault, tmp_path), vault.tokens().keys()
    await asks.read(VaultKey(path="one", key="key"))
    (own,) = vault.tokens().keys() - before
    vault.client.auth.token.revoke_accessor(own)
    assert await asks.read(VaultKey(path="one", key="key")) == "value"
    assert own not in vault.tokens()


async def test_a_good_token_is_kept_though_its_policy_refuses_something(
    vault: RunningVault, tmp_path: Path
) -> None:
    vault.put("one", key="value")
    asks, before = by_approle(vault, tmp_path), vault.tokens().keys()
    await asks.read(VaultKey(path="one", key="key"))
    own = vault.tokens().keys() - before
    with pytest.raises(CredentialUnavailable, match="has none for it"):
        await asks.read(VaultKey(mount="forbidden", path="one", key="key"))
    assert vault.tokens().keys() - before == own


async def test_a_vault_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await by_token("http://127.0.0.1:1", "hvs.token", tmp_path).read(VaultKey(path="one", key="key"))
    assert str(caught.value) == "the gateway cannot reach the store of its credentials"
    assert "ConnectionError" in caught.value.reason
