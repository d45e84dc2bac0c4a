"""The methods of MCP that clients may use, and what each is for.

https://modelcontextprotocol.io/specification/2025-11-25/schema; what is not here is refused.
"""

from collections.abc import Mapping

from schemas.vocabulary import Intent

VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
"""Those whose sessions begin with `initialize`, over streamable HTTP."""

CALL, READ, PROMPT, LIST_TOOLS = "tools/call", "resources/read", "prompts/get", "tools/list"
INITIALIZE, CANCELLED = "initialize", "notifications/cancelled"
STREAM, ANSWER, END = "session/stream", "session/answer", "session/end"
"""No methods of JSON-RPC: the stream that GET opens, an answer to a question of the server, DELETE."""

REQUESTS: Mapping[str, Intent | None] = {
    INITIALIZE: Intent.SESSION,
    "ping": Intent.SESSION,
    "logging/setLevel": Intent.SESSION,
    LIST_TOOLS: Intent.READ,
    "prompts/list": Intent.READ,
    "resources/list": Intent.READ,
    "resources/templates/list": Intent.READ,
    "completion/complete": Intent.READ,
    PROMPT: Intent.READ,
    READ: Intent.READ,
    "resources/subscribe": Intent.READ,
    "resources/unsubscribe": Intent.SESSION,
    CALL: None,  # by its tool
}
NOTIFICATIONS: Mapping[str, Intent] = {
    "notifications/initialized": Intent.SESSION,
    CANCELLED: Intent.SESSION,
    "notifications/progress": Intent.SESSION,
    "notifications/roots/list_changed": Intent.SESSION,
}
STATEMENTS = frozenset((*REQUESTS, *NOTIFICATIONS, STREAM, ANSWER, END))
