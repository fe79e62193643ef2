"""One rival at one task, in a process of its own: python3 bench/rival.py TASK NAME FOLDER. Prints JSON.

The documents of the folder are read, the first fifth warms up, each of the rest is done once, in CPU time of this thread.
"""
import json
import pathlib
import re
import sys
import time
import unicodedata

VOCAB = pathlib.Path("build/vocab")
BLANKS = re.compile(r"[ \t]+"), re.compile(r" ?\n ?"), re.compile(r"\n{3,}")


def tiktoken_encoding():
    import base64

    import tiktoken
    from tiktoken_ext import openai_public
    openai_public.load_tiktoken_bpe = lambda url, expected_hash=None: {
        base64.b64decode(word): int(rank)
        for word, rank in (line.split() for line in (VOCAB / "o200k_base.tiktoken").read_bytes().splitlines())
    }
    return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS["o200k_base"]())


def tiktoken_counter():
    encoding = tiktoken_encoding()
    return lambda text: len(encoding.encode_ordinary(text))


def quicktok_counter():
    import quicktok
    encoding = quicktok.get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text))


# --- a task is a function that gives another: text in, list of chunks (or one text) out -------------------------


def langchain(counter, max_size, overlap):
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    return RecursiveCharacterTextSplitter(chunk_size=max_size, chunk_overlap=overlap, length_function=counter).split_text


def semchunk_tokens(overlap):
    import semchunk
    chunker = semchunk.chunkerify(quicktok_counter(), chunk_size=512)
    return lambda text: chunker(text, offsets=False, overlap=overlap or None)


def chonkie_recursive():
    """With its default tokenizer, whose counts are not exact; the published vocabulary is read from a file."""
    import tokenizer_json
    import tokie
    from chonkie import RecursiveChunker
    chunker = RecursiveChunker(tokenizer=tokie.Tokenizer.from_json(str(tokenizer_json.make())).count_tokens, chunk_size=512)
    return lambda text: [chunk.text for chunk in chunker.chunk(text)]


def text_splitter():
    from semantic_text_splitter import TextSplitter
    return TextSplitter(2000).chunks


def chonkie_core():
    from chonkie_core import Chunker
    return lambda text: list(Chunker(text.encode(), size=2000, delimiters=b"\n"))


def ftfy_clean():
    import ftfy

    def clean(text):
        text = unicodedata.normalize("NFC", ftfy.fix_text(text))
        text = BLANKS[0].sub(" ", text.replace("\u00ad", "").replace("\u200b", ""))
        return BLANKS[2].sub("\n\n", BLANKS[1].sub("\n", text)).strip()
    return clean


def python_pipeline():
    clean, count = ftfy_clean(), tiktoken_counter()
    split = langchain(count, 512, 64)

    def pipeline(text):
        chunks = split(clean(text))
        return [count(chunk) for chunk in chunks] and chunks
    return pipeline


TASKS = {
    "tokens-0": {"LangChain + tiktoken": lambda: langchain(tiktoken_counter(), 512, 0), "semchunk + quicktok": lambda: semchunk_tokens(0),
                 "chonkie + tokie": chonkie_recursive},
    "tokens-64": {"LangChain + tiktoken": lambda: langchain(tiktoken_counter(), 512, 64), "semchunk + quicktok": lambda: semchunk_tokens(64)},
    "chars": {"LangChain": lambda: langchain(len, 2000, 0), "text-splitter": text_splitter, "chonkie-core": chonkie_core},
    "clean": {"ftfy + NFC + re": ftfy_clean},
    "pipeline": {"ftfy + LangChain + tiktoken": python_pipeline},
}


def main():
    task, name, folder = sys.argv[1:]
    work = TASKS[task][name]()
    texts = [path.read_text("utf-8") for path in sorted(pathlib.Path(folder).iterdir())]
    warm = max(1, len(texts) // 5)
    for text in texts[:warm]:
        work(text)
    cpu, pieces = 0, []
    for text in texts[warm:] or texts:
        begun = time.process_time_ns()
        out = work(text)
        cpu += time.process_time_ns() - begun
        pieces += out if isinstance(out, list) and out and isinstance(out[0], str) else []
    size = sum(len(text.encode()) for text in texts[warm:] or texts)
    count = tiktoken_counter() if task.startswith("tokens") else None
    tokens = sum(count(piece) for piece in pieces) if count else 0
    print(json.dumps({"bytes": size, "cpu_s": cpu / 1e9, "documents": len(texts[warm:]) or 1, "chunks": len(pieces), "tokens": tokens}))


if __name__ == "__main__":
    main()
