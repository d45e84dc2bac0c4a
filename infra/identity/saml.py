"""A SAML 2.0 identity provider: where a browser is sent, and what its answer says about somebody.

python3-saml builds the messages and checks an answer as SAML wants it. What it is lenient about is refused
before: an answer is read only when nothing in it can be taken for something else. There is one assertion, the
provider signed it whole, and the values are read from that very element. So there is nothing to wrap
(signature wrapping, XSW1 to 8, needs a second element), no comment to split a name, no entity to expand.

SAML 2.0 Core (saml-core-2.0-os) and Profiles (saml-profiles-2.0-os), errata applied; Somorovsky et al., "On
Breaking SAML" (2012).
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from lxml import etree
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.logout_response import OneLogin_Saml2_Logout_Response
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from infra.clock import Clock
from infra.config import ConfigError, Saml
from infra.identity.saml_logout import LogoutRequest, read_logout_request
from infra.identity.saml_xml import NAMESPACES, Element, check_time, every, moment, parsed, text
from infra.identity.signed_in import TokenRefused, of_provider

_LARGEST = 256 * 1024  # bytes of an answer
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
_TRANSFORMS = frozenset(
    (
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",  # without comments
    )
)
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SIGNATURES = frozenset(
    f"{_MORE}{key}-sha{size}" for key in ("rsa", "ecdsa") for size in (256, 384, 512)
)  # nothing with SHA-1, nothing with a shared secret
_DIGESTS = frozenset(
    ("http://www.w3.org/2001/04/xmlenc#sha256", f"{_MORE}sha384", "http://www.w3.org/2001/04/xmlenc#sha512")
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider said about somebody."""

    assertion: str  # its id
    in_response_to: str  # the id of the request that it answers
    name: str
    groups: tuple[str, ...]
    until: datetime | None  # the end of their session there, where it says one
    ends: tuple[str, ...]  # ids by which it can end what it gave


class SamlProvider:
    """One provider, as the gateway knows it by its metadata. `entity`: what the gateway is called there;
    `consumer`: the URL that takes its answers; `logout`: the one that takes its requests to sign somebody
    out. Raises ConfigError when the metadata is of no use."""

    def __init__(
        self, saml: Saml, metadata: bytes, entity: str, consumer: str, logout: str, clock: Clock
    ) -> None:
        self._saml = saml
        self._entity = entity
        self._consumer = consumer
        self._clock = clock
        self._settings = _settings(metadata, entity, consumer, logout)
        self._logout = logout
        self._keys = _signing_keys(self._settings)
        self.issuer = str(self._settings.get_idp_data()["entityId"])

    @property
    def metadata(self) -> str:
        """What the provider must know about the gateway."""
        said = self._settings.get_sp_metadata()
        return said.decode() if isinstance(said, bytes) else str(said)

    def request(self) -> tuple[str, str]:
        """Where a browser goes to sign in, and the id that the answer must name."""
        request = OneLogin_Saml2_Authn_Request(self._settings)
        # SAML Bindings, section 3.4: HTTP-Redirect.
        asked = {"SAMLRequest": request.get_request()}
        return str(OneLogin_Saml2_Utils.redirect(self._settings.get_idp_sso_url(), asked)), request.get_id()

    def read_logout(self, query: str) -> LogoutRequest:
        """What a request to sign somebody out says (HTTP-Redirect). Raises TokenRefused."""
        return read_logout_request(
            query, self.issuer, self._logout, self._keys, self._clock(), self._saml.clock_skew
        )

    def logout_response(self, request: LogoutRequest) -> str | None:
        """Where the browser goes with the answer to it; None where the provider has no place for it."""
        url = self._settings.get_idp_slo_response_url()
        if not url:
            return None
        answer = OneLogin_Saml2_Logout_Response(self._settings)
        answer.build(request.id)
        said = {"SAMLResponse": answer.get_response()}
        if request.relay_state:
            said["RelayState"] = request.relay_state
        return str(OneLogin_Saml2_Utils.redirect(url, said))

    def read(self, answer: str) -> Said:
        """What an answer (HTTP-POST, in base64) says. Raises TokenRefused."""
        try:
            content = base64.b64decode("".join(answer.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise TokenRefused("the identity provider's answer is not in base64") from error
        if len(content) > _LARGEST:
            raise TokenRefused("the identity provider's answer is too large")
        assertion = _only_assertion(parsed(content))
        response = OneLogin_Saml2_Response(self._settings, base64.b64encode(content).decode())
        if not response.is_valid(_as_request(self._consumer)):
            raise TokenRefused(
                f"the identity provider's answer is not valid: {_reason(response.get_error())}"
            )
        confirmation = self._confirmed(assertion)
        return Said(
            assertion.get("ID", ""),
            confirmation.get("InResponseTo", ""),
            self._name(assertion),
            tuple(_values(assertion, self._saml.groups_attribute)),
            self._session_end(assertion),
            tuple(self._ends(assertion)),
        )

    def _ends(self, assertion: Element) -> Iterator[str]:
        for statement in every(assertion, "a:AuthnStatement"):
            if session := statement.get("SessionIndex"):
                yield of_provider(self.issuer, "session", session)
        for name in every(assertion, "a:Subject/a:NameID"):
            yield of_provider(self.issuer, "subject", text(name))

    def _confirmed(self, assertion: Element) -> Element:
        """The data of the one confirmation that it is for this gateway, now, in answer to a request."""
        now, skew = self._clock(), self._saml.clock_skew
        (conditions,) = every(assertion, "a:Conditions") or _missing("Conditions")
        check_time(conditions, now, skew)
        audiences = [text(audience) for audience in every(conditions, "a:AudienceRestriction/a:Audience")]
        if self._entity not in audiences:
            raise TokenRefused("the identity provider's answer is for somebody else (Audience)")
        confirmations = every(assertion, "a:Subject/a:SubjectConfirmation")
        if len(confirmations) != 1 or confirmations[0].get("Method") != _BEARER:
            raise TokenRefused("the identity provider's answer has not exactly one bearer confirmation")
        (data,) = every(confirmations[0], "a:SubjectConfirmationData") or _missing("SubjectConfirmationData")
        # Profiles, section 4.1.4.2: Recipient, NotOnOrAfter and, where there was a request, InResponseTo.
        if data.get("Recipient") != self._consumer:
            raise TokenRefused("the identity provider's answer is for another address (Recipient)")
        if "NotOnOrAfter" not in data.attrib or "InResponseTo" not in data.attrib:
            raise TokenRefused("the identity provider's answer was not asked for, or has no end")
        check_time(data, now, skew)
        return data

    def _session_end(self, assertion: Element) -> datetime | None:
        ends = [
            moment(end)
            for statement in every(assertion, "a:AuthnStatement")
            if (end := statement.get("SessionNotOnOrAfter")) is not None
        ]
        return min(ends, default=None)

    def _name(self, assertion: Element) -> str:
        attribute = self._saml.name_attribute
        if attribute is None:
            (name,) = every(assertion, "a:Subject/a:NameID") or _missing("NameID")
            if name.get("Format") == _TRANSIENT:
                raise TokenRefused("the identity provider names people anew each time (transient NameID)")
            return text(name)
        found = _values(assertion, attribute)
        if len(found) != 1:
            raise TokenRefused(f'the identity provider gives not one name in "{attribute}"')
        return found[0]


def _settings(metadata: bytes, entity: str, consumer: str, logout: str) -> OneLogin_Saml2_Settings:
    try:
        provider = OneLogin_Saml2_IdPMetadataParser.parse(metadata)
        return OneLogin_Saml2_Settings(
            {
                "strict": True,
                "sp": {
                    "entityId": entity,
                    "assertionConsumerService": {"url": consumer, "binding": _POST},
                    "singleLogoutService": {"url": logout, "binding": _REDIRECT},
                    "NameIDFormat": _UNSPECIFIED,
                },
                "security": {
                    "wantAssertionsSigned": True,
                    "wantAttributeStatement": False,
                    "rejectDeprecatedAlgorithm": True,
                    "requestedAuthnContext": False,
                },
                **{key: value for key, value in provider.items() if key == "idp"},
            }
        )
    except Exception as error:  # python3-saml raises what it likes
        raise ConfigError(
            [f"identity.saml.metadata: not the metadata of an identity provider: {error}"]
        ) from error


def _signing_keys(settings: OneLogin_Saml2_Settings) -> list[RSAPublicKey]:
    """Those with which the provider signs what stands in URLs; it may be about to have another."""
    provider = settings.get_idp_data()
    found = (provider.get("x509cert"), *provider.get("x509certMulti", {}).get("signing", ()))
    keys = [x509.load_pem_x509_certificate(one.encode()).public_key() for one in found if one]
    return [key for key in keys if isinstance(key, RSAPublicKey)]


def _only_assertion(root: Element) -> Element:
    """The one assertion of an answer, which has to be signed itself, as a whole. Raises TokenRefused."""
    if root.tag != f"{{{NAMESPACES['p']}}}Response":
        raise TokenRefused("the identity provider's answer is not a Response")
    anywhere = [
        node for node in root.iter() if etree.QName(node).localname in ("Assertion", "EncryptedAssertion")
    ]
    assertions = every(root, "a:Assertion")
    if len(anywhere) != 1 or anywhere != assertions:
        raise TokenRefused("the identity provider's answer has not exactly one assertion, unencrypted")
    ids = [node.get(name) for node in root.iter() for name in node.attrib if str(name).lower().endswith("id")]
    (assertion,) = assertions
    if not assertion.get("ID") or ids.count(assertion.get("ID")) != 1:
        raise TokenRefused("the assertion has no id of its own")
    signatures = [node for node in root.iter() if etree.QName(node).localname == "Signature"]
    own = every(assertion, "ds:Signature")
    if len(own) != 1 or any(node not in (*own, *every(root, "ds:Signature")) for node in signatures):
        raise TokenRefused("the assertion is not signed itself")
    _check_signature(own[0], assertion.get("ID", ""))
    return assertion


def _check_signature(signature: Element, id: str) -> None:
    """That it is over the whole element it stands in, by what is good enough. Raises TokenRefused."""
    references = every(signature, "ds:SignedInfo/ds:Reference")
    transforms = {
        node.get("Algorithm") for node in every(signature, "ds:SignedInfo/ds:Reference/ds:Transforms/*")
    }
    methods = [node.get("Algorithm") for node in every(signature, "ds:SignedInfo/ds:SignatureMethod")]
    digests = [
        node.get("Algorithm") for node in every(signature, "ds:SignedInfo/ds:Reference/ds:DigestMethod")
    ]
    if len(references) != 1 or references[0].get("URI") != f"#{id}" or every(signature, "ds:Object"):
        raise TokenRefused("the signature is not that of the assertion")
    if not transforms <= _TRANSFORMS or not set(methods) <= _SIGNATURES or not set(digests) <= _DIGESTS:
        raise TokenRefused("the assertion is signed by an algorithm that is not accepted")


def _values(assertion: Element, attribute: str) -> list[str]:
    found = [a for a in every(assertion, "a:AttributeStatement/a:Attribute") if a.get("Name") == attribute]
    return [text(value) for node in found for value in every(node, "a:AttributeValue")]


def _missing(what: str) -> NoReturn:
    raise TokenRefused(f"the identity provider's answer has no {what}")


def _as_request(consumer: str) -> Mapping[str, Any]:
    """The request, for python3-saml: that the answer came to `consumer`."""
    scheme, _, rest = consumer.partition("://")
    host, _, path = rest.partition("/")
    return {"https": "on" if scheme == "https" else "off", "http_host": host, "script_name": f"/{path}"}


def _reason(error: object) -> str:
    """python3-saml's words, which may repeat what the answer says."""
    text = "".join(letter for letter in str(error) if letter.isprintable())
    return text[:200] or "for a reason of its own"
