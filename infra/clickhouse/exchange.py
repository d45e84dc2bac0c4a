"""The words of ClickHouse's HTTP interface, pure: the parts of a request, and what an answer says.

Documented at clickhouse.com/docs, "HTTP Interface"; codes to statuses as ClickHouse's own server has them.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

Headers = list[tuple[bytes, bytes]]

AUTHENTICATION_FAILED = 516

# Parameters of the URL that are for the server rather than settings of the engine. Sessions, roles and
# quotas do not exist here: naming one changes nothing.
_TRANSPORT = frozenset(
    {
        "query",
        "database",
        "default_format",
        "user",
        "password",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "quota_key",
        "role",
        "stacktrace",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "enable_http_compression",
        "http_zlib_compression_level",
        "http_response_buffer_size",
        "http_wait_end_of_query",
        "http_write_exception_in_output_format",
        "add_http_cors_header",
        "client_protocol_version",
        "cancel_http_readonly_queries_on_client_close",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "http_make_head_request",
        "http_receive_timeout",
        "http_send_timeout",
        "http_connection_timeout",
        "log_queries",
        "log_comment",
    }
)

_STATUS = {
    **dict.fromkeys((194,), HTTPStatus.UNAUTHORIZED),
    **dict.fromkeys((192, 193, AUTHENTICATION_FAILED, 512, 497), HTTPStatus.FORBIDDEN),
    **dict.fromkeys(
        (36, 427, 6, 25, 26, 38, 41, 72, 676, 675, 27, 376, 15, 44, 8, 167, 168, 223, 224, 62, 117, 53, 321),
        HTTPStatus.BAD_REQUEST,
    ),
    **dict.fromkeys((60, 46, 47, 50, 56, 81, 115, 63, 73, 336, 78, 511), HTTPStatus.NOT_FOUND),
    223: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    48: HTTPStatus.NOT_IMPLEMENTED,
    **dict.fromkeys((209, 439, 202), HTTPStatus.SERVICE_UNAVAILABLE),
    411: HTTPStatus.LENGTH_REQUIRED,
    159: HTTPStatus.REQUEST_TIMEOUT,
    415: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body aside."""

    method: str
    path: str
    query: str  # the URL's; the body is appended after a line break
    database: str
    default_format: str
    query_id: str
    settings: dict[str, str]
    parameters: dict[str, str]  # {name:Type} in the text, as ClickHouse escapes them
    user: str
    password: str
    has_credentials: bool
    content_encoding: str
    accept_encoding: str  # "" unless compression is asked for
    blocks_compressed: bool  # ClickHouse's own compression of the answer
    form: str  # the Content-Type of a multipart form, or empty


def parse_request(
    method: str, path: str, query_string: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> Request:
    """The parts of a request. Credentials: the header pair, Basic, or the URL, in ClickHouse's order."""
    given = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in headers}
    url = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    user, password, source = _credentials(given, url)
    return Request(
        method=method,
        path=path,
        query=url.get("query", ""),
        database=url.get("database") or given.get("x-clickhouse-database", ""),
        default_format=url.get("default_format") or given.get("x-clickhouse-format", ""),
        query_id=url.get("query_id", "") or given.get("x-clickhouse-query-id", ""),
        settings=_settings(url),
        parameters=_parameters(url),
        user=user,
        password=password,
        has_credentials=source != "none",
        content_encoding=given.get("content-encoding", ""),
        accept_encoding=given.get("accept-encoding", "") if url.get("enable_http_compression") == "1" else "",
        blocks_compressed=url.get("compress") == "1",
        form=given.get("content-type", "") if _is_form(given.get("content-type", "")) else "",
    )


def with_form(request: Request, body: bytes) -> Request:
    """The request with what its multipart form says (RFC 7578): the query, parameters and settings.

    Clients send a form when parameters are too long for a URL. Raises ValueError for a form with files,
    which would be external tables.
    """
    head = f"Content-Type: {request.form}\r\n\r\n".encode("latin-1")
    fields: dict[str, str] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename() is not None or not isinstance(name, str):
            raise ValueError("external tables are not offered")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[name] = content.decode()
    return replace(
        request,
        query=request.query or fields.get("query", ""),
        database=request.database or fields.get("database", ""),
        settings={**_settings(fields), **request.settings},
        parameters={**_parameters(fields), **request.parameters},
    )


def _is_form(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/form-data")


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in given.items()
        if name not in _TRANSPORT and not name.startswith("param_")
    }


def _parameters(given: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")}


def _credentials(
    headers: dict[str, str], url: dict[str, str]
) -> tuple[str, str, Literal["headers", "basic", "url", "none"]]:
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", ""), "headers"
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, password = "", ""
        return name, password, "basic"
    if "user" in url or "password" in url:
        return url.get("user", "default"), url.get("password", ""), "url"
    return "default", "", "none"


def status_of(code: int) -> HTTPStatus:
    """The HTTP status for one of ClickHouse's error codes."""
    return _STATUS.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


def error_text(code: int, name: str, message: str, version: str) -> str:
    """An error as ClickHouse words it; clients take its code from here."""
    return f"Code: {code}. DB::Exception: {message}. ({name}) (version {version} (official build))\n"


def summary(
    *,
    read_rows: int = 0,
    read_bytes: int = 0,
    written_rows: int = 0,
    written_bytes: int = 0,
    result_rows: int = 0,
) -> bytes:
    """The value of X-ClickHouse-Summary: what the statement took, numbers as strings."""
    return msgspec.json.encode(
        {
            "read_rows": str(read_rows),
            "read_bytes": str(read_bytes),
            "written_rows": str(written_rows),
            "written_bytes": str(written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(result_rows),
            "result_bytes": "0",
        }
    )
