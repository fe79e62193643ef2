"""YAML as nodes that know their place, and as a value to compare.

libyaml, which the daemon reads with, reads here too where PyYAML was built with it. PyYAML's own
parser stops at tabs that libyaml takes for blanks, so it is given blanks: places do not move.
"""

from __future__ import annotations

from typing import Any, Dict, Hashable, List, Tuple, Union

from .. import _extras
from .problem import Unusable

try:
    import yaml
except ImportError as missing:  # pragma: no cover
    raise Unusable(f"PyYAML is needed to edit the configuration; {_extras.install('rollout')}") from missing

Scalar = Tuple[str, str]  # tag, text
Value = Any  # Scalar, or lists and dicts of them; the keys of a dict are Scalars or numbers
Path = Tuple[Hashable, ...]
Node = yaml.Node
MappingNode = yaml.MappingNode
ScalarNode = yaml.ScalarNode

MOST_NODES = 100_000  # with aliases written out
_C_LOADER = getattr(yaml, "CSafeLoader", None)
READS_TABS = _C_LOADER is not None
_STRING, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"


def documents(text: str, name: str) -> List[Node]:
    """The root of each document; an empty one has none. No byte order mark: it is not the parser's."""
    loader: Any = _C_LOADER or yaml.SafeLoader
    try:
        return list(yaml.compose_all(text if _C_LOADER else text.replace("\t", " "), Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise Unusable(f"{name}{place}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unusable(f"{name}: not YAML: {str(error).splitlines()[0]}") from None


def key(name: str) -> Scalar:
    return _STRING, name


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _NULL


def pair(mapping: Node, name: str) -> Any:
    """(key node, value node) of a mapping, or None."""
    for found in mapping.value:
        if isinstance(found[0], ScalarNode) and found[0].value == name:
            return found
    return None


def value_of(nodes: List[Node]) -> Value:
    """All of it, aliases written out, comments and layout left out: what an edit must not change."""
    try:
        return {at: _Plain().of(node) for at, node in enumerate(nodes)}
    except RecursionError:
        raise Unusable("nested too deep, or an alias within itself") from None


def get(value: Value, path: Path) -> Value:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def put(value: Value, path: Path, new: Value) -> None:
    """Sets it, and makes the mappings on the way where there are none."""
    for step in path[:-1]:
        if not isinstance(value.get(step), dict):
            value[step] = {}
        value = value[step]
    value[path[-1]] = new


class _Plain:
    def __init__(self) -> None:
        self._left = MOST_NODES

    def of(self, node: Node) -> Value:
        self._left -= 1
        if self._left < 0:
            raise Unusable("its aliases never end")
        if isinstance(node, ScalarNode):
            return node.tag, node.value
        if isinstance(node, MappingNode):
            return self._mapping(node)
        return dict(enumerate(map(self.of, node.value)))

    def _mapping(self, node: Node) -> Dict[Union[Scalar, int], Value]:
        made: Dict[Union[Scalar, int], Value] = {}
        for name, value in node.value:
            if not isinstance(name, ScalarNode):
                raise Unusable(f"line {name.start_mark.line + 1}: a list or a mapping as a key")
            if (name.tag, name.value) in made:
                raise Unusable(f"line {name.start_mark.line + 1}: {name.value!r} is set twice")
            made[name.tag, name.value] = self.of(value)
        return made
