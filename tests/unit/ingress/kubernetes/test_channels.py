"""The messages of exec and attach."""

import json

import pytest

from ingress.kubernetes.channels import TUNNEL, V4, V5, End, chosen, make_end, parse_end, parse_size


@pytest.mark.parametrize(
    ("offered", "forwards", "found"),
    [
        (b"v5.channel.k8s.io", False, V5),
        (b"v4.channel.k8s.io, v5.channel.k8s.io", False, V5),
        (b"v4.channel.k8s.io,v3.channel.k8s.io", False, V4),
        (b"channel.k8s.io", False, ""),
        (b"base64.channel.k8s.io", False, ""),
        (b"SPDY/3.1+portforward.k8s.io", True, TUNNEL),
        (b"v4.channel.k8s.io", True, ""),
        (b"", False, ""),
    ],
)
def test_the_best_that_both_know(offered: bytes, forwards: bool, found: str) -> None:
    assert chosen(offered, forwards=forwards) == found


def test_how_a_command_ended() -> None:
    assert parse_end(b'{"metadata":{},"status":"Success"}') == End(0, "")
    assert parse_end(make_end(3)).code == 3
    assert parse_end(json.dumps({"status": "Failure", "message": "no container"}).encode()) == End(
        None, "no container"
    )
    for odd in (b"", b"[]", b"x", b'{"status":"Failure","details":{"causes":"x"}}'):
        assert parse_end(odd).code is None


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"Width":1}', b'{"Width":-1,"Height":2}', b'{"Width":true,"Height":2}']
)
def test_what_is_no_size_of_a_terminal(data: bytes) -> None:
    assert parse_size(data) is None
    assert parse_size(b'{"Width":80,"Height":24}') == (80, 24)
