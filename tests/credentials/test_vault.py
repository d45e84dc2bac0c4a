"""What the gateway asks a Vault: of ours, and of a real one where VAULT_ADDR and VAULT_TOKEN name one.

A real one needs the KV engine (version 2) at `secret`; what needs its database engine is for ours alone.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import hvac
import pytest
from support.vault import FakeVault, running_vault

from infra.config import gateway as settings
from infra.config.resources import VaultDatabase
from infra.config.values import VaultKey
from infra.credentials import Account, CredentialUnavailable
from infra.credentials.vault import Vault

_REAL = (os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN"))


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeVault]:
    with running_vault() as running:
        yield running


@pytest.fixture(params=["ours", "real"] if all(_REAL) else ["ours"])
def way(request: pytest.FixtureRequest, fake: FakeVault) -> tuple[str, str]:
    """URL and a token that may write."""
    return (str(_REAL[0]), str(_REAL[1])) if request.param == "real" else (fake.url, fake.root)


def by_token(url: str, token: str, folder: Path) -> Vault:
    (folder / "token").write_text(token)
    auth = settings.VaultAuth.model_validate({"token": {"file": "token"}})
    return Vault(settings.Vault(url=url, auth=auth), folder)


def by_approle(fake: FakeVault, folder: Path) -> Vault:
    (folder / "secret").write_text(fake.secret_id)
    auth = {"approle": {"role_id": fake.role_id, "secret_id": {"file": "secret"}}}
    return Vault(settings.Vault(url=fake.url, auth=settings.VaultAuth.model_validate(auth)), folder)


async def test_a_value_is_read_and_read_again(way: tuple[str, str], tmp_path: Path) -> None:
    url, token = way
    writer = hvac.Client(url=url, token=token)
    vault = by_token(url, token, tmp_path)
    for value in ("first", "second"):
        writer.secrets.kv.v2.create_or_update_secret("countersign-test", {"password": value})
        assert await vault.read(VaultKey(path="countersign-test", key="password")) == value
    with pytest.raises(CredentialUnavailable) as caught:
        await vault.read(VaultKey(path="countersign-test", key="other"))
    assert "no text under the key other" in caught.value.reason
    assert "second" not in caught.value.reason


async def test_what_is_not_there_and_what_it_may_not_read(way: tuple[str, str], tmp_path: Path) -> None:
    url, token = way
    with pytest.raises(CredentialUnavailable) as caught:
        await by_token(url, token, tmp_path).read(VaultKey(path="nowhere", key="password"))
    assert str(caught.value) == "the store of its credentials has none for it"
    assert "InvalidPath" in caught.value.reason
    with pytest.raises(CredentialUnavailable) as refused:
        await by_token(url, "hvs.not-a-token", tmp_path).read(VaultKey(path="nowhere", key="password"))
    assert "Forbidden" in refused.value.reason
    assert "hvs.not-a-token" not in refused.value.reason


async def test_an_account_is_made_renewed_and_revoked(fake: FakeVault, tmp_path: Path) -> None:
    vault = by_approle(fake, tmp_path)
    account = await vault.make_account(VaultDatabase(role="reader"))
    assert account.user.startswith("v-reader-")
    assert str(account.password) not in repr(account)
    await vault.renew(account, 180.0)
    assert fake.renewed == [account.lease]
    await vault.revoke(account)
    assert account.lease not in fake.leases
    with pytest.raises(CredentialUnavailable):
        await vault.renew(account, 180.0)
    with pytest.raises(CredentialUnavailable):
        await vault.renew(Account("nobody", None, "no/lease"), 180.0)


async def test_its_own_token_is_renewed_before_it_ends(fake: FakeVault, tmp_path: Path) -> None:
    """Leases end with the token they were made by."""
    fake.values["one"] = {"key": "value"}
    vault = by_approle(fake, tmp_path)
    fake.seconds = 1
    try:
        await vault.read(VaultKey(path="one", key="key"))
        held = dict(fake.tokens)
        vault._renew_at = 0.0  # half of its life is over
        await vault.read(VaultKey(path="one", key="key"))
    finally:
        fake.seconds = 3600
    assert fake.requests[-2:] == ["POST auth/token/renew-self", "GET secret/data/one"]
    assert held.keys() == fake.tokens.keys()


async def test_a_good_token_is_kept_though_its_policy_refuses_something(
    fake: FakeVault, tmp_path: Path
) -> None:
    vault = by_approle(fake, tmp_path)
    fake.values["one"] = {"key": "value"}
    await vault.read(VaultKey(path="one", key="key"))
    fake.requests.clear()
    with pytest.raises(CredentialUnavailable, match="has none for it"):
        await vault.read(VaultKey(mount="forbidden", path="one", key="key"))
    assert fake.requests == ["GET forbidden/data/one", "GET auth/token/lookup-self"]


async def test_a_vault_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await by_token("http://127.0.0.1:1", "hvs.token", tmp_path).read(VaultKey(path="one", key="key"))
    assert str(caught.value) == "the gateway cannot reach the store of its credentials"
    assert "ConnectionError" in caught.value.reason
