"""Slack: a message in a channel for each request, with buttons; the linked person alone decides by them.

- `message.py`: what happened -> Block Kit blocks; foreign text is never markup there (pure).
- `channel.py`: posts the message, and replaces it when the request has ended.
- `signature.py`: whether a request is Slack's own (pure).
- `actions.py`: a pressed button -> the decision of the person whom the configuration links to the Slack user.
"""
