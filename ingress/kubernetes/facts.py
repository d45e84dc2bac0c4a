"""What a request does to a cluster, proven from the request alone. Pure.

What the gateway cannot read of it makes it unknown, with the reason.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ingress.kubernetes.kinds import (
    ADMIN,
    CLUSTER_WIDE,
    CREDENTIAL,
    DISCOVERY,
    NETWORK,
    ORDINARY,
    QUESTIONS,
    SAY_ENOUGH,
    SUBRESOURCES,
)
from ingress.kubernetes.manifests import features, intents_of, patched
from ingress.kubernetes.requested import Requested
from ingress.kubernetes.words import ATTACH, PORT_FORWARD, SHELL
from ingress.shell.facts import analyse
from ingress.shell.wrappers import SHELLS
from ingress.web.bodies import Body, read_body
from ingress.web.call import Call
from ingress.web.selectors import Selectors
from schemas.vocabulary import Facts, Intent

_KEY = re.compile(r"\s*([^=!,]*?)\s*!?==?")
_READS = ("get", "list", "watch")
_WRITES = ("create", "update", "patch", "delete", "deletecollection")
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
_PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
PROTOBUF = "application/vnd.kubernetes.protobuf"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Reading:
    """A request's facts, and its body as it was read."""

    facts: Facts
    body: Body


def read_call(call: Call, requested: Requested, sensitive: Selectors) -> Reading:
    """What this request does. `sensitive`: the fields of its kind that are."""
    if requested.is_stream:
        return Reading(_stream_facts(requested, call), Body())
    body = _read(call, requested)
    document, doubt = body.document, body.unproven
    if call.media_type == JSON_PATCH and not doubt:
        document, doubt = patched(document)
    unproven = {doubt} if doubt else set()
    intents, found = _intents(requested, document, unproven)
    probed = {one for field in _selected(requested) for one in _guessed(field, sensitive)}
    if probed:
        intents.add(Intent.PROBE)
    if unproven:
        intents.add(Intent.UNKNOWN)
    facts = Facts(
        intents=tuple(sorted(intents)),
        functions=tuple(sorted(found)),
        unproven=tuple(sorted(unproven)),
        probed=tuple(sorted(probed)),
    )
    return Reading(_placed(facts, requested, call), body)


def _selected(requested: Requested) -> list[str]:
    """The fields by whose values objects are selected; metadata is nobody's secret."""
    texts = [value for name, value in requested.query if name.lower() == "fieldselector"]
    fields = [found[1] for text in texts for term in text.split(",") if (found := _KEY.match(term))]
    return [field for field in fields if not field.startswith("metadata.")]


def _guessed(field: str, sensitive: Selectors) -> Iterator[str]:
    """The selectors that make this field sensitive, or one around it. Kubernetes selects by whole paths and
    by nothing else (its documentation, "Field Selectors"; the `selectableFields` of a custom resource)."""
    path = tuple(field.split("."))
    for end in range(1, len(path) + 1):
        if (entry := sensitive.match(path[:end])) is not None:
            yield entry.pattern


def _placed(facts: Facts, requested: Requested, call: Call) -> Facts:
    """With what is asked of which objects where."""
    return replace(
        facts,
        methods=(call.method,),
        paths=facts.paths or (requested.path,),
        verbs=(requested.verb,),
        kinds_of_object=(requested.kind,) if requested.resource else (),
        namespaces=_namespaces(requested),
    )


def _namespaces(requested: Requested) -> tuple[str, ...]:
    if not requested.resource:
        return ()
    if requested.namespace:
        return (requested.namespace,)
    whole = requested.kind.partition("/")[0]
    # A collection without a namespace is of all of them, unless its kind has none.
    return () if requested.name or whole in CLUSTER_WIDE else ("*",)


def _read(call: Call, requested: Requested) -> Body:
    if call.method in ("GET", "HEAD"):
        return Body(unproven="a request to read has a body") if call.body else Body()
    if call.media_type == PROTOBUF and requested.kind in SAY_ENOUGH:
        return Body()  # kubectl and Go's clients create in protobuf; of these the kind says what it is for
    if call.media_type == APPLY and call.body is not None:
        # kubectl writes the JSON that YAML permits; of other YAML there are several readings.
        read = read_body(replace(call, fields=((b"content-type", b"application/json"),)))
        return Body(unproven="its body is YAML") if read.unproven == "its body is no JSON" else read
    if call.body and call.method == "PATCH" and call.media_type not in (JSON_PATCH, *_PATCHES):
        return Body(unproven=f"a patch of the type {call.media_type or '(none)'} is not read by the gateway")
    return read_body(call)


def _intents(requested: Requested, document: Any, unproven: set[str]) -> tuple[set[Intent], frozenset[str]]:
    """What it is for, and what the objects it writes can do."""
    if not requested.resource:
        return _of_no_resource(requested, unproven), frozenset()
    kind, _, subresource = requested.kind.partition("/")
    verb = requested.verb
    if verb in _READS:
        intents = {Intent.READ}
        if kind in CREDENTIAL or subresource in ("exec", "attach", "portforward", "proxy"):
            intents.add(Intent.CREDENTIAL)
        return intents, frozenset()
    if verb not in _WRITES:
        unproven.add(f"what {verb or 'this method'} does is not known")
        return set(), frozenset()
    if verb == "create" and kind in QUESTIONS:
        return {QUESTIONS[kind]}, frozenset()
    intents = {Intent.WRITE}
    if verb == "deletecollection" or (verb == "delete" and kind == "namespaces"):
        intents.add(Intent.BULK_WRITE)
    if kind in CREDENTIAL:
        intents.add(Intent.CREDENTIAL)
    if kind in NETWORK:
        intents.add(Intent.NETWORK)
    if kind in ADMIN:
        intents.add(Intent.ADMIN)
    if kind not in ORDINARY | ADMIN | NETWORK:
        unproven.add(f"what the cluster makes of a change of {kind} is not known")
    if subresource:
        known = SUBRESOURCES.get(subresource)
        if known is None:
            unproven.add(f"what the subresource {subresource} does is not known")
        intents |= set(known or ())
    found = features(document) if verb in ("create", "update", "patch") else frozenset()
    return intents | intents_of(found), found


def _of_no_resource(requested: Requested, unproven: set[str]) -> set[Intent]:
    path = requested.path.rstrip("/")
    if requested.verb not in ("get", "head"):
        unproven.add("a request that is for no resource changes something")
        return set()
    if path == "" or any(path == known or path.startswith(f"{known}/") for known in DISCOVERY):
        return {Intent.SESSION}
    if path == "/metrics" or path.startswith("/metrics/"):
        return {Intent.READ}
    unproven.add("what this path shows is not known")
    return {Intent.ADMIN}


def _stream_facts(requested: Requested, call: Call) -> Facts:
    """Of exec, attach and port-forward."""
    if requested.subresource == "portforward":
        facts = Facts(
            intents=(Intent.NETWORK, Intent.UNKNOWN),
            statements=(PORT_FORWARD,),
            unproven=("what goes through a forwarded port is not seen",),
        )
    elif requested.subresource == "attach":
        typed = requested.says("stdin")
        facts = Facts(
            intents=(Intent.EXEC, Intent.UNKNOWN) if typed else (Intent.READ,),
            statements=(SHELL if typed else ATTACH,),
            unproven=("what will be typed is not known",) if typed else (),
        )
    else:
        facts = _exec_facts(requested)
    return _placed(facts, requested, call)


def arguments(requested: Requested) -> tuple[str, ...]:
    """What exec starts."""
    return tuple(value for name, value in requested.query if name == "command")


def _exec_facts(requested: Requested) -> Facts:
    words = arguments(requested)
    program = words[0].rpartition("/")[2] if words else ""
    found = analyse(" ".join(map(_quoted, words))).facts
    if not program:
        doubts = ("it does not say what it starts",)
        return replace(found, intents=(Intent.EXEC, Intent.UNKNOWN), unproven=doubts)
    is_typed = program in SHELLS and all(map(_is_option_of_shell, words[1:]))
    is_unproven = Intent.UNKNOWN in found.intents
    if requested.says("stdin") and (is_typed or (requested.says("tty") and is_unproven)):
        return replace(
            found,
            intents=(Intent.EXEC, Intent.UNKNOWN),
            statements=(SHELL,),
            unproven=("what will be typed is not known",),
        )
    # What it does in a pod, it does with what the pod may do: that it runs there counts beside it.
    return replace(found, intents=tuple(sorted({*found.intents, Intent.EXEC})))


def _quoted(word: str) -> str:
    """The word as a shell reads it again, whatever is in it: no shell reads what exec is given."""
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _is_option_of_shell(word: str) -> bool:
    """Whether a shell that was given this word still reads its commands from its input: it is no file, and
    no -c."""
    return word[:1] in ("-", "+") and (word.startswith("--") or "c" not in word)
