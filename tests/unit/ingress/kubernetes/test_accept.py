"""In which forms a cluster is asked to answer."""

import pytest

from ingress.kubernetes.accept import accepted

TABLE = b"application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (b"application/json", b"application/json"),
        (b"application/vnd.kubernetes.protobuf", b"application/json"),
        (b"application/vnd.kubernetes.protobuf,application/json", b"application/json"),
        (b"*/*", b"application/json"),
        (b"application/yaml, application/cbor", b"application/json"),
        (TABLE + b",application/json", TABLE + b",application/json"),
        (b"application/vnd.kubernetes.protobuf;as=Table", b"application/json"),
        (b"", b"application/json"),
    ],
)
def test_json_alone(given: bytes, sent: bytes) -> None:
    assert accepted(given, with_tables=True) == sent


def test_no_table_whose_columns_may_show_what_is_sensitive() -> None:
    assert accepted(TABLE + b",application/json", with_tables=False) == b"application/json"
    assert accepted(TABLE.replace(b"as=", b" AS = "), with_tables=False) == b"application/json"
