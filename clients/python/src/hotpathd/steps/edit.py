"""A route's switch in the text of a configuration: read, and changed by spans.

The parser says where a value stands; only those characters are replaced, so that comments, layout and line ends stay as
they are. A key that is not there yet gets a line, or a place within the braces.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Tuple

from . import tree
from .problem import Unusable
from .switch import Switch, number, percent_of

ROUTE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LINE_END = re.compile(r"\r\n|\r|\n|\x85|\u2028|\u2029|\Z")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # anchors and tags before a value
_BOOLEANS = {"true": "on", "false": "off"}
_MODES = ("off", "shadow", "canary", "on")
_PRESET = {"mode": "on", "percent": "100"}  # of the daemon, where the file says nothing

Wanted = Dict[str, str]


class Span(NamedTuple):
    """These characters of the text become `new`."""

    start: int
    end: int
    new: str


def routes_of(text: str, name: str) -> List[str]:
    """The routes that the file has a section for."""
    for root in tree.documents(text, name):
        found = tree.pair(root, "routes") if isinstance(root, tree.MappingNode) else None
        if found and isinstance(found[1], tree.MappingNode):
            return [key.value for key, _ in found[1].value]
    return []


def read(text: str, route: str, name: str) -> Switch:
    """The switch that the file sets. Unusable where it is none."""
    value = tree.value_of(_one_document(text, name))
    mode = _mode(_field(value, route, "mode"))
    if mode not in _MODES:
        raise Unusable(f"{name}: routes.{route}.mode is {mode!r}, not one of {', '.join(_MODES)}")
    if mode != "canary":
        return Switch(mode)
    return Switch("canary", percent_of(_field(value, route, "percent")[1]))


def spans_for(text: str, route: str, to: Switch, name: str) -> List[Span]:
    """What to change in the text so that the route's switch is `to`; nothing where it is already."""
    roots = _one_document(text, name)
    value = tree.value_of(roots)
    wanted = _wanted(value, route, to)
    return _Place(text, name, roots).spans(route, wanted) if wanted else []


def apply(text: str, spans: List[Span]) -> str:
    for span in sorted(spans, reverse=True):
        text = text[: span.start] + span.new + text[span.end :]
    return text


def check(before: str, after: str, route: str, to: Switch, name: str) -> None:
    """Reads both again: the switch is `to` and everything else is what it was, or it is Unusable."""
    old, new = (tree.value_of(_one_document(text, name)) for text in (before, after))
    for field in _wanted(old, route, to):
        path = _path(route, field)
        tree.put(old, path, tree.get(new, path))
    if read(after, route, name) != to or old != new:
        raise Unusable(f"{name}: the mode of {route} cannot be changed without changing something else: is there an anchor?")


def _one_document(text: str, name: str) -> List[Any]:
    roots = tree.documents(text, name)
    if len(roots) > 1:
        raise Unusable(f"{name}: a second document; a configuration is one")
    return roots


def _path(route: str, field: str) -> tree.Path:
    return 0, tree.key("routes"), tree.key(route), tree.key(field)


def _field(value: tree.Value, route: str, field: str) -> tree.Scalar:
    found = tree.get(value, _path(route, field))
    if found is None:
        return tree.key(_PRESET[field])
    if isinstance(found, dict):
        raise Unusable(f"routes.{route}.{field} is a list or a mapping")
    return found  # type: ignore[no-any-return]


def _mode(scalar: tree.Scalar) -> str:
    """YAML's own booleans, on/off and true/false, mean the words."""
    tag, text = scalar
    return _BOOLEANS.get(text.lower(), text.lower()) if tag.endswith(":bool") else text


def _wanted(value: tree.Value, route: str, to: Switch) -> Wanted:
    """The fields that differ from what `to` needs. A percentage that has no effect is left alone, but at `on`."""
    wanted = {}
    if _mode(_field(value, route, "mode")) != to.mode:
        wanted["mode"] = to.mode
    percent = 100.0 if to.mode == "on" else to.percent
    if percent is not None and not _is_percent(_field(value, route, "percent"), percent):
        wanted["percent"] = number(percent)
    return wanted


def _is_percent(scalar: tree.Scalar, percent: float) -> bool:
    try:
        return percent_of(scalar[1]) == percent
    except Unusable:
        return False


class _Place:
    """Where in one text the values go."""

    def __init__(self, text: str, name: str, roots: List[Any]) -> None:
        self._text = text
        self._name = name
        self._root = roots[0] if roots else None
        end = _LINE_END.search(text)
        self._newline = (end[0] if end else "") or "\n"

    def spans(self, route: str, wanted: Wanted) -> List[Span]:
        node, above = self._root, None
        if node is None or (tree.is_null(node) and self._raw(node) == ""):
            return [self._at_end(0, f"routes: {_nested((route,), wanted)('')}")]
        for depth, name in enumerate(("routes", route)):
            rest = _nested((route,)[depth:], wanted)
            if tree.is_null(node):
                return [self._fill(node, _braces({name: rest("")}, ""))]
            self._must_be_mapping(node, name)
            found = tree.pair(node, name)
            if found is None:
                return [self._add(node, above, name, rest)]
            above, node = found
        if tree.is_null(node):
            quote = self._quote(above)
            return [self._fill(node, _braces(wanted, quote))]
        self._must_be_mapping(node, route)
        return self._fields(node, above, wanted)

    def _fields(self, node: Any, above: Any, wanted: Wanted) -> List[Span]:
        spans, missing = [], {}
        for name, new in wanted.items():
            found = tree.pair(node, name)
            if found is None:
                missing[name] = new
            else:
                spans.append(self._replace(found[1], new))
        return spans + (self._insert(node, above, missing) if missing else [])

    def _replace(self, node: Any, new: str) -> Span:
        """A scalar's characters, with the quotes that it had."""
        if not isinstance(node, tree.ScalarNode):
            raise Unusable(f"{self._name}:{node.start_mark.line + 1}: a list or a mapping where a word is due")
        raw = self._raw(node)
        if raw == "":
            return self._fill(node, new)
        start = node.start_mark.index
        properties = _PROPERTIES.match(raw)
        kept = len(properties[0]) if properties else 0
        quote = node.style if node.style in ("'", '"') and not new[0].isdigit() else ""
        return Span(start + kept, start + len(raw), f"{quote}{new}{quote}")

    def _fill(self, node: Any, new: str) -> Span:
        """Where nothing, or a word for nothing, stands behind a colon."""
        start, raw = node.start_mark.index, self._raw(node)
        blank = " " if start > 0 and not self._text[start - 1].isspace() else ""
        return Span(start, start + len(raw), blank + new)

    def _add(self, node: Any, above: Any, name: str, rest: Any) -> Span:
        quote = self._quote(node.value[0][0]) if node.value else ""
        return self._insert(node, above, {name: rest(quote)})[0]

    def _insert(self, node: Any, above: Any, fields: Wanted) -> List[Span]:
        if node.flow_style:
            return [self._in_braces(node, fields)]
        first = node.value[0][0]
        quote, indent = self._quote(first), " " * first.start_mark.column
        lines = f"{self._newline}{indent}".join(_pairs(fields, quote))
        if above is None:
            return [self._at_end(first.start_mark.column, lines)]
        at = self._line_end(above.end_mark.index)
        return [Span(at, at, f"{self._newline}{indent}{lines}")]

    def _in_braces(self, node: Any, fields: Wanted) -> Span:
        at = self._text.index("{", node.start_mark.index) + 1
        quote = self._quote(node.value[0][0]) if node.value else ""
        pairs = ", ".join(_pairs(fields, quote))
        blank_behind = self._text[at : at + 1].isspace()
        if node.value:
            return Span(at, at, f" {pairs}," if blank_behind else f"{pairs}, ")
        return Span(at, at, f" {pairs}" if blank_behind else f" {pairs} ")

    def _at_end(self, column: int, lines: str) -> Span:
        """Behind the last line of the document, before `...` or blank lines."""
        end = self._root.end_mark.index if self._root is not None else len(self._text)
        if self._root is not None and tree.is_null(self._root):
            end = len(self._text)
        last = len(self._text[:end].rstrip())
        at = self._line_end(last) if last else 0
        before = f"{self._newline}" if last else ""
        after = "" if last else self._newline
        return Span(at, at, f"{before}{' ' * column}{lines}{after}")

    def _line_end(self, at: int) -> int:
        found = _LINE_END.search(self._text, at)
        return found.start() if found else len(self._text)

    def _raw(self, node: Any) -> str:
        """A block scalar's end is where the next thing begins."""
        return self._text[node.start_mark.index : node.end_mark.index].rstrip()

    def _quote(self, key: Any) -> str:
        """How the new key is quoted: as its neighbour."""
        return key.style if key is not None and key.style in ("'", '"') else ""

    def _must_be_mapping(self, node: Any, name: str) -> None:
        if not isinstance(node, tree.MappingNode):
            raise Unusable(f"{self._name}:{node.start_mark.line + 1}: a mapping with {name!r} is due here")


def _pairs(fields: Wanted, quote: str) -> List[str]:
    return [f"{quote}{name}{quote}: {_value(new, quote)}" for name, new in fields.items()]


def _value(new: str, quote: str) -> str:
    return new if new[0].isdigit() or new[0] == "{" else f"{quote}{new}{quote}"


def _braces(fields: Wanted, quote: str) -> str:
    return "{ " + ", ".join(_pairs(fields, quote)) + " }"


def _nested(names: Tuple[str, ...], wanted: Wanted) -> Any:
    """The value that goes below a missing key, when it is known how its neighbours are quoted."""

    def made(quote: str) -> str:
        inner = _braces(wanted, quote)
        for name in reversed(names):
            inner = _braces({name: inner}, quote)
        return inner

    return made
