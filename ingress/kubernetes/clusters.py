"""The clusters of a configuration, each with all that its requests need."""

from pathlib import Path

from infra.config import Config, KubernetesResource
from infra.credentials import Secrets
from ingress.kubernetes.credentials import Credentials
from ingress.web.target_connection import Target
from schemas.vocabulary import SensitiveColumn

PREFIX = "/clusters/"


class Cluster:
    """One resource. Raises ConfigError where what its configuration names cannot be read."""

    def __init__(self, resource: KubernetesResource, base: Path, secrets: Secrets) -> None:
        self.resource = resource
        own = resource.credentials.client_certificate
        self.target = Target(resource.address, resource.ca, own, base)
        self.credentials = Credentials(resource.credentials, secrets, self.target)
        self.sensitive = tuple(SensitiveColumn(*entry) for entry in resource.sensitive.selectors)


class Clusters:
    """All of them, by name and by host name."""

    def __init__(self, config: Config, secrets: Secrets) -> None:
        clusters = [one for one in config.resources if isinstance(one, KubernetesResource)]
        found = [Cluster(one, config.base, secrets) for one in clusters]
        self._by_name = {cluster.resource.name: cluster for cluster in found}
        self._by_host = {host: cluster for cluster in found for host in cluster.resource.hosts}

    def find(self, host: str, path: str) -> tuple[Cluster, str] | None:
        """The cluster of a request, and what stands before its own paths ("" or "/clusters/NAME"); None where
        there is none."""
        if (by_host := self._by_host.get(host)) is not None:
            return by_host, ""
        if not path.startswith(PREFIX):
            return None
        name = path.removeprefix(PREFIX).partition("/")[0]
        by_name = self._by_name.get(name)
        return (by_name, f"{PREFIX}{name}") if by_name is not None else None

    def close(self) -> None:
        for cluster in self._by_name.values():
            cluster.target.close()
