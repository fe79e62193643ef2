"""What the command cannot go on with: said in one line, exit code 2."""

from __future__ import annotations


class Unusable(Exception):
    pass
