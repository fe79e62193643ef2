"""Our encoding beside tiktoken's encode_ordinary, turn by turn in one run: medians of MB/s and tokens per second.

python3 bench/tokens.py, from the root; needs tiktoken, build/bench/tokens and build/vocab (make bench sees to all).
The counts must be equal, or it ends with an error. One thread each, and its CPU time; the
interpreter's part in tiktoken's time is its list of numbers, which is what encode_ordinary returns.
"""
import base64
import statistics
import sys
import time

import samples
import tiktoken
from ours import VOCAB, Ours
from tiktoken_ext import openai_public

ROUNDS, SIZE = 7, 1_000_000
ENCODINGS = ["o200k_base", "cl100k_base"]  # in the order of enum hp_encoding


def load(name):
    """The published expression with the vocabulary from disk: no download."""
    openai_public.load_tiktoken_bpe = lambda url, expected_hash=None: {
        base64.b64decode(word): int(rank)
        for word, rank in (line.split() for line in (VOCAB / f"{name}.tiktoken").read_bytes().splitlines())
    }
    return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())


def theirs(encoding, text):
    begun = time.thread_time_ns()
    tokens = encoding.encode_ordinary(text)
    return time.thread_time_ns() - begun, len(tokens)


def row(ours, number, encoding, name, text):
    raw = text.encode()
    times = [], []
    for _ in range(ROUNDS):
        our_ns, our_count = ours.encode(number, raw)
        their_ns, their_count = theirs(encoding, text)
        if our_count != their_count:
            sys.exit(f"{encoding.name}, {name}: {our_count} tokens, tiktoken has {their_count}")
        times[0].append(our_ns)
        times[1].append(their_ns)
    middle = [statistics.median(each) for each in times]
    rates = [f"{len(raw) * 1e3 / ns:7.1f} {our_count * 1e3 / ns:7.2f}" for ns in middle]
    print(f"{encoding.name:<12} {name:<9} | {rates[0]} | {rates[1]} | {middle[1] / middle[0]:5.1f}x", flush=True)


def main():
    texts = {"licences": samples.licences(SIZE), "code": samples.code(SIZE), "base64": samples.encoded(SIZE)}
    texts |= {name: samples.shuffled(name, SIZE) for name in ("english", "russian", "chinese")}
    ours = Ours()
    print(f"medians of {ROUNDS} rounds\n{'':<22} | {'ours: MB/s, Mtok/s':<15} | tiktoken {tiktoken.__version__} | ratio")
    for number, name in enumerate(ENCODINGS):
        encoding = load(name)
        for text in texts:
            row(ours, number, encoding, text, texts[text])
    ours.close()


if __name__ == "__main__":
    main()
