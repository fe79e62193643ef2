"""build/vocab/o200k_base.json: the published vocabulary as a tokenizer.json, for rivals that read only that form.

python3 bench/tokenizer_json.py. The merges are those that the ranks imply: each token is split by the merges of lower rank.
"""
import base64
import json
import pathlib

VOCAB = pathlib.Path("build/vocab")


def byte_letters():
    """The 256 bytes as the letters that byte-level vocabularies are written in."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in plain}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(plain))
    return letters


def halves(token, ranks):
    """The two tokens that merge into this one last."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        best = min((ranks.get(parts[i] + parts[i + 1], len(ranks)), i) for i in range(len(parts) - 1))[1]
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return parts


def tokenizer(name, pattern):
    lines = (VOCAB / f"{name}.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(word): int(rank) for word, rank in (line.split() for line in lines)}
    letters = byte_letters()

    def write(token):
        return "".join(letters[byte] for byte in token)
    merges = [" ".join(write(half) for half in halves(token, ranks)) for token in sorted(ranks, key=ranks.get) if len(token) > 1]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                  "vocab": {write(token): rank for token, rank in ranks.items()}, "merges": merges},
    }


def make(name="o200k_base"):
    """Its path; made where it is missing."""
    path = VOCAB / f"{name}.json"
    if not path.exists():
        from tiktoken_ext import openai_public
        openai_public.load_tiktoken_bpe = lambda *args, **kwargs: {}
        pattern = getattr(openai_public, name)()["pat_str"]
        path.write_text(json.dumps(tokenizer(name, pattern)))
    return path


if __name__ == "__main__":
    print(make())
