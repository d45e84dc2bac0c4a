"""The configuration file: what is accepted, and that a mistake names file, line and what was expected."""

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from infra.amounts import Amounts, Rate
from infra.config import Address, Config, ConfigError, Names, PostgresResource, Secret, load, parse_address
from schemas.vocabulary import Fallback, Intent, PrincipalKind, Verdict

NAMES = Names(
    protocols=frozenset({"postgres"}),
    statements=frozenset({"select", "drop_table"}),
    masks=frozenset({"email", "full"}),
    detectors=frozenset({"iban"}),
)
HASH = "scrypt:16384:8:1:AA==:AA=="
WHOLE = f"""\
gateway:
  state: .countersign
  kafka: embedded
  clickhouse: embedded
  listen:
    api: 127.0.0.1:8080
    postgres: "[::1]:15432"
  tls: {{mode: auto}}
  auditors: [compliance]
identity:
  users:
    - {{name: agent-7, kind: agent, groups: [agents], token_hash: "{HASH}"}}
    - {{name: dana, kind: person, groups: [dba], token_hash: "{HASH}"}}
resources:
  - name: orders
    protocol: postgres
    address: db.internal:5432
    database: orders
    labels: {{env: prod}}
    credentials: {{user: app, password: {{env: ORDERS_PASSWORD}}}}
    sensitive:
      columns: {{"public.customers.email": email, "*.*.ssn": full}}
      detect: [iban]
    recording: preview
policies:
  - name: agents read freely
    when: {{groups: [agents], intents: [read, session]}}
    verdict: allow
    limits: {{rows: 10000, time: 30s}}
  - name: changes need a DBA
    when: {{labels: {{env: prod}}, intents: [write]}}
    verdict: review
    review: {{reviewers: [dba], approvals: 2, timeout: 10m, on_timeout: deny, valid_for: 5m}}
  - name: nobody drops
    when: {{statements: [drop_table]}}
    verdict: deny
    message: "No."
"""


def loaded(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "countersign.yaml"
    path.write_text(text)
    return load(path, NAMES)


def problems(tmp_path: Path, text: str) -> list[str]:
    """The problems of a file, without its folder."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    return [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    config = loaded(tmp_path, WHOLE)
    assert config.base == tmp_path
    assert config.state == tmp_path / ".countersign"
    assert config.gateway.listen.postgres == Address("::1", 15432)
    assert config.gateway.listen.mysql is None
    assert config.api_url == "http://127.0.0.1:8080"
    assert [user.principal.kind for user in config.identity.users] == [
        PrincipalKind.AGENT,
        PrincipalKind.PERSON,
    ]
    resource = config.resource("orders")
    assert isinstance(resource, PostgresResource)
    assert resource.address == Address("db.internal", 5432)
    assert (resource.tls, resource.recording) == ("verify-full", "preview")
    assert resource.sensitive.columns == {"public.customers.email": "email", "*.*.ssn": "full"}
    read, change, drop = config.policies
    assert read.when.intents == (Intent.READ, Intent.SESSION)
    assert (read.limits.rows.each, read.limits.time) == (10000, timedelta(seconds=30))
    assert change.review is not None
    assert (change.review.approvals, change.review.timeout) == (2, timedelta(minutes=10))
    assert change.review.on_timeout is Fallback.DENY
    assert (drop.verdict, drop.message) == (Verdict.DENY, "No.")


def test_limits_and_budgets_are_told_apart(tmp_path: Path) -> None:
    limits = (
        "rows: [10000, 100000/h], bytes: 5000000/10min, commands: [10/s, 500/d], cost: 1e5, read_only: true"
    )
    text = WHOLE.replace("rows: 10000, time: 30s", f"{limits}, over: review").replace(
        "    verdict: allow\n", "    verdict: allow\n    require: [reason]\n    review: {reviewers: [dba]}\n"
    )
    policy = loaded(tmp_path, text).policies[0]
    found = policy.limits
    assert found.rows == Amounts(10000, (Rate(100000, 3600),))
    assert found.bytes == Amounts(None, (Rate(5000000, 600),))
    assert found.commands.rates == (Rate(10, 1), Rate(500, 86400))
    assert (found.cost, found.read_only, found.over) == (100000.0, True, Verdict.REVIEW)
    assert policy.require == ("reason",)


def test_an_empty_mapping_has_the_defaults(tmp_path: Path) -> None:
    config = loaded(tmp_path, "gateway: {}\n")
    assert config.gateway.kafka == config.gateway.clickhouse == "embedded"
    assert config.api_url == ""
    assert config.resource("orders") is None


# Each mistake: what the file says instead, the line, and words that the message must have.
MISTAKES = {
    "unknown key": ("  state: .countersign", "  stat: .c", 2, "gateway.stat: this key is not known here"),
    "unknown section": ("policies:", "policy:", 25, "policy: this key is not known here"),
    "no port": ("address: db.internal:5432", "address: db.internal", 17, "expected host:port"),
    "port too large": ("127.0.0.1:8080", "127.0.0.1:80800", 6, "gateway.listen.api: expected host:port"),
    "unserved ingress": (
        "    api: 127.0.0.1:8080",
        "    ssh: 127.0.0.1:12222",
        6,
        "gateway.listen.ssh: this version does not serve it, only postgres",
    ),
    "unknown protocol": (
        "protocol: postgres",
        "protocol: oracle",
        16,
        "one of http, kubernetes, postgres, ssh; found 'oracle'",
    ),
    "unknown mask": ("full}", "ful}", 22, "expected a mask, one of email, full; found 'ful'"),
    "unknown detector": ("detect: [iban]", "detect: [ibam]", 23, "expected a detector, one of iban"),
    "unknown statement": ("[drop_table]", "[drop]", 35, "expected a statement kind, one of drop_table, sel"),
    "unknown intent": ("[read, session]", "[reed]", 27, "'read', 'probe', 'write'"),
    "not a column": ('"*.*.ssn"', '"ssn"', 22, '"schema.table.column"'),
    "duration": ("time: 30s", "time: soon", 29, "expected a duration such as 30s, 10m or 2h; found 'soon'"),
    "no reviewers": ("reviewers: [dba]", "reviewers: []", 33, "expected reviewers: [...], all_of: [...]"),
    "rows of what has not run": (
        "reviewers: [dba]",
        "sample: 3, reviewers: [dba]",
        33,
        "expected at: commit",
    ),
    "review without terms": (
        "    review: {",
        "    #",
        30,
        "exactly where the verdict, or limits.over, is review",
    ),
    "a number of commands": ("rows: 10000", "commands: 500", 29, "an amount and a window, such as 500/h"),
    "no amount": ("rows: 10000", "rows: many", 29, "expected a whole number above 0 for one command"),
    "over without budget": (
        "time: 30s}",
        "over: review}\n    review: {reviewers: [dba]}",
        26,
        "beside a budget",
    ),
    "unmasked without a reviewer": (
        "{groups: [agents], intents: [read, session]}",
        "{unmask: ['*']}",
        26,
        "only a reviewer unmasks",
    ),
    "not held, and yet allowed in time": (
        "on_timeout: deny",
        "hold: false, on_timeout: allow",
        33,
        "on_timeout: deny beside hold: false",
    ),
    "limits of a deny": ('message: "No."', "limits: {rows: 1}", 34, "neither limits nor require"),
    "what no detector finds": ("rows: 10000", "block: [binary, passport]", 29, "one of iban"),
    "labels as a word": ("labels: {env: prod}\n    cred", "labels: prod\n    cred", 19, "labels"),
    "two users of a name": ("name: dana", "name: agent-7", 10, "user agent-7 is there twice"),
    "two policies of a name": ("name: nobody drops", "name: changes need a DBA", 1, "is there twice"),
    "secret of two kinds": (
        "{env: ORDERS_PASSWORD}",
        "{env: A, file: b}",
        20,
        "exactly one of env, file, vault",
    ),
    "half a certificate": (
        "{mode: auto}",
        "{certificate: a.pem}",
        8,
        "mode: auto, or both certificate and key",
    ),
    "unknown verdict": ("verdict: allow", "verdict: maybe", 28, "'allow', 'review' or 'deny'"),
}


@pytest.mark.parametrize(("old", "new", "line", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_names_file_line_and_what_was_expected(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert WHOLE.count(old) == 1, "the mistake would not be made"
    found = problems(tmp_path, WHOLE.replace(old, new))
    assert len(found) == 1, found
    assert found[0].startswith(f"countersign.yaml:{line}: "), found
    assert words in found[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = WHOLE.replace("time: 30s", "time: soon").replace("verdict: deny", "verdict: no")
    assert [problem.split(":")[1] for problem in problems(tmp_path, text)] == ["29", "36"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{env: ORDERS_PASSWORD}", "hunter2"),
        ("identity:\n", "identity:\n  scim: {token_hash: hunter2}\n"),
        ("password: {env: ORDERS_PASSWORD}", "passwort: hunter2"),
        ("kafka: embedded", 'kafka: {bootstrap: "k:1", security: {password: hunter2}}'),
        ("kafka: embedded", 'kafka: {bootstrap: "k:1", security: {passwort: hunter2}}'),
        ("clickhouse: embedded", "clickhouse: {uri: 'https://u:hunter2@host/'}"),
        ("clickhouse: embedded", "clickhouse: 'https://u:hunter2@host/'"),
        (f'dana, kind: person, groups: [dba], token_hash: "{HASH}"', "dana, kind: person, token: hunter2"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, old: str, new: str) -> None:
    assert WHOLE.count(old) == 1
    assert "hunter2" not in "\n".join(problems(tmp_path, WHOLE.replace(old, new)))


def test_what_is_not_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "gateway:\n  state: [\n")
    assert problem.startswith("countersign.yaml:3: not valid YAML")
    (problem,) = problems(tmp_path, "gateway: {}\ngateway: {}\n")
    assert problem.startswith("countersign.yaml:2: not valid YAML")


def test_a_list_or_nothing_is_no_configuration(tmp_path: Path) -> None:
    for text in ("", "- gateway\n", "42\n"):
        (problem,) = problems(tmp_path, text)
        assert problem.startswith("countersign.yaml:1: expected a mapping with gateway")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"countersign\.yaml: cannot be read: No such file"):
        load(tmp_path / "countersign.yaml")


def test_external_kafka_and_clickhouse(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        dedent(
            """\
            gateway:
              kafka:
                bootstrap: "k1:9092,k2:9092"
                security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, username: u, password: {env: P}}
              clickhouse: {url: "https://user:pass@host:8443/countersign"}
              url: https://gw.example.com/
            """
        ),
    )
    assert not isinstance(config.gateway.kafka, str)
    assert config.gateway.kafka.bootstrap == "k1:9092,k2:9092"
    assert config.gateway.kafka.security.mechanism == "SCRAM-SHA-512"
    assert not isinstance(config.gateway.clickhouse, str)
    assert config.api_url == "https://gw.example.com"


def password(config: Config) -> Secret:
    resource = config.resources[0]
    assert isinstance(resource, PostgresResource)
    assert resource.credentials.password is not None
    return resource.credentials.password.local


def test_secrets_are_read_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = WHOLE.replace("{env: ORDERS_PASSWORD}", "{file: secret/orders}")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "orders").write_text("open sesame\n")
    from_file = password(loaded(tmp_path, text))
    from_environment = password(loaded(tmp_path, WHOLE))
    assert from_file.read(tmp_path) == "open sesame"
    with pytest.raises(ConfigError, match="secret/orders cannot be read: No such file"):
        from_file.read(tmp_path / "elsewhere")
    monkeypatch.delenv("ORDERS_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="ORDERS_PASSWORD is not set"):
        from_environment.read(tmp_path)
    monkeypatch.setenv("ORDERS_PASSWORD", "from outside")
    assert from_environment.read(tmp_path) == "from outside"


@pytest.mark.parametrize("text", ["", ":1", "host", "host:", "host:x", "host:65536", "host:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.1.2.3:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("db.internal:1", False),
    ],
)
def test_an_address_knows_whether_it_is_this_machine(text: str, loopback: bool) -> None:
    address = parse_address(text)
    assert str(address) == text
    assert address.is_loopback is loopback
