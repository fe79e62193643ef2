"""Our mojibake repair against ftfy's, line by line.

    python3 -m pytest tests/mojibake_vs_ftfy.py

needs ftfy and build/tests/tool_mojibake (make build/tests/tool_mojibake). Alike but for what is said beside `known`.
"""

import os
import pathlib
import random
import re
import struct
import subprocess

import pytest

ftfy = pytest.importorskip("ftfy")

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = pathlib.Path(os.environ.get("HOTPATHD_TOOLS", ROOT / "build/tests")) / "tool_mojibake"
STRINGS = int(os.environ.get("HOTPATHD_STRINGS", "4000"))

# What the switch covers: the family of fix_encoding, and nothing else.
ONLY_ENCODING = ftfy.TextFixerConfig(
    unescape_html=False, fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False,
    fix_line_breaks=False, fix_surrogates=False, remove_terminal_escapes=False, remove_control_chars=False,
    normalization=None, explain=False,
)

ENCODINGS = ["latin-1", "iso-8859-2", "macroman", "cp437"] + [f"sloppy-windows-{n}" for n in (1250, 1251, 1252, 1253, 1254, 1257)]

SENTENCES = {
    "French": "L’été dernier, où il faisait beau à Nîmes, ça coûtait 5 € «tout compris»…",
    "German": "Größere Häuser verlieren im Winter „viel“ Wärme – über die Türen.",
    "Spanish": "¿Cuándo volverá el niño? ¡Mañana por la mañana, señor!",
    "Portuguese": "Não há pão à venda às três, disse a avó.",
    "Polish": "Zażółć gęślą jaźń, rzekła łódź do źrebięcia.",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Hungarian": "Árvíztűrő tükörfúrógép, őrült hűtő.",
    "Turkish": "İstanbul’da güneşli bir öğle, çocuklar şarkı söylüyor.",
    "Latvian": "Rīgā šodien snieg, ļaudis dzer tēju ar medu.",
    "Lithuanian": "Šiandien Vilniuje šalta, žmonės geria arbatą.",
    "Vietnamese": "Đường về nhà rất xa, nhưng tôi vẫn đi bộ được.",
    "Greek": "Καλημέρα κόσμε, τι κάνεις σήμερα;",
    "Russian": "Гавань была тихой — «никто» не спросил, где они были.",
    "Ukrainian": "Їжак пішов до ґанку, а Єва з’їла яблуко.",
    "Serbian": "Ђорђе је јуче отишао на пијацу.",
    "Arabic": "كان الميناء هادئا عندما عادت القوارب.",
    "Hebrew": "הנמל היה שקט כשחזרו הסירות.",
    "Hindi": "सर्दियों में घर की गर्मी छत से निकल जाती है।",
    "Thai": "ท่าเรือเงียบเมื่อเรือกลับมา",
    "Chinese": "她把信读了两遍，才发现“最后一页”不见了……",
    "Japanese": "川が曲がる所では、水が速く流れる。",
    "Korean": "항구는 조용했고, 묻는 사람은 없었다.",
    "emoji": "well done 👏🏽 — see you 😀",
}

# Characters that rules hold of when they meet.
ALPHABETS = [
    "ÃÂÎÐÅâãà", "€œŠš¢£Ÿž\xa0\xad®©°·»–—´", "\x80\x81\x85\x99\x9d\x9c\xa0\xa1\xa9", "ВГРС", "вЂвЂўГ", "ØÙ±µ»Ÿ", "ΒΓΞΟβ€΄",
    "ā€ž", "√±∂†‚Äìîïò", "aAzZ .,?!\t", "\ufffd\ufffd?\x1a", "ðŸ˜€íÀ", "│║╗█", "Œœ£", "²³¹½", "š ž Š ó", "×ßý", "中文ひ",
    "ґҐѓ", "̃́", "¡«¿©‘‚“„•‹»”›™", "ìíîï", "ãƒ¼", "\f", "à ", "quele ", "ⅷ_5一",
]

# ftfy's decoder of UTF-8 variants takes C0 (or the first half of a surrogate pair's end) before a line feed for a
# sequence cut short and swallows the line feed: a NUL, or a character of chance, stands in its place.
known = re.compile("À\n|í.{2}í.\n")


class Tool:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([TOOL, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def clean(self, text):
        raw = text.encode()
        self.process.stdin.write(struct.pack("=I", len(raw)) + raw)
        self.process.stdin.flush()
        (count,) = struct.unpack("=I", self.process.stdout.read(4))
        return self.process.stdout.read(count).decode()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


@pytest.fixture(scope="module")
def tool():
    running = Tool()
    yield running
    running.close()


def damaged(rng, text):
    """Read wrongly one to three times, with bytes lost or changed on the way now and then."""
    for _ in range(rng.randint(1, 3)):
        raw = bytearray(text.encode())
        if raw and rng.random() < 0.15:
            raw[rng.randrange(len(raw))] = rng.choice(b"\x1a?\x20\x81\xa0")
        text = bytes(raw).decode(rng.choice(ENCODINGS + ["cp1252"]), "replace")
        if rng.random() < 0.2:
            text = text.replace("\xa0", " ")
    return text


def random_text(rng):
    if rng.random() < 0.2:  # long ASCII between
        words = ["plain words, one after the other, ", "x" * rng.randint(1, 20), "quele", "s ", " ", "?", "a ", "quilo "]
        return "".join(random_text(rng) + rng.choice(words) for _ in range(rng.randint(1, 4)))
    alphabet = "".join(rng.sample(ALPHABETS, rng.randint(1, 5)))
    if rng.random() < 0.5:
        return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 30)))
    words = rng.choice(list(SENTENCES.values())).split(" ")
    at = rng.randrange(len(words))
    text = damaged(rng, " ".join(words[at : at + rng.randint(1, 4)]))
    if rng.random() < 0.3:
        noise = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 4)))
        text = noise + text + rng.choice(["", "é", " ok", "Ж", "’", "\n", "\nÃ©"])
    return text


# Of a line's end we know more than ftfy, which knows LF: a text with others is not compared.
def comparable(text, fixed):
    return not set(text + fixed) & set("\r\v\u2028\u2029") and not known.search(text)


def test_random_texts_become_what_ftfy_makes_of_them(tool):
    rng = random.Random(20)
    changed = 0
    for _ in range(STRINGS):
        text = random_text(rng)
        fixed = ftfy.fix_text(text, ONLY_ENCODING)
        if comparable(text, fixed):
            assert tool.clean(text) == fixed, ascii(text)
            changed += fixed != text
    assert changed > STRINGS / 10


@pytest.mark.parametrize("language", SENTENCES)
def test_a_language_in_every_encoding_and_three_layers_deep(tool, language):
    right = SENTENCES[language]
    assert tool.clean(right) == right == ftfy.fix_text(right, ONLY_ENCODING)
    for encoding in ENCODINGS:
        text = right
        for layer in range(3):
            text = text.encode().decode(encoding)
            for line in (text, text + "\n" + right, right + " " + text):
                fixed = ftfy.fix_text(line, ONLY_ENCODING)
                if comparable(line, fixed):
                    assert tool.clean(line) == fixed, (encoding, layer)


def test_every_two_characters_that_encodings_have(tool):
    chars = sorted({c for e in ENCODINGS for c in bytes(range(0x80, 0x100)).decode(e)} | set("aZ5 ,_漢ひ\u0301\ufffd"))
    for first in chars:
        text = "\n".join(f"x{first}{second}y" for second in chars if second != "\x85")
        assert tool.clean(text) == ftfy.fix_text(text, ONLY_ENCODING), ascii(first)


def test_with_the_other_switches_of_standard_on_the_result_stays(tool):
    rng, standard = random.Random(21), Tool("standard")
    for _ in range(STRINGS):
        once = standard.clean(random_text(rng) + rng.choice(["", "\u200b", "\xad", "\x01", "A\u0303\xa9", "\u2003"]))
        assert standard.clean(once) == once, ascii(once)
    standard.close()
