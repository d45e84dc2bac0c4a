"""What the target sent -> what may leave the gateway: the parts of `results.py`.

- `columns.py`: what happens to each column; decided once an answer. `types.py`: a mask for a column's type.
- `rows.py`, `detect.py`: DataRow; `numbers.py`: card numbers in binary numbers.
- `copy_lines.py`: CopyData; `copy_options.py`: the form that a COPY statement asks for.
- `blocks.py`, `copy_blocks.py`, `copy_binary.py`: the same for many rows and lines at once, in a block that
  `edited.py` puts together.
- `scrub.py`: texts beside the rows, with the codes of `sqlstates.py`.
"""
