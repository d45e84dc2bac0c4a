"""What the gateway costs: every measure in one run, side by side, on this machine, over loopback.

Three ways to the same PostgreSQL (fsync on, TLS on every leg): direct, through pgbouncer (a proxy that
looks at nothing), and through Countersign. `make bench` runs all; `python -m bench NAME…` some of them.

- `__main__.py`: runs the measurements, prints the table, writes `results/latest.json`.
- `row.py`: one row of the table, and whether its goal holds.
- `ways.py`: starts PostgreSQL, pgbouncer and the gateway; says how to connect through each.
- `client.py`: the leanest client there is: it reads an answer and keeps nothing.
- `processes.py`: memory of the gateway's processes, as the kernel counts it.
- `targets.py`: an API, hosts, a cluster and one gateway before them, with `upstream.py`.
- one file a measurement: `latency.py`, `streaming.py`, `growth.py`, `deciding.py`, `cutting.py`, `idle.py`,
  `starting.py`, `held.py` with `reviewing.py`; elsewhere `requests.py`, `downloads.py`, `terminals.py`.
"""
