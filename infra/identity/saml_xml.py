"""What a SAML provider sends, as XML in which nothing can be taken for something else. Pure."""

from datetime import datetime, timedelta
from typing import TypeAlias

from lxml import etree

from infra.identity.signed_in import TokenRefused

NAMESPACES = {
    "p": "urn:oasis:names:tc:SAML:2.0:protocol",
    "a": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}

Element: TypeAlias = etree._Element


def parsed(content: bytes) -> Element:
    """The root of what came. Raises TokenRefused, as all here."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise TokenRefused("the identity provider's answer is not XML") from error
    if root.getroottree().docinfo.doctype:
        raise TokenRefused("the identity provider's answer has a document type, which SAML has not")
    if root.xpath("//comment() | //processing-instruction()"):
        raise TokenRefused("the identity provider's answer has comments or instructions in it")
    return root


def check_time(node: Element, now: datetime, skew: timedelta) -> None:
    """That NotBefore and NotOnOrAfter, where they are there, say that it is for now."""
    not_before, end = node.get("NotBefore"), node.get("NotOnOrAfter")
    if not_before is not None and now + skew < moment(not_before):
        raise TokenRefused("the identity provider's answer is for later: compare the clocks")
    if end is not None and now - skew >= moment(end):
        raise TokenRefused("the identity provider's answer is too old: compare the clocks")


def moment(said: str) -> datetime:
    """A time. Core, section 1.3.3: "MUST be expressed in UTC form, with no time zone component"."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise TokenRefused("the identity provider's answer has a time that is none") from error
    if found.tzinfo is None:
        raise TokenRefused("the identity provider's answer has a time without Z")
    return found


def text(node: Element) -> str:
    """What stands in an element that has no others."""
    if len(node):
        raise TokenRefused("the identity provider's answer has elements where text must be")
    return (node.text or "").strip()


def every(node: Element, path: str) -> list[Element]:
    """The elements at this path below it, by the prefixes of NAMESPACES."""
    return node.findall(path, NAMESPACES)
