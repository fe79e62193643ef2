#!/usr/bin/env python3
"""Writes src/text/mojibake_data.c: which characters mojibake is made of, what byte each is in which encoding, and the
automaton that tells unlikely sequences of them.

    python3 src/text/gen/mojibake.py > src/text/mojibake_data.c

The bytes come from Python's codecs. Which characters are unlikely beside which is the heuristic of ftfy 6.3.1
(Robyn Speer, Apache-2.0; its module badness.py), stated here as lists of character sets, one set a place.
"""
import codecs

# --- encodings ----------------------------------------------------------------------------------------------------

# In the order in which they are tried. Those with a name that begins with cp125 are "sloppy": a byte that the code page
# leaves open is the character with its number, and U+FFFD, which stands where such a byte got lost, is byte 1A.
ENCODINGS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2", "mac-roman", "cp437"]
LOST = 0xFFFD


def sloppy(encoding):
    return encoding.startswith("cp125")


def characters(encoding):
    """{code point: byte}"""
    found = {}
    for byte in range(256):
        char = ord(bytes([byte]).decode(encoding, "replace"))
        if sloppy(encoding):
            char = LOST if byte == 0x1A else byte if char == LOST else char
        assert char not in found, (encoding, hex(byte))
        found[char] = byte
    return found


BYTES = [characters(encoding) for encoding in ENCODINGS]

# The encodings whose letters stand where those of Latin-1 stand. Their characters can be told to be a first byte or a
# later byte of UTF-8 without knowing which of these encodings it was.
LATIN_LIKE = [at for at, name in enumerate(ENCODINGS) if name == "latin-1" or sloppy(name)]


def from_bytes(*spans):
    return {char for at in LATIN_LIKE for char, byte in BYTES[at].items() if any(byte in span for span in spans)}


# Signs that often stand for themselves beside mojibake.
PLAIN_SIGNS = {ord(c) for c in "–—―‘’‚“”„•…"}

ROLES = {
    "LEAD_2": from_bytes(range(0xC2, 0xE0)),
    "LEAD_3": from_bytes(range(0xE0, 0xF0)),
    "LEAD_4": from_bytes(range(0xF0, 0xF1), range(0xF3, 0xF4)),
    "TAIL": from_bytes(range(0x80, 0xC0)) | {0x20},
    "STRICT_TAIL": from_bytes(range(0x80, 0xC0)) - PLAIN_SIGNS,
    "C1": set(range(0x80, 0xA0)),
}

# --- sets of characters -------------------------------------------------------------------------------------------

# Stand for all characters that no rule and no encoding names: letters and digits, and others.
OTHER_WORD, OTHER = "word", "other"

SPACES = {cp for cp in range(0x3001) if chr(cp).isspace()}
LINE_ENDS = {0x0A, 0x0B, 0x0D, 0x2028, 0x2029}
IN_SPANS = {0x3A2, 0x40D, 0x450, 0x45D}  # of the letters below, in no encoding
NAMED = set(range(0x80)) | set().union(*BYTES) | SPACES | LINE_ENDS | IN_SPANS


def chars(text):
    """The characters of `text`; x-y between two of them is a span."""
    found, at = set(), 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            found.update(range(ord(text[at]), ord(text[at + 2]) + 1))
            at += 3
        else:
            found.add(ord(text[at]))
            at += 1
    return frozenset(found)


C1 = chars("\x80-\x9f")
COMMON = chars("\xa0\xad·´–—―…’")  # in many right texts, beside anything
BAD = chars("¦¤¨¬¯¸ªºƒˆˇ˘˛˜†‡‰⌐◊\ufffd")  # hardly anywhere but in mojibake
LAW = chars("¶§")
CURRENCY = chars("¢£¥₧€")
OPENING = chars("¡«¿©΄΅‘‚“„•‹\uf8ff")
CLOSING = chars("®»˝”›™")
NUMERIC = chars("²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№")
FACES = chars("Ò-ÖÙ-Üò-öø-üŐŌŪŲ°")  # letters of kaomoji
UPPER = chars("À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ")
LOWER = chars("ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ")
UPPER_COMMON = chars("ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я")  # Greek and Cyrillic stand at the ends of words in right text
LOWER_COMMON = chars("α-ωάέήίΰа-џ")
BOX = chars("│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓")

ASCII_LOWER, ASCII_LETTER = chars("a-z"), chars("a-zA-Z")
SPACE = frozenset(SPACES)
WORD = frozenset(cp for cp in NAMED if chr(cp).isalnum() or chr(cp) == "_") | {OTHER_WORD}
ANY = frozenset(NAMED) | {OTHER_WORD, OTHER}

SIGN = BOX | OPENING | CLOSING | CURRENCY | NUMERIC | LAW
ARABIC_TAIL = COMMON | CURRENCY | BAD | NUMERIC | OPENING | chars("ŸŠ®°µ»")

# --- the rules ----------------------------------------------------------------------------------------------------

# Each is a list of sets: a text is bad where characters of them follow each other. A rule that begins with LINE holds
# only at the start of a line.
LINE = "line"
RULES = [
    [C1],
    # signs and accented letters beside what is hardly ever right
    [BAD | LOWER | UPPER | SIGN, BAD],
    [BAD, LOWER | UPPER | SIGN],
    [ASCII_LETTER, LOWER_COMMON | UPPER_COMMON, BAD],
    # a capital or a letter behind what ends words, a sign behind or before what it does not belong to
    [LOWER | LOWER_COMMON | BOX | CLOSING | CURRENCY | NUMERIC, UPPER],
    [BOX | CLOSING | CURRENCY | NUMERIC, LOWER],
    [LOWER | BOX | CLOSING, CURRENCY],
    [SPACE, UPPER, CURRENCY],
    [UPPER | BOX, NUMERIC | LAW],
    [LOWER | UPPER | BOX | CURRENCY | CLOSING, OPENING, NUMERIC],
    [LOWER | UPPER | CURRENCY | NUMERIC | BOX | LAW, CLOSING, OPENING],
    [CURRENCY | NUMERIC | BOX, OPENING],
    [ASCII_LOWER, UPPER, OPENING | CURRENCY],
    [BOX, FACES],
    [LOWER | UPPER | CURRENCY | NUMERIC | OPENING | CLOSING | LAW, BOX],
    [BOX, CLOSING],
    [LOWER | UPPER, OPENING | CLOSING, WORD],
    [chars("Œœ"), ANY - ASCII_LETTER],
    [UPPER, chars("°")],
    # UTF-8 of Latin, Greek and Cyrillic letters read as cp1252
    [chars("ÂÃÎÐ"), chars("€œŠš¢£Ÿž\xa0\xad®©°·»–—´") | OPENING | CLOSING],
    [chars("×"), chars("²³")],
    [chars("Ã"), chars("\xa0¡")],
    # of Arabic: two letters, for their second bytes are common signs
    [chars("ØÙ"), ARABIC_TAIL, chars("ØÙ"), ARABIC_TAIL],
    # of the scripts of South Asia
    [chars("à"), chars("²µ¹¼½¾")],
    # a byte A0 that became a space
    [ASCII_LOWER, chars("ÃÂ"), chars(" ")],
    [ASCII_LOWER, SPACE, chars("ÃÂ"), chars(" ")],
    [LINE, chars("ÃÂ"), chars(" ")],
    [ASCII_LOWER | chars(".,?!") | CLOSING, chars("Â"), chars(" ") | OPENING | CLOSING],
    # read as Mac Roman
    [chars("√"), chars("±∂†≠®™´≤≥¥µø")],
    [chars("≈"), chars("°¢")],
    [chars("‚"), chars("Ä"), chars("ìîïòôúùû†°¢π")],
    [chars("‚"), chars("âó"), chars("àä°ê")],
    # as cp1251: signs from U+2000 on; Latin-1 and Cyrillic, only where three stand together; two layers
    [chars("в"), chars("Ђ")],
    [chars("ВГРС"), C1 | BAD | OPENING | CLOSING | CURRENCY | chars("°µ"), chars("ВГРС")],
    [chars("Г"), chars("ў"), chars("В"), chars("Ђ"), chars("В"), ANY - chars("\n"), ASCII_LETTER | chars(" ")],
    # as cp1253, likewise
    [chars("β"), chars("€"), chars("™\xa0Ά\xad®°")],
    [chars("ΒΓΞΟ"), C1 | BAD | OPENING | CLOSING | CURRENCY | chars("°"), chars("ΒΓΞΟ")],
    # as cp1257
    [chars("ā"), chars("€")],
]


# --- the automaton ------------------------------------------------------------------------------------------------

SYMBOLS = [OTHER, OTHER_WORD] + sorted(NAMED)


def classes():
    """{symbol: class}: symbols that no rule tells apart share one. The class of OTHER is 0, of OTHER_WORD 1."""
    found = {}
    for symbol in SYMBOLS:
        sets = tuple(symbol in part for rule in RULES for part in rule if part is not LINE)
        found.setdefault((sets, symbol in LINE_ENDS), []).append(symbol)
    return {symbol: at for at, symbols in enumerate(found.values()) for symbol in symbols}


FOUND = "found"


def automaton(class_of):
    """[[next state by class]]: state 0 is inside a line, 1 at its start, the last means that a rule holds."""
    symbol_of = {}
    for symbol, at in class_of.items():
        symbol_of.setdefault(at, symbol)
    count = len(symbol_of)
    first = {(at, 0) for at, rule in enumerate(RULES) if rule[0] is not LINE}
    start = first | {(at, 1) for at, rule in enumerate(RULES) if rule[0] is LINE}

    def after(state, symbol):
        ahead = {(rule, at + 1) for rule, at in state if symbol in RULES[rule][at]}
        if any(at == len(RULES[rule]) for rule, at in ahead):
            return FOUND
        return frozenset(start if symbol in LINE_ENDS else ahead | first)

    states, rows = [frozenset(first), frozenset(start)], []
    for state in states:  # grows on the way
        row = [after(state, symbol_of[at]) for at in range(count)]
        rows.append(row)
        states.extend(s for s in dict.fromkeys(row) if s is not FOUND and s not in states)
    number = {state: at for at, state in enumerate(states)}
    number[FOUND] = len(states)
    return merged([[number[state] for state in row] for row in rows] + [[len(states)] * count])


def merged(rows):
    """The same automaton with states that behave alike made one (Moore)."""
    block = [0] * (len(rows) - 1) + [1]
    while True:
        keys = [(block[at], tuple(block[to] for to in row)) for at, row in enumerate(rows)]
        names = {key: at for at, key in enumerate(dict.fromkeys(keys[:-1] + keys[-1:]))}
        new = [names[key] for key in keys]
        if len(names) == len(set(block)):
            break
        block = new
    small = {}
    for at, row in enumerate(rows):
        small.setdefault(block[at], [block[to] for to in row])
    order = {name: at for at, name in enumerate(small)}
    assert order[block[0]] == 0 and order[block[1]] == 1 and order[block[-1]] == len(order) - 1
    return [[order[to] for to in row] for row in small.values()]


def anchors(class_of):
    """{class: classes}: of every rule two neighbours that are in no right text of one script, seldom in any; the first
    of them is not ASCII. A text without such a pair is not bad."""
    found = {}
    for rule in RULES:
        sets = [part for part in rule if part is not LINE]
        at = rare_pair(sets)
        behind = sets[at + 1] if at + 1 < len(sets) else ANY
        for symbol in sets[at]:
            found.setdefault(class_of[symbol], set()).update(class_of[s] for s in behind)
    return found


def rare_pair(sets):
    def ascii_free(part):
        return all(isinstance(s, int) and s >= 0x80 for s in part)

    if chars("Ђ") in sets:
        return sets.index(chars("Ђ")) - 1
    pairs = [at for at in range(len(sets) - 1) if ascii_free(sets[at]) and ascii_free(sets[at + 1])]
    return pairs[0] if pairs else next(at for at in range(len(sets)) if ascii_free(sets[at]))


# --- writing ------------------------------------------------------------------------------------------------------

BLOCK = 128  # HP_MOJIBAKE_BLOCK


def array(declaration, values, per_line=20):
    print(f"{declaration} = {{")
    for at in range(0, len(values), per_line):
        print("    " + " ".join(f"{value}," for value in values[at : at + per_line]))
    print("};\n")


def blocks(number):
    """Two stages: a block number per 128 code points, and the blocks."""
    pages, found = [], {}
    for page in range(0x10000 // BLOCK):
        block = tuple(number.get(cp, 0) for cp in range(page * BLOCK, (page + 1) * BLOCK))
        pages.append(found.setdefault(block, len(found)))
    return pages, list(found)


def row(values):
    return "{ " + ", ".join(map(str, values)) + " }"


def main():
    class_of = classes()
    count = len(set(class_of.values()))
    table = automaton(class_of)
    plain = [cp for cp in range(0x80) if all(cp in bytes_of for bytes_of in BYTES)]
    named = plain + sorted(NAMED.difference(plain))
    number = {cp: at + 1 for at, cp in enumerate(named)}
    pages, used = blocks(number)
    pairs = anchors(class_of)

    print("// mojibake_data.c -- written by src/text/gen/mojibake.py; do not edit. Encodings: " + ", ".join(ENCODINGS) + ".")
    print('#include "text/mojibake_data.h"\n')
    for name, value in (("PLAIN", len(plain)), ("CHARS", len(named) + 1), ("CLASSES", count), ("STATES", len(table)), ("BLOCKS", len(used)),
                        ("ENCODINGS", len(ENCODINGS))):
        print(f'_Static_assert(HP_MOJIBAKE_{name} == {value}, "mojibake_data.h is older");')
    print()
    array("const uint8_t hp_mojibake_pages[0x10000 / HP_MOJIBAKE_BLOCK]", pages)
    array("const uint16_t hp_mojibake_blocks[HP_MOJIBAKE_BLOCKS][HP_MOJIBAKE_BLOCK]", [row(block) for block in used], 1)
    infos = ["{ 0, 0, 0 }"]
    for cp in named:
        mask = sum(1 << at for at, bytes_of in enumerate(BYTES) if cp in bytes_of)
        roles = sum(1 << at for at, role in enumerate(ROLES.values()) if cp in role)
        infos.append(f"{{ {mask}, {class_of[cp]}, {roles} }}")
    array("const struct hp_mojibake_char hp_mojibake_chars[HP_MOJIBAKE_CHARS]", infos, 6)
    array("const uint8_t hp_mojibake_bytes[HP_MOJIBAKE_ENCODINGS][HP_MOJIBAKE_CHARS]",
          [row([0] + [bytes_of.get(cp, 0) for cp in named]) for bytes_of in BYTES], 1)
    array("const uint8_t hp_mojibake_next[HP_MOJIBAKE_STATES][HP_MOJIBAKE_CLASSES]", [row(r) for r in table], 1)
    array("const bool hp_mojibake_pairs[HP_MOJIBAKE_CLASSES][HP_MOJIBAKE_CLASSES]",
          [row([int(b in pairs.get(a, ())) for b in range(count)]) for a in range(count)], 1)


main()
