"""What a terminal or a program writes, on its way to a client and into the recording. No I/O.

- `screen.py`: masks it as it streams by. `cast.py`: the recording, asciicast.
- `guard.py`: lets it leave until it holds what must not pass.
- `obligations.py`: which limits of a rule can be kept here. `limits.py`: how much may leave by them.
"""
