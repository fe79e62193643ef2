"""The clients agree: agreement.json is read by the tests of each."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from hotpathd import _address, _rollout

AGREED = json.loads(Path(__file__).parents[2].joinpath("agreement.json").read_text())


@pytest.mark.parametrize("url, expected", AGREED["addresses"].items())
def test_reads_addresses_as_every_client_does(url, expected):
    if expected is None:
        with pytest.raises(ValueError):
            _address.parse(url)
        return
    address = _address.parse(url)
    target = address.target
    if address.family != socket.AF_UNIX:
        host, port = target
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert [target, address.host] == expected


@pytest.mark.parametrize("answer, expected", AGREED["rollouts"])
def test_reads_rollouts_as_every_client_does(answer, expected):
    if expected is None:
        with pytest.raises((ValueError, KeyError, TypeError)):
            _rollout.parse_routes(answer["routes"])
        return
    route = _rollout.parse_routes(answer["routes"]).get("chunk")
    assert (route.mode if route else "off") == expected
