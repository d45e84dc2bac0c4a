"""The sample PostgreSQL of the demo, from its wheel."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import pytest
from support.processes import free_port

from infra.demo import postgres as module
from infra.demo.postgres import DATABASE, HOST, USER, SamplePostgres
from infra.supervisor import PartFailed
from processors.masking.detectors import is_card_number

_PASSWORD = "open-sesame-42"


def _sample(folder: Path, port: int | None = None) -> SamplePostgres:
    return SamplePostgres(
        folder / "postgres", port or free_port(), _PASSWORD, folder / "log" / "postgres.log"
    )


async def _fetch(sample: SamplePostgres, sql: str, password: str = _PASSWORD) -> list[Any]:
    connection = await asyncpg.connect(
        host=HOST, port=sample.port, user=USER, password=password, database=DATABASE, ssl=False
    )
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def test_it_holds_the_sample_and_keeps_what_is_changed(tmp_path: Path) -> None:
    sample = _sample(tmp_path)
    await sample.start()
    try:
        ((customers, orders),) = await _fetch(
            sample, "select (select count(*) from customers), (select count(*) from orders)"
        )
        assert (customers, orders) == (240, 400)
        await _fetch(sample, "update orders set status = 'paid' where id = 7")
        await sample.stop()
        await sample.start()
        assert (await _fetch(sample, "select status from orders where id = 7"))[0][0] == "paid"
    finally:
        await sample.stop()
    assert not (tmp_path / "postgres" / "initial-password").exists()


async def test_its_card_numbers_are_card_numbers(tmp_path: Path) -> None:
    """They pass the Luhn check, so that detectors find them."""
    sample = _sample(tmp_path)
    await sample.start()
    try:
        for (card,) in await _fetch(sample, "select card from customers union select number from cards"):
            assert is_card_number(card.encode()), card
    finally:
        await sample.stop()


async def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    sample = _sample(tmp_path)
    await sample.start()
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _fetch(sample, "select 1", password="another")
    finally:
        await sample.stop()


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    first = _sample(tmp_path / "first")
    await first.start()
    try:
        with pytest.raises(PartFailed, match="the sample PostgreSQL ended with status 1") as raised:
            await _sample(tmp_path / "second", first.port).start()
        assert "Address already in use" in str(raised.value)
    finally:
        await first.stop()


async def test_an_end_of_its_own_is_told(tmp_path: Path) -> None:
    sample = _sample(tmp_path)
    await sample.start()
    sample.kill()
    assert "received immediate shutdown request" in await sample.ended()
    await sample.start()  # and it recovers
    await sample.stop()


async def test_root_without_user_namespaces_becomes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def succeeds(command: list[str]) -> bool:
        return command[0] != "unshare" and await really(command)

    really = module._succeeds
    monkeypatch.setattr(module, "_succeeds", succeeds)
    with TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # as a checkout is, and pytest's folders are not
        sample = _sample(Path(name))
        await sample.start()
        try:
            assert (await _fetch(sample, "select 1"))[0][0] == 1
        finally:
            await sample.stop()
