"""What Countersign stands on; the only place that knows Kafka, ClickHouse, files and time.

- `config.py`: the configuration file: models, loading, errors with file, line and what was expected.
- `amounts.py`: `10000`, `500/h`: what a limit permits.
- `keys.py`: signing keys, the sealing key, secrets; `ssh_keys.py`; `certificates.py`: the gateway's own CA,
  and what listeners show; `key_files.py`: how they are written.
- `identity/`: who asks: tokens of the configuration, of the gateway and of other issuers (map there).
- `credentials/`: what the gateway signs in to targets with: stored secrets, leases (map there).
- `exposure.py`: what of the gateway's own lies open on a machine; `findings.py`: what a doctor finds.
- `clock.py`: now(); tests hand in another.
- `logs.py`: structlog; constant event names, no secrets.
- `kafka/`: the embedded Apache Kafka, the topics, the bus (map there).
- `clickhouse/`: the embedded ClickHouse and its client.
- `supervisor.py`: starts the parts of a gateway, keeps them running, stops them in order.
- `role.py`: one part: a role as a process; `readiness.py`: how that process says that it serves.
- `child.py`: children that end when we do; `filelock.py`: locks between processes.
- `demo/`: the sample database and configuration of `countersign demo`.
"""
