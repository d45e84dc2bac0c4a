"""Lists a page at a time: the link to the next one (RFC 8288; the relation type of RFC 5005). Pure."""

from collections.abc import Mapping
from urllib.parse import urlencode


def link_to_next(path: str, query: Mapping[str, str], cursor: str) -> str:
    """The value of `Link` on a page that more follows; `query`: what the list was asked for by."""
    given = {name: value for name, value in query.items() if value}
    return f'<{path}?{urlencode({**given, "cursor": cursor})}>; rel="next"'
