"""Reading the blocks of Markdown beside rivals, turn by turn in one run: medians of MB/s, by CPU time.

python3 bench/markdown.py [FILE.md ...], from the root; needs build/bench/markdown and whichever of markdown-it-py, cmarkgfm
and pyromark is to be had. Without files it reads the Markdown below /usr and the interpreter's own folder.

What is compared: ours gives headings and elements with their spans. markdown-it-py gives tokens with lines, here without
its inline pass. pyromark gives events with spans: `blocks` is its pass over the blocks alone, which is done when it hands
out its iterator; `events` is all of them, which is how one gets at the headings. cmarkgfm has no structure to give but HTML.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

ROUNDS, MOST_BYTES, SLOW_BYTES = 7, 16_000_000, 1_000_000


def markdown_files():
    folders = [pathlib.Path("docs"), pathlib.Path("/usr"), pathlib.Path(sys.prefix)]
    found = {path.resolve(): None for folder in folders for path in sorted(folder.rglob("*.md")) if path.is_file()}
    return list(found)


def documents(paths):
    """Each that is UTF-8, once."""
    total, seen = 0, {}
    for path in paths:
        try:
            text = pathlib.Path(path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        size = len(text.encode())
        if text in seen or size == 0 or total + size > MOST_BYTES:
            continue
        total += size
        seen[text] = path
    return seen


def markdown_it():
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    return {"markdown-it-py, blocks": parser.parse}


def cmarkgfm():
    import cmarkgfm as cmark

    return {"cmarkgfm, html": lambda text: cmark.markdown_to_html_with_extensions(text, extensions=["table"])}


def pyromark():
    import pyromark as pulldown

    tables = pulldown.Options.ENABLE_TABLES
    return {
        "pyromark, blocks": lambda text: pulldown.events_with_range(text, options=tables),
        "pyromark, events": lambda text: sum(1 for _ in pulldown.events_with_range(text, options=tables)),
        "pyromark, html": lambda text: pulldown.html(text, options=tables),
    }


def rivals():
    found = {}
    for load in (markdown_it, cmarkgfm, pyromark):
        try:
            found |= load()
        except ImportError:
            print(f"{load.__name__} is not to be had here: it is left out")
    return found


def ours(listing):
    return json.loads(subprocess.run(["build/bench/markdown", "--files", listing], check=True, capture_output=True).stdout)["cpu_seconds"]


def theirs(read, texts):
    begun = time.process_time()
    for text in texts:
        read(text)
    return time.process_time() - begun


def main():
    texts = documents(sys.argv[1:] or markdown_files())
    sizes = {text: len(text.encode()) for text in texts}
    total = sum(sizes.values())
    few, slow_bytes = [], 0  # as much as the slowest one can read in a while
    for text in sorted(texts, key=lambda text: zlib.crc32(text.encode())):
        if slow_bytes < SLOW_BYTES:
            few.append(text)
            slow_bytes += sizes[text]
    others = rivals()
    times = {name: [] for name in ("hotpathd", *others)}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("".join(f"{path}\n" for path in texts.values()))
        listing.flush()
        for _ in range(ROUNDS):
            times["hotpathd"].append(ours(listing.name) / total)
            for name, read in others.items():
                slow = name.startswith("markdown-it")
                times[name].append(theirs(read, few if slow else texts) / (slow_bytes if slow else total))
    middle = {name: statistics.median(each) for name, each in times.items()}
    print(f"{len(texts)} documents, {total / 1e6:.1f} MB; medians of {ROUNDS} rounds, one thread, CPU time")
    for name, seconds in middle.items():
        print(f"{name:<24} {1e-6 / seconds:8.1f} MB/s   ours is {seconds / middle['hotpathd']:7.1f} times that")


if __name__ == "__main__":
    main()
