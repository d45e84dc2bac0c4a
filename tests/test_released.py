"""Releasing schemas (support/released.py): what may change, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.released import AVRO, ReleaseRefused, breaks, records, release, versions


@pytest.fixture
def avro(tmp_path: Path) -> Path:
    """A copy of today's schemas, none of them released."""
    folder = tmp_path / "avro"
    folder.mkdir()
    for path in AVRO.glob("*.avsc"):
        shutil.copy(path, folder)
    return folder


def change(avro: Path, how: Callable[[dict[str, Any]], None], name: str = "SessionOpened") -> None:
    path = avro / f"{name}.avsc"
    document = json.loads(path.read_text())
    how(document)
    path.write_text(json.dumps(document))


def add(**field: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["fields"].insert(1, {"type": "string", **field})


def test_versions_follow_each_other(avro: Path) -> None:
    with pytest.raises(ReleaseRefused, match="the next version is 1"):
        release(2, avro)
    release(1, avro)
    assert versions(avro) == [1]
    assert records(avro / "released" / "1") == records(avro)
    release(1, avro)  # again, and nothing changed: nothing happens
    change(avro, add(name="region", default=""))
    with pytest.raises(ReleaseRefused, match="version 1 is released and never changes: release 2"):
        release(1, avro)
    release(2, avro)
    assert versions(avro) == [1, 2]
    assert records(avro / "released" / "1") != records(avro / "released" / "2")


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "gone": (lambda document: document["fields"].pop(1), "SessionOpened.principal: the field is gone"),
    "retyped": (
        lambda document: document["fields"][2].update(type="bytes"),
        "SessionOpened.protocol: the type changed",
    ),
    "no default": (add(name="region"), "SessionOpened.region: a new field needs a default"),
}


@pytest.mark.parametrize(("how", "words"), BREAKS.values(), ids=BREAKS)
def test_what_breaks_old_readers_or_events_is_refused(
    avro: Path, how: Callable[[dict[str, Any]], Any], words: str
) -> None:
    release(1, avro)
    change(avro, how)
    with pytest.raises(ReleaseRefused, match=words):
        release(2, avro)
    assert versions(avro) == [1]


def test_a_record_is_never_dropped(avro: Path) -> None:
    release(1, avro)
    (avro / "GrantIssued.avsc").unlink()
    with pytest.raises(ReleaseRefused, match="GrantIssued: the record is gone"):
        release(2, avro)


def test_a_default_is_never_dropped(avro: Path) -> None:
    change(avro, add(name="region", default=""))
    release(1, avro)
    change(avro, lambda document: document["fields"][1].pop("default"))
    assert list(breaks(records(avro / "released" / "1"), records(avro))) == [
        "SessionOpened.region: the default is gone"
    ]


def test_compatibility_is_with_every_version_not_the_last_alone(avro: Path) -> None:
    release(1, avro)
    change(avro, add(name="region", default=""))
    release(2, avro)
    change(avro, lambda document: document["fields"].pop(2))
    with pytest.raises(ReleaseRefused) as refused:
        release(3, avro)
    assert str(refused.value).splitlines() == [
        "version 1: SessionOpened.principal: the field is gone",
        "version 2: SessionOpened.principal: the field is gone",
    ]
