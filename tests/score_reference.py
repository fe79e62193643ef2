"""The slow scorer: what /v1/score answers, by plain dictionaries and the definitions alone.

Words by the rules of UAX #29 on regular-expression properties (the `regex` package), NFKC_Casefold from Python's own
Unicode tables, stems by libstemmer through ctypes; nothing is shared with the C code but libstemmer. Every operation on
doubles stands in the order that docs/scoring.md gives, so that equal requests score alike to the last bit.
"""
import ctypes
import ctypes.util
import math
import unicodedata

import regex

STOPS = frozenset("a an and are as at be but by for if in into is it no not of on or such that the their then there these "
                  "they this to was will with".split())
FIELDS_MAX, RRF_K, STEM_MAX, RELATIVE_MAX = 8, 60, 255, 1e9

# --- words ---------------------------------------------------------------------------------------

CLASSES = ["CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Regional_Indicator", "Katakana", "Hebrew_Letter", "ALetter",
           "Single_Quote", "Double_Quote", "MidNumLet", "MidLetter", "MidNum", "Numeric", "ExtendNumLet", "WSegSpace"]
CLASS = regex.compile("|".join(f"(?P<{name}>\\p{{WB={name}}})" for name in CLASSES))
PICTURE = regex.compile(r"\p{Extended_Pictographic}")
COUNTS = regex.compile(r"[[\p{L}\p{N}]--[\uff9e\uff9f]]", regex.V1)
MARK = regex.compile(r"\p{M}")
IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
UNSPACED = regex.compile(r"[[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}"
                         r"\p{Script=Tangut}\p{Script=Nushu}\p{Script=Khitan_Small_Script}\p{Line_Break=Complex_Context}]"
                         r"&&[\p{Lo}\p{Lm}\p{Nl}]]|[\u30fc\uff70]", regex.V1)
LETTERS = {"ALetter", "Hebrew_Letter"}
SKIPPED = {"Extend", "Format", "ZWJ"}
ENDS = {"CR", "LF", "Newline"}


def class_of(char):
    found = CLASS.match(char)
    return found.lastgroup if found else "Other"


def boundaries(text):
    """The places at which UAX #29 (section 4, WB1 to WB999) breaks `text`, both ends among them."""
    classes = [class_of(char) for char in text]
    breaks = [0]
    for at in range(1, len(text)):
        if breaks_before(text, classes, at):
            breaks.append(at)
    return breaks + [len(text)] if text else []


def breaks_before(text, classes, at):
    left, right = classes[at - 1], classes[at]
    if left == "CR" and right == "LF":
        return False
    if left in ENDS or right in ENDS:
        return True
    if left == "ZWJ" and PICTURE.match(text[at]):
        return False
    if left == right == "WSegSpace":
        return False
    if right in SKIPPED:
        return False
    before = [i for i in range(at) if classes[i] not in SKIPPED or i == 0 or classes[i - 1] in ENDS]
    after = [i for i in range(at + 1, len(text)) if classes[i] not in SKIPPED]
    left = classes[before[-1]]
    left2 = classes[before[-2]] if len(before) > 1 else None
    right2 = classes[after[0]] if after else None
    middle = {"MidLetter", "MidNumLet", "Single_Quote"}
    numeric = {"MidNum", "MidNumLet", "Single_Quote"}
    joined = (
        (left in LETTERS and right in LETTERS)
        or (left in LETTERS and right in middle and right2 in LETTERS)
        or (left2 in LETTERS and left in middle and right in LETTERS)
        or (left == "Hebrew_Letter" and right == "Single_Quote")
        or (left == "Hebrew_Letter" and right == "Double_Quote" and right2 == "Hebrew_Letter")
        or (left2 == "Hebrew_Letter" and left == "Double_Quote" and right == "Hebrew_Letter")
        or (left in LETTERS | {"Numeric"} and right in LETTERS | {"Numeric"})
        or (left2 == "Numeric" and left in numeric and right == "Numeric")
        or (left == "Numeric" and right in numeric and right2 == "Numeric")
        or (left == right == "Katakana")
        or (left in LETTERS | {"Numeric", "Katakana", "ExtendNumLet"} and right == "ExtendNumLet")
        or (left == "ExtendNumLet" and right in LETTERS | {"Numeric", "Katakana"}))
    if left == right == "Regional_Indicator":
        run = 0
        for i in reversed(before):
            if classes[i] != "Regional_Indicator":
                break
            run += 1
        joined = joined or run % 2 == 1
    return not joined


def casefold_one(char):
    now, last = char, None
    while now != last:
        last = now
        now = IGNORABLE.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", now).casefold()))
    return now


def casefold(text):
    """toNFKC_Casefold of The Unicode Standard, 3.13."""
    return unicodedata.normalize("NFC", "".join(map(casefold_one, text)))


def composes_backward(char):
    """Whether NFC may join it to what stands before it, though it is no mark: Hangul vowels and finals."""
    return 0x1161 <= ord(char) <= 0x1175 or 0x11A8 <= ord(char) <= 0x11C2


def joins(char):
    first = casefold_one(char)[:1]
    return bool(first) and (bool(MARK.match(first)) or composes_backward(first))


def cut_off(piece, left, right):
    """A word beside unspaced characters keeps no mark of punctuation on that side."""
    if left:
        piece = piece[COUNTS.search(piece).start():]
    if right:
        last = max(i for i, char in enumerate(piece) if COUNTS.match(char)) + 1
        while last < len(piece) and joins(piece[last]):
            last += 1
        piece = piece[:last]
    return piece


def words(text):
    """Folded words in order; unspaced runs as overlapping pairs of characters."""
    out, run, run_end = [], [], None

    def end_run():
        if len(run) == 1:
            out.append(run[0])
        run.clear()

    edges = boundaries(text)
    start = 0
    while start < len(text):
        end = next(edge for edge in edges if edge > start)
        word = at = start
        while at < end:
            if not UNSPACED.match(text[at]):
                at += 1
                continue
            if COUNTS.search(text[word:at]):
                end_run()
                out.append(casefold(cut_off(text[word:at], word > start, True)))
            behind = at + 1
            while behind < len(text) and (joins(text[behind]) or (behind < end and not casefold_one(text[behind]))):
                behind += 1
            if run_end != at:
                end_run()
            for char in regex.findall(r".\p{M}*", casefold(text[at:behind]), regex.S):
                if run:
                    out.append(run[-1] + char)
                run.append(char)
            run_end = word = at = behind
        if word < end and COUNTS.search(text[word:end]):
            end_run()
            out.append(casefold(cut_off(text[word:end], word > start, False)))
        start = max(at, end)
    end_run()
    return [word for word in out if word]


# --- stems ---------------------------------------------------------------------------------------

class Stemmer:
    library = None

    def __init__(self, language):
        if Stemmer.library is None:
            Stemmer.library = ctypes.CDLL(ctypes.util.find_library("stemmer") or "libstemmer.so.0d")
            Stemmer.library.sb_stemmer_new.restype = ctypes.c_void_p
            Stemmer.library.sb_stemmer_stem.restype = ctypes.c_void_p
            Stemmer.library.sb_stemmer_stem.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
            Stemmer.library.sb_stemmer_length.argtypes = [ctypes.c_void_p]
        self.stemmer = Stemmer.library.sb_stemmer_new(language.encode(), b"UTF_8")
        assert self.stemmer, language
        self.known = {}

    def __call__(self, word):
        if word not in self.known:
            raw = word.encode()
            stem = raw
            if len(raw) <= STEM_MAX:
                at = Stemmer.library.sb_stemmer_stem(self.stemmer, raw, len(raw))
                stem = ctypes.string_at(at, Stemmer.library.sb_stemmer_length(self.stemmer)) or raw
            self.known[word] = stem.decode(errors="surrogateescape")
        return self.known[word]


class Analyzer:
    made = {}

    def __init__(self, name):
        self.english = name in ("english", "porter")
        self.stem = (lambda word: word) if name == "simple" else Stemmer(name)

    @classmethod
    def named(cls, name):
        if name not in cls.made:
            cls.made[name] = cls(name)
        return cls.made[name]

    def __call__(self, text, keep_stops):
        """Terms in order, and how many stop words were passed over."""
        found, stops = [], 0
        for word in words(text):
            if self.english and len(word) > 2 and word[-2:] in ("'s", "\u2019s"):
                word = word[:-2]
            if self.english and not keep_stops and word in STOPS:
                stops += 1
                continue
            found.append(self.stem(word))
        return found, stops


# --- scores --------------------------------------------------------------------------------------

def clamp(value):
    return min(max(value, -1.7976931348623157e308), 1.7976931348623157e308)


def distinct(items):
    return list(dict.fromkeys(items))


def score(request):
    """The reply to a valid request, without `document`."""
    analyze = Analyzer.named(request.get("analyzer", "english"))
    query, stops = analyze(request["query"], False)
    keep = not query and stops > 0
    if keep:
        query = analyze(request["query"], True)[0]
    terms = distinct(query)
    must = {term for word in request.get("must", []) for term in analyze(word, False)[0]}
    must_not = [set(analyze(word, False)[0]) for word in request.get("must_not", [])]
    documents = [doc if isinstance(doc, dict) else {None: doc} for doc in request["documents"]]
    objects = any(None not in doc for doc in documents)
    weights = request.get("fields") or {name: 1 for name in distinct(name for doc in documents for name in doc)} or {None: 1}
    counts = []  # of each document: {field: {term: times}}, and lengths
    lengths = []
    for doc in documents:
        analyzed = {name: analyze(doc.get(name, ""), keep)[0] for name in weights}
        lengths.append({name: len(found) for name, found in analyzed.items()})
        counts.append({name: {term: found.count(term) for term in distinct(found)} for name, found in analyzed.items()})
    holds = [set().union(*fields.values()) for fields in counts]

    stats = request.get("stats", {})
    sent = len(documents)
    given = {}
    for key, df in stats.get("df", {}).items():
        for term in analyze(key, keep)[0]:
            given[term] = max(df, given.get(term, 0))
    every = float(max(stats.get("docs", 0), sent))
    idf, dfs = {}, {}
    for term in terms:
        df, source = float(sum(term in held for held in holds)), "candidates"
        if term in given:
            df, source = float(given[term]), "request"
        elif stats.get("docs"):
            df, source = (df * every / sent if sent else 0.0), "scaled"
        dfs[term] = (df, source)
        idf[term] = math.log(1 + (max(every, df) - df + 0.5) / (df + 0.5))
    average = {}
    for name in weights:
        average[name] = sum(doc[name] for doc in lengths) / sent if sent else 0.0
        told = stats.get("avg_len")
        told = told.get(name) if isinstance(told, dict) else told
        if told:
            average[name] = float(told)

    bm25 = {"k1": 1.2, "b": 0.75, **request.get("bm25", {})}
    k1, b = float(bm25["k1"]), float(bm25["b"])
    index_of = {term: i for i, term in enumerate(terms)}

    def parts(i):
        for name, weight in weights.items():
            for term in sorted((t for t in counts[i][name] if t in index_of), key=index_of.get):
                f = float(counts[i][name][term])
                relative = min(lengths[i][name] / average[name], RELATIVE_MAX)
                saturation = f / (f + k1 * (1 - b + b * relative))
                yield {"term": term, **({"field": name} if objects else {}), "times": int(f), "length": lengths[i][name],
                       "part": float(query.count(term)) * idf[term] * float(weight) * saturation}

    least = {"none": 0, "any": 1, "all": len(terms)}.get(request.get("match", "none"), request.get("match"))
    least = min(least, len(terms))
    passing = [i for i in range(sent) if sum(t in holds[i] for t in terms) >= least and must <= holds[i]
               and not any(banned and banned <= holds[i] for banned in must_not)]
    base = {}
    for i in passing:
        base[i] = 0.0
        for part in parts(i):
            base[i] += part["part"]
    priors, weight = request.get("priors"), float(request.get("prior_weight", 1))
    by_rank = request.get("fusion", "sum") == "rrf"
    final, ranks, prior_ranks = {}, {}, {}
    if by_rank:
        ranks = {i: rank + 1 for rank, i in enumerate(sorted(passing, key=lambda i: (-base[i], i)))}
        if priors is not None:
            prior_ranks = {i: rank + 1 for rank, i in enumerate(sorted(passing, key=lambda i: (-priors[i], i)))}
    for i in passing:
        if by_rank:
            final[i] = 1 / (RRF_K + float(ranks[i]))
            if priors is not None:
                final[i] = clamp(final[i] + weight / (RRF_K + float(prior_ranks[i])))
        else:
            final[i] = base[i] if priors is None else clamp(base[i] + clamp(weight * float(priors[i])))
    kept = [i for i in passing if final[i] >= request.get("min_score", -math.inf)]
    order = sorted(kept, key=lambda i: (-final[i], i))[:request.get("top_n")]

    def explain(i):
        rows = [{("bm25" if by_rank and key == "part" else key): value for key, value in part.items()} for part in parts(i)]
        if by_rank:
            rows.append({"order": "bm25", "rank": ranks[i], "part": 1 / (RRF_K + float(ranks[i]))})
            if priors is not None:
                rows.append({"order": "prior", "rank": prior_ranks[i], "part": weight / (RRF_K + float(prior_ranks[i]))})
        elif priors is not None:
            rows.append({"prior": priors[i], "part": clamp(weight * float(priors[i]))})
        return rows

    return {
        "results": [{"index": i, "relevance_score": final[i], **({"explain": explain(i)} if request.get("explain") else {})}
                    for i in order],
        "meta": {"documents": sent, "matched": sum(any(t in holds[i] for t in terms) for i in kept), "returned": len(order),
                 "formula": "bm25-lucene/1",
                 "terms": [{"term": term, "df": dfs[term][0], "idf": idf[term], "df_source": dfs[term][1]} for term in terms]}}
