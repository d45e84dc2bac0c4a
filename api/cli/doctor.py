"""`countersign doctor`: can the gateway be walked around, and does it keep what it holds?"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.config import DEFAULT, ConfigOption, load_config
from api.visible import visible
from infra.clock import now
from infra.config import Config, HttpResource, KubernetesResource, PostgresResource, Resource, SshResource
from infra.findings import Finding, State

if TYPE_CHECKING:
    from infra.credentials import Secrets
    from ingress.postgres.accounts import Accounts

app = typer.Typer(add_completion=False)

_SIGNS = {State.OK: "ok   ", State.WRONG: "WRONG", State.UNKNOWN: "?    "}


@app.command()
def doctor(
    from_client: Annotated[
        bool,
        typer.Option(
            "--from-client", help="Run where clients are: see that no target can be reached from here."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Looks whether targets let anybody in past the gateway, whether the ways to them are verified, and
    whether keys and secrets lie open. Says what to do, and exits with 1 when something is wrong."""
    loaded = load_config(config)
    findings = asyncio.run(_from_client(loaded)) if from_client else _from_gateway(loaded, config)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        print("\n".join(lines(findings)))
    if any(finding.state is State.WRONG for finding in findings):
        raise typer.Exit(1)


def lines(findings: list[Finding]) -> Iterator[str]:
    """What is wrong comes last, where one looks."""
    width = max((len(finding.subject) for finding in findings), default=0)
    for state in (State.OK, State.UNKNOWN, State.WRONG):
        for finding in findings:
            if finding.state is not state:
                continue
            yield visible(f"{_SIGNS[state]}  {finding.subject.ljust(width)}  {finding.said}")
            if finding.fix:
                yield visible(f"{' ' * (width + 9)}{finding.fix}")
    wrong = sum(finding.state is State.WRONG for finding in findings)
    unknown = sum(finding.state is State.UNKNOWN for finding in findings)
    yield f"{len(findings)} checks: {wrong} wrong, {unknown} could not be made"


def _from_gateway(config: Config, path: Path) -> list[Finding]:
    from infra.exposure import check, check_ways, observe

    own = check(observe(config, path.resolve()))
    return [*own, *check_ways(config.gateway), *asyncio.run(_of_targets(config))]


async def _of_targets(config: Config) -> list[Finding]:
    # Here, not above: the protocols take time that `--help` need not spend.
    from infra.credentials import secrets_of
    from ingress.postgres.accounts import Accounts

    secrets = secrets_of(config)
    accounts = Accounts(config, secrets)
    try:
        return [
            one
            for resource in config.resources
            for one in await _examined(resource, config, secrets, accounts)
        ]
    finally:
        await accounts.stop()


async def _examined(
    resource: Resource, config: Config, secrets: "Secrets", accounts: "Accounts"
) -> list[Finding]:
    import ingress.postgres.doors as of_postgres
    import ingress.ssh.doors as of_ssh
    import ingress.web.doors as of_web
    from ingress.http.apis import read_description
    from ingress.ssh.certificates import certificates_of

    match resource:
        case PostgresResource():
            return list(of_postgres.check(await of_postgres.observe(resource, accounts)))
        case SshResource():
            certificates = certificates_of(config.state, now)
            return list(of_ssh.check(await of_ssh.observe(resource, secrets, certificates)))
        case HttpResource():
            document = resource.openapi and read_description(config.base / resource.openapi)
            paths = list(document.plain_reads()) if document else ["/"]
            return list(of_web.check(await of_web.observe(resource, config.base, paths)))
        case KubernetesResource():
            return list(of_web.check(await of_web.observe(resource, config.base, of_web.CLUSTER_PATHS)))


async def _from_client(config: Config) -> list[Finding]:
    import ingress.postgres.doors as of_postgres
    import ingress.ssh.doors as of_ssh
    import ingress.web.doors as of_web

    findings: list[Finding] = []
    for resource in config.resources:
        name = resource.name
        match resource:
            case PostgresResource():
                said = await of_postgres.observe_as_client(resource, config.base)
                findings.append(of_postgres.check_as_client(name, said))
            case SshResource():
                findings.append(of_ssh.check_as_client(name, await of_ssh.observe_as_client(resource)))
            case HttpResource() | KubernetesResource():
                findings.append(of_web.check_as_client(name, await of_web.observe_as_client(resource)))
    return findings
