"""The embedded ClickHouse as a process. A package, so that its parts end with its last test."""
