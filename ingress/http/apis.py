"""The APIs of a configuration, each with all that its requests need."""

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.config import Config, ConfigError, HttpResource
from ingress.http.facts import Known
from ingress.http.openapi import Description
from ingress.web.credentials import Granted, read_credentials
from ingress.web.selectors import Selectors
from ingress.web.target_connection import Target
from schemas.vocabulary import SensitiveColumn

if TYPE_CHECKING:
    from ingress.http.oauth2 import ClientCredentials


class Api:
    """One resource. Raises ConfigError where what its configuration names cannot be read."""

    def __init__(self, resource: HttpResource, base: Path) -> None:
        self.resource = resource
        own = resource.credentials.client_certificate
        self.target = Target(resource.address, resource.ca, own, base)
        self._granted = read_credentials(resource.credentials, base)
        self._tokens = _tokens(resource, base, self.target)
        fields = resource.sensitive.fields.items()
        self.known = Known(
            selectors=Selectors(SensitiveColumn(*entry) for entry in fields),
            description=_description(base / resource.openapi) if resource.openapi is not None else None,
            graphql=resource.graphql,
            ignores_case=resource.ignores_case,
        )

    @property
    def sets_authorization(self) -> bool:
        """Whether Authorization is the gateway's to send."""
        return self._tokens is not None or b"authorization" in self._granted.names

    async def granted(self) -> Granted:
        """The credential for one request. Raises TargetError."""
        return self._granted if self._tokens is None else await self._tokens.current()

    def refused_credential(self) -> None:
        """The target answered 401."""
        if self._tokens is not None:
            self._tokens.forget()


class Apis:
    """All of them, by name and by host name."""

    def __init__(self, config: Config) -> None:
        found = [Api(one, config.base) for one in config.resources if isinstance(one, HttpResource)]
        self._by_name = {api.resource.name: api for api in found}
        self._by_host = {host: api for api in found for host in api.resource.hosts}

    def find(self, host: str, path: str) -> tuple[Api, str] | None:
        """The API of a request, and what stands before its own paths ("" or "/NAME"); None where there is
        none."""
        if (by_host := self._by_host.get(host)) is not None:
            return by_host, ""
        name = path.split("/", 2)[1]
        by_name = self._by_name.get(name)
        return (by_name, f"/{name}") if by_name is not None else None

    def close(self) -> None:
        for api in self._by_name.values():
            api.target.close()


def _tokens(resource: HttpResource, base: Path, target: Target) -> "ClientCredentials | None":
    if resource.credentials.oauth2 is None:
        return None
    from ingress.http.oauth2 import ClientCredentials  # it takes a second to load, and few APIs want it

    return ClientCredentials(resource.credentials.oauth2, base, target.tls)


def _description(path: Path) -> Description:
    try:
        return Description(YAML(typ="safe").load(StringIO(path.read_text())))
    except OSError as error:
        raise ConfigError([f"openapi: {path.name} cannot be read: {error.strerror}"]) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError([f"openapi: {path.name}: {getattr(error, 'problem', None) or error}"]) from error
