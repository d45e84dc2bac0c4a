import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from infra.logs import LEVEL, configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.root
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_role_and_time() -> None:
    stream = io.StringIO()
    configure_logging("ingress", stream)
    structlog.get_logger().info("session_opened", session="s-1")
    (line,) = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "session_opened", "session": "s-1", "role": "ingress", "level": "info"}


def test_the_standard_library_goes_the_same_way() -> None:
    stream = io.StringIO()
    configure_logging("api", stream)
    logging.getLogger("somebody").warning("heard %s", "this")
    (line,) = _lines(stream)
    assert (line["event"], line["level"], line["role"]) == ("heard this", "warning", "api")


def test_libraries_that_say_much_are_heard_from_warnings_on() -> None:
    stream = io.StringIO()
    configure_logging("processors", stream)
    for library in ("aiokafka.conn", "faust.worker", "mode.signals"):
        logging.getLogger(library).info("chatter")
        logging.getLogger(library).warning("trouble")
    assert [line["event"] for line in _lines(stream)] == ["trouble"] * 3


def test_a_key_that_would_hold_a_secret_is_blanked() -> None:
    stream = io.StringIO()
    configure_logging("api", stream)
    structlog.get_logger().info("signed_in", user_token="tok-1234567", Password="pw-1234567", name="dana")
    assert "1234567" not in stream.getvalue()
    assert _lines(stream)[0]["name"] == "dana"


def test_a_traceback_shows_where_and_no_values() -> None:
    stream = io.StringIO()
    configure_logging("api", stream)
    row = "value-of-a-row"
    try:
        try:
            raise ExceptionGroup("both", [ValueError(f"cannot encode {row}"), OSError(28, "No space left")])
        except ExceptionGroup as error:
            raise RuntimeError(f"not written: {row}") from error
    except RuntimeError:
        structlog.get_logger().exception("query_failed")
    told = _lines(stream)[0]["exception"]
    assert "test_a_traceback_shows_where_and_no_values" in told
    for words in ("ValueError", "OSError: No space left", "ExceptionGroup", "RuntimeError"):
        assert words in told
    assert row not in stream.getvalue()


@pytest.mark.parametrize(("level", "heard"), [("debug", 3), ("info", 2), ("warning", 1), ("ERROR", 0)])
def test_the_level_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, level: str, heard: int
) -> None:
    monkeypatch.setenv(LEVEL, level)
    stream = io.StringIO()
    configure_logging("api", stream)
    log = structlog.get_logger()
    log.debug("a")
    log.info("b")
    log.warning("c")
    assert len(_lines(stream)) == heard


def test_a_level_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LEVEL, "loud")
    with pytest.raises(ValueError, match="COUNTERSIGN_LOG: expected one of debug, info"):
        configure_logging("api", io.StringIO())
