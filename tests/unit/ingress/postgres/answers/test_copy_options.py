import pytest

from ingress.postgres.answers.copy_options import CopyOptions, copy_options

TEXT = CopyOptions(is_csv=False, delimiter=b"\t", null=b"\\N")
CSV = CopyOptions(is_csv=True, delimiter=b",", null=b"")


@pytest.mark.parametrize(
    ("statement", "options"),
    [
        ("copy t to stdout", TEXT),
        ("COPY (select 1) TO STDOUT WITH (FORMAT text)", TEXT),
        ("copy t to stdout with (delimiter '|', null 'nil')", CopyOptions(False, b"|", b"nil")),
        ("copy t to stdout with (format csv)", CSV),
        ("copy t to stdout csv header", CopyOptions(True, b",", b"", header=True)),
        ("copy t to stdout with (format csv, header)", CopyOptions(True, b",", b"", header=True)),
        ("copy t to stdout with (format csv, header on)", CopyOptions(True, b",", b"", header=True)),
        ("copy t to stdout with (format csv, header 1)", CopyOptions(True, b",", b"", header=True)),
        ("copy t to stdout with (format csv, header false)", CSV),
        ("copy t to stdout with (format csv, header 0)", CSV),
        ("copy t to stdout with (header true)", CopyOptions(False, b"\t", b"\\N", header=True)),
        (
            "copy t to stdout with (format csv, quote '''', delimiter ';')",
            CopyOptions(True, b";", b"", quote=b"'", escape=b"'"),
        ),
        (
            "copy t to stdout with (format csv, escape '\\')",
            CopyOptions(True, b",", b"", escape=b"\\"),
        ),
        ("copy t to stdout with (format csv, force_quote *)", CSV),
        ("copy t to stdout with (format csv, force_quote (a, b))", CSV),
        ("copy t to stdout with (encoding 'UTF8')", TEXT),
        ("copy t to stdout with (encoding 'SJIS')", None),
        ("copy t to stdout with (format binary)", None),
        ("copy binary t to stdout", None),
        ("copy t to stdout with (format json)", None),
        ("copy t to stdout with (flavour 'mint')", None),
        ("copy t to stdout with (header match)", None),
        ("copy t from stdin", None),
        ("copy t to stdout; copy t to stdout", None),
        ("select 1", None),
        ("copy t to", None),
        ("", None),
    ],
)
def test_the_form_of_the_data(statement: str, options: CopyOptions | None) -> None:
    assert copy_options(statement) == options
