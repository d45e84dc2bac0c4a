"""Many values at once: what masks and detectors do to most values, as a few passes over all their bytes.

A result of a million rows is masked here, by numpy; the masks and detectors themselves, which take one value,
are the reference. Whatever is not plainly what they expect is left to them: `Values` come in, and out come
edits that are certain, and the values that have to be looked at one by one.

- `values.py`: many values in one buffer, and where runs of characters begin and end in it.
- `columns.py`: masks of whole columns.
- `finders.py`: detectors over many values; `emails.py`, `card_numbers.py`: those that work in bulk.
- `stars.py`: what these give, and how stars are written.
"""
