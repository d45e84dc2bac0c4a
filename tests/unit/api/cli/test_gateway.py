"""Where the gateway is, and what its answers mean for the exit code."""

from pathlib import Path

import httpx
import pytest
import typer

from api.cli.gateway import Exit, Place, checked, fail, find, reaching


def answer(status: int, document: object = None, media: str = "application/problem+json") -> httpx.Response:
    return httpx.Response(
        status,
        json=document,
        headers={"content-type": media},
        request=httpx.Request("GET", "http://gw/api/approvals"),
    )


PROBLEM = {"detail": "It is settled.\x1b[2J", "action": "Nothing is left."}


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, 1), (403, 1), (404, 1), (409, 1), (422, 1), (429, 1), (500, 1), (503, 3), (504, 1)],
)
def test_a_refusal_is_told_and_has_its_exit_code(
    status: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught:
        checked(answer(status, PROBLEM))

    assert caught.value.exit_code == code
    assert capsys.readouterr().err == "It is settled.<U+001B>[2J\nNothing is left.\n"


def test_what_is_no_gateway_is_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        checked(answer(404, "<html>", "text/html"))

    assert caught.value.exit_code == 1
    assert "is that the gateway?" in capsys.readouterr().err


def test_success_passes() -> None:
    assert checked(answer(200, [], "application/json")).json() == []


def test_the_token_is_not_shown() -> None:
    place = Place("http://gw", headers={"Authorization": "Bearer secret"})

    assert "secret" not in repr(place)


def test_the_environment_says_where_and_who(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTERSIGN_URL", "http://gw:8080/")
    monkeypatch.setenv("COUNTERSIGN_TOKEN", "dana:t0ken")

    place = find(None)

    assert place.url == "http://gw:8080"
    assert place.headers == {"Authorization": "Bearer dana:t0ken"}


@pytest.mark.parametrize("token", ["", "tök", "a\nb"])
def test_without_a_usable_token_nothing_is_asked(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", "http://gw:8080/")
    monkeypatch.setenv("COUNTERSIGN_TOKEN", token)

    with pytest.raises(typer.Exit) as caught:
        find(None)

    assert caught.value.exit_code == 2
    assert "COUNTERSIGN_TOKEN" in capsys.readouterr().err or token == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [(httpx.ConnectError("refused"), 3), (httpx.ReadTimeout(""), 3), (httpx.UnsupportedProtocol("x"), 2)],
)
def test_what_goes_wrong_on_the_way(error: Exception, code: int) -> None:
    with pytest.raises(typer.Exit) as caught, reaching(Place("http://gw")):
        raise error

    assert caught.value.exit_code == code


def test_messages_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        fail(Exit.REFUSED, "a\x1b[2Jb")

    assert capsys.readouterr().err == "a<U+001B>[2Jb\n"
