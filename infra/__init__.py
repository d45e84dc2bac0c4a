"""What Countersign stands on; the only place that knows Kafka, ClickHouse, files and time.

- `config.py`: the configuration file: models, loading, errors with file, line and what was expected.
- `keys.py`: signing keys, the sealing key and the gateway's own CA, under the state folder.
- `identity.py`: token -> Principal.
- `clock.py`: now(); tests hand in another.
- `logs.py`: structlog; constant event names, no secrets.
- `kafka/`: the embedded Apache Kafka, the topics, the bus.
- `clickhouse/`: the embedded ClickHouse and its client.
- `supervisor.py`: starts the roles as processes and stops them cleanly.
- `demo/`: the sample database.
"""
