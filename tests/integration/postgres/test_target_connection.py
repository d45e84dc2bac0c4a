"""Signing in to a real PostgreSQL in every way it offers, and being refused in every way it should be."""

from pathlib import Path

import pytest
from support.postgres import PASSWORD, Postgres
from support.wait import eventually

from infra.config import PostgresResource
from infra.credentials import Account
from ingress.errors import TargetError
from ingress.postgres.messages import make
from ingress.postgres.target_connection import TargetRefused, cancel, leave, open_target


def as_user(user: str, password: str = PASSWORD) -> Account:
    return Account(user, password)


def a_resource(postgres: Postgres, folder: Path, user: str, **more: object) -> PostgresResource:
    return PostgresResource.model_validate(
        {
            "name": "sample",
            "protocol": "postgres",
            "address": postgres.address,
            "credentials": {"user": user},
            "ca": {"file": str(postgres.ca)},
            **more,
        }
    )


@pytest.mark.parametrize("tls", ["verify-full", "require", "disable"])
@pytest.mark.parametrize("user", ["app", "app_md5", "app_clear"])
async def test_every_way_of_signing_in(postgres: Postgres, tmp_path: Path, user: str, tls: str) -> None:
    resource = a_resource(postgres, tmp_path, user, tls=tls)
    if (user, tls) == ("app_clear", "disable"):
        with pytest.raises(TargetError, match="in clear text"):
            await open_target(resource, tmp_path, {"database": "sample"}, as_user(user))
        return
    target = await open_target(resource, tmp_path, {"database": "sample"}, as_user(user))
    assert target.parameters["server_encoding"] == "UTF8"
    assert target.key[0] > 0
    leave(target.channel)


async def test_a_wrong_password_is_the_gateways_fault_and_names_no_secret(
    postgres: Postgres, tmp_path: Path
) -> None:
    resource = a_resource(postgres, tmp_path, "app")
    with pytest.raises(TargetRefused) as caught:
        await open_target(resource, tmp_path, {"database": "sample"}, as_user("app", "wrong-password"))
    assert "wrong-password" not in str(caught.value) + caught.value.reason
    assert "28P01" in caught.value.reason


async def test_verify_full_refuses_a_name_the_certificate_does_not_have(
    postgres: Postgres, tmp_path: Path
) -> None:
    resource = a_resource(postgres, tmp_path, "app", address=f"127.0.0.2:{postgres.port}")
    with pytest.raises(TargetError, match="TLS with the target failed"):
        await open_target(resource, tmp_path, {"database": "sample"}, as_user("app"))


async def test_a_target_that_is_down(postgres: Postgres, tmp_path: Path) -> None:
    resource = a_resource(postgres, tmp_path, "app", address="127.0.0.1:1")
    with pytest.raises(TargetError, match="cannot be reached"):
        await open_target(resource, tmp_path, {"database": "sample"}, as_user("app"))


async def test_a_cancel_request_stops_what_runs(postgres: Postgres, tmp_path: Path) -> None:
    resource = a_resource(postgres, tmp_path, "app")
    target = await open_target(resource, tmp_path, {"database": "sample"}, as_user("app"))
    target.channel.write([make(b"Q", b"select pg_sleep(60) as to_be_cancelled\0")])
    runs = "select 1 from pg_stat_activity where query = 'select pg_sleep(60) as to_be_cancelled'"
    await eventually(lambda: postgres.execute(runs) == "1")
    await cancel(resource, tmp_path, target.key)
    assert b"57014" in await target.channel.receive()
    leave(target.channel)
