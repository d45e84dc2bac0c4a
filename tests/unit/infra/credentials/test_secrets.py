"""Stored secrets: read when they are used, kept for a moment, never in an error."""

from pathlib import Path
from typing import Any

import pytest
from support.json_server import Answer, running_json_server

from infra.config import StoredSecret
from infra.config.gateway import KubernetesApi
from infra.credentials import CredentialUnavailable, Secrets
from infra.credentials.kubernetes import KubernetesSecrets


def stored(**where: Any) -> StoredSecret:
    return StoredSecret.model_validate(where)


def secrets(folder: Path, api: KubernetesApi | None = None) -> Secrets:
    return Secrets(folder, None, KubernetesSecrets(api, folder))


async def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    found = secrets(tmp_path)
    for value in ("first", "second"):
        (tmp_path / "password").write_text(value + "\n")
        assert await found.read(stored(file="password")) == value


async def test_what_is_not_there_is_told_to_the_log_alone(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await secrets(tmp_path).read(stored(file="password"))
    assert str(caught.value) == "the gateway has no credential for it"
    assert caught.value.reason == "the secret file password cannot be read: No such file or directory"


async def test_a_store_is_asked_once_in_a_while_or_when_it_must_be_fresh(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: Any, body: Any) -> Answer:
        asked.append(path)
        return 200, {"data": {"password": "c2VjcmV0LTE=", "blob": "/w==", "typo": "%%"}}

    (tmp_path / "token").write_text("the-token")
    with running_json_server(answer) as url:
        api = KubernetesApi.model_validate({"url": url, "token": {"file": "token"}, "namespace": "own"})
        found = secrets(tmp_path, api)
        wanted = stored(kubernetes={"name": "app", "key": "password"})
        assert [await found.read(wanted) for _ in range(3)] == ["secret-1"] * 3
        assert asked == ["/api/v1/namespaces/own/secrets/app"]
        assert await found.read(wanted, fresh=True) == "secret-1"
        assert len(asked) == 2
        for key in ("blob", "typo", "missing"):
            with pytest.raises(CredentialUnavailable) as caught:
                await found.read(stored(kubernetes={"name": "app", "key": key, "namespace": "x"}))
            assert caught.value.reason == f"Kubernetes: secret x/app has no text {key}"
            assert caught.value.__cause__ is None


async def test_outside_of_a_cluster_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CredentialUnavailable) as caught:
        await secrets(tmp_path).read(stored(kubernetes={"name": "app", "key": "password"}))
    assert "set gateway.kubernetes" in caught.value.reason
