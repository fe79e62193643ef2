"""Our tokens against tiktoken's, rank by rank, on random strings made to hit the seams.

    python3 -m pytest tests/tokens_vs_tiktoken.py

is part of `make test`; it needs tiktoken, build/vocab (make vocab) and build/tests/tool_tokens (make build/tests/tool_tokens).
"""

import base64
import os
import pathlib
import random
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
import samples  # noqa: E402

tiktoken = pytest.importorskip("tiktoken")
openai_public = pytest.importorskip("tiktoken_ext.openai_public")

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = pathlib.Path(os.environ.get("HOTPATHD_TOOLS", ROOT / "build/tests")) / "tool_tokens"
VOCAB = pathlib.Path(os.environ.get("HOTPATHD_VOCAB", ROOT / "build/vocab"))
STRINGS = int(os.environ.get("HOTPATHD_STRINGS", "4000"))

# Every kind of character that the two expressions tell apart, and those that case folding or decoding may trip over.
PARTS = (
    list("abzABZ019'/ \t\r\n.,!-_<|>#") + ["  ", "\n\n", "\r\n", "'s", "'S", "'LL", "'re", "'vE", "'d", "'t", "'m"]
    + list("éÉßſKıİǅǲʰªºﬁ") + list("漢字中文ひカ한글") + list("яЖіאبกअ") + list("゙्́᠎ً") + list("²½٣४Ⅷ〇一")
    + list("\x00\x0b\x0c\x1c\x1f\x7f\x85\xa0\xad\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u200b\u200d\ufeff\ufffd\uffff")
    + ["😀", "👩‍👩‍👧", "🏳️‍🌈", "𝔘", "𐐀", "𐐨", "𞤀", "\U0001d7d8", "\U000e0041", "\U0010ffff", "\U00016d40", "\U00010d50"]
    + ["<|endoftext|>", "<|fim_prefix|>", "the", " the", "The", "tion", "function", "return", "0000", "====", "    "]
)


def tiktoken_encoding(name):
    # what openai_public.py has, but with the vocabulary from disk and no download
    original = openai_public.load_tiktoken_bpe
    openai_public.load_tiktoken_bpe = lambda url, expected_hash=None: {
        base64.b64decode(word): int(rank)
        for word, rank in (line.split() for line in (VOCAB / f"{name}.tiktoken").read_bytes().splitlines())
    }
    try:
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())
    finally:
        openai_public.load_tiktoken_bpe = original


def random_text(rng):
    kind = rng.random()
    if kind < 0.6:
        pool = rng.sample(PARTS, rng.randint(1, 8)) if kind < 0.4 else PARTS
        return "".join(rng.choice(pool) for _ in range(rng.randint(1, 40)))
    if kind < 0.7:
        return rng.choice(PARTS) * rng.randint(1, 400)
    if kind < 0.8:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(1, 300)))
    if kind < 0.9:
        block = rng.choice([0x4E00, 0x3040, 0xAC00, 0x400, 0x600, 0x900, 0xE00, 0x1F300])
        return "".join(chr(block + rng.randrange(0x80)) for _ in range(rng.randint(1, 200)))
    return "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(rng.randint(1, 60))) if not 0xD800 <= c < 0xE000)


class Tool:
    def __init__(self, encoding):
        self.process = subprocess.Popen([TOOL, VOCAB, encoding], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def encode(self, text):
        raw = text.encode()
        self.process.stdin.write(struct.pack("<I", len(raw)) + raw)
        self.process.stdin.flush()
        count, reference = struct.unpack("<II", self.process.stdout.read(8))
        return count, reference, list(struct.unpack(f"<{count}I", self.process.stdout.read(4 * count)))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


@pytest.fixture(scope="module", params=["o200k_base", "cl100k_base"])
def pair(request):
    if not TOOL.exists() or not (VOCAB / f"{request.param}.vocab").exists():
        pytest.skip("no vocabulary or no tool: make vocab build/tests/tool_tokens")
    tool = Tool(request.param)
    yield tool, tiktoken_encoding(request.param)
    tool.close()


def check(pair, text):
    tool, theirs = pair
    want = theirs.encode_ordinary(text)
    count, reference, got = tool.encode(text)
    assert got == want, text.encode("unicode_escape")
    assert reference == count == len(want), text.encode("unicode_escape")


def test_random_strings(pair):
    rng = random.Random(1)
    for _ in range(STRINGS):
        check(pair, random_text(rng))


def test_every_character_of_unicode_in_front_of_between_and_behind_letters(pair):
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for i in range(0, len(characters), 512):
        check(pair, "".join(f"{c}aB{c}1 {c} " for c in characters[i : i + 512]))


def test_every_character_of_unicode_beside_signs_line_ends_han_and_itself(pair):
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for i in range(0, len(characters), 512):
        check(pair, "".join(f"!{c}/\n{c}漢{c}A {c}{c}I'{c}s'{c}" for c in characters[i : i + 512]))


@pytest.mark.parametrize("unit", ["a", "^", " ", "\n", " \n", "漢", "_", "aB", "0", "á", "é", "🙂", "!\n", "\u3000"])
def test_long_runs(pair, unit):
    check(pair, unit * 20000)
    check(pair, "x" + unit * 20000 + "x")


@pytest.mark.parametrize("name", sorted(samples.texts(1000)))
def test_sample_texts(pair, name):
    check(pair, samples.texts(300_000)[name])
