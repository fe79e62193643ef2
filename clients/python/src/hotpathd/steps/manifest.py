"""The configuration inside of a file: the file itself, or a string in the data of a Kubernetes ConfigMap.

A window gives the configuration's text and, for each of its characters, the place in the file, so that an edit of the
one is an edit of the other.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, List, NamedTuple, Tuple

from . import tree
from .edit import Span
from .problem import Unusable

PREFERRED = "hotpathd.yaml"
_MARK = "\ufeff"
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_ESCAPE = re.compile(r'\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[^xuU\r\n])|[^\\"\r\n]')
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, as JSON escapes it
_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"}


class Window(NamedTuple):
    text: str
    places: List[int]  # of each character of `text`, and of its end
    encode: Callable[[str], str]  # of what goes in
    entry: str  # "" for the file itself

    def out(self, span: Span) -> Span:
        return Span(self.places[span.start], self.places[span.end], self.encode(span.new))


class Entry(NamedTuple):
    """A string in the data of a ConfigMap."""

    map_name: str
    key: str
    node: Any
    path: tree.Path


def window(text: str, entry: str, name: str) -> Window:
    """`entry` names the key of a ConfigMap's data where there is more than one."""
    mark = len(_MARK) if text.startswith(_MARK) else 0
    body = text[mark:]
    entries = list(_entries(tree.documents(body, name), name))
    if not entries:
        if entry:
            raise Unusable(f"{name}: no ConfigMap with {entry!r} in it")
        return Window(body, list(range(mark, len(text) + 1)), str, "")
    found = _chosen(entries, entry, name)
    inner = _scalar(body, found.node, f"{name}: {found.key}")
    return inner._replace(places=[mark + place for place in inner.places], entry=found.key)


def check(before: str, after: str, inner: Window, inner_after: str, name: str) -> None:
    """Reads both files again: but for the one string they say the same."""
    if not inner.entry:
        return
    old_nodes, new_nodes = (tree.documents(text.lstrip(_MARK), name) for text in (before, after))
    path = _chosen(list(_entries(old_nodes, name)), inner.entry, name).path
    old, new = tree.value_of(old_nodes), tree.value_of(new_nodes)
    tree.put(old, path, (tree.get(old, path)[0], _as_parsed(inner_after)))
    if old != new:
        raise Unusable(f"{name}: {inner.entry} cannot be changed without changing something else")


def _entries(roots: List[Any], name: str) -> Iterator[Entry]:
    for at, root in enumerate(roots):
        yield from _of_document(root, (at,), name)


def _of_document(root: Any, path: tree.Path, name: str) -> Iterator[Entry]:
    kind = _member(root, "kind")
    if kind is None or not isinstance(kind, tree.ScalarNode):
        return
    items = _member(root, "items")
    if kind.value.endswith("List") and items is not None and isinstance(items.value, list):
        for at, item in enumerate(items.value):
            yield from _of_document(item, (*path, tree.key("items"), at), name)
    data = _member(root, "data")
    if kind.value != "ConfigMap" or not isinstance(data, tree.MappingNode):
        return
    immutable = _member(root, "immutable")
    if immutable is not None and immutable.value == "true":
        raise Unusable(f"{name}:{root.start_mark.line + 1}: an immutable ConfigMap; no edit of it can be applied")
    map_name = _member(_member(root, "metadata"), "name")
    for key, node in data.value:
        yield Entry(map_name.value if map_name is not None else "", key.value, node, (*path, tree.key("data"), (key.tag, key.value)))


def _member(node: Any, name: str) -> Any:
    found = tree.pair(node, name) if isinstance(node, tree.MappingNode) else None
    return found[1] if found else None


def _chosen(entries: List[Entry], wanted: str, name: str) -> Entry:
    """The one that is named, or hotpathd.yaml, or the only one."""
    for matches in (wanted, PREFERRED) if not wanted else (wanted,):
        found = [entry for entry in entries if matches in (entry.key, f"{entry.map_name}/{entry.key}")]
        if len(found) == 1:
            return found[0]
    if len(entries) == 1 and not wanted:
        return entries[0]
    known = ", ".join(f"{entry.map_name}/{entry.key}" for entry in entries)
    raise Unusable(f"{name}: name one of its entries by --entry: {known}")


def _scalar(text: str, node: Any, name: str) -> Window:
    if not isinstance(node, tree.ScalarNode) or node.style not in _READERS:
        raise Unusable(f"{name}: write it as a block, `{PREFERRED}: |`")
    raw = text[node.start_mark.index : node.end_mark.index]
    inner, places, encode = _READERS[node.style](raw, node.value)
    if _as_parsed(inner) != node.value or _SURROGATE.search(inner):
        raise Unusable(f"{name}: in a layout that cannot be edited in place; write it as a block, `{PREFERRED}: |`")
    return Window(inner, [node.start_mark.index + place for place in places], encode, name)


def _as_parsed(text: str) -> str:
    return text if tree.READS_TABS else text.replace("\t", " ")


Read = Tuple[str, List[int], Callable[[str], str]]


def _block(raw: str, value: str) -> Read:
    """Lines behind `|`, each with the same indent; the blank ones may have less."""
    header = _LINE.match(raw)
    assert header
    lines, at = [], header.end()
    while at < len(raw):
        line = _LINE.match(raw, at)
        assert line
        lines.append(line)
        at = line.end()
    indent = _indent([line[1] for line in lines], value.split("\n"))
    text, places = "", []
    for line in lines:
        start = line.start() + min(indent, len(line[1]))
        text += line[1][indent:] + ("\n" if line[2] else "")
        places += [*range(start, line.end(1)), *([line.end(1)] if line[2] else [])]
    text = _chomped(text, value)
    places = [*places, len(raw)][: len(text) + 1]
    between = header[2] + " " * indent
    return text, places, lambda new: between.join(new.splitlines())


def _indent(raw: List[str], value: List[str]) -> int:
    for line, inner in zip(raw, value):
        if inner.strip():
            return len(line) - len(inner)
    return 0


def _chomped(text: str, value: str) -> str:
    """The line ends that `|-`, `|` and `|+` leave at the end."""
    ends = len(value) - len(value.rstrip("\n"))
    return text.rstrip("\n") + "\n" * ends


def _double(raw: str, value: str) -> Read:
    text, places, at = "", [], 1
    while at < len(raw) - 1:
        found = _ESCAPE.match(raw, at)
        if not found:
            break  # folded: what is missing is noticed by the caller
        text += _unescaped(found[0])
        places.append(at)
        at = found.end()
    return text, [*places, at], lambda new: json.dumps(new, ensure_ascii=False)[1:-1]


def _unescaped(part: str) -> str:
    if part[0] != "\\":
        return part
    if part[1] in "xuU":
        return chr(int(part[2:], 16))
    return _ESCAPES.get(part[1], part[1])


def _single(raw: str, value: str) -> Read:
    text, places, at = "", [], 1
    while at < len(raw) - 1:
        text += raw[at]
        places.append(at)
        at += 2 if raw[at] == "'" else 1
    return text, [*places, at], lambda new: new.replace("'", "''")


_READERS = {"|": _block, '"': _double, "'": _single}
