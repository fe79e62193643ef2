"""Real documents of mixed sizes, from what is on this machine: Debian's /usr/share/doc (changelogs, licences, notes, the installation
guide's texts), this project's own pages, and build/corpora where the benchmarks have made it."""
import gzip
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]
# of a hundred uploads: how many, from, up to (bytes)
SIZES = ((70, 1_000, 5_000), (24, 5_000, 20_000), (5, 20_000, 80_000), (1, 80_000, 250_000))
LONGEST = SIZES[-1][2]
ENOUGH = 120  # of each size


def _places():
    yield from ROOT.glob("*.md")
    yield from ROOT.glob("docs/*.md")
    for pattern in ("mixed", "prose", "markdown", "german", "french", "chinese"):
        yield from ROOT.glob(f"build/corpora/{pattern}*/*")
    for pattern in ("*/README*", "*/NEWS*", "*/*.txt*", "*/changelog*", "*/copyright"):
        yield from pathlib.Path("/usr/share/doc").glob(pattern)


def _read(path):
    """The text, cut at the longest size; None where it is none."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            data = file.read(LONGEST)
        return data.decode("utf-8", "strict" if len(data) < LONGEST else "ignore")
    except (OSError, EOFError, UnicodeDecodeError):
        return None


def collect(seed=1):
    """A list of lists, one for each of SIZES."""
    paths = sorted({path.resolve() for path in _places() if path.is_file()})
    random.Random(seed).shuffle(paths)
    found = [[] for _ in SIZES]
    for path in paths:
        text = _read(path)
        for kind, (_, least, most) in enumerate(SIZES):
            if text and least <= len(text.encode()) < most and len(found[kind]) < ENOUGH:
                found[kind].append(text)
        if all(len(kind) >= ENOUGH for kind in found):
            break
    # a machine with few documents: the long ones are cut
    longest = max((text for kind in found for text in kind), key=len)
    for kind, (_, least, most) in enumerate(SIZES):
        if not found[kind]:
            found[kind].append((longest * (1 + least // len(longest)))[: (least + most) // 2])
    return found


class Draw:
    """One document after the other by the shares of SIZES, the same for the same seed."""

    def __init__(self, seed=1):
        self._rng = random.Random(seed)
        self._documents = collect(seed)
        self._shares = [share for share, _, _ in SIZES]

    def document(self):
        return self._rng.choice(self._rng.choices(self._documents, self._shares)[0])

    def query(self):
        words = [word for word in self.document()[:20_000].split() if word.isalpha() and 4 <= len(word) <= 12]
        return " ".join(self._rng.sample(words, min(3, len(words)))) if words else "licence"
