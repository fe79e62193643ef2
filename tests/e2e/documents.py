"""Documents for the tests, real and made up, and what judges a reply: tiktoken, and slices in the unit of the offsets."""
import functools
import html
import pathlib
import re

import pytest

from daemon import ROOT

SAMPLES = {
    "english": "It was the best of times, it was the worst of times. \"Really?\" asked Dr. Smith, who'd paid $3.50 for it.\n\n" * 12,
    "chinese": "中文没有空格，句子以句号结束。分块时不能把一个字切成两半。这是一个例子！\n\n为什么？因为这样更好。" * 12,
    "japanese": "日本語も同じです。文は句点で終わります。カタカナとひらがな、漢字が混ざる。\n" * 12,
    "emoji": "👩‍👩‍👧‍👦 and 🇩🇪🇫🇷 with 👍🏽 twice: 👍🏽! 🏳️‍🌈 ☕️ e\u0301\u0327 " * 12,
    "code": "def f(x):\n    if x > 0:\n        return {'a': x**2, \"b\": [1, 2, 3]}  # note\n\n\nclass C: pass\n" * 12,
    "german": "Die Straße war gesperrt; z. B. fuhr der Zug erst um 9.30 Uhr ab. Größe: 12,5 m².\r\n" * 12,
    "russian": "Документы по-русски состоят из предложений, как и все остальные. Да?\n\nНет!" * 12,
    "arabic": "هذا نص قصير، وفيه جملتان. هل هذا صحيح؟ نعم.\n" * 12,
    "hindi": "यह एक वाक्य है। क्या यह सही है? हाँ, बिल्कुल।\n\n" * 12,
    "thai": "ภาษาไทยไม่มีช่องว่างระหว่างคำ นี่คือตัวอย่าง ๆ ครับ\n" * 12,
    "messy": "\ufeffa\u00a0\u00a0b \x07\x1b[31mred\x1b[0m\r\n\r\n\r\n\r\ncafe\u0301\u200b so\u00adft \u2028x \t\t y  \n z \x0c page\n" * 12,
    "blank": " \t\r\n\u00a0\u3000 \n\x0c\n",
    "nothing": "",
    "one long word": "a" * 3000 + "é" * 300,
    "special tokens": "<|endoftext|> is text <|im_start|> too",
}
OPTIONS = [
    {"max": 16}, {"max": 64, "overlap": 16}, {"max": 5, "overlap": 4}, {"max": 1}, {"max": 40, "min": 20},
    {"max": 50, "overlap": 10, "unit": "chars"}, {"max": 64, "overlap": 8, "unit": "bytes"},
]
BLANK = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200b)))


def slicer(text, offsets):
    """text[start:end] in the unit of `offsets`."""
    if offsets == "char":
        return lambda start, end: text[start:end]
    coding, width = {"byte": ("utf-8", 1), "utf16": ("utf-16-le", 2)}[offsets]
    units = text.encode(coding)
    return lambda start, end: units[start * width:end * width].decode(coding)


@functools.lru_cache
def tiktoken_counter(name):
    tiktoken = pytest.importorskip("tiktoken")
    import tiktoken.load
    import tiktoken_ext.openai_public as published
    vocabulary = ROOT / "build" / "vocab" / f"{name}.tiktoken"
    if not vocabulary.exists():
        pytest.skip("the vocabularies are not there (make vocab)")
    pattern = published_pattern(published, name)
    encoding = tiktoken.Encoding(name, pat_str=pattern, special_tokens={},
                                 mergeable_ranks=tiktoken.load.load_tiktoken_bpe(str(vocabulary)))
    return lambda text: len(encoding.encode_ordinary(text))


def published_pattern(published, name):
    """tiktoken's own definition, with its download of the vocabulary left out."""
    original = published.load_tiktoken_bpe
    published.load_tiktoken_bpe = lambda *args, **kwargs: {}
    try:
        return getattr(published, name)()["pat_str"]
    finally:
        published.load_tiktoken_bpe = original


GUIDE = pathlib.Path("/usr/share/doc/installation-guide-amd64")  # one real book in many languages, as HTML
LANGUAGES = ["cs", "da", "de", "el", "en", "es", "fr", "ja", "ko", "nl", "pt", "ro", "ru", "sv", "vi", "zh_CN"]
PAGES = ["ch01.html", "ch03s01.html", "ch02s02.html", "apas01.html"]


def guide(language):
    """A few of its pages; the test is skipped where the package is not installed."""
    found = [path for name in PAGES for path in sorted((GUIDE / language).rglob(name))] or sorted((GUIDE / language).rglob("*.html"))[:4]
    if not found:
        pytest.skip("needs Debian's installation-guide-amd64")
    return [path.read_text("utf-8") for path in found]


def bare_text(page):
    """A page without its tags, for tests of plain text: crude, and with all its odd blanks."""
    body = re.sub(r"(?s)<head.*?</head>|<script.*?</script>", "", page)
    return html.unescape(re.sub(r"<[^>]*>", "", body))
