"""The words of Countersign and the events made of them: the contract between its parts.

Nothing here does I/O, and nothing here imports another package of ours.

- `vocabulary.py`: principal, intent, facts, obligations, masking plan: frozen values.
- `events.py`: one frozen class an event, named in the past tense; `EVENTS` lists them.
- `envelope.py`: what every event carries, and how one is started.
- `avro/*.avsc`: the contract on the wire, one file a record; `avro/released/` every version ever shipped.
- `codec.py`: event <-> signed Avro single-object bytes.
- `signature.py`: Ed25519 signing and verifying; keys are arguments.
- `topics.py`: TOPICS: which event goes to which topic, under which key, kept how long, signed by whom.
- `digest.py`: the canonical form of a command and its SHA-256.
- `fingerprint.py`: what a command has in common with others that a grant is for, as a SHA-256.
- `ids.py`: UUIDv7 for what happens, and the id an approval has from its command.
"""
