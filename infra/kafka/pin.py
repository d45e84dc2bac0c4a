"""For maintainers, after a change of KAFKA_VERSION: `python -P -m infra.kafka.pin > infra/kafka/jars.txt`."""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from infra.kafka.jars import KAFKA_VERSION

_COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",  # Kafka brings no SLF4J provider, and without one it logs nothing
)


def main() -> None:
    """Resolves the coordinates and everything they need, and prints each jar with its SHA-256."""
    sys.stdout.write(
        "# The class path of the embedded Kafka: SHA-256 and Maven coordinate. Written by pin.py.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=60)
        wanted = [context.create_dependency(coordinate) for coordinate in _COORDINATES]
        named, brought = context.resolver.resolve(wanted)
        for found in [*named, *brought]:
            digest = hashlib.sha256(found.artifact.resolve().read_bytes()).hexdigest()
            sys.stdout.write(f"{digest} {found.groupId}:{found.artifactId}:{found.version}\n")


if __name__ == "__main__":
    main()
