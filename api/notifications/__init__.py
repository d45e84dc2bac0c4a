"""Tells others what waits for a reviewer and how it ended. A message never decides: it links to the page.

In the order of a message:

- `payload.py`: what happened to an approval -> the message, without the command or a value (pure).
- `outbox.py`: what is to be sent, kept on disk: nothing is lost when a process or a receiver is away.
- `signature.py`: Standard Webhooks' headers (pure).
- `backoff.py`: when a message that was not taken is sent again, and when no more (pure).
- `receiver.py`: what takes messages; `webhook.py`: an endpoint that does; `slack/`: a channel that does, and
  what its buttons decide; `teams.py`: Microsoft Teams; `tickets/`: PagerDuty, Jira,
  ServiceNow; `apprise.py`: email and the rest.
- `receivers.py`: all of the configuration's.
- `notifier.py`: follows the approvals, fills the outbox, empties it. One process of a state folder does.
- `dead.py`: the messages that nobody took: listed, and sent again, for administrators.
"""
