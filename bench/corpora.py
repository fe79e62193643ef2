"""Real documents of 5 to 150 KB, as files in build/corpora/NAME/: what this machine has, cut at blank lines.

python3 bench/corpora.py makes them, once. English, Chinese, Russian, French and whole pages come from Debian's installation guide
(package installation-guide-amd64, one book in 22 languages), Markdown and code from what Python and Go bring along; where one of them is missing
the sentences of samples.py stand in, and a line says so. The same files every time on the same machine.
"""
import html
import pathlib
import random
import re
import sys
import sysconfig

import samples

HERE = pathlib.Path("build/corpora")
GUIDE = pathlib.Path("/usr/share/doc/installation-guide-amd64")
LANGUAGES = {"english": "en", "chinese": "zh_CN", "russian": "ru", "french": "fr", "japanese": "ja", "korean": "ko", "greek": "el",
             "vietnamese": "vi", "german": "de", "spanish": "es"}
WANTED, LEAST, MOST = 2_000_000, 5_000, 150_000  # bytes: of a corpus, of a document


def pages(language):
    return [path.read_text("utf-8", "ignore") for path in sorted((GUIDE / language).rglob("*.html"))]


def text_of(page):
    """Rough: tags go, blocks become lines. What is measured is not HTML here."""
    body = re.sub(r"(?s)<head.*?</head>|<script.*?</script>", "", page)
    body = re.sub(r"</(p|div|h\d|li|tr|pre|dt|dd)>", "\n\n", body)
    body = html.unescape(re.sub(r"<[^>]*>", "", body))
    return re.sub(r"\n\s*\n\s*", "\n\n", re.sub(r"[ \t]+", " ", body)).strip() + "\n"


def manual():
    """Chapters of Python's own language reference, as its help() shows them."""
    from pydoc_data import topics
    return list(topics.topics.values())


def files_below(folders, pattern):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob(pattern)):
            if path.is_file() and path.stat().st_size >= 1000:
                yield path.read_text("utf-8", "ignore")


def go_root():
    for folder in ("/usr/local/go", "/usr/lib/go"):
        if pathlib.Path(folder).exists():
            return folder
    return sysconfig.get_path("stdlib")


def documents(texts):
    """Texts joined and cut again into documents whose sizes differ as uploads do."""
    rng = random.Random(5)
    whole = "\n\n".join(texts)[:WANTED * 2].encode()[:WANTED].decode("utf-8", "ignore")
    at = 0
    while at < len(whole):
        size = int(LEAST * (MOST / LEAST) ** rng.random())
        part = whole[at:at + size].encode()[:size].decode("utf-8", "ignore")
        border = part.rfind("\n\n")
        if border > len(part) // 2:
            part = part[:border]
        at += max(len(part), 1)
        if len(part.encode()) >= LEAST:
            yield part.strip() + "\n"


def messy(text):
    """As it comes out of a PDF or an old database: odd spaces, CRLF, controls, decomposed accents, mojibake, blank runs."""
    import unicodedata
    rng = random.Random(text[:40])
    out = []
    for line in text.split("\n"):
        dice = rng.random()
        if dice < 0.1:
            line = line.replace(" ", "\u00a0", 3)
        elif dice < 0.2:
            line = unicodedata.normalize("NFD", line)
        elif dice < 0.3:
            line = line.replace(" ", "  ").replace("\u2019", "\u00e2\u20ac\u2122")
        elif dice < 0.35:
            line = line[:20] + "\x07\u200b\u00ad" + line[20:] + "  "
        elif dice < 0.4:
            line = line.encode().decode("cp1252", "replace") if line.isascii() is False else line + "\u00c3\u00a9"
        out.append(line)
    return "\r\n".join(out)


def sources():
    sentences = {name: (name if name in samples.SENTENCES else "english") for name in LANGUAGES}
    for name, language in LANGUAGES.items():
        found = [text_of(page) for page in pages(language)] + (manual() if name == "english" else [])
        if not found:
            print(f"{name}: no {GUIDE}: shuffled sentences stand in", file=sys.stderr)
        yield name, "txt", found or [samples.shuffled(sentences[name], WANTED)]
    markdown = list(files_below([sysconfig.get_path("purelib"), go_root(), pathlib.Path.home(), "/usr/share/doc", "/usr/lib/node_modules"], "*.md"))
    yield "markdown", "md", markdown or ["# Title\n\n" + samples.shuffled("english", WANTED)]
    yield "code", "txt", list(files_below([sysconfig.get_path("stdlib")], "*.py"))
    yield "base64", "txt", [samples.encoded(WANTED)]
    yield "html", "html", pages("en") + pages("fr") + pages("zh_CN")


def write(name, suffix, parts):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    count = size = 0
    for count, part in enumerate(parts, 1):
        (folder / f"{count:04}.{suffix}").write_bytes(part.encode())
        size += len(part.encode())
    print(f"{name}: {count} documents, {size / 1e6:.1f} MB", file=sys.stderr)


def mixed():
    """200 uploads of 2 to 200 KB: what a document service sees."""
    rng = random.Random(11)
    pool = [path.read_text("utf-8") for name in ("english", "french", "chinese", "russian", "markdown", "code", "messy")
            for path in sorted((HERE / name).iterdir())]
    for _ in range(200):
        size = int(2_000 * 100 ** rng.random())
        text = "".join(rng.choices(pool, k=4))
        at = rng.randrange(max(1, len(text) - size))
        yield text[at:at + size].encode()[:size].decode("utf-8", "ignore")


def whole(name):
    """All documents of a corpus as one file, for tokens.py."""
    folder = HERE / "whole"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_bytes(b"\n".join(path.read_bytes() for path in sorted((HERE / name).iterdir())))


def main():
    if (HERE / "made").exists():
        return
    for name, suffix, texts in sources():
        parts = texts if suffix == "html" else list(documents(texts))
        write(name, suffix, parts)
        if name == "french":
            write("messy", "txt", [messy(part) for part in parts[:30]])
    write("mixed", "txt", mixed())
    for name in ("english", "markdown", "code", "chinese", "russian", "base64"):
        whole(name)
    (HERE / "made").touch()


if __name__ == "__main__":
    main()
