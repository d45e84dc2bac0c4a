"""The configuration's section `notifications` -> who is told, but for Slack, whose buttons decide as well."""

import httpx

from api.notifications.apprise import AppriseReceiver
from api.notifications.outbox import Outbox
from api.notifications.receiver import Receiver
from api.notifications.teams import Teams
from api.notifications.tickets.jira import Jira
from api.notifications.tickets.pagerduty import PagerDuty
from api.notifications.tickets.receiver import Tickets
from api.notifications.tickets.servicenow import ServiceNow
from api.notifications.tickets.tracker import Tracker
from api.notifications.webhook import Webhook
from infra.clock import now
from infra.config import Config, TicketsOf


def receivers_of(config: Config, client: httpx.AsyncClient, outbox: Outbox) -> list[Receiver]:
    """All of them. Raises ConfigError where a secret cannot be used."""
    told, base, url = config.notifications, config.base, config.api_url
    trackers: list[tuple[TicketsOf, Tracker]] = [
        *((one, PagerDuty(one, base, client)) for one in told.pagerduty),
        *((one, Jira(one, base, client)) for one in told.jira),
        *((one, ServiceNow(one, base, client)) for one in told.servicenow),
    ]
    return [
        *(Webhook(endpoint, base, url, client, now) for endpoint in told.webhooks),
        *(Teams(endpoint, base, url, client) for endpoint in told.teams),
        *(Tickets(about, tracker, url, outbox) for about, tracker in trackers),
        *(AppriseReceiver(endpoint, base, url) for endpoint in told.apprise),
    ]
