"""Ids of requests under way."""

from ingress.mcp.sent import Key, SentIds
from schemas.vocabulary import Principal, PrincipalKind

KEY: Key = (Principal("agent-7", PrincipalKind.AGENT), "shop", "s", 1)


def test_while_it_is_under_way() -> None:
    ids = SentIds()
    with ids.under(KEY, "a"):
        assert ids.find(KEY) == "a"
        assert ids.find((*KEY[:3], "1")) is None
    assert ids.find(KEY) is None


def test_an_id_that_is_used_again_is_the_newer_ones() -> None:
    ids = SentIds()
    with ids.under(KEY, "a"):
        with ids.under(KEY, "b"):
            assert ids.find(KEY) == "b"
        assert ids.find(KEY) is None
