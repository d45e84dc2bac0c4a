"""The projector between a real Kafka and ClickHouse. A package, so that its parts end with its last test."""
