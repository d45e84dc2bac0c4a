"""What of an answer may leave, as it streams by: bytes of the target -> masked bytes. No I/O.

- `inspect.py`: media type and plan -> the filter for a body; what cannot be inspected is refused.
- `decoding.py`: Content-Encoding undone, with an end to what a few bytes may become.
- `texts.py`: what is masked wherever it stands: what detectors find, and the gateway's own credential.
- `json_text.py`: JSON, and many JSON texts one after the other; `tables.py`: CSV and TSV; `xml.py`: XML.
- `plain.py`: other text; `events.py`: server-sent events; `multipart.py`: parts, each as what it is.
- `heads.py`: an answer's header fields. `counting.py`: rows, bytes, and what was masked.
"""
