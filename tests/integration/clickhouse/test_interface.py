"""ClickHouse's HTTP interface, spoken by clickhouse-connect's ordinary clients and by hand."""

import asyncio
import gzip
import json
import socket
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import clickhouse_connect
import httpx
import lz4.block  # type: ignore[import-untyped]  # has no types
import lz4.frame  # type: ignore[import-untyped]
import psutil
import pytest
import zstandard
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]  # has no types
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from support.builders import AGENT, AUDREY
from support.clickhouse import ClickHouse
from support.gateway import countersign
from support.wait import block_until

NUMBERS = "SELECT a, b FROM countersign.numbers ORDER BY a"


def test_a_client_learns_version_and_time_zone(clickhouse: ClickHouse) -> None:
    with clickhouse.client() as client:
        assert str(client.server_version).split(".")[0].isdigit()
        assert str(client.server_tz) == "UTC"
        assert client.ping()


def test_rows_go_in_and_out(clickhouse: ClickHouse) -> None:
    moment = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
    rows = [[number, f"row {number}\t'\\", "c", moment, ["a", None]] for number in range(50_000)]
    with clickhouse.client(None) as client:
        client.command("CREATE TABLE countersign.inserted AS countersign.numbers")
        assert client.insert("countersign.inserted", rows, list("abcde")).written_rows == 50_000
        result = client.query("SELECT * FROM countersign.inserted ORDER BY a", tz_mode="aware")
        assert [list(row) for row in result.result_rows] == rows
        client.command("DROP TABLE countersign.inserted")


def test_parameters_are_bound_by_the_server(clickhouse: ClickHouse) -> None:
    given = {"text": "it's\n\t\\ {x}", "number": 3, "list": ["a", "b'"]}
    with clickhouse.client() as client:
        result = client.query("SELECT {text:String}, {number:UInt8}, {list:Array(String)}", parameters=given)
    assert result.result_rows == [(given["text"], 3, ["a", "b'"])]


def test_parameters_too_long_for_a_url(clickhouse: ClickHouse) -> None:
    given = {"list": list(range(20_000)), "text": "ü'\n" * 5000}
    with clickhouse.client() as client:
        result = client.query("SELECT length({list:Array(UInt32)}), {text:String}", parameters=given)
    assert result.result_rows == [(20_000, given["text"])]


def test_a_long_answer_is_streamed(clickhouse: ClickHouse) -> None:
    """An answer of 240 MB moves through without the server holding it."""
    process = psutil.Process(clickhouse.process.pid)
    query = "SELECT number, toString(number) FROM numbers(15000000)"
    with clickhouse.client() as client, client.query_row_block_stream("SELECT 1") as warm:
        assert sum(len(block) for block in warm) == 1
        before = process.memory_info().rss
        with client.raw_stream(query, fmt="Native") as stream:
            size = most = 0
            while piece := stream.read(1024 * 1024):
                size += len(piece)
                most = max(most, process.memory_info().rss - before)
    assert size > 240_000_000
    assert most < 64 * 1024 * 1024


def test_an_error_on_the_way_is_an_error(clickhouse: ClickHouse) -> None:
    with (
        clickhouse.client() as client,
        pytest.raises(StreamFailureError, match="throwIf"),
        client.query_row_block_stream("SELECT throwIf(number = 1900000) FROM numbers(2000000)") as stream,
    ):
        for _block in stream:
            pass


def test_an_answer_that_fails_on_the_way_does_not_look_whole(clickhouse: ClickHouse) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        clickhouse.post("SELECT throwIf(number = 1900000) FROM numbers(2000000)")


def test_an_error_has_code_status_and_text(clickhouse: ClickHouse) -> None:
    answer = clickhouse.post("SELECT * FROM countersign.nothing")
    assert answer.status_code == 404
    assert answer.headers["X-ClickHouse-Exception-Code"] == "60"
    assert answer.text.startswith("Code: 60. DB::Exception: ")
    assert "(UNKNOWN_TABLE)" in answer.text


async def test_the_asynchronous_client(clickhouse: ClickHouse) -> None:
    client = await clickhouse_connect.get_async_client(
        host=clickhouse.host, port=clickhouse.port, username=AUDREY.name, password=AUDREY.token
    )
    try:
        results = await asyncio.gather(*(client.query(f"SELECT {number}") for number in range(12)))
        assert [result.result_rows[0][0] for result in results] == list(range(12))
    finally:
        await client.close()


@pytest.mark.parametrize("where", ["basic", "headers", "url"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signing_in(clickhouse: ClickHouse, where: str, method: str) -> None:
    answer = httpx.request(
        method,
        clickhouse.url,
        params={"query": "SELECT 1"}
        | ({"user": AUDREY.name, "password": AUDREY.token} if where == "url" else {}),
        headers={"X-ClickHouse-User": AUDREY.name, "X-ClickHouse-Key": AUDREY.token}
        if where == "headers"
        else {},
        auth=(AUDREY.name, AUDREY.token) if where == "basic" else None,
    )
    assert (answer.status_code, answer.text) == (200, "1\n")


@pytest.mark.parametrize(
    ("auth", "status", "code"),
    [
        ((AUDREY.name, "wrong"), 403, "516"),
        (("nobody", "x"), 403, "516"),
        (("countersign", "x"), 403, "516"),
        ((AGENT.name, AGENT.token), 403, "497"),
        (None, 401, "516"),
    ],
)
def test_nobody_else_signs_in(
    clickhouse: ClickHouse, auth: tuple[str, str] | None, status: int, code: str
) -> None:
    answer = httpx.post(clickhouse.url, content="SELECT 1", auth=auth)
    assert answer.status_code == status
    assert answer.headers["X-ClickHouse-Exception-Code"] == code
    assert ("WWW-Authenticate" in answer.headers) == (auth is None)


def test_a_wrong_password_reads_as_clickhouses(clickhouse: ClickHouse) -> None:
    with pytest.raises(DatabaseError, match=r"code: 516.*Authentication failed"):
        clickhouse_connect.get_client(
            host=clickhouse.host, port=clickhouse.port, username=AUDREY.name, password="wrong"
        )


def test_health_needs_no_password(clickhouse: ClickHouse) -> None:
    for path in ("", "ping", "replicas_status"):
        assert httpx.get(clickhouse.url + path).text == "Ok.\n"
    assert httpx.get(clickhouse.url + "play").status_code == 404


def test_the_headers_of_an_answer(clickhouse: ClickHouse) -> None:
    answer = clickhouse.post("SELECT 1 AS x FORMAT JSON", query_id="mine")
    assert answer.json()["data"] == [{"x": 1}]
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert set(json.loads(answer.headers["X-ClickHouse-Summary"])) >= {"read_rows", "result_rows"}


def test_a_short_answer_says_how_many_rows_it_has(clickhouse: ClickHouse) -> None:
    """The JDBC driver takes an answer without `result_rows` for empty."""
    for rows in (0, 1, 3):
        answer = clickhouse.post(f"SELECT number FROM numbers({rows})")
        assert json.loads(answer.headers["X-ClickHouse-Summary"])["result_rows"] == str(rows)


def test_the_blocks_of_clickhouses_own_compression(clickhouse: ClickHouse) -> None:
    """As the JDBC driver asks for it: checksum, method, both sizes, LZ4."""
    raw = clickhouse.post(NUMBERS, compress="1").content
    opened, blocks = b"", 0
    while raw:
        low, high, method, packed, size = struct.unpack_from("<QQBII", raw)
        assert method == 0x82
        assert CityHash128(raw[16 : 16 + packed]) == low << 64 | high
        opened += lz4.block.decompress(raw[25 : 16 + packed], uncompressed_size=size)
        raw, blocks = raw[16 + packed :], blocks + 1
    assert blocks > 1
    assert opened == clickhouse.post(NUMBERS).content


def test_the_query_goes_on_in_the_body(clickhouse: ClickHouse) -> None:
    assert clickhouse.post("FROM numbers(3)", query="SELECT max(number)").text == "2\n"


@pytest.mark.parametrize(
    "output",
    [
        "TabSeparated",
        "TSVWithNames",
        "CSVWithNamesAndTypes",
        "JSONEachRow",
        "JSONCompactEachRowWithNamesAndTypes",
        "RowBinaryWithNamesAndTypes",
        "JSON",
        "Parquet",
        "Pretty",
    ],
)
@pytest.mark.parametrize("rows", [0, 1, 50_000])
def test_an_answer_in_blocks_is_the_answer_as_a_whole(clickhouse: ClickHouse, output: str, rows: int) -> None:
    """The engine makes a statement without SELECT at its start as a whole: both must be the same."""
    query = f'SELECT a, b AS `b\n"c` FROM countersign.numbers ORDER BY a LIMIT {rows}'
    kwargs = {"default_format": output, "database": "countersign"}
    if output == "Pretty":  # otherwise its columns are as wide as what came within 50 ms
        kwargs |= dict.fromkeys(
            ("output_format_pretty_squash_consecutive_ms", "output_format_pretty_squash_max_wait_ms"), "60000"
        )
    in_blocks = clickhouse.post(query, **kwargs)
    whole = clickhouse.post(f"({query})", **kwargs)
    assert in_blocks.status_code == whole.status_code == 200, in_blocks.text
    if output == "JSON":
        assert in_blocks.json()["data"] == whole.json()["data"]
    else:
        assert in_blocks.content == whole.content
    assert rows == 0 or len(in_blocks.content) > rows


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
def test_answers_are_compressed_when_asked(clickhouse: ClickHouse, encoding: str) -> None:
    with httpx.stream(
        "POST",
        clickhouse.url,
        params={"enable_http_compression": "1"},
        headers={"Accept-Encoding": encoding},
        content=NUMBERS,
        auth=(AUDREY.name, AUDREY.token),
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == encoding
    opened = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        "lz4": lz4.frame.decompress,
    }[encoding](raw)
    assert opened == clickhouse.post(NUMBERS).content
    assert len(raw) < len(opened)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.compress),
        ("lz4", lz4.frame.compress),
    ],
)
def test_bodies_may_be_compressed(
    clickhouse: ClickHouse, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    answer = httpx.post(
        clickhouse.url,
        headers={"Content-Encoding": encoding},
        content=compress(b"SELECT 7"),
        auth=(AUDREY.name, AUDREY.token),
    )
    assert answer.text == "7\n"


def test_a_body_that_does_not_decompress(clickhouse: ClickHouse) -> None:
    for encoding, code in (("gzip", "354"), ("br", "48")):
        answer = httpx.post(
            clickhouse.url,
            headers={"Content-Encoding": encoding},
            content=b"SELECT 7",
            auth=(AUDREY.name, AUDREY.token),
        )
        assert answer.headers["X-ClickHouse-Exception-Code"] == code


def test_an_insert_of_any_size_is_not_held(clickhouse: ClickHouse) -> None:
    """1 GB of rows goes in while the server grows by far less; the engine keeps some blocks of its own."""
    process = psutil.Process(clickhouse.process.pid)
    with clickhouse.client(None) as client:
        client.command("CREATE TABLE countersign.big (a String) ENGINE = MergeTree ORDER BY tuple()")
    before, most = process.memory_info().rss, 0
    line = b"x" * 1023 + b"\n"

    def body() -> Iterator[bytes]:
        nonlocal most
        yield b"INSERT INTO countersign.big FORMAT TSV\n"
        for _ in range(1000):
            yield line * 1024
            most = max(most, process.memory_info().rss - before)

    answer = clickhouse.post_ours(body())
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == str(1000 * 1024)
    assert clickhouse.rows("SELECT count() AS n FROM countersign.big") == [{"n": 1000 * 1024}]
    assert most < 600 * 1024 * 1024, most
    with clickhouse.client(None) as client:
        client.command("DROP TABLE countersign.big")


def test_an_insert_with_a_mistake_is_refused(clickhouse: ClickHouse) -> None:
    insert = "INSERT INTO countersign.numbers (a) FORMAT TSV\n1\nx\n"
    answer = clickhouse.post_ours(insert)
    assert answer.status_code == 400
    assert answer.headers["X-ClickHouse-Exception-Code"] == "27"


def test_an_insert_by_values_and_one_whose_statement_is_in_the_url(clickhouse: ClickHouse) -> None:
    with clickhouse.client(None) as client:
        client.command("CREATE TABLE countersign.small (a String) ENGINE = Memory")
    assert clickhouse.post_ours("INSERT INTO countersign.small VALUES ('a;b')").status_code == 200
    data = "FORMAT CSV\n"  # data, not a format
    answer = clickhouse.post_ours(data, query="INSERT INTO countersign.small FORMAT TSV")
    assert answer.status_code == 200, answer.text
    found = clickhouse.rows("SELECT a FROM countersign.small ORDER BY a")
    assert found == [{"a": "FORMAT CSV"}, {"a": "a;b"}]
    with clickhouse.client(None) as client:
        client.command("DROP TABLE countersign.small")


def test_by_get_nobody_writes(clickhouse: ClickHouse) -> None:
    answer = httpx.get(
        clickhouse.url,
        params={"query": "INSERT INTO countersign.numbers (a) SELECT 1"},
        auth=clickhouse.ours,
    )
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_a_query_ends_when_its_client_leaves(clickhouse: ClickHouse) -> None:
    query = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"
    target = f"/?user={AUDREY.name}&password={AUDREY.token}&query={quote(query)}"

    def running() -> int:
        found = clickhouse.rows(
            "SELECT count() AS n FROM system.processes"
            " WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'"
        )
        return int(found[0]["n"])

    with socket.create_connection((clickhouse.host, clickhouse.port)) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        block_until(lambda: running() == 1, what="the query")
    block_until(lambda: running() == 0, seconds=10, what="its end")


def test_a_second_process_cannot_have_the_folder(clickhouse: ClickHouse) -> None:
    text = clickhouse.config_path.read_text().replace(f":{clickhouse.port}", ":0")
    second = clickhouse.config_path.with_name("second.yaml")
    second.write_text(text)
    done = subprocess.run(
        countersign("clickhouse", "--config", str(second)), capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert f"already runs (process {clickhouse.process.pid})" in done.stdout + done.stderr
    assert clickhouse.post("SELECT 1").text == "1\n"
