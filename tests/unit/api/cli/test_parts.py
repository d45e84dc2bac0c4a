import stat
from pathlib import Path

from api.cli.config import load_config
from api.cli.parts import listeners, make_parts
from infra.config import Config
from infra.role import RoleProcess

_LISTEN = "listen: {api: '127.0.0.1:1', clickhouse: '127.0.0.1:2', postgres: '127.0.0.1:3'}"


def _config(folder: Path, gateway: str) -> tuple[Config, Path]:
    path = folder / "countersign.yaml"
    path.write_text(f"gateway: {{{gateway}}}\n")
    return load_config(path), path


def _names(folder: Path, gateway: str) -> list[str]:
    return [part.name for part in make_parts(*_config(folder, gateway), lambda sentence: None)]


def test_everything_runs_by_default_and_clients_come_last(tmp_path: Path) -> None:
    names = _names(tmp_path, _LISTEN)
    assert names == ["kafka", "clickhouse", "projections", "processors", "api", "ingress"]


def test_what_is_elsewhere_is_not_started(tmp_path: Path) -> None:
    external = "clickhouse: {url: 'https://ch:8443/countersign'}"
    assert "clickhouse" not in _names(tmp_path, f"{external}, {_LISTEN}")


def test_what_does_not_listen_is_not_started(tmp_path: Path) -> None:
    names = _names(tmp_path, "state: s")
    assert "api" not in names
    assert "ingress" not in names


def test_a_role_is_our_own_command_whatever_folder_it_starts_in(tmp_path: Path) -> None:
    config, path = _config(tmp_path, _LISTEN)
    role = make_parts(config, path, lambda sentence: None)[-1]
    assert isinstance(role, RoleProcess)
    assert role.command[1:] == ("-P", "-m", "api.cli", "ingress", "--config", str(path))


def test_the_state_folder_is_the_owners_alone(tmp_path: Path) -> None:
    config, path = _config(tmp_path, _LISTEN)
    make_parts(config, path, lambda sentence: None)
    assert stat.S_IMODE(config.state.stat().st_mode) == 0o700


def test_clients_are_told_where_to_go(tmp_path: Path) -> None:
    config, _ = _config(tmp_path, _LISTEN)
    assert dict(listeners(config)) == {
        "clickhouse": "http://127.0.0.1:2",
        "api": "http://127.0.0.1:1",
        "postgres": "127.0.0.1:3",
    }
