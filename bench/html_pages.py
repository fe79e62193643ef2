"""HTML to text beside selectolax (lexbor) and html.parser, turn by turn in one run, over real pages: medians of CPU time,
all warm.

    python3 bench/html_pages.py [FOLDER...]     from the root; needs selectolax and build/bench/html (make bench builds it)

Without folders the documentation that is on this machine is read. selectolax gives the text that is in the page and no
more: no blank lines between blocks, no lists, tables, headings, no way back to the source.
"""
import html.parser
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

from selectolax.lexbor import LexborHTMLParser

ROUNDS, PAGES, LEAST = 7, 300, 2000
TOOL = pathlib.Path(__file__).resolve().parent.parent / "build/bench/html"
FOLDERS = ["/usr/share/doc", "/usr/local/go", "/usr/lib/node_modules", "/usr/lib/python3", "~/.rustup/toolchains"]


def pages_in(folder):
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".html", ".htm", ".xhtml") and p.is_file())
    random.Random(1).shuffle(found)
    for path in found:
        data = path.read_bytes()
        if len(data) >= LEAST:
            try:
                yield path, data.decode()
            except UnicodeDecodeError:
                continue


class Text(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.parts, self.skipped = [], 0

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.skipped -= tag in ("script", "style") and self.skipped > 0

    def handle_data(self, data):
        if not self.skipped:
            self.parts.append(data)


def parser(page):
    reader = Text()
    reader.feed(page)
    reader.close()
    return "".join(reader.parts)


def selectolax(page):
    tree = LexborHTMLParser(page)
    return tree.body.text() if tree.body else ""


def timed(function, pages):
    begun = time.process_time()
    for page in pages:
        function(page)
    return time.process_time() - begun


def ours(listing):
    return json.loads(subprocess.run([TOOL, "--files", listing, "2"], check=True, capture_output=True).stdout)["cpu_seconds"]


def main():
    print(f"{'':24}{'pages':>6}{'MB':>7}{'ours MB/s':>11}{'selectolax':>12}{'html.parser':>13}{'times selectolax':>18}")
    for folder in map(pathlib.Path, sys.argv[1:] or FOLDERS):
        found = [page for _, page in zip(range(PAGES), pages_in(folder.expanduser()))]
        if not found:
            continue
        texts = [text for _, text in found]
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        times = [], [], []
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
            listing.write("".join(f"{path}\n" for path, _ in found))
            listing.flush()
            for _ in range(ROUNDS):
                times[0].append(ours(listing.name))
                times[1].append(timed(selectolax, texts))
            times[2].append(timed(parser, texts))
        speeds = [megabytes / statistics.median(side) for side in times]
        print(f"{str(folder)[-23:]:24}{len(found):>6}{megabytes:>7.1f}{speeds[0]:>11.0f}{speeds[1]:>12.0f}{speeds[2]:>13.1f}"
              f"{speeds[0] / speeds[1]:>18.1f}")


if __name__ == "__main__":
    main()
