"""What a client accepts -> what the cluster is asked for: forms of an answer that can be looked at. Pure.

https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources: protobuf
and CBOR are left out, so that the cluster answers with JSON; tables are left out where their columns may show
what is sensitive, and clients then draw their own.
"""

import re

_JSON = re.compile(rb"application/(?:json|\*)|\*/\*")
_AS_TABLE = re.compile(rb";\s*as\s*=\s*Table\b", re.IGNORECASE)


def accepted(value: bytes, *, with_tables: bool) -> bytes:
    """The Accept that is sent on."""
    kept = []
    for one in value.split(b","):
        media = one.partition(b";")[0].strip().lower()
        if _JSON.fullmatch(media) is None or (_AS_TABLE.search(one) and not with_tables):
            continue
        # A wildcard would let the cluster choose.
        kept.append(one.strip() if media == b"application/json" else b"application/json")
    return b",".join(dict.fromkeys(kept)) or b"application/json"
