"""The section `notifications`: whom the gateway tells what reviewers should know."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from infra.config.values import Model, Secret, is_loopback

Told = Literal["approval.requested", "approval.settled"]


def _is_safe(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.fragment:
        raise ValueError("expected https://host/path, without a user or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("expected https://…; http:// goes to this machine alone")
    return url


class Endpoint(Model):
    """One that is told, and of what."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    events: tuple[Told, ...] = ("approval.requested", "approval.settled")
    resources: tuple[str, ...] | None = None  # names and globs; None: all


class WebhookEndpoint(Endpoint):
    """Whoever takes webhooks (standardwebhooks.com): where, and the secret that signs them."""

    url: Annotated[str, AfterValidator(_is_safe)]
    secret: Secret  # "whsec_…", base64 of 24 to 64 bytes


class AppriseEndpoint(Endpoint):
    """Email, Microsoft Teams, PagerDuty and whatever else the library apprise has a URL for."""

    url: Secret  # such as "mailtos://…"; it holds the credentials


class SlackChannel(Model):
    """A channel of Slack, the app that posts there, and who of its users is whom."""

    token: Secret  # the app's bot token, "xoxb-…", with chat:write
    signing_secret: Secret  # proves that a pressed button comes from Slack
    channel: str = Field(pattern=r"^[A-Z0-9]+$")  # its id
    users: dict[Annotated[str, Field(pattern=r"^[A-Z0-9]+$")], str] = Field(default={})  # Slack id -> user
    resources: tuple[str, ...] | None = None
    api: Annotated[str, AfterValidator(_is_safe)] = "https://slack.com/api"
    hooks: Annotated[str, AfterValidator(_is_safe)] = "https://hooks.slack.com"  # where it takes answers


class Notifications(Model):
    """Those who are told."""

    webhooks: tuple[WebhookEndpoint, ...] = ()
    apprise: tuple[AppriseEndpoint, ...] = ()
    slack: SlackChannel | None = None

    @model_validator(mode="after")
    def _slack_is_slack(self) -> Self:
        if any(endpoint.name == "slack" for endpoint in (*self.webhooks, *self.apprise)):
            raise ValueError("expected another name than slack, which is the channel's")
        return self
