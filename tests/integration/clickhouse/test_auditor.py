"""What an auditor may not do, whatever they send."""

from pathlib import Path

import pytest
from support.clickhouse import ClickHouse

SECRET = "not for an auditor"

ATTEMPTS = """
INSERT INTO countersign.numbers (a) VALUES (1)
INSERT INTO countersign.numbers (a) SELECT 1
INSERT INTO FUNCTION file('{folder}/out', 'TSV', 'a String') VALUES ('x')
CREATE TABLE countersign.mine (a Int8) ENGINE = Memory
CREATE TEMPORARY TABLE mine (a Int8)
CREATE DATABASE mine
CREATE VIEW countersign.mine AS SELECT 1
CREATE FUNCTION mine AS x -> x
CREATE USER mine
CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(FILE(path '{secret}' format 'TSV')) LAYOUT(FLAT())
ALTER TABLE countersign.numbers DELETE WHERE 1
ALTER TABLE countersign.numbers MODIFY SETTING index_granularity = 1
DELETE FROM countersign.numbers WHERE 1
UPDATE countersign.numbers SET b = '' WHERE 1
TRUNCATE TABLE countersign.numbers
DROP TABLE countersign.numbers
DROP DATABASE countersign
DETACH TABLE countersign.numbers
RENAME TABLE countersign.numbers TO countersign.gone
EXCHANGE TABLES countersign.numbers AND countersign.numbers
OPTIMIZE TABLE countersign.numbers FINAL
BACKUP TABLE countersign.numbers TO File('{folder}/backup')
RESTORE TABLE countersign.numbers FROM File('{folder}/backup')
GRANT ALL ON *.* TO default
REVOKE ALL ON *.* FROM default
SET ROLE ALL
SET readonly = 0
SET max_memory_usage = 0
USE system
SYSTEM SHUTDOWN
SYSTEM KILL
SYSTEM STOP MERGES
SYSTEM FLUSH LOGS
SYSTEM RELOAD CONFIG
KILL QUERY WHERE 1
EXECUTE AS default SELECT 1
EXECUTE AS default
BEGIN TRANSACTION
ATTACH TABLE countersign.mine FROM '{folder}' (a Int8) ENGINE = Memory
SELECT 1 INTO OUTFILE '{folder}/out'
EXPLAIN SELECT 1 INTO OUTFILE '{folder}/out'
SELECT 1 SETTINGS readonly = 0
SELECT 1 SETTINGS max_execution_time = 0
SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1
SELECT file('{secret}')
SELECT FILE('{secret}')
SELECT "file"('{secret}')
SELECT `file`('{secret}')
SELECT `\\x66ile`('{secret}')
SELECT /* */ file /* */ ('{secret}') -- x
SELECT fi/**/le('{secret}')
SELECT * APPLY(file) FROM (SELECT '{secret}' AS x)
SELECT * APPLY file FROM (SELECT '{secret}' AS x)
SELECT arrayMap(file, ['{secret}'])
SELECT arrayMap(x -> file(x), ['{secret}'])
WITH (x -> file(x)) AS f SELECT f('{secret}')
EXPLAIN SELECT file('{secret}')
EXPLAIN SYNTAX SELECT file('{secret}')
DESCRIBE (SELECT file('{secret}') AS x)
SELECT * FROM (SELECT file('{secret}'))
SELECT * FROM file('{secret}', 'LineAsString')
SELECT * FROM file('{secret}', 'LineAsString', 'a String')
DESCRIBE file('{secret}')
SELECT * FROM filesystem('{folder}')
SELECT * FROM url('file://{secret}', 'LineAsString')
SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')
SELECT * FROM s3('http://127.0.0.1:1/a/b.csv', 'CSV')
SELECT * FROM remote('127.0.0.1', system.one)
SELECT * FROM remoteSecure('127.0.0.1', system.one)
SELECT * FROM cluster('default', system.one)
SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')
SELECT * FROM sqlite('{secret}', 't')
SELECT * FROM jdbc('x', 'y', 'z')
SELECT * FROM mongodb('127.0.0.1:1', 'a', 'b', 'c', 'd', 'e String')
SELECT * FROM redis('127.0.0.1:1', 'k', 'k String')
SELECT * FROM hdfs('hdfs://127.0.0.1:1/x', 'TSV')
SELECT * FROM icebergLocal('{folder}')
SELECT * FROM deltaLakeLocal('{folder}')
SELECT * FROM executable('id', TSV, 'a String')
SELECT * FROM Python(engine)
SELECT * FROM python(engine)
SELECT * FROM dictionary('x')
SELECT * FROM input('a String')
SELECT * FROM eval('SELECT 1')
SELECT * FROM fuzzQuery('SELECT 1', 1, 1)
SELECT * FROM system.users
SELECT demangle('x'), addressToLine(1)
SELECT reverseDNSQuery('127.0.0.1')
SELECT aiGenerate('x', 'y')
SELECT 1; SELECT 2
SELECT 1; DROP TABLE countersign.numbers
SELECT 1;SET readonly = 0; INSERT INTO countersign.numbers (a) VALUES (1)
COPY countersign.numbers TO '{folder}/out'
exit
quit
garbage
""".strip().splitlines()


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_auditor_cannot(clickhouse: ClickHouse, tmp_path: Path, attempt: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(f"{SECRET}\n")
    answer = clickhouse.post(attempt.replace("{secret}", str(secret)).replace("{folder}", str(tmp_path)))
    assert answer.status_code >= 400, answer.text
    assert answer.headers["X-ClickHouse-Exception-Code"]
    assert SECRET not in answer.text
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


def test_after_all_of_that_nothing_has_changed(clickhouse: ClickHouse) -> None:
    assert clickhouse.post("SELECT count() FROM countersign.numbers").text == "50000\n"
    assert clickhouse.post("SHOW DATABASES").text.split() == [
        "INFORMATION_SCHEMA",
        "countersign",
        "information_schema",
        "system",
    ]


@pytest.mark.parametrize("statement", ["SHOW GRANTS", "SELECT getSetting('readonly')"])
def test_nobody_has_more_than_the_database(clickhouse: ClickHouse, statement: str) -> None:
    answer = clickhouse.post(statement).text
    assert "FILE" not in answer
    assert "SOURCES" not in answer


@pytest.mark.parametrize(
    "setting",
    [
        {"allow_experimental_eval_table_function": "1"},
        {"format_schema": "/etc/passwd"},
        {"output_format_schema": "anywhere"},
        {"allow_introspection_functions": "1"},
        {"no_such_setting": "1"},
    ],
)
def test_settings_that_do_more_than_format_cannot_be_given(
    clickhouse: ClickHouse, setting: dict[str, str]
) -> None:
    answer = clickhouse.post("SELECT 1", **setting)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_harmless_settings_can(clickhouse: ClickHouse) -> None:
    answer = clickhouse.post(
        "SELECT toUInt64(1) AS x FORMAT JSON", output_format_json_quote_64bit_integers="1", readonly="2"
    )
    assert answer.json()["data"] == [{"x": "1"}]


ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


@pytest.mark.parametrize(
    ("query", "settings", "code"),
    [
        ("SELECT groupArray(number) FROM numbers(200000000)", {}, "241"),
        (ENDLESS, {"max_execution_time": "1"}, "159"),
        ("SELECT number FROM numbers(20000000) FORMAT JSON", {}, "396"),
        ("SELECT 1" + " " * 300_000, {}, "223"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, {}, None),
        ("SELECT repeat('x', 1000000000000)", {}, None),
    ],
)
def test_a_bad_query_ends_by_itself(
    clickhouse: ClickHouse, query: str, settings: dict[str, str], code: str | None
) -> None:
    answer = clickhouse.post(query, **settings)
    assert answer.status_code >= 400
    assert code is None or answer.headers["X-ClickHouse-Exception-Code"] == code
    assert clickhouse.post("SELECT 1").text == "1\n"


def test_a_big_aggregation_spills_instead_of_failing(clickhouse: ClickHouse) -> None:
    query = "SELECT count() FROM (SELECT number, count() FROM numbers(6000000) GROUP BY number)"
    assert clickhouse.post(query).text == "6000000\n"


def test_what_auditors_tools_ask_for(clickhouse: ClickHouse) -> None:
    """Statements that DBeaver, Grafana and others send to find their way."""
    for statement in (
        "SHOW TABLES FROM countersign",
        "SHOW CREATE TABLE countersign.numbers",
        "DESCRIBE TABLE countersign.numbers",
        "EXISTS TABLE countersign.numbers",
        "EXPLAIN SELECT * FROM countersign.numbers",
        "SELECT name, engine FROM system.databases",
        "SELECT * FROM system.tables WHERE database = 'countersign'",
        "SELECT * FROM system.columns WHERE database = 'countersign'",
        "SELECT * FROM system.settings LIMIT 5",
        "SELECT * FROM system.functions LIMIT 5",
        "SELECT * FROM information_schema.tables",
        "SELECT version(), timezone(), currentUser(), currentDatabase()",
        "SELECT 'file' AS word, text FROM (SELECT 'file(x)' AS text)",
    ):
        answer = clickhouse.post(statement)
        assert answer.status_code == 200, answer.text
