"""The APIs of a configuration, each with all that its requests need."""

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.config import Config, ConfigError, HttpResource
from infra.credentials import CredentialUnavailable, Secrets
from ingress.errors import TargetError
from ingress.http.facts import Known
from ingress.http.openapi import Description
from ingress.web.credentials import Granted, Stored
from ingress.web.entity_tags import EntityTags
from ingress.web.selectors import Selectors
from ingress.web.target_connection import Target
from schemas.vocabulary import SensitiveColumn

if TYPE_CHECKING:
    from ingress.http.aws import AccessKey
    from ingress.http.oauth2 import ClientCredentials


class Api:
    """One resource. `tags`: how its entity tags are hidden, where its answers are masked. Raises ConfigError
    where what its configuration names cannot be read."""

    def __init__(self, resource: HttpResource, base: Path, secrets: Secrets, key: bytes) -> None:
        self.resource = resource
        is_masked = bool(resource.sensitive.fields or resource.sensitive.detect)
        self.tags = EntityTags(key, resource.name) if is_masked else None
        own = resource.credentials.client_certificate
        self.target = Target(resource.address, resource.ca, own, base)
        self._credential = _credential(resource, secrets, self.target)
        fields = resource.sensitive.fields.items()
        self.known = Known(
            selectors=Selectors(SensitiveColumn(*entry) for entry in fields),
            description=read_description(base / resource.openapi) if resource.openapi is not None else None,
            graphql=resource.graphql,
            ignores_case=resource.ignores_case,
        )

    @property
    def selectors(self) -> Selectors:
        """Its sensitive fields."""
        return self.known.selectors

    @property
    def takes_long_bodies(self) -> bool:
        """Whether a body may be sent on that is not held as a whole: AWS's signatures cover it."""
        aws = self.resource.credentials.aws
        return aws is None or aws.is_s3

    @property
    def sets_authorization(self) -> bool:
        """Whether Authorization is the gateway's to send."""
        return self._credential.sets_authorization

    async def granted(self) -> Granted:
        """The credential for one request. Raises TargetError."""
        try:
            return await self._credential.current()
        except CredentialUnavailable as error:
            raise TargetError(str(error), error.reason) from error

    def refused_credential(self) -> None:
        """The target answered 401."""
        self._credential.forget()


class Apis:
    """All of them, by name and by host name. `key`: what entity tags are hidden under."""

    def __init__(self, config: Config, secrets: Secrets, key: bytes) -> None:
        resources = (one for one in config.resources if isinstance(one, HttpResource))
        found = [Api(one, config.base, secrets, key) for one in resources]
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


def _credential(
    resource: HttpResource, secrets: Secrets, target: Target
) -> "Stored | ClientCredentials | AccessKey":
    # What few APIs want, and takes long to load, is loaded where one does.
    if resource.credentials.oauth2 is not None:
        from ingress.http.oauth2 import ClientCredentials

        return ClientCredentials(resource.credentials.oauth2, secrets, target.tls)
    if resource.credentials.aws is not None:
        from ingress.http.aws import AccessKey

        return AccessKey(resource.credentials.aws, secrets)
    return Stored(resource.credentials, secrets)


def read_description(path: Path) -> Description:
    try:
        return Description(YAML(typ="safe").load(StringIO(path.read_text())))
    except OSError as error:
        raise ConfigError([f"openapi: {path.name} cannot be read: {error.strerror}"]) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError([f"openapi: {path.name}: {getattr(error, 'problem', None) or error}"]) from error
