"""A SAML identity provider with a key of its own: metadata, assertions, and its signature over them."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.x509.oid import NameOID
from onelogin.saml2.utils import OneLogin_Saml2_Utils

ISSUER = "https://idp.example.com/saml"
ENTITY = "https://gw.example.com/sign-in/saml/metadata"
CONSUMER = "https://gw.example.com/sign-in/saml"
LOGOUT = "https://gw.example.com/sign-in/saml/logout"
REQUEST = "ONELOGIN_request"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

_NOW = datetime.now(UTC)
_END = f"{_NOW + timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}"  # no run of the tests is that long
_EARLIER = f"{_NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"

ASSERTION = f"""<a:Assertion xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_original" Version="2.0" IssueInstant="{_EARLIER}"><a:Issuer>{ISSUER}</a:Issuer><a:Subject><a:NameID>alice</a:NameID><a:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><a:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="{_END}" Recipient="{CONSUMER}"/></a:SubjectConfirmation></a:Subject><a:Conditions NotBefore="{_EARLIER}" NotOnOrAfter="{_END}"><a:AudienceRestriction><a:Audience>{ENTITY}</a:Audience></a:AudienceRestriction></a:Conditions><a:AuthnStatement AuthnInstant="{_EARLIER}" SessionIndex="1"><a:AuthnContext><a:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</a:AuthnContextClassRef></a:AuthnContext></a:AuthnStatement><a:AttributeStatement><a:Attribute Name="groups"><a:AttributeValue>dba</a:AttributeValue><a:AttributeValue>staff</a:AttributeValue></a:Attribute></a:AttributeStatement></a:Assertion>"""  # noqa: E501
OPEN = f"""<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response" Version="2.0" IssueInstant="{_EARLIER}" Destination="{CONSUMER}" InResponseTo="{REQUEST}"><a:Issuer>{ISSUER}</a:Issuer><p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>"""  # noqa: E501
CLOSE = "</p:Response>"


class SamlIssuer:
    """One key, and the certificate that metadata has of it."""

    def __init__(self) -> None:
        self._key = generate_private_key(65537, 2048)
        self._certificate = _certificate(self._key)

    @property
    def metadata(self) -> bytes:
        """What the provider publishes about itself."""
        return f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{self._certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{ISSUER}/sign-in"/></IDPSSODescriptor></EntityDescriptor>""".encode()  # noqa: E501

    @property
    def public_key(self) -> RSAPublicKey:
        return self._key.public_key()

    def sign_query(self, text: str, relay_state: str = "", algorithm: str = RSA_SHA256) -> str:
        """A request as a browser brings it (SAML Bindings, section 3.4.4.1)."""
        packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packing.compress(text.encode()) + packing.flush()
        fields = {
            "SAMLRequest": base64.b64encode(packed).decode(),
            "RelayState": relay_state,
            "SigAlg": algorithm,
        }
        query = urlencode({name: value for name, value in fields.items() if value})
        signature = self._key.sign(query.encode(), PKCS1v15(), hashes.SHA256())
        return f"{query}&{urlencode({'Signature': base64.b64encode(signature).decode()})}"

    def sign(self, text: str) -> str:
        """An element with the enveloped signature where SAML has it, after the issuer."""
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = OneLogin_Saml2_Utils.format_cert(self._certificate)
        signed: bytes = OneLogin_Saml2_Utils.add_sign(text, key.decode(), certificate)
        return signed.decode()


def encoded(text: str) -> str:
    """As a browser posts it."""
    return base64.b64encode(text.encode()).decode()


def _certificate(key: RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_NOW - timedelta(days=1))
        .not_valid_after(_NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()
