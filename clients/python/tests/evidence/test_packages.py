"""The skip that is printed where there is no registry."""

import importlib.util

import pytest


@pytest.mark.parametrize("name", ["numpy", "scipy", "rich", "ruamel.yaml", "zstandard", "orjson"])
def test_the_packages_of_the_report_are_there(name):
    top = name.partition(".")[0]
    if importlib.util.find_spec(top) is None:
        pytest.skip(f"hotpathd[report] is not installed: no {name}; the report's tests are left out")
    assert importlib.util.find_spec(name) is not None
