"""The section `notifications`: whom the gateway tells what reviewers should know."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from infra.config.values import Model, Secret, is_loopback

Told = Literal["approval.requested", "approval.settled"]


def is_safe(url: str) -> str:
    """The URL, where what is told may go there. Raises ValueError."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.fragment:
        raise ValueError("expected https://host/path, without a user or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("expected https://…; http:// goes to this machine alone")
    return url


Origin = Annotated[str, AfterValidator(is_safe), AfterValidator(lambda url: url.rstrip("/"))]


class TicketsOf(Model):
    """Where requests become tickets, and of which resources."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    resources: tuple[str, ...] | None = None  # names and globs; None: all


class Endpoint(TicketsOf):
    """One that is told, and of what."""

    events: tuple[Told, ...] = ("approval.requested", "approval.settled")


class WebhookEndpoint(Endpoint):
    """Whoever takes webhooks (standardwebhooks.com): where, and the secret that signs them."""

    url: Annotated[str, AfterValidator(is_safe)]
    secret: Secret  # "whsec_…", base64 of 24 to 64 bytes


class TeamsEndpoint(Endpoint):
    """A channel or chat of Microsoft Teams, by the incoming webhook of a workflow."""

    url: Secret  # it lets whoever knows it post there


class PagerDutyService(TicketsOf):
    """A service of PagerDuty with an integration of type Events API v2."""

    routing_key: Secret
    severity: Literal["critical", "error", "warning", "info"] = "warning"
    api: Origin = "https://events.pagerduty.com"


class JiraProject(TicketsOf):
    """A project of Jira Cloud."""

    url: Origin  # "https://acme.atlassian.net"
    user: str
    token: Secret
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")  # its key
    issue_type: str = "Task"
    done: str | None = None  # the status that an issue gets when its request has ended


class ServiceNowTable(TicketsOf):
    """A table of ServiceNow."""

    url: Origin  # "https://acme.service-now.com"
    user: str
    password: Secret
    table: str = Field(default="incident", pattern=r"^[a-z0-9_]+$")
    fields: dict[str, str] = Field(default={})  # of a new record, beside what the gateway says
    ended: dict[str, str] = Field(default={})  # what is set when its request has ended, such as {state: "7"}


class AppriseEndpoint(Endpoint):
    """Email and whatever else the library apprise has a URL for."""

    url: Secret  # such as "mailtos://…"; it holds the credentials


class SlackChannel(Model):
    """A channel of Slack, the app that posts there, and who of its users is whom."""

    token: Secret  # the app's bot token, "xoxb-…", with chat:write
    signing_secret: Secret  # proves that a pressed button comes from Slack
    channel: str = Field(pattern=r"^[A-Z0-9]+$")  # its id
    users: dict[Annotated[str, Field(pattern=r"^[A-Z0-9]+$")], str] = Field(default={})  # Slack id -> user
    resources: tuple[str, ...] | None = None
    api: Annotated[str, AfterValidator(is_safe)] = "https://slack.com/api"
    hooks: Annotated[str, AfterValidator(is_safe)] = "https://hooks.slack.com"  # where it takes answers


class Notifications(Model):
    """Those who are told."""

    webhooks: tuple[WebhookEndpoint, ...] = ()
    apprise: tuple[AppriseEndpoint, ...] = ()
    teams: tuple[TeamsEndpoint, ...] = ()
    pagerduty: tuple[PagerDutyService, ...] = ()
    jira: tuple[JiraProject, ...] = ()
    servicenow: tuple[ServiceNowTable, ...] = ()
    slack: SlackChannel | None = None

    @property
    def named(self) -> tuple[TicketsOf, ...]:
        """All that have a name of their own."""
        return (
            *self.webhooks,
            *self.apprise,
            *self.teams,
            *self.pagerduty,
            *self.jira,
            *self.servicenow,
        )

    @model_validator(mode="after")
    def _slack_is_slack(self) -> Self:
        if any(endpoint.name == "slack" for endpoint in self.named):
            raise ValueError("expected another name than slack, which is the channel's")
        return self
