"""What `countersign demo` brings along: a sample target and a configuration for it.

- `folder.py`: the demo's folder: configuration, tokens and passwords, made at first start and kept.
- `countersign.yaml`: the template of that configuration.
- `postgres.py`: the sample PostgreSQL, a part for the supervisor; `sample.sql`: what it holds.
"""
