"""As whom a cluster is asked."""

from pathlib import Path

import pytest

from infra.config.resources import KubernetesCredentials
from infra.credentials import Secrets
from infra.credentials.kubernetes import KubernetesSecrets
from ingress.errors import TargetError
from ingress.kubernetes.credentials import Credentials
from ingress.web.target_connection import Target
from schemas.vocabulary import Principal, PrincipalKind

AGENT = Principal("agent-7", PrincipalKind.AGENT, ("agents", "dba"))


def credentials(folder: Path, **more: object) -> Credentials:
    (folder / "token").write_text("the-token\n")
    configured = KubernetesCredentials.model_validate({"token": {"file": "token"}, **more})
    secrets = Secrets(folder, None, KubernetesSecrets(None, folder))
    return Credentials(configured, secrets, Target("https://127.0.0.1:1", None, None, folder))


async def test_as_the_gateway(tmp_path: Path) -> None:
    own = credentials(tmp_path)
    assert own.user(AGENT) == ""
    assert (await own.granted(AGENT)).fields == ((b"authorization", b"Bearer the-token"),)


async def test_as_the_principal(tmp_path: Path) -> None:
    acting = credentials(tmp_path, impersonate={})
    assert acting.user(AGENT) == "countersign:agent-7"
    assert (await acting.granted(AGENT)).fields == (
        (b"authorization", b"Bearer the-token"),
        (b"impersonate-user", b"countersign:agent-7"),
        (b"impersonate-group", b"countersign:agents"),
        (b"impersonate-group", b"countersign:dba"),
    )


@pytest.mark.parametrize("name", ["tem:masters", "über", "a\nb", "a "])
async def test_no_name_is_taken_for_another(tmp_path: Path, name: str) -> None:
    prefix = "sys" if name == "tem:masters" else "x:"
    acting = credentials(tmp_path, impersonate={"prefix": prefix})
    with pytest.raises(TargetError):
        await acting.granted(Principal(name, PrincipalKind.AGENT))
    with pytest.raises(TargetError):
        await acting.granted(Principal("agent-7", PrincipalKind.AGENT, (name,)))


def test_a_prefix_of_the_clusters_own_users_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="system:"):
        credentials(tmp_path, impersonate={"prefix": "system:"})


async def test_a_rotated_token_counts_from_the_next_request_on(tmp_path: Path) -> None:
    own = credentials(tmp_path)
    await own.granted(AGENT)
    (tmp_path / "token").write_text("another")
    assert (await own.granted(AGENT)).fields == ((b"authorization", b"Bearer another"),)
    (tmp_path / "token").unlink()
    with pytest.raises(TargetError, match="no credential"):
        await own.granted(AGENT)
