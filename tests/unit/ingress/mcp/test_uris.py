"""Addresses of resources have one reading."""

import pytest

from ingress.mcp.uris import read_uri
from ingress.web.strict import BadRequest


@pytest.mark.parametrize(
    "uri",
    ["note://customers/1", "file:///data/a.txt", "db:customers", "https://x:1/y?z=1", "note://x", "a:b/c"],
)
def test_what_everybody_reads_the_same(uri: str) -> None:
    assert read_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "NOTE://x", "note://X/1", "note://x/../y", "note://x//y", "note://x/%2e", "note://x/%61", "note://u@x/1",
        "note://x/1#y", "/etc/passwd", "note://x\\y", "note://ü/1", " note://x", "note", "file:////x",
        "a:" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_could_be_another(uri: str) -> None:
    with pytest.raises(BadRequest):
        read_uri(uri)
