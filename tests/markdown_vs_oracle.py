"""The blocks that we find in Markdown against markdown-it-py's: on block soup, and on the Markdown that is to be had.

    python3 -m pytest tests/markdown_vs_oracle.py

needs markdown-it-py and build/tests/tool_markdown (make build/tests/tool_markdown). HOTPATHD_DOCUMENTS is how many
documents of soup (20000), HOTPATHD_MARKDOWN a folder of *.md to read besides.
"""

import itertools
import os
import pathlib
import random
import re
import struct
import subprocess

import pytest

markdown_it = pytest.importorskip("markdown_it")
from markdown_it import rules_block  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = pathlib.Path(os.environ.get("HOTPATHD_TOOLS", ROOT / "build/tests")) / "tool_markdown"
DOCUMENTS = int(os.environ.get("HOTPATHD_DOCUMENTS", "4000"))
CODE, TABLE, ITEM, HTML, FRONT_MATTER = range(5)


# --- ours ---


class Tool:
    def __init__(self):
        self.process = subprocess.Popen([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, raw):
        self.process.stdin.write(struct.pack("<I", len(raw)) + raw)
        self.process.stdin.flush()
        headings, elements = struct.unpack("<II", self.process.stdout.read(8))
        heading = [struct.unpack("<5I", self.process.stdout.read(20)) for _ in range(headings)]
        return heading, [struct.unpack("<3I", self.process.stdout.read(12)) for _ in range(elements)]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


def said(text):
    """What a heading says, without what may stand between its lines."""
    return re.sub(r"[\s>]+", "", text) if "\n" in text else text.strip(" \t")


def ours(tool, text):
    raw = text.encode()
    headings, elements = tool.read(raw)
    starts = [0] + [i + 1 for i, byte in enumerate(raw) if byte == 10]
    line_of = {}
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(raw) + 1
        line_of.update((at, number) for at in range(start, end))
    for start, *_ in elements:
        assert start in starts
    found = [
        ("heading", level, line_of[start], line_of[end] + 1, said(raw[text_start:text_end].decode()))
        for start, end, text_start, text_end, level in headings
    ]
    return sorted(found), sorted((kind, line_of[start], line_of[end - 1] + 1) for start, end, kind in elements)


# --- theirs ---


BEFORE_TABLE = [getattr(rules_block, rule) for rule in ("fence", "blockquote", "hr", "list_block", "html_block", "heading")]


def table(state, start, end, silent):
    """As cmark-gfm has it, and the specification of GFM: what a line opens else comes before tables, and an underline
    before a delimiter row. markdown-it tries tables first. A table that ended a paragraph is asked for a second time."""
    if state.env.get("table") != start and start + 1 < end:
        row = state.src[state.bMarks[start + 1] + state.tShift[start + 1] : state.eMarks[start + 1]]
        if not silent:
            state.parentType = "root"
        if not re.search(r"[|:]", row) or any(rule(state, start, end, True) for rule in BEFORE_TABLE):
            return False
    found = rules_block.table(state, start, end, silent)
    state.env["table"] = start if found and silent else None
    return found


def oracle():
    parser = markdown_it.MarkdownIt("commonmark", {"maxNesting": 1000}).enable("table")
    parser.disable("inline")
    parser.block.ruler.at("table", table, {"alt": ["paragraph", "reference"]})
    return parser


def leaf_end(token, lines):
    """The line behind a leaf, blank lines at its end left out, where they are none of its own."""
    start, end = token.map
    own = token.content.split("\n")[: end - start]
    if token.type == "fence":
        if len(own) < end - start and re.search(re.escape(token.markup) + r"[ \t]*$", lines[end - 1]):
            return end  # it was closed
        own = [token.markup, *own][: end - start]
    while not own[-1].strip(" \t"):
        own.pop()
    return start + len(own)


def front_matter_lines(text):
    """(first, behind the last) by our rule, or None."""
    found = re.match(r"(?:[ \t]*\n)*", text)
    rest, before = text[found.end() :], found.group().count("\n")
    found = re.match(r"---[ \t]*\n(?:(?![ \t]*\n)(?:[^\n]*\n)*?)?(?:---|\.\.\.)[ \t]*(?=\n|\Z)", rest) or re.match(
        r"\+\+\+[ \t]*\n(?:[^\n]*\n)*?\+\+\+[ \t]*(?=\n|\Z)", rest
    )
    return (before, before + found.group().count("\n") + 1) if found else None


def theirs(parser, text):
    lines = text.split("\n")
    front = front_matter_lines(text)
    if front:
        lines[: front[1]] = [""] * front[1]
    headings, elements, open_blocks = [], [], []
    kinds = {"fence": CODE, "code_block": CODE, "html_block": HTML, "table_open": TABLE, "list_item_open": ITEM}
    tokens = parser.parse("\n".join(lines))
    for i, token in enumerate(tokens):
        if not token.map:
            if token.nesting < 0 and token.type in ("list_item_close", "blockquote_close"):
                start, end, limit, kind = open_blocks.pop()
                while limit > end and not lines[limit - 1].strip(" \t>"):
                    limit -= 1
                end = max(end, limit) if kind == ITEM else end
                if kind == ITEM:
                    elements.append((ITEM, start, end))
                if open_blocks:
                    open_blocks[-1][1] = max(open_blocks[-1][1], end)
            continue
        start, end = token.map
        if token.type in ("list_item_open", "blockquote_open"):
            open_blocks.append([start, start + 1, end, kinds.get(token.type)])
            continue
        if token.type in ("fence", "code_block", "html_block"):
            end = leaf_end(token, lines)
            pre = token.type == "html_block" and re.match(r"[ \t]*<pre(?=[ \t>\n]|\Z)", token.content, re.I)
            elements.append((CODE if pre else kinds[token.type], start, end))
        elif token.type == "table_open":
            elements.append((TABLE, start, end))
        elif token.type == "heading_open":
            headings.append(("heading", int(token.tag[1]), start, end, said(tokens[i + 1].content)))
        if open_blocks and token.nesting >= 0 and not token.type.endswith("list_open"):
            open_blocks[-1][1] = max(open_blocks[-1][1], end)
    if front:
        elements.append((FRONT_MATTER, *front))
    return sorted(headings), sorted(elements)


# --- soup ---

OPENERS = [
    "", "", "", "", "> ", ">", "> > ", "- ", "* ", "+ ", "1. ", "2) ", "10. ", "-", "  - ", "   1. ", " ", "  ", "   ", "    ", "     ",
    "\t", " \t", "-\t", ">\t", "1.\t", "-     ", "      ", "        ",
]  # fmt: skip
CONTENTS = [
    "a", "b c", "text", "# h", "## h ##", "###### x #", "#", "####### no", "#no", "# a \\#", "## ", "===", "---", "=", "-", "--", "== =", "***",
    "* * *", "- - -", "___", "_ _", "```", "````", "~~~", "``` info", "~~~ a`b", "``` a`b", "```x", "| a | b |", "|---|---|", "| a |", "|-|",
    "a | b", "-|-", ":-:|---", ":-:", "|:-", "--|", "a \\| b", "| 1 | 2 |", "<div>", "</div>", "<b>", "<b> x", "<!-- c", "-->", "<!-- c -->", "<pre>", "</pre>",
    "<script>x", "</script>", "<?php", "?>", "<!X", "<![CDATA[", "]]>", "<a href='x'>", "<del", "<p", "<hr/>", "<x y=z />", "+++", "...", "1", "1.", "1)x",
    "a  ", "\\# no", "&#35; no", "é", "",
]  # fmt: skip
DEFINITIONS = ["[a]: /u", "[a]: /u 't'", "[a]:", "/u", "'t'", "'t", "t'", "[a]: <u> (t)", "[a]: /u 't' x", "[a", "b]: /u", "[a]", "[]: /u", '"t" x']


def soup(rng, contents):
    if rng.random() < 0.5:  # few kinds of lines, so that they meet
        contents = rng.sample(contents, rng.randint(1, 8))
    openers = rng.sample(OPENERS, rng.randint(1, 6)) if rng.random() < 0.5 else OPENERS
    lines = []
    for _ in range(rng.randint(1, 12)):
        prefix = "".join(rng.choice(openers) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))))
        lines.append("" if rng.random() < 0.15 else prefix + rng.choice(contents))
    return "\n".join(lines) + rng.choice(("\n", "", "\n\n"))


INDENTED = r"(?:(?: {4}| {0,3}\t)[ \t]*)"


def differs(text):
    """Where markdown-it is not the specification, and cmark is: a ">" that is indented by four columns goes on with a
    quote; a lazy line that is indented by four columns, but not by that much within its containers, ends a paragraph; the
    columns of a tab behind the marks of a quote are counted wrong; a lazy line may be the header of a table in what
    follows the list."""
    return (
        re.search(INDENTED + ">", text)
        or re.search(">[^\n]*\t", text)
        or (re.search(r"[^\s][^\n]*\n[ >]*" + INDENTED + r"(?:[-+*#<`~=_|:]|\d)", text) and re.search(r"(?m)^[ \t]*(?:[-+*>]|\d+[.)])", text))
        or re.search(r"\|[^\n]*\n[ \t]+[-:|]", text)
    )


@pytest.fixture(scope="module")
def tool():
    if not TOOL.exists():
        pytest.skip("no tool: make build/tests/tool_markdown")
    tool = Tool()
    yield tool
    tool.close()


def test_soup_of_blocks(tool):
    rng, parser = random.Random(1), oracle()
    documents = (soup(rng, CONTENTS) for _ in itertools.count())
    for text in itertools.islice(itertools.filterfalse(differs, documents), DOCUMENTS):
        assert ours(tool, text) == theirs(parser, text), text


def definitions(rng):
    """A paragraph of definitions, or what is nearly one, and an underline; in a quote, in an item or in neither."""
    first, other = rng.choice((("", ""), ("", ""), ("> ", "> "), ("- ", "  ")))
    lines = rng.choices(DEFINITIONS + ["a", "==", "--", "# h", "> "], k=rng.randint(1, 8))
    return "\n".join((other if i else first) + line for i, line in enumerate(lines))


def ends_before_its_underline(text):
    """markdown-it reads a definition to its end, over an underline; cmark, as the specification does, tells the lines apart
    before it reads what they say."""
    return re.search(r"(?:\[[^\]]*|\]:|['\"(][^'\")]*)\n[ >]*(?:=+|-+)(?:\n|\Z)", text)


def test_definitions_and_headings(tool):
    rng, parser = random.Random(2), oracle()
    documents = (definitions(rng) for _ in itertools.count())
    for text in itertools.islice(itertools.filterfalse(ends_before_its_underline, documents), DOCUMENTS // 2):
        assert ours(tool, text)[0] == theirs(parser, text)[0], text


def real_documents():
    folders = [ROOT, *(pathlib.Path(folder) for folder in os.environ.get("HOTPATHD_MARKDOWN", "").split(":") if folder)]
    found = {path for folder in folders for path in folder.rglob("*.md") if path.is_file()}
    return sorted(path for path in found if not {"build", "node_modules"} & set(path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()))


def test_real_documents(tool):
    parser, paths = oracle(), real_documents()
    assert paths
    for path in paths:
        text = path.read_bytes().decode("utf-8", "replace")
        for end in ("\r\n", "\r", "\f"):  # a page break ends no line for markdown-it
            text = text.replace(end, "\n")
        text = text.removeprefix("\ufeff").replace("\0", "\ufffd")
        assert ours(tool, text) == theirs(parser, text), path
