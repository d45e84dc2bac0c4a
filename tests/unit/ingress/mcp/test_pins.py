"""What is pinned, on disk."""

from pathlib import Path

import pytest

from ingress.mcp.pins import DamagedPins, PinStore

SAY = {"name": "say", "description": "Says it."}


async def test_every_process_sees_it(tmp_path: Path) -> None:
    one, other = PinStore(tmp_path), PinStore(tmp_path)
    assert other.of("shop") == {}
    await one.note("shop", [SAY])
    assert list(other.of("shop")) == ["say"]
    await other.note("shop", [{**SAY, "description": "Says more."}])
    assert one.of("shop")["say"].changed
    assert await one.accept("shop", ["say"]) == ["say"]
    assert not other.of("shop")["say"].changed
    assert await one.accept("shop", []) == []


async def test_a_damaged_file_is_no_empty_one(tmp_path: Path) -> None:
    store = PinStore(tmp_path)
    await store.note("shop", [SAY])
    (tmp_path / "mcp" / "shop.json").write_text("{")
    with pytest.raises(DamagedPins):
        PinStore(tmp_path).of("shop")
