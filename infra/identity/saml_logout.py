"""A SAML provider's request to sign somebody out, which their browser brings (HTTP-Redirect). Pure.

SAML 2.0 Profiles, section 4.4; Core, section 3.7.1; Bindings, section 3.4.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from infra.identity.saml_xml import NAMESPACES, check_time, every, moment, parsed, text
from infra.identity.signed_in import TokenRefused, of_provider

_LARGEST = 64 * 1024  # bytes of a request, and of what it is unpacked to
_LASTS = timedelta(minutes=5)  # where a request does not say how long it is good
_SHA2 = {
    f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{hash.digest_size * 8}": hash
    for hash in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
}
_ID = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """`ends`: ids of what the provider gave, which are over. `relay_state` goes back to it."""

    id: str
    ends: tuple[str, ...]
    relay_state: str


def read_logout_request(
    query: str, issuer: str, url: str, keys: Sequence[RSAPublicKey], now: datetime, skew: timedelta
) -> LogoutRequest:
    """What the query says, as it stands in the URL, to the gateway's `url`. `issuer` and `keys` are the
    provider's. Raises TokenRefused."""
    if len(query) > _LARGEST:
        raise TokenRefused("the request to sign out is too large")
    fields = _fields(query)
    _check_signature(fields, keys)
    root = parsed(_inflated(fields["SAMLRequest"]))
    id = root.get("ID", "")
    if root.tag != f"{{{NAMESPACES['p']}}}LogoutRequest" or _ID.fullmatch(id) is None:
        raise TokenRefused("the identity provider asks for something else than to sign out")
    if [text(one) for one in every(root, "a:Issuer")] != [issuer]:
        raise TokenRefused("the request to sign out is another provider's")
    if root.get("Destination") != url:
        raise TokenRefused("the request to sign out is for another address (Destination)")
    check_time(root, now, skew)
    if not -skew <= now - moment(root.get("IssueInstant", "")) <= _LASTS + skew:
        raise TokenRefused("the request to sign out is not of now: compare the clocks")
    sessions = [of_provider(issuer, "session", text(one)) for one in every(root, "p:SessionIndex")]
    # Core, section 3.7.1: without an index, all sessions of the principal are meant.
    subjects = [of_provider(issuer, "subject", text(one)) for one in every(root, "a:NameID")]
    if not sessions and not subjects:
        raise TokenRefused("the request to sign out does not say whom")
    return LogoutRequest(id, tuple(sessions or subjects), unquote_plus(fields.get("RelayState", "")))


def _fields(query: str) -> dict[str, str]:
    """Each as it stands there: that is what was signed."""
    pairs = [part.partition("=") for part in query.split("&")]
    fields = {name: value for name, _, value in pairs}
    if len(fields) != len(pairs) or not {"SAMLRequest", "SigAlg", "Signature"} <= fields.keys():
        raise TokenRefused("the request to sign out is not signed, or says something twice")
    return fields


def _check_signature(fields: dict[str, str], keys: Sequence[RSAPublicKey]) -> None:
    # Bindings, section 3.4.4.1: over these, in this order, with the encoding that they came in.
    signed = "&".join(
        f"{name}={fields[name]}" for name in ("SAMLRequest", "RelayState", "SigAlg") if name in fields
    )
    algorithm = _SHA2.get(unquote_plus(fields["SigAlg"]))
    if algorithm is None:
        raise TokenRefused("the request to sign out is signed by an algorithm that is not accepted")
    signature = _base64(fields["Signature"])
    for key in keys:
        try:
            key.verify(signature, signed.encode(), PKCS1v15(), algorithm)
        except InvalidSignature:
            continue
        return
    raise TokenRefused("the request to sign out is not signed by the identity provider")


def _inflated(field: str) -> bytes:
    """Bindings, section 3.4.4.1: DEFLATE (RFC 1951), then base64."""
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacking.decompress(_base64(field), _LARGEST)
    except zlib.error as error:
        raise TokenRefused("the request to sign out cannot be unpacked") from error
    if not unpacking.eof or unpacking.unconsumed_tail or unpacking.unused_data:
        raise TokenRefused("the request to sign out cannot be unpacked")
    return content


def _base64(field: str) -> bytes:
    try:
        return base64.b64decode("".join(unquote_plus(field).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenRefused("the request to sign out is not in base64") from error
