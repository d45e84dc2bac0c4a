"""Kafka: where it is, the embedded one, the topics, and the bus that all events go over.

- `address.py`: KafkaAddress: the embedded Kafka of a state folder, or the one the configuration names.
- `bus.py`: signed events in and out; `departures.py`: what leaves at once and what leaves together.
- `following.py`: follows a topic for a read model, whatever happens to Kafka meanwhile.
- `topics.py`: creates the topics of schemas/topics.py before anyone consumes.
- `part.py`: Kafka and its topics as a part of a gateway, for the supervisor.

The embedded one, from the outside in:
- `embedded.py`: EmbeddedKafka: lock, ports and log of one state folder; the archive for a quick start.
- `broker.py`: one Kafka process over one folder: settings, start, stop, and remedies for what can go wrong.
- `java.py`: how Kafka's programs are run: which Java, which options.
- `jars.py`, `jars.txt`: fetches the pinned jars; `pin.py` writes jars.txt for a new version.
"""
