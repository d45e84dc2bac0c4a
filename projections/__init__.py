"""Events to tables an auditor can ask.

    Kafka, every topic -> projector.py (exactly once) -> rows.py (an event's rows) -> tables/ -> views/
                                 \\-> ledger.py (hash chain, checkpoints) -> Kafka, CheckpointSigned

- `main.py`: the role: builds what does I/O, runs the projector, stops cleanly.
- `projector.py`: follows every topic from where ClickHouse stands, and writes in batches.
- `rows.py`: ROWS: event type -> rows of the tables; pure. `columns.py`: the tables' columns.
- `ledger.py`: the hash chain of each partition, when a checkpoint is due, and whether a chain holds; pure.
- `schema.py`: applies `tables/` (numbered, each once) and `views/` (anew at each start).
- `queries.py`: every read of the audit log that the API makes, by name from `queries.sql`.
- `verification.py`: reads the ledger back and says whether it holds.
"""
