"""docs/events.md, drawn from schemas/: `make docs` writes it, a test holds that it is current."""

import ast
import dataclasses
import inspect
import io
import json
import tokenize
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

from support.released import AVRO

from schemas.envelope import Envelope
from schemas.events import Event
from schemas.topics import SIGNED_BY, TOPICS, Topic
from schemas.vocabulary import Role

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
_HEAD = """\
# Events

Drawn from `schemas/` by `make docs`: do not edit. Each event is one Avro record in
`schemas/avro/NAME.avsc`, written in Avro's single-object encoding, and ends in `signature`: Ed25519 over
all bytes before it, by the key of a role that may say it. A consumer takes nothing else for an event.

Every event begins with the same envelope; an empty string in it means "does not apply".
"""


def render() -> str:
    """The whole page."""
    parts = [_HEAD, *_table(Envelope, "Envelope"), "## Topics\n", *_topics()]
    used: dict[str, type] = {}
    for topic in TOPICS:
        parts.append(f"## {topic.name}\n")
        for event in topic.events:
            parts += [f"### {event.__name__}\n", _sentence(event), f"Signed by: {_signers(event)}.\n"]
            parts += _table(event, event.__name__)
            used |= _records(event)
    parts.append("## Records inside events\n")
    for name in sorted(used):
        parts += [f"### {name}\n", _sentence(used[name]), *_table(used[name], name)]
    return "\n".join(parts).rstrip("\n") + "\n"


def _topics() -> Iterator[str]:
    yield "| topic | partitions | kept | events |\n| --- | --- | --- | --- |"
    for topic in TOPICS:
        names = ", ".join(f"[{event.__name__}](#{event.__name__.lower()})" for event in topic.events)
        yield f"| `{topic.name}` | {topic.partitions} | {_kept(topic)} | {names} |"
    yield ""


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "newest of each key"
    if topic.kept is None:
        return "for ever"
    return (
        f"{topic.kept.days} days"
        if topic.kept >= timedelta(days=1)
        else f"{topic.kept.seconds // 3600} hours"
    )


def _signers(event: type[Event]) -> str:
    roles = SIGNED_BY[event]
    return "any role" if set(roles) == set(Role) else " or ".join(role.value for role in roles)


def _sentence(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").replace("\n", " ") + "\n"


def _table(kind: Any, name: str) -> Iterator[str]:
    contract = json.loads((AVRO / f"{name}.avsc").read_text())
    comments, hints = _comments(kind), get_type_hints(kind)
    yield "| field | Avro type | |\n| --- | --- | --- |"
    for field in contract["fields"]:
        if field["name"] in ("envelope", "signature"):
            continue
        says = "; ".join(filter(None, (comments.get(field["name"], ""), _words(hints[field["name"]]))))
        says = says.replace("|", "\\|")
        yield f"| `{field['name']}` | {_type(field['type'])} | {says} |"
    yield ""


def _words(annotation: Any) -> str:
    """The closed list of words that a field may hold, where there is one."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Enum):
            return " ".join(f"`{word.value}`" for word in part)
    return ""


def _type(avro: Any) -> str:
    match avro:
        case str() if avro[0].isupper():
            return f"[{avro}](#{avro.lower()})"
        case str():
            return avro
        case ["null", other]:
            return f"{_type(other)} or null"
        case {"type": "array", "items": items}:
            return f"array of {_type(items)}"
        case {"logicalType": logical}:
            return str(logical)
    raise TypeError(f"no words for the Avro type {avro!r}")


def _comments(kind: type) -> dict[str, str]:
    """Field name -> the comment on its line."""
    source = inspect.getsource(kind)
    by_line = {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    return {
        line.target.id: by_line.get(line.lineno, "")
        for line in definition.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def _records(kind: type) -> dict[str, type]:
    """The records that the fields of this one hold, by name, however deep."""
    found: dict[str, type] = {}
    waiting: list[Any] = list(get_type_hints(kind).values())
    while waiting:
        annotation = waiting.pop()
        waiting += get_args(annotation)
        if (
            dataclasses.is_dataclass(annotation)
            and isinstance(annotation, type)
            and annotation is not Envelope
        ):
            found[annotation.__name__] = annotation
            waiting += get_type_hints(annotation).values()
    return found


if __name__ == "__main__":
    PAGE.write_text(render())
