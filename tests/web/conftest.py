"""One gateway before a real PostgreSQL and a real sshd, and one browser, for all tests of the page."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from support.browser import running_browser
from support.builders import POLICIES, Document, configuration, usual_resources
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres
from support.sshd import Client, Sshd, running_sshd


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    with running_sshd() as running:
        yield running


@pytest.fixture(scope="session")
def gateway(postgres: Postgres, sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    orders, plain, *_ = usual_resources(postgres, postgres.copy_sample())
    orders = {**orders, "sensitive": {**orders["sensitive"], "shown_to": ["reviewers"]}}
    resources = [orders, plain, sshd.resource("web-1")]
    rules = [
        *(_granting(rule) for rule in POLICIES),
        {"name": "hosts are open", "when": {"resources": ["web-1"]}, "verdict": "allow"},
    ]
    with running_gateway(
        tmp_path_factory.mktemp("gateway"),
        lambda listen: configuration(
            listen=listen,
            resources=resources,
            policies=rules,
            gateway={"policies": {"published_by": ["reviewers"]}},
        ),
    ) as running:
        yield running


def _granting(rule: Document) -> Document:
    """The rule, which lets its reviewers grant."""
    if "review" not in rule:
        return rule
    return {
        **rule,
        "review": {**rule["review"], "grants": {"kinds": ["pattern", "session"], "longest": "1h"}},
    }


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as running:
        yield running


@pytest.fixture
def ssh(gateway: Gateway) -> Client:
    """agent-7's OpenSSH."""
    port = int(gateway.listen["ssh"].rpartition(":")[2])
    return Client(gateway.folder, gateway.folder / "state" / "ssh" / "known_hosts", port)
