"""Addresses of resources of an MCP server, as everybody reads them, or a refusal. Pure."""

import re

from ingress.web.paths import parse_target, readings
from ingress.web.strict import BadRequest

# RFC 3986, section 3: scheme, authority, path, query. In lower case, as its section 6.2.2.1 has them.
_URI = re.compile(r"([a-z][a-z0-9+.-]*):(?://([a-z0-9._:\[\]-]*)(?![^/?])|(?!//))([\x21-\x7e]*)")
_LONGEST = 4096


def read_uri(uri: str) -> str:
    """The address in the one form that rules see and the server gets. Raises BadRequest for one that could be
    read in several ways: dots, encoded slashes, capitals in its scheme or host, a fragment."""
    found = _URI.fullmatch(uri) if len(uri) <= _LONGEST else None
    if found is None:
        raise BadRequest("the address of the resource is no URI in lower case and ASCII")
    scheme, authority, rest = found[1], found[2], found[3]
    rooted = rest if rest.startswith("/") else f"/{rest}"
    if "#" in rest:
        raise BadRequest("the address of the resource has a fragment")
    target = parse_target(rooted)
    if readings(target.path)[0] != target.path or (str(target) != rooted):
        raise BadRequest("the address of the resource has what is percent-encoded without need")
    return f"{scheme}:{'' if authority is None else f'//{authority}'}{rest}"
