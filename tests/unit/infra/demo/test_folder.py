import socket
import stat
from pathlib import Path

import pytest

from api.cli.config import load_checked
from infra.config import ConfigError, PostgresResource
from infra.demo.folder import AGENT, AUDITOR, REVIEWER, open_folder
from infra.identity.users import Users


async def test_its_configuration_is_good_and_its_tokens_fit(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "demo")
    config = load_checked(folder.config)
    identities = Users(config.identity.users)
    for user in (AGENT, REVIEWER, AUDITOR):
        signed_in = await identities.authenticate(user, folder.token(user), "127.0.0.1")
        assert signed_in.principal.name == user
    (resource,) = config.resources
    assert isinstance(resource, PostgresResource)
    assert resource.address.port == folder.target_port
    assert resource.credentials.password is not None
    assert resource.credentials.password.local.read(config.base) == folder.target_password


def test_secrets_are_the_owners_alone(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "demo")
    for path in (folder.token_file(AGENT), folder.token_file(REVIEWER), folder.path / "app-password"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for secret in (folder.token(AGENT), folder.target_password):
        assert secret not in folder.config.read_text()


def test_it_stays_as_it_is(tmp_path: Path) -> None:
    first = open_folder(tmp_path / "demo")
    token = first.token(AGENT)
    first.config.write_text(first.config.read_text() + "# mine\n")
    again = open_folder(tmp_path / "demo")
    assert again.token(AGENT) == token
    assert again.target_port == first.target_port
    assert again.config.read_text().endswith("# mine\n")


def test_a_set_up_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "demo")
    (folder.path / "demo.json").unlink()
    load_checked(open_folder(tmp_path / "demo").config)


def test_a_port_that_is_taken_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        usual = {"api": port, "clickhouse": port, "postgres": port, "target": port}
        monkeypatch.setattr("infra.demo.folder._USUAL_PORTS", usual)
        folder = open_folder(tmp_path / "demo")
    listen = load_checked(folder.config).gateway.listen
    ports = {address.port for address in (listen.api, listen.clickhouse, listen.postgres) if address}
    assert len(ports | {folder.target_port}) == 4
    assert port not in ports | {folder.target_port}


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ConfigError, match="it holds something else; remove it, or name another"):
        open_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_damaged_one_is_said(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "demo")
    (folder.path / "demo.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot be used for the demo"):
        open_folder(tmp_path / "demo")
