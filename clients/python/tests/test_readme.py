"""The README's table is the code's."""

import pathlib
import re

from hotpathd import _failure

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_the_table_of_reasons_is_the_one_in_the_code():
    row = re.compile(r"\| (ok|legacy|fallback) \| (\w+) \| (.*) \|")
    rows = [row.fullmatch(line) for line in README.read_text(encoding="utf-8").splitlines()]
    table = {match[2]: (match[1], match[3]) for match in rows if match}
    assert table == _failure.REASONS
