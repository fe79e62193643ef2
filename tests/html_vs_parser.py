"""Our text of HTML against that of parsers: html.unescape for character references, lexbor (selectolax), which follows
the standard, for the words of broken pages and of real ones.

    python3 -m pytest tests/html_vs_parser.py

needs selectolax and build/tests/tool_html (make build/tests/tool_html). HOTPATHD_PAGES names a folder of real pages.
Compared are the characters that are not blank, in their order, without what our text puts between them. Pages with a
table are compared as a bag of characters: the standard moves what stands in a table outside of its cells before it.
"""

import collections
import html
import html.entities
import os
import pathlib
import random
import struct
import subprocess

import pytest

lexbor = pytest.importorskip("selectolax.lexbor")

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = pathlib.Path(os.environ.get("HOTPATHD_TOOLS", ROOT / "build/tests")) / "tool_html"
PAGES = os.environ.get("HOTPATHD_PAGES")
STRINGS = int(os.environ.get("HOTPATHD_STRINGS", "4000"))

if not TOOL.exists():
    pytest.skip("no tool: make build/tests/tool_html", allow_module_level=True)


class Tool:
    def __init__(self, *args):
        self.process = subprocess.Popen([TOOL, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self):
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        return self.process.stdout.read(length).decode()

    def __call__(self, page):
        data = page.encode()
        self.process.stdin.write(struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        return self.read(), self.read()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


@pytest.fixture(scope="module")
def text_of():
    tool = Tool()
    yield lambda page: tool(page)[1]
    tool.close()


@pytest.fixture(scope="module")
def words_of():
    tool = Tool("words")
    yield lambda page: tool(page)[1]
    tool.close()


def unescape(text):
    """html.unescape, but with the standard's numeric references: Python drops those to noncharacters and controls, and
    a reference to a surrogate or beyond Unicode becomes U+FFFD in both."""
    invalid, html._invalid_codepoints = html._invalid_codepoints, set()
    try:
        return html.unescape(text)
    finally:
        html._invalid_codepoints = invalid


def solid(text):
    return "".join(text.replace("\ue000", "").split())


def test_every_name_is_known_with_and_without_semicolon(text_of):
    for name, value in html.entities.html5.items():
        for tail in ["", "x", "1", "=", " x", ";", "&", "<b>x"]:
            source = f"a&{name}{tail}"
            want = unescape(source.removesuffix("<b>x")) + ("x" if tail == "<b>x" else "")
            got = text_of(source)
            assert solid(got) == solid(want), source


def test_names_without_semicolon_end_where_the_standard_says(text_of):
    for name in html.entities.html5:
        if name.endswith(";"):
            for cut in range(1, len(name)):
                source = f"[&{name[:cut]}]"
                assert text_of(source) == unescape(source).replace("\n", " ").replace("\t", " "), source


NUMBERS = ([0, 1, 8, 9, 11, 13, 31, 65, 0x7F, 0xAD, 0xFFFD, 0xFFFE, 0xFFFF, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFDD0, 0x10FFFF,
            0x110000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000041, 2**64 + 65, 10**40] + list(range(0x80, 0xA0)))


def test_numbers_are_those_of_the_standard(text_of):
    for number in NUMBERS:
        for form in [f"&#{number};", f"&#{number}", f"&#x{number:x};", f"&#X{number:X}", f"&#{number:040d};", f"&#x{number:x}g"]:
            source = f"[{form}]"
            assert solid(text_of(source)) == solid(unescape(source)), source
    for source in ["[&#]", "[&#;]", "[&#x]", "[&#x;]", "[&#xg;]", "[&#-1;]", "[&]", "[&;]", "[&&amp;&]"]:
        assert text_of(source) == unescape(source), source


def test_random_references(text_of):
    rng = random.Random(5)
    names = sorted(html.entities.html5)
    parts = names + ["&", "&", "&", "&", ";", "#", "#x", "1", "f", "12345", "amp", "not", "it", "x"]
    for _ in range(STRINGS):
        source = "[" + "".join(rng.choice(["&", "", "&#", "&#x"]) + rng.choice(parts) for _ in range(rng.randrange(1, 8))) + "]"
        assert solid(text_of(source)) == solid(unescape(source)), source


def test_attributes_resolve_as_the_parser_does(text_of):
    rng = random.Random(6)
    names = sorted(html.entities.html5)
    tails = ["", ";", "=", "x", "1", " ", "&", "#"]
    for _ in range(STRINGS):
        value = "[" + "".join("&" + rng.choice(names) + rng.choice(tails) for _ in range(rng.randrange(1, 4))) + "]"
        source = f'<img alt="{value}">'
        want = lexbor.LexborHTMLParser(source).css_first("img").attributes["alt"]
        assert solid(text_of(source)) == solid(want), source


# --- the words of pages --------------------------------------------------------------------------

# What lexbor's text holds, and ours never does.
DROPPED = "script, style, template, iframe, noembed, noframes, title"


def parsed_words(page):
    tree = lexbor.LexborHTMLParser(page)
    if tree.body is None:
        return ""
    for node in tree.body.css(DROPPED):
        node.decompose()
    return solid(tree.body.text())


INLINE = ["a", "b", "i", "span", "code", "em", "font", "sub", "label", "wbr", "br", "img", "input", "button", "nosuch", "u:v", "a-b"]
BLOCK = ["p", "div", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h6", "section", "blockquote", "pre", "hr", "form", "address",
         "details", "summary", "center", "article", "figure", "figcaption", "fieldset", "legend", "noscript", "main", "body", "html"]
TABLE = ["table", "tr", "td", "th", "tbody", "thead", "caption"]
RAW = ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "template"]
WORDS = ["word", "two words", "é", "漢字", "x<y", "a < b", "<", "<<", "< ", "</", "&", "&amp;", "&lt;b&gt;", "&notit;", "&#x41;", "&nbsp;", "&#10;",
         "\n", "  ", "\t", ">", "->", "]]>", "=", "'", '"', "/", "\r\n", "\f", "\0", "é\n", " "]
COMMENTS = ["<!-->", "<!--->", "<!---->", "<!-- x -->", "<!-- x --!>", "<!-- <!-- x -->", "<!-- x -- >", "<!--x", "<!x>", "<!DOCTYPE html>",
            "<!DOCTYPE html PUBLIC \"x>y\">", "<?php x ?>", "</>", "</ x>", "</3>", "<![CDATA[x]]>", "<!-- > -->", "--!>", "-->", "<!-", "<!--!>"]
ATTRIBUTES = ["", " ", " a", " a=b", ' a="b"', " a='b'", ' a="x>y"', " a='<p>'", " a=b'c", ' a"b', " =", " ==", " a = b", ' a= "b" ', "/", " /", " a/b",
              ' a="b"c="d"', " a=>", " a=/", "\n", "\ta\n=\n'x\n'", " <p", " a='", ' a="', " alt=''", " href=x/", " \0=x", "/a", " a=`b`", " a=b<c"]


def tag(rng, names):
    name = rng.choice(names)
    if rng.random() < 0.1:
        name = name.upper()
    end = "" if rng.random() < 0.02 else ">"
    # an attribute that never ends takes the rest of the page with it: seldom
    attributes = rng.choice(ATTRIBUTES) if rng.random() < 0.3 else ""
    if attributes.count("'") % 2 or attributes.count('"') % 2:
        attributes = attributes if rng.random() < 0.2 else ""
    return f"<{'/' if rng.random() < 0.4 else ''}{name}{attributes}{end}"


def soup(rng, names, comments=True):
    parts = []
    for _ in range(rng.randrange(1, 30)):
        kind = rng.random()
        if kind < 0.45:
            parts.append(rng.choice(WORDS))
        elif kind < 0.93:
            parts.append(tag(rng, names))
        elif comments:
            parts.append(rng.choice(COMMENTS))
    return "".join(parts)


def replaced(text):
    """Where raw text holds NUL the standard has U+FFFD, we nothing."""
    return text.replace("\ufffd", "")


def agree(words_of, page):
    want, got = replaced(parsed_words(page)), replaced(solid(words_of(page)))
    if "<table" in page.lower():
        return collections.Counter(want) == collections.Counter(got)
    return want == got


@pytest.mark.parametrize("names", [INLINE, INLINE + BLOCK, INLINE + BLOCK + RAW, INLINE + BLOCK + TABLE,
                                   INLINE + BLOCK + RAW + TABLE], ids=["inline", "blocks", "raw", "tables", "all"])
def test_soup_says_what_the_parser_reads(words_of, names):
    rng = random.Random(len(names))
    for _ in range(STRINGS):
        page = soup(rng, names)
        assert agree(words_of, page), (page, parsed_words(page), solid(words_of(page)))


def test_scripts_end_where_the_parser_ends_them(words_of):
    rng = random.Random(7)
    parts = ["<!--", "-->", "<script>", "</script>", "</script x>", "<script", "</script", "</scripty>", "<script/", "-", "--", ">", "<", "x",
             "<!", "<!-", "!>", " ", "--!>", "</SCRIPT>", "<Script >", "\n", "</style>", "'", '"', "<p>"]
    for _ in range(STRINGS):
        page = "<script>" + "".join(rng.choice(parts) for _ in range(rng.randrange(1, 14))) + "</script>tail"
        assert agree(words_of, page), (page, parsed_words(page), solid(words_of(page)))


@pytest.mark.parametrize("kind", ["svg", "math"])
def test_foreign_content_has_its_cdata(words_of, kind):
    rng = random.Random(8)
    parts = [f"<{kind}>", f"<{kind}>", f"</{kind}>", f"<{kind}/>", "<![CDATA[", "]]>", "]]", ">", "x", "<g>", "<path d='x'/>", "&amp;", " ",
             "<text>", "<p>", "<textarea/>", "<mrow>"]
    for _ in range(STRINGS):
        page = "".join(rng.choice(parts) for _ in range(rng.randrange(1, 14)))
        assert agree(words_of, page), (page, parsed_words(page), solid(words_of(page)))


def test_title_is_the_first_one(words_of):
    tool = Tool()
    for page, want in [("<title>a  b\n&amp;c</title>", "a b &c"), ("<title> <b>x</b> </title>", "<b>x</b>"), ("<p>x", ""),
                       ("<title></title><title>second</title>", "second"), ("<svg><title>icon</title></svg><title>page</title>", "page"),
                       ("<title>cut", "cut"), ("<title>a</titles>b</title\n>c", "a</titles>b"), ("<TITLE>&lt;x</TITLE>", "<x")]:
        assert tool(page)[0] == want, page
    tool.close()


@pytest.mark.skipif(not PAGES, reason="HOTPATHD_PAGES is not set")
def test_real_pages_say_what_the_parser_reads(words_of):
    pages = [p for p in pathlib.Path(PAGES).rglob("*") if p.suffix in (".html", ".htm", ".xhtml") and p.is_file()]
    random.Random(9).shuffle(pages)
    compared, differ = 0, []
    for path in pages[:2000]:
        try:
            page = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        tree = lexbor.LexborHTMLParser(page)
        if tree.css_first("img[alt], frameset, q, ruby"):
            continue
        compared += 1
        if not agree(words_of, page):
            differ.append(str(path))
    assert compared > 0 and not differ, (compared, differ)
