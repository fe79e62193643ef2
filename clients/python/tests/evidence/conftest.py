"""Where the packages of hotpathd[report] are missing, test_packages.py says so and the rest is left out."""

import importlib.util

NEEDED = ("numpy", "scipy", "rich", "ruamel", "zstandard", "orjson")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
collect_ignore = ["test_statistics.py", "test_command.py"] if MISSING else []
