import base64

import msgspec
import pytest

from infra.clickhouse.exchange import (
    Request,
    error_text,
    parse_request,
    status_of,
    summary,
    with_form,
)


def request(query: str = "", **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return parse_request("POST", "/", query.encode(), pairs)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {}, ("default", "", False)),
        ("user=a&password=b", {}, ("a", "b", True)),
        ("user=a", {}, ("a", "", True)),
        ("", {"authorization": basic("a:b:c")}, ("a", "b:c", True)),
        ("", {"Authorization": basic("jürgen:ü")}, ("jürgen", "ü", True)),
        ("user=x", {"authorization": basic("a:b")}, ("a", "b", True)),
        ("user=x", {"x_clickhouse_user": "a", "x_clickhouse_key": "b"}, ("a", "b", True)),
        ("", {"x_clickhouse_key": "b"}, ("default", "b", True)),
        ("", {"authorization": "Basic !!"}, ("", "", True)),
        ("", {"authorization": "Bearer abc"}, ("default", "", False)),
    ],
)
def test_credentials(query: str, headers: dict[str, str], expected: tuple[str, str, bool]) -> None:
    parsed = request(query, **headers)
    assert (parsed.user, parsed.password, parsed.has_credentials) == expected


def test_what_is_for_the_server_is_no_setting() -> None:
    parsed = request(
        "query=SELECT%201&database=countersign&default_format=JSON&query_id=q&max_threads=1"
        "&param_x=a%09b&session_id=s&compress=0&output_format_json_quote_64bit_integers=0"
    )
    assert parsed.query == "SELECT 1"
    assert parsed.database == "countersign"
    assert parsed.default_format == "JSON"
    assert parsed.query_id == "q"
    assert parsed.parameters == {"x": "a\tb"}
    assert parsed.settings == {"max_threads": "1", "output_format_json_quote_64bit_integers": "0"}


def test_compression_only_where_it_is_asked_for() -> None:
    assert request("", accept_encoding="gzip").accept_encoding == ""
    assert request("enable_http_compression=1", accept_encoding="gzip").accept_encoding == "gzip"


@pytest.mark.parametrize(
    ("code", "status"), [(516, 403), (497, 403), (62, 400), (60, 404), (159, 408), (241, 500), (164, 500)]
)
def test_statuses(code: int, status: int) -> None:
    assert status_of(code) == status


def test_an_error_reads_as_clickhouses() -> None:
    text = error_text(60, "UNKNOWN_TABLE", "Table x does not exist", "26.9.2.1")
    assert text.startswith(
        "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE) (version 26.9.2.1"
    )
    assert text.endswith("\n")


def test_the_summary_has_numbers_as_strings() -> None:
    found = msgspec.json.decode(summary(read_rows=3, written_rows=5))
    assert found["read_rows"] == "3"
    assert found["written_rows"] == "5"
    assert set(map(type, found.values())) == {str}


def form(*parts: str) -> bytes:
    return "".join(f"--xyz\r\n{part}\r\n" for part in parts).encode() + b"--xyz--\r\n"


def field(name: str, value: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'


def test_a_form_is_as_good_as_a_url() -> None:
    asked = request("max_threads=1", content_type="multipart/form-data; boundary=xyz")
    body = form(
        field("query", "SELECT {x:String}\n-- ü"), field("param_x", "a\\tb--"), field("max_result_rows", "7")
    )
    opened = with_form(asked, body)
    assert opened.query == "SELECT {x:String}\n-- ü"
    assert opened.parameters == {"x": "a\\tb--"}
    assert opened.settings == {"max_threads": "1", "max_result_rows": "7"}


def test_a_form_with_an_external_table_is_refused() -> None:
    asked = request(content_type="multipart/form-data; boundary=xyz")
    table = 'Content-Disposition: form-data; name="t"; filename="t.csv"\r\n\r\n1,2'
    with pytest.raises(ValueError, match="external tables"):
        with_form(asked, form(field("query", "SELECT 1"), table))
