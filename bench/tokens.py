"""Our token counts beside those of tiktoken and, where they are installed, quicktok, gigatoken and fastokens: MB/s of
CPU time, one thread, over documents of 5 to 150 KB that the process has not seen, after others of their kind.

python3 bench/tokens.py [SIZE], from the root; needs tiktoken, build/bench/tokens and build/vocab (make bench sees to all).
The engines take turns, block of documents by block. Counts that differ from tiktoken's are named. `count` is
hp_tokens_total, `encode` the result that parts are counted from; the others make lists of numbers (quicktok only counts).
`first`: the first document that a fresh process of ours sees, as a part of its warm speed: medians.
Texts are those of samples.py; HOTPATHD_TEXTS names a folder of NAME.txt to take instead.
"""
import base64
import os
import random
import statistics
import sys
import time

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # one thread each

import samples  # noqa: E402
import tiktoken  # noqa: E402
from ours import COUNT_ONLY, VOCAB, Ours  # noqa: E402
from tiktoken_ext import openai_public  # noqa: E402

ENCODINGS = ["o200k_base", "cl100k_base"]  # in the order of enum hp_encoding
BLOCKS, FIRSTS = 3, 7


def load(name):
    """The published expression with the vocabulary from disk: no download."""
    openai_public.load_tiktoken_bpe = lambda url, expected_hash=None: {
        base64.b64decode(word): int(rank)
        for word, rank in (line.split() for line in (VOCAB / f"{name}.tiktoken").read_bytes().splitlines())
    }
    return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())


def quicktok(name):
    import quicktok

    return quicktok.get_encoding(name).count


def gigatoken(name):
    import gigatoken

    encode = gigatoken.Tokenizer.from_tiktoken(VOCAB / f"{name}.tiktoken").encode
    return lambda text: len(encode(text.encode()))


def fastokens(name):
    import fastokens

    encode = fastokens.Tokenizer.from_tiktoken(str(VOCAB / f"{name}.tiktoken"), encoding=name).encode_ordinary
    return lambda text: len(encode(text))


def timed(count):
    """Process time, so that what an engine gives to other threads counts too."""

    def run(text):
        begun = time.process_time_ns()
        tokens = count(text)
        return time.process_time_ns() - begun, tokens

    return run


def engines(name, ours, others):
    number = ENCODINGS.index(name)
    encode = load(name).encode_ordinary
    found = {
        "count": lambda text: ours.encode(number | COUNT_ONLY, text.encode()),
        "encode": lambda text: others.encode(number, text.encode()),  # a process that has not counted it
        "tiktoken": timed(lambda text: len(encode(text))),
    }
    for make in (quicktok, gigatoken, fastokens):
        try:
            found[make.__name__] = timed(make(name))
        except ImportError:
            pass
    return found


def documents(text, seed):
    """The text, cut into pieces of 5 to 150 KB, small ones more often."""
    rng, at, raw = random.Random(seed), 0, text.encode()
    while at < len(raw):
        size = int(5_000 * 30 ** rng.random())
        yield raw[at : at + size].decode("utf-8", "ignore")
        at += size


def blocks(documents):
    """A third to warm up with, then BLOCKS of the rest."""
    warm = documents[: len(documents) // 3]
    rest = documents[len(warm) :]
    return warm, [rest[i::BLOCKS] for i in range(BLOCKS)]


def column(name, text, found):
    """MB/s of every engine, and which of them ever differed from tiktoken."""
    warm, rest = blocks(list(documents(text, name)))
    order = list(found)
    spent, differ = dict.fromkeys(order, 0), set()
    counts = {}
    for engine in order:
        for document in warm:
            found[engine](document)
    for turn, block in enumerate(rest):
        for engine in order[turn % len(order) :] + order[: turn % len(order)]:
            for document in block:
                ns, tokens = found[engine](document)
                spent[engine] += ns
                counts[engine, document] = tokens
        for document in block:
            for engine in order:
                if counts[engine, document] != counts["tiktoken", document]:
                    differ.add(engine)
    size = sum(len(document.encode()) for block in rest for document in block)
    return {engine: size * 1e3 / max(1, spent[engine]) for engine in order}, differ


def first(number, text, name):
    """The first document's speed, of as many fresh processes as FIRSTS."""
    rates = []
    for document in [text for text in documents(text, name) if len(text.encode()) > 50_000][:FIRSTS]:
        ours = Ours()
        ns, _ = ours.encode(number | COUNT_ONLY, document.encode())
        rates.append(len(document.encode()) * 1e3 / ns)
        ours.close()
    return statistics.median(rates) if rates else 0


def main():
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000
    texts = samples.texts(size)
    ours, others = Ours(), Ours()
    for number, name in enumerate(ENCODINGS):
        found = engines(name, ours, others)
        rivals = [engine for engine in found if engine not in ("count", "encode")]
        print(f"{name}, MB/s    " + "".join(f"{engine:>10}" for engine in found) + "   to the best rival    first")
        for text in texts:
            rates, differ = column(text, texts[text], found)
            if differ & {"count", "encode"}:
                sys.exit(f"{name}, {text}: our count is not tiktoken's")
            best = max(rivals, key=rates.get)
            cold = first(number, texts[text], text) / rates["count"]
            shown = "".join(f"{rates[engine]:9.1f}" + ("!" if engine in differ else " ") for engine in found)
            print(f"{text:<18}{shown}  {rates['count'] / rates[best]:5.2f} {best:<12} {cold:5.2f}", flush=True)
    print("!: counts that are not tiktoken's")
    ours.close()
    others.close()


if __name__ == "__main__":
    main()
