"""What a login leaves on the user's machine."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.reviews import NOW

from api.cli.credentials import Credentials, CredentialsExposed, Store, folder

URL = "https://gw.example.com"
ALICE = Credentials("alice", "access", NOW, "refresh")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credentials.json"


def test_they_are_kept_by_gateway_for_the_user_alone(path: Path) -> None:
    store = Store(path)
    assert store.get(URL) is None

    with store.alone():
        store.put(URL, ALICE)
        store.put("https://other.example.com", Credentials("bob", "b", NOW))

    assert Store(path).get(URL) == ALICE
    assert Store(path).urls() == [URL, "https://other.example.com"]
    assert path.stat().st_mode & 0o777 == 0o600
    store.put(URL, None)
    assert store.get(URL) is None
    assert store.urls() == ["https://other.example.com"]


def test_a_file_that_others_may_read_is_not_used(path: Path) -> None:
    Store(path).put(URL, ALICE)
    path.chmod(0o640)
    with pytest.raises(CredentialsExposed, match="chmod 600"):
        Store(path).get(URL)


def test_a_file_that_was_cut_short_means_signing_in_again(path: Path) -> None:
    path.write_text(json.dumps({URL: {}})[:5])
    path.chmod(0o600)
    assert Store(path).get(URL) is None


def test_a_token_is_renewed_before_it_ends() -> None:
    assert ALICE.lasts(NOW - timedelta(seconds=61))
    assert not ALICE.lasts(NOW - timedelta(seconds=60))


def test_no_secret_is_shown() -> None:
    assert "access" not in repr(ALICE)
    assert "refresh" not in repr(ALICE)


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert folder() == tmp_path / "countersign"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == tmp_path / ".config" / "countersign"
