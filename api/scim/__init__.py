"""SCIM 2.0 (RFC 7643, RFC 7644): the identity provider says who may come in, and who no longer.

A request of the provider's -> an event on the topic of the directory, and the end of what somebody has no
longer.

- `routes.py`: users, groups and what describes them, over HTTP.
- `searching.py`: what a list is asked for (pure).
- `kinds.py`: users and groups, with what differs between them.
- `resources.py`: users and groups as SCIM shows them, and what it may say of them (pure).
- `changes.py`: what a request makes of an entry, and whose tokens end with it (pure).
- `registry.py`: publishes a change and waits until it counts.
- `errors.py`: every error as SCIM has it.
"""
