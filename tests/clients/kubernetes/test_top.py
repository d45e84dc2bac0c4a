"""`kubectl top` through the gateway: the metrics API is one more of the cluster's. A real cluster has it only
beside a metrics server, which the tests' own has not: there this file is left out.
"""

import re
from pathlib import Path

import pytest
from support.cluster import kubectl

pytestmark = pytest.mark.xdist_group("kubernetes")


def test_top(configs: dict[str, Path]) -> None:
    pods = kubectl(configs["main"], "top", "pods", "-n", "dev")
    assert re.search(r"web\s+250m\s+64Mi", pods.stdout), pods.stderr
    nodes = kubectl(configs["main"], "top", "nodes")
    assert "node-1" in nodes.stdout, nodes.stderr
