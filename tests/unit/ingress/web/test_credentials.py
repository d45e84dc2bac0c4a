"""What the gateway puts into requests for an API: read for each, and again after the API refused it."""

from pathlib import Path
from typing import Any

import pytest
from support.json_server import Answer, running_json_server

from infra.config.gateway import KubernetesApi
from infra.config.resources import HttpCredentials
from infra.credentials import Secrets
from infra.credentials.kubernetes import KubernetesSecrets
from ingress.web.credentials import Stored


def stored(folder: Path, **credentials: Any) -> Stored:
    secrets = Secrets(folder, None, KubernetesSecrets(None, folder))
    return Stored(HttpCredentials.model_validate(credentials), secrets)


@pytest.mark.parametrize(
    ("credentials", "field", "sets_authorization"),
    [
        ({"bearer": {"file": "token"}}, (b"authorization", b"Bearer s3cret"), True),
        (
            {"basic": {"user": "me", "password": {"file": "token"}}},
            (b"authorization", b"Basic bWU6czNjcmV0"),
            True,
        ),
        ({"header": {"name": "X-Api-Key", "value": {"file": "token"}}}, (b"x-api-key", b"s3cret"), False),
        (
            {"header": {"name": "Authorization", "value": {"file": "token"}}},
            (b"authorization", b"s3cret"),
            True,
        ),
    ],
)
async def test_every_form(
    tmp_path: Path, credentials: dict[str, Any], field: tuple[bytes, bytes], sets_authorization: bool
) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    credential = stored(tmp_path, **credentials)
    granted = await credential.current()
    assert granted.fields == (field,)
    assert b"s3cret" in granted.secrets
    assert credential.sets_authorization is sets_authorization


async def test_a_file_that_changed_counts_for_the_next_request(tmp_path: Path) -> None:
    credential = stored(tmp_path, bearer={"file": "token"})
    for token in ("first", "second"):
        (tmp_path / "token").write_text(token)
        assert (await credential.current()).fields == ((b"authorization", f"Bearer {token}".encode()),)


async def test_a_store_is_asked_again_once_the_api_refused_what_it_said(tmp_path: Path) -> None:
    values = ["Zmlyc3Q=", "c2Vjb25k"]  # first, second
    asked: list[str] = []

    def answer(method: str, path: str, headers: Any, body: Any) -> Answer:
        asked.append(path)
        return 200, {"data": {"token": values[len(asked) - 1]}}

    (tmp_path / "account").write_text("the-token")
    with running_json_server(answer) as url:
        api = KubernetesApi.model_validate({"url": url, "token": {"file": "account"}})
        secrets = Secrets(tmp_path, None, KubernetesSecrets(api, tmp_path))
        wanted = {"bearer": {"kubernetes": {"name": "billing", "key": "token"}}}
        credential = Stored(HttpCredentials.model_validate(wanted), secrets)
        for expected in (b"Bearer first", b"Bearer first"):
            assert (await credential.current()).fields[0][1] == expected
        credential.forget()
        for expected in (b"Bearer second", b"Bearer second"):
            assert (await credential.current()).fields[0][1] == expected
    assert len(asked) == 2
