"""Runs clients' own test suites directly and through the gateway, and compares test by test.

`python -m clients.suites [NAME…]`, after `make client-suites`. Exit status 1 where a test ends otherwise
through the gateway and differences.yaml does not say why, or says so of one that does not.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.suites import environment
from clients.suites.outcomes import (
    Listed,
    Outcomes,
    counts,
    differences,
    read,
    steady,
    unexpected,
)
from clients.suites.suite import SUITES, Server, Suite, source
from ruamel.yaml import YAML
from support.builders import Document, Someone, configuration, postgres_resource, user
from support.gateway import running_gateway
from support.postgres import PASSWORD, Postgres, running_postgres

from infra.identity import hash_token

_HERE = Path(__file__).parent
# Of this name are the principal and the resource at the gateway, the superuser and the database behind it:
# suites have it built in.
_NAME = "postgres"
_TEST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Run:
    """How to run one suite."""

    suite: Suite
    python: Path
    source: Path

    def outcomes(self, server: Server, log: Path, tests: Sequence[str] = ()) -> Outcomes:
        """Runs the suite, or these tests of it. `log`: gets what pytest prints."""
        with tempfile.TemporaryDirectory(prefix="countersign-suite-") as name:
            # A copy of the tests alone, so that the client is imported as it is installed.
            copy = Path(name) / "source"
            shutil.copytree(self.source, copy, ignore=shutil.ignore_patterns(".git"))
            shutil.rmtree(copy / self.suite.name, ignore_errors=True)
            written = Path(name) / "outcomes"
            argv = ["-m", "pytest", "-q", "-p", "outcomes_plugin"]
            argv += ["--timeout", str(_TEST_SECONDS), *self.suite.arguments(server)]
            with log.open("w") as output:
                subprocess.run(
                    [self.python, *argv, *self.suite.paths],
                    cwd=copy,
                    env=self._environment(server, written, tests),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,  # tests fail directly, too
                )
            return read(written.read_text().splitlines()) if written.exists() else {}

    def _environment(self, server: Server, written: Path, tests: Sequence[str]) -> dict[str, str]:
        chosen = written.with_name("chosen")
        chosen.write_text("\n".join(tests))
        return {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "HOME": str(written.parent),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": str(_HERE),
            "COUNTERSIGN_OUTCOMES": str(written),
            "COUNTERSIGN_TESTS": str(chosen) if tests else "",
            **self.suite.environment(server),
        }


def main(chosen: Sequence[str]) -> int:
    """0 when each suite of these names, or every suite, ends as differences.yaml says."""
    python = environment.python()
    sources = environment.sources(python)
    listed = YAML(typ="safe").load((_HERE / "differences.yaml").read_text())
    problems: list[str] = []
    for suite in SUITES:
        if chosen and suite.name not in chosen:
            continue
        folder = source(suite, sources)
        if folder is None:
            print(f"{suite.name}: not run: no registry has its tests; name a checkout by {suite.checkout}")
            continue
        entry = listed[suite.name]
        problems += compare(Run(suite, python, folder), Listed(entry["always"], entry["sometimes"]))
    return 1 if problems else 0


def compare(run: Run, listed: Listed) -> list[str]:
    """Runs one suite both ways, prints what came of it, and gives what is not as listed."""
    logs = Path(tempfile.mkdtemp(prefix=f"countersign-{run.suite.name}-"))
    with direct(run.suite) as straight, through_gateway(run.suite, logs) as gateway:
        with ThreadPoolExecutor() as both:
            without = both.submit(run.outcomes, straight, logs / "direct.log")
            with_us = run.outcomes(gateway, logs / "gateway.log")
            alone = without.result()
        found = differences(alone, with_us)
        if found:  # a second look: some tests are unsteady by themselves
            tests = sorted({difference.test for difference in found})
            again = differences(
                run.outcomes(straight, logs / "direct-again.log", tests),
                run.outcomes(gateway, logs / "gateway-again.log", tests),
            )
            found = steady(found, again)
    print(f"\n{run.suite.name}   (pytest's output: {logs})")
    print(f"  directly             {counts(alone)}")
    print(f"  through the gateway  {counts(with_us)}")
    for difference in found:
        print(f"  {difference.test}: {difference.direct} directly, {difference.gateway} through the gateway")
        if reason := listed.reason(difference.test):
            print(f"      {reason}")
    problems = unexpected(found, listed)
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    if not alone or "passed" not in alone.values():
        problems.append("no test passed directly")
        print(f"  {problems[-1]}", file=sys.stderr)
    return problems


@contextmanager
def prepared(suite: Suite) -> Iterator[Postgres]:
    """A PostgreSQL of the suite's own, with what it asks for."""
    with running_postgres() as postgres:
        postgres.execute(f"alter role {_NAME} password '{PASSWORD}'; {suite.setup}", _NAME)
        yield postgres


@contextmanager
def direct(suite: Suite) -> Iterator[Server]:
    with prepared(suite) as postgres:
        yield Server(postgres.host, postgres.port, _NAME, PASSWORD, _NAME)


@contextmanager
def through_gateway(suite: Suite, folder: Path) -> Iterator[Server]:
    """A gateway that allows everything, before a PostgreSQL of its own."""
    with (
        prepared(suite) as postgres,
        running_gateway(folder, lambda listen: allow_all(postgres, suite, listen)) as gateway,
    ):
        host, _, port = gateway.listen["postgres"].rpartition(":")
        yield Server(host, int(port), _NAME, PASSWORD, _NAME)


def allow_all(postgres: Postgres, suite: Suite, listen: Mapping[str, str]) -> Document:
    credentials = {"user": _NAME, "password": {"file": "app.password"}}
    document = configuration(
        listen=listen,
        users=(),
        resources=[
            postgres_resource(name, postgres, name, credentials=credentials, recording="metadata")
            for name in (_NAME, *suite.databases)
        ],
        policies=[{"name": "everything", "when": {}, "verdict": "allow"}],
        gateway={"auditors": []},
    )
    someone = Someone(_NAME, "person", ())
    document["identity"]["users"] = [user(someone, token_hash=hash_token(PASSWORD))]
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
