"""Writes tokens.tsv from tiktoken: text (UTF-8, what is not printable ASCII as \\xNN), tab, ranks in o200k_base, tab, ranks in cl100k_base.

    python3 tests/data/tokens.py > tests/data/tokens.tsv        needs tiktoken and build/vocab
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tokens_vs_tiktoken import tiktoken_encoding  # noqa: E402

TEXTS = r"""
Hello, world!
The quick brown fox jumps over the lazy dog.  Twice.
I'm sure you're right; they've said we'll see what it'd cost. IT'S HERE, DON'T. 'S 'LL 'x
it'ſ
int main(void)\n{\n\treturn printf("%d\\n", 0x1fUL) == 3;\n}\n
for (i = 0; i < n; ++i) a[i] += b[i]; // sum
def f(x: int) -> "list[str]":\n    return [str(y) for y in range(x)]\n\n\n# end
https://example.org/a/b?c=d&e=%20f#g
<|endoftext|> is text <|fim_prefix|>
camelCaseHTTPServer snake_case_name SCREAMING_CASE XMLHttpRequest2
3.14159 1000000 12,345 2026-01-02T03:04:05Z ½ Ⅷ ٣٤٥٦ ²³
 leading and trailing 
\t\ttabs\tand  blanks   \n\n\n  more \r\n\r\n x
\n
  
   x
\u00a0\u3000\u2003 x\u2028y
!!!!\n\n????//\n/path/to/file\r\n
你好，世界。我们今天去公园散步，天气很好。
「日本語のテキスト」はトークンが少ない。カタカナ、ひらがな、漢字
안녕하세요 세계. 오늘은 날씨가 좋습니다.
Привет, мир! Как дела? ЁЖ
שלום עולם. مرحبا بالعالم، كيف حالك؟
नमस्ते दुनिया, यह एक परीक्षण है।
สวัสดีชาวโลก นี่คือการทดสอบ
Grüße aus Köln: Straße, Äpfel, naïve café, İstanbul, ŁÓDŹ
e\u0301a\u0300 A\u030a \u0301X \u0301XY \u0301xY 漢X漢Y 漢AB ǅungla ʰa
👋🌍 👩\u200d👩\u200d👧 🏳️\u200d🌈 🇩🇪 ✅❌ → ≠ ∑
𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐐀𐐨 𞤀𞤢
\u0000\u0001\u007f\ufffd\uffff\ud83d\ude00
aGVsbG8gd29ybGQhIFRoaXMgaXMgYmFzZTY0Lg== deadbeefCAFEBABE0123456789
""".strip("\n").split("\n")
LONG = ["a" * 300, "^" * 200, " " * 150, "漢" * 200, "ab" * 200, "0" * 100, "\n" * 90, "_-" * 90, "天地玄黄宇宙洪荒" * 20]


def escaped(text):
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in text.encode())


def main():
    names = ("o200k_base", "cl100k_base")
    encodings = [tiktoken_encoding(name) for name in names]
    print("# text, " + ", ".join(names) + "; made by tests/data/tokens.py")
    for text in [t.encode("latin-1", "backslashreplace").decode("unicode_escape") for t in TEXTS] + LONG:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        ranks = [" ".join(map(str, e.encode_ordinary(text))) for e in encodings]
        print(escaped(text), *ranks, sep="\t")


if __name__ == "__main__":
    main()
