"""A command line -> its programs and redirections, by tree-sitter's bash grammar.

The grammar reads more than is proven here: what its tree has that is not listed is walked for what it starts,
and leaves a doubt. A tree with errors, or that leaves out a part of the text, is in doubt as a whole.
"""

import re
from dataclasses import dataclass, field, replace

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from ingress.shell.script import COMPUTED, Invocation, Redirection, Word
from ingress.shell.words import Words

_DEEPEST = 100  # nodes inside nodes
_HEREDOC_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ufeff]|[^\S \t\n]")
_JOINED = re.compile(r"(?<![ \t])\\\n")
_BEFORE_COMMENT = frozenset(b" \t\n;&|(")

# What only groups others: everything in it is walked.
_GROUPS = frozenset(
    {
        "program",
        "list",
        "compound_statement",
        "subshell",
        "if_statement",
        "elif_clause",
        "else_clause",
        "while_statement",
        "do_group",
        "negated_command",
        "command_substitution",
        "process_substitution",
    }
)
_WORDS = frozenset(
    {
        "word",
        "number",
        "string",
        "raw_string",
        "ansi_c_string",
        "concatenation",
        "simple_expansion",
        "expansion",
        "command_substitution",
        "process_substitution",
        "arithmetic_expansion",
    }
)


@dataclass(slots=True)
class Script:
    """What a text consists of. `doubts`: what of it is not proven; `comment`: its last one, without `#`."""

    invocations: list[Invocation] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    assignments: list[tuple[str, Word]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    comment: str = ""
    has_loop: bool = False


def parse(text: str) -> Script:
    """The script of a text; what cannot be read is a doubt in it."""
    script = Script()
    if _CONTROL.search(text):
        script.doubts.append("it has control characters or white space that shells read differently")
    if _JOINED.search(text):
        script.doubts.append("a line goes on in the next one in the middle of a word")
    source = text.encode("utf-8", "surrogateescape")
    tree = Parser(Language(tree_sitter_bash.language())).parse(source)
    if tree.root_node.has_error:
        script.doubts.append("it does not parse as a command line of a shell")
    _Walk(source, script).start(tree.root_node)
    return script


class _Walk:
    def __init__(self, source: bytes, script: Script) -> None:
        self._source = source
        self._script = script
        self._words = Words(source, self._commands_in, self._doubt)
        self._depth = 0
        self._heredocs = 0

    def start(self, root: Node) -> None:
        if self._source[: root.start_byte].strip(b" \t\n") or self._source[root.end_byte :].strip(b" \t\n"):
            self._doubt("a part of it does not parse")
        self._walk(root)
        last = root.children[-1] if root.children else None
        if last is not None and last.type == "comment":
            self._script.comment = self._text(last).removeprefix("#")

    def _walk(self, node: Node, upstream: tuple[str, ...] = (), script: str | None = None) -> None:
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                self._doubt("it is nested too deeply")
                return
            self._visit(node, upstream, script)
        finally:
            self._depth -= 1

    def _visit(self, node: Node, upstream: tuple[str, ...], script: str | None) -> None:
        match node.type:
            case kind if kind in _GROUPS:
                self._check_gaps(node)
                self._script.has_loop = self._script.has_loop or kind == "while_statement"
                if kind.endswith("substitution") and any(child.type == "comment" for child in node.children):
                    self._doubt("a substitution has a comment in it")
                for child in node.named_children:
                    self._walk(child, upstream, script)
            case "command":
                self._command(node, upstream, script)
            case "pipeline":
                self._pipeline(node, upstream, script)
            case "redirected_statement":
                self._redirected(node, upstream)
            case "variable_assignment":
                self._script.assignments.append(self._assignment(node))
            case "declaration_command" | "unset_command":
                self._declaration(node)
            case "for_statement":
                self._check_gaps(node)
                self._script.has_loop = True
                self._for(node)
            case "test_command":
                self._test(node)
            case "comment":
                before = self._source[node.start_byte - 1 : node.start_byte]
                if before and before[0] not in _BEFORE_COMMENT:
                    self._doubt("a comment begins in the middle of a word")
            case kind if kind in _WORDS:
                self._words.read(node)
            case _:
                self._doubt(f"{node.type.replace('_', ' ')} is not read")
                self._commands_in(node)

    def _commands_in(self, node: Node) -> None:
        """Walks what may be commands inside a node that is not read itself."""
        if node.type in ("command_substitution", "process_substitution"):
            self._walk(node)
            return
        for child in node.named_children:
            if child.type in _WORDS or child.type in ("variable_name", "string_content", "comment"):
                if child.type in _WORDS:
                    self._words.read(child)
                continue
            self._walk(child)

    def _command(self, node: Node, upstream: tuple[str, ...], script: str | None) -> None:
        self._check_gaps(node)
        words: list[Word] = []
        assignments: list[tuple[str, Word]] = []
        for child in node.named_children:
            match child.type:
                case "variable_assignment":
                    assignments.append(self._assignment(child))
                case "command_name":
                    words += [self._words.read(part) for part in child.named_children]
                case "file_redirect":
                    words += self._redirection(child)
                case "herestring_redirect":
                    script = self._herestring(child)
                case kind if kind in _WORDS:
                    words.append(self._words.read(child))
                case _:
                    self._doubt(f"{child.type.replace('_', ' ')} is not read")
                    words.append(COMPUTED)
                    self._commands_in(child)
        self._invoke(Invocation(tuple(words), tuple(assignments), script, upstream))

    def _invoke(self, invocation: Invocation) -> None:
        if invocation.words:
            self._script.invocations.append(invocation)
        else:
            self._script.assignments.extend(invocation.assignments)

    def _pipeline(self, node: Node, upstream: tuple[str, ...], script: str | None) -> None:
        self._check_gaps(node)
        for child in node.named_children:
            first = len(self._script.invocations)
            self._walk(child, upstream, script)
            script = None
            began = self._script.invocations[first:]
            upstream += tuple(found.words[0].value or "?" for found in began)

    def _redirected(self, node: Node, upstream: tuple[str, ...]) -> None:
        self._check_gaps(node)
        redirects = node.named_children
        body: Node | None = redirects[0]
        if redirects[0].type in ("file_redirect", "heredoc_redirect", "herestring_redirect"):
            body = None
        else:
            redirects = redirects[1:]
        extra: list[Word] = []
        rests: list[Node] = []
        script: str | None = None
        for redirect in redirects:
            match redirect.type:
                case "file_redirect":
                    extra += self._redirection(redirect)
                case "herestring_redirect":
                    script = self._herestring(redirect)
                case "heredoc_redirect":
                    script = self._heredoc(redirect, rests, extra)
                case _:
                    self._doubt(f"{redirect.type.replace('_', ' ')} is not read")
        first = len(self._script.invocations)
        if body is not None:
            self._walk(body, upstream, script)
        found = self._script.invocations[first:]
        if extra:
            # `cat > out file`: the grammar takes what follows the target for more targets.
            if len(found) == 1 and body is not None and body.type == "command":
                self._script.invocations[first] = replace(found[0], words=(*found[0].words, *extra))
            else:
                self._doubt("words stand after a redirection")
                self._invoke(Invocation(tuple(extra), (), script, upstream))
        names = tuple(invocation.words[0].value or "?" for invocation in found)
        for rest in rests:
            self._walk(rest, upstream + names)

    def _redirection(self, node: Node) -> list[Word]:
        """Notes the redirection; the words after its target."""
        operator, words = "", []
        for child in node.children:
            if child.type == "file_descriptor":
                continue
            if child.is_named:
                words.append(self._words.read(child))
            else:
                operator = child.type
        if words:
            self._script.redirections.append(Redirection(operator, words[0]))
        elif operator not in (">&-", "<&-"):
            self._doubt("a redirection has no target")
        return words[1:]

    def _herestring(self, node: Node) -> str | None:
        words = [self._words.read(child) for child in node.named_children if child.type != "file_descriptor"]
        if len(words) != 1:
            self._doubt("a here-string is not read")
            return None
        return words[0].value

    def _heredoc(self, node: Node, rests: list[Node], extra: list[Word]) -> str | None:
        """Its text where the shell leaves it as it is. Adds what follows it on its line to `rests`."""
        self._heredocs += 1
        start, end, body = "", "", ""
        for child in node.children:
            match child.type:
                case "<<" | "file_descriptor":
                    pass
                case "heredoc_start":
                    start = self._text(child)
                case "heredoc_end":
                    end = self._text(child)
                case "heredoc_body":
                    body = self._text(child)
                    for part in child.named_children:
                        if part.type != "heredoc_content":
                            self._words.read(part)
                case "file_redirect":
                    extra += self._redirection(child)
                case kind if kind in _WORDS:
                    extra.append(self._words.read(child))
                case "&&" | "||":
                    pass
                case _ if child.is_named:
                    rests.append(child)
                case _:
                    self._doubt("a here-document is not read")
        name = start.strip("'\"")
        quoted = start in (f"'{name}'", f'"{name}"')
        lines = body.split("\n")
        if (
            self._heredocs > 1
            or not _HEREDOC_NAME.fullmatch(name)
            or not (quoted or start == name)
            or end.strip() != name
            or name in (line.strip("\t") for line in lines)
        ):
            self._doubt("where a here-document ends is not proven")
        return body if quoted else None

    def _assignment(self, node: Node) -> tuple[str, Word]:
        name, value = "", Word("")
        for child in node.named_children:
            if child.type == "variable_name":
                name = self._text(child)
            elif child.type in _WORDS:
                value = self._words.read(child)
            else:
                self._doubt("an assignment is computed")
                self._commands_in(child)
        return name, value

    def _declaration(self, node: Node) -> None:
        self._check_gaps(node)
        words: list[Word] = []
        for child in node.children:
            if child.type == "variable_assignment":
                name, value = self._assignment(child)
                words.append(Word(None if value.value is None else f"{name}={value.value}"))
            elif child.type in _WORDS:
                words.append(self._words.read(child))
            else:
                words.append(Word(self._text(child)))
        self._invoke(Invocation(tuple(words)))

    def _for(self, node: Node) -> None:
        for child in node.named_children:
            if child.type == "variable_name":
                self._script.assignments.append((self._text(child), COMPUTED))
            elif child.type in _WORDS:
                self._words.read(child)
            else:
                self._walk(child)

    def _test(self, node: Node) -> None:
        """`[ … ]` is the program of that name; `[[ … ]]` computes, and that may run what a variable holds."""
        if self._source[node.start_byte : node.start_byte + 2] == b"[[":
            self._doubt("[[ … ]] may compute what a variable holds")
            self._commands_in(node)
            return
        words: list[Word] = []
        self._operands(node, words)
        self._invoke(Invocation(tuple(words)))

    def _operands(self, node: Node, words: list[Word]) -> None:
        for child in node.children:
            if child.type in _WORDS:
                words.append(self._words.read(child))
            elif child.named_child_count:
                self._operands(child, words)
            else:
                words.append(Word(self._text(child)))

    def _check_gaps(self, node: Node) -> None:
        """Every byte of a node is in a child, or is white space."""
        position = node.start_byte
        for child in node.children:
            gap = self._source[position : child.start_byte]
            if gap.replace(b"\\\n", b"").strip(b" \t\n"):
                self._doubt("a part of it does not parse")
            position = child.end_byte

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")

    def _doubt(self, why: str) -> None:
        self._script.doubts.append(why)
