import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.clickhouse.statements import InsertHead, insert_head, refused_word


@pytest.mark.parametrize(
    ("text", "statement", "data_format", "data"),
    [
        ("INSERT INTO t FORMAT Native\n\x01\x02", "INSERT INTO t", "Native", "\x01\x02"),
        ("INSERT INTO t (a, b) FORMAT CSV\n1,2\n", "INSERT INTO t (a, b)", "CSV", "1,2\n"),
        ("  insert into\n`countersign`.`t` format TSV\n1\n", "insert into\n`countersign`.`t`", "TSV", "1\n"),
        ("INSERT INTO `a FORMAT b` FORMAT TSV\r\nx", "INSERT INTO `a FORMAT b`", "TSV", "x"),
        ('INSERT INTO "a\\" FORMAT" FORMAT TSV\nx', 'INSERT INTO "a\\" FORMAT"', "TSV", "x"),
        (
            "INSERT INTO t SETTINGS log_comment='FORMAT X' FORMAT CSV\nx",
            "INSERT INTO t SETTINGS log_comment='FORMAT X'",
            "CSV",
            "x",
        ),
        ("-- FORMAT A\n/* FORMAT B */ INSERT INTO t FORMAT CSV 1", "", "CSV", "1"),
        ("INSERT INTO t FORMAT CSV;\n1", "INSERT INTO t", "CSV", "1"),
        ("INSERT INTO t FORMAT Native", "INSERT INTO t", "Native", ""),
    ],
)
def test_an_insert_is_split_before_its_data(text: str, statement: str, data_format: str, data: str) -> None:
    head = insert_head(text)
    assert head is not None
    assert head.format == data_format
    assert text[head.data_at :] == data
    assert head.statement.endswith(statement)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FORMAT CSV",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t SELECT 1 FORMAT CSV",
        "INSERT INTO t WITH 1 AS a SELECT a FORMAT CSV",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "CREATE TABLE t (a Int8)",
        "INSERT INTO",
        "",
    ],
)
def test_what_has_no_data_after_it_is_no_insert_with_data(text: str) -> None:
    assert insert_head(text) is None


@given(st.binary(max_size=200))
def test_the_data_may_be_anything(data: bytes) -> None:
    text = (b"INSERT INTO t FORMAT Native\n" + data).decode("latin-1")
    assert insert_head(text) == InsertHead("INSERT INTO t", "Native", len("INSERT INTO t FORMAT Native\n"))


@pytest.mark.parametrize(
    ("canonical", "word"),
    [
        ("SELECT file('/etc/passwd')", "file"),
        ("SELECT * APPLY file FROM (SELECT '/etc/passwd' AS x)", "file"),
        ("EXPLAIN SELECT file('x')", "file"),
        ("SELECT * FROM Python(x)", "Python"),
        ("SELECT * FROM eval('SELECT 1')", "eval"),
        ("SELECT 'it\\'s', file('x')", "file"),
        ("SELECT 'a\\\\', file('x')", "file"),
    ],
)
def test_words_that_reach_outside_are_refused(canonical: str, word: str) -> None:
    assert refused_word(canonical) == word


@pytest.mark.parametrize(
    "canonical",
    [
        "SELECT 'file', 'it\\'s a file' FROM commands",
        "SELECT text FROM commands WHERE text LIKE '%file(%'",
        "SELECT profile, files FROM t",
        "SELECT 'a\\\\' FROM t",
    ],
)
def test_words_in_strings_and_parts_of_words_are_not(canonical: str) -> None:
    assert refused_word(canonical) is None
