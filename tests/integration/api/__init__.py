"""The API's process over a real Kafka. A package, so that its parts end with its last test."""
