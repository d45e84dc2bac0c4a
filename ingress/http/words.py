"""What policy calls the requests of this protocol that are more: the kinds that a rule's `statements` can
name."""

WEBSOCKET = "websocket"  # a request that opens one

STATEMENTS = frozenset({WEBSOCKET})
