"""The corpus of the detectors, all texts in one buffer: what is found at once is what is found one by one."""

import numpy as np
import pytest
from ruamel.yaml import YAML
from support.repository import ROOT

from processors.masking.bulk.finders import FINDERS, find, without_finder, write_found
from processors.masking.bulk.values import Values
from processors.masking.detectors import DETECTORS
from processors.masking.scan import make_scanner

_CORPUS = YAML(typ="safe").load(ROOT / "tests/corpus/detectors.yaml")
_CASES = [case for cases in _CORPUS.values() for case in (*cases.get("hits", ()), *cases.get("misses", ()))]
_TEXTS = [(case if isinstance(case, str) else case["text"]).encode() for case in _CASES]


def values_of(texts: list[bytes]) -> Values:
    """The texts with framing between them that looks like a part of them."""
    data, starts, ends = bytearray(), [], []
    for text in texts:
        data += b"a4@."
        starts.append(len(data))
        data += text
        ends.append(len(data))
    return Values(bytes(data + b"4@a"), np.array(starts, np.intp), np.array(ends, np.intp))


@pytest.mark.parametrize("name", FINDERS)
def test_a_finder_finds_what_its_detector_finds(name: str) -> None:
    values, scanner = values_of(_TEXTS), make_scanner((name,))
    found, doubtful = find(values, scanner)
    octets, counts = values.octets.copy(), [0]
    write_found(found, doubtful, octets, counts)
    expected = 0
    for number, text in enumerate(_TEXTS):
        if doubtful[number]:
            continue
        masked, count = DETECTORS[name].redact(text)
        expected += count
        shown = octets[values.starts[number] : values.ends[number]].tobytes()
        assert shown.count(b"*") == masked.count(b"*"), text
        assert (shown != text) == (count > 0), text
    assert counts == [expected]
    assert expected > 0
    assert doubtful.mean() < 0.5, "the finder leaves most to the detector"


def test_a_candidate_of_a_detector_without_finder_makes_a_value_doubtful() -> None:
    values = values_of([b"nothing", b"AKIAIOSFODNN7EXAMPLE"])
    assert find(values, make_scanner(("email", "aws_key")))[1].tolist() == [False, True]
    assert without_finder(("email", "aws_key", "card_number")) == ("aws_key",)
