"""The whole configuration."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, PrivateAttr, model_validator
from ruamel.yaml import YAML

from infra.config.gateway import Gateway
from infra.config.identity import Identity
from infra.config.notifications import Notifications
from infra.config.policies import Policy
from infra.config.resources import Resource, Resources, VaultDatabase
from infra.config.values import Model, VaultKey


class Config(Model):
    gateway: Gateway = Gateway()
    identity: Identity = Identity()
    resources: Resources = ()
    policies: tuple[Policy, ...] = ()
    notifications: Notifications = Notifications()
    _base: Path = PrivateAttr(default=Path())
    _rules: Any = PrivateAttr(default=())

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        told = self.notifications
        for word, names in (
            ("resource", [resource.name for resource in self.resources]),
            ("policy", [policy.name for policy in self.policies]),
            ("receiver", [one.name for one in told.named]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{word} {name!r} is there twice")
        return self

    @model_validator(mode="after")
    def _slack_users_are_users(self) -> Self:
        slack = self.notifications.slack
        known = {user.name for user in self.identity.users}
        for id, name in slack.users.items() if slack is not None else ():
            if name not in known:
                raise ValueError(
                    f"notifications.slack.users: {id} is linked to {name!r}, who is no user here"
                )
        return self

    @model_validator(mode="after")
    def _vault_is_known(self) -> Self:
        if self.gateway.vault is None:
            for resource in self.resources:
                if any(isinstance(part, VaultKey | VaultDatabase) for part in _parts(resource)):
                    raise ValueError(f"resource {resource.name!r} wants a vault: expected gateway.vault")
        return self

    @property
    def base(self) -> Path:
        """The folder of the configuration file; relative paths start there."""
        return self._base

    @property
    def written_rules(self) -> str:
        """The section `policies` by itself, as YAML."""
        written, yaml = StringIO(), YAML()
        yaml.default_flow_style, yaml.width = None, 110  # lists of words on one line
        yaml.dump({"policies": self._rules}, written)
        return written.getvalue()

    @property
    def state(self) -> Path:
        """The state folder."""
        return self._base / self.gateway.state

    @property
    def api_url(self) -> str:
        """How reviewers reach the API, without a slash at the end."""
        if self.gateway.url:
            return self.gateway.url.rstrip("/")
        address = self.gateway.listen.api
        if address is None:
            return ""
        return f"{'http' if address.is_loopback else 'https'}://{address}"

    def approval_link(self, approval: str) -> str:
        """The page of an approval; empty where reviewers have none."""
        return f"{self.api_url}/approvals/{approval}" if self.api_url else ""

    def resource(self, name: str) -> Resource | None:
        return next((resource for resource in self.resources if resource.name == name), None)


def _parts(model: BaseModel) -> Iterator[BaseModel]:
    """The model, and all that is in it."""
    yield model
    for name in type(model).model_fields:
        if isinstance(part := getattr(model, name), BaseModel):
            yield from _parts(part)
