"""A draft of rules, checked as `countersign check` does. Pure; what is checked is used for nothing."""

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tokens import AliasToken, AnchorToken

from api.cli.config import names
from api.web.rules import RuleView, rule_view
from infra.config import ConfigError, parse

_NAME = Path("draft")


def check_draft(text: str) -> tuple[list[str], tuple[RuleView, ...]]:
    """What is wrong with a document `policies: [...]`, a line each; where nothing is, its rules."""
    # Here, not above: what tries an expression takes time and memory, and only this page needs it.
    from processors.configured import rule_problems

    try:
        if any(isinstance(token, AliasToken | AnchorToken) for token in YAML().scan(text)):
            # A few of them unfold to more than fits into memory.
            return [f"{_NAME}: anchors and aliases are not taken here"], ()
        config = parse(text, _NAME, names())
    except ConfigError as error:
        return error.problems, ()
    except YAMLError as error:
        return [f"{_NAME}: not valid YAML: {getattr(error, 'problem', None) or 'it cannot be read'}"], ()
    if set(config.model_fields_set) != {"policies"}:
        return [f"{_NAME}: expected `policies:` with the rules, and nothing else"], ()
    if problems := rule_problems(config):
        return [f"{_NAME}: {problem}" for problem in problems], ()
    return [], tuple(rule_view(policy) for policy in config.policies)
