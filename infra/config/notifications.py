"""The section `notifications`: whom the gateway tells what reviewers should know."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from infra.config.values import Model, Secret, is_loopback

Told = Literal["approval.requested", "approval.settled"]


def _is_safe(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.fragment:
        raise ValueError("expected https://host/path, without a user or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("expected https://…; http:// goes to this machine alone")
    return url


class WebhookEndpoint(Model):
    """Whoever takes webhooks (standardwebhooks.com): where, and the secret that signs them."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    url: Annotated[str, AfterValidator(_is_safe)]
    secret: Secret  # "whsec_…", base64 of 24 to 64 bytes
    events: tuple[Told, ...] = ("approval.requested", "approval.settled")
    resources: tuple[str, ...] | None = None  # names and globs; None: all


class Notifications(Model):
    """Those who are told."""

    webhooks: tuple[WebhookEndpoint, ...] = ()
