"""What of an answer is hidden, and how. Pure: the policy processor plans, an ingress applies.

- `plan.py`: facts and sensitive columns -> MaskingPlan, the obligation that travels with a verdict.
- `masks.py`: MASKS: what a mask makes of one value of a sensitive column.
- `keyed.py`: the masks that need the gateway's key: hash, tokenise, noise.
- `tokens.py`: tokens that a client can hold for values of a column, and what they stand for.
- `detectors/`: DETECTORS: values that are sensitive wherever they stand; one detector a file.
- `scan.py`: the detectors of a plan over bytes, many rows at once.
- `finding.py`: what may not pass at all: whether some bytes hold any of it.
- `bulk/`: masks and detectors over many values at once, by numpy.
- `apply.py`: the detectors over one text, such as a command that goes into an event.

Bytes are read as ASCII and whatever lies above it, as UTF-8 and every server-side encoding of PostgreSQL
have it. In an encoding whose multi-byte characters hold ASCII bytes (SJIS, BIG5, GBK …) nothing here is
right; an ingress must not let such an answer pass.
"""
