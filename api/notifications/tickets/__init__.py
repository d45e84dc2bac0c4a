"""Tickets and incidents: one is opened when a request begins to wait, and ended when the request has.

- `tracker.py`: what keeps them; `receiver.py`: a message becomes one of them, or ends it.
- `pagerduty.py`, `jira.py`, `servicenow.py`: each keeps them in its own way.

Whatever is done there decides nothing: a ticket has the link to the page.
"""
