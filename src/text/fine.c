// fine.c -- edges below line rank, a word of bitmaps at a time.
#include "text/fine.h"

#include "text/bits.h"
#include "text/gaps.h"
#include "text/look.h"

enum { BITS = 64 };

#define GCB(name) (1u << GCB_##name)
#define WB(name) (1u << WB_##name)
#define SB(name) (1u << SB_##name)

enum {
    TAIL = GCB(EXTEND) | GCB(NONJOINER) | GCB(LINKER) | GCB(ZWJ) | GCB(SPACING),
    ALONE = GCB(OTHER) | GCB(CR) | GCB(LF) | GCB(CONTROL), // joins nothing but a tail
    SKIPPED = WB(EXTEND) | WB(FORMAT) | WB(ZWJ),
    LINE_ENDS = WB(CR) | WB(LF) | WB(NEWLINE),
    APART = WB(OTHER) | WB(SPACE) | LINE_ENDS, // joins no other character
    LETTERS = SB(LOWER) | SB(UPPER) | SB(OTHER_LETTER),
    TERMINATORS = SB(ATERM) | SB(STERM),
    ORDINARY = LETTERS | SB(NUMERIC) | SB(OTHER) | SB(CONTINUE) // no sentence ends behind it
};

// --- memory --------------------------------------------------------------------------------------

static bool is_quiet(const struct hp_element *element)
{
    return element->kind == HP_ELEMENT_CODE || element->kind == HP_ELEMENT_TABLE ||
           element->kind == HP_ELEMENT_FRONT_MATTER;
}

static struct hp_fine_place begin_of_text(size_t first)
{
    return (struct hp_fine_place){ .at = first, .sentence_start = first, .walk.at = first };
}

enum hp_code hp_fine_init(struct hp_fine *fine, hp_str text, const struct hp_structure *structure,
    size_t first, size_t end, struct hp_arena *arena, const struct hp_deadline *deadline,
    struct hp_fault *fault)
{
    const struct hp_fine_place origin = begin_of_text(first);
    *fine = (struct hp_fine){ .text = text,
        .first = first,
        .end = end,
        .left = { origin, origin },
        .clusters_left = { origin, origin },
        .deadline = deadline,
        .arena = arena };
    if (!structure || structure->elements == 0)
        return HP_OK;
    size_t quiets = 0, behind = 0;
    for (size_t i = 0; i < structure->elements; i++)
        quiets += is_quiet(&structure->element[i]);
    fine->quiet = HP_NEW_RAW(arena, const struct hp_element *, quiets);
    if (!fine->quiet)
        return hp_no_memory(arena, fault);
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        if (!is_quiet(element) || element->start < behind)
            continue;
        fine->quiet[fine->quiets++] = element;
        behind = element->end;
    }
    return HP_OK;
}

enum hp_code hp_fine_open(struct hp_fine *fine, bool clusters, struct hp_fault *fault)
{
    size_t words = hp_bit_words(fine->text.len);
    if (!fine->seen) {
        uint64_t *bits = HP_NEW(fine->arena, uint64_t, words * 5);
        if (!bits)
            return hp_no_memory(fine->arena, fault);
        fine->seen = bits;
        fine->start = bits + words;
        fine->rank[HP_EDGE_WORD] = bits + words * 2;
        fine->rank[HP_EDGE_CLAUSE] = bits + words * 3;
        fine->rank[HP_EDGE_SENTENCE] = bits + words * 4;
    }
    if (clusters && !fine->clusters_seen) {
        uint64_t *bits = HP_NEW(fine->arena, uint64_t, words * 2);
        if (!bits)
            return hp_no_memory(fine->arena, fault);
        fine->clusters_seen = bits;
        fine->rank[HP_EDGE_GRAPHEME] = bits + words;
    }
    return HP_OK;
}

// Whether the time is over, looked at where a walk comes to `check_at`.
static bool late(struct hp_fine *fine, size_t at, size_t *check_at)
{
    if (at >= *check_at) {
        *check_at = at + HP_LOOK_BYTES;
        fine->late |= hp_deadline_passed(fine->deadline);
    }
    return fine->late;
}

// --- where to begin ------------------------------------------------------------------------------

// Begins neither in the middle of a cluster nor of a word, whatever comes before.
static bool stands_alone(const struct hp_break *row)
{
    return !(TAIL & 1u << row->grapheme) && !(SKIPPED & 1u << row->word);
}

static bool blank(const struct hp_break *row)
{
    return row->kind & KIND_BLANK;
}

// A letter behind a character that joins nothing: a piece starts with it, no sentence that it could
// be in the tail of reaches it, and no number of a list item.
static bool letter_starts(const struct hp_break *before, const struct hp_break *row)
{
    return APART & 1u << before->word && ALONE & 1u << before->grapheme &&
           LETTERS & 1u << row->sentence && stands_alone(row);
}

static struct hp_fine_place begin_at(size_t at)
{
    return (struct hp_fine_place){
        .at = at, .whole = at / BITS + 1, .sentence_start = at, .walk.at = at
    };
}

// A place to list from, so that all edges of this word of the bitmaps are listed.
static struct hp_fine_place begin(struct hp_fine *fine, size_t word, enum hp_fine_use use)
{
    hp_str s = fine->text;
    struct hp_fine_place floor = fine->left[use];
    if (floor.whole > word)
        floor = begin_of_text(fine->first);
    size_t at = word * BITS, next, solid = 0, check_at = HP_LOOK_BYTES;
    if (at <= floor.at)
        return floor;
    at = hp_utf8_start(s, at);
    const struct hp_break *row = hp_break_at(s, at, &next);
    while (at > floor.at && !late(fine, word * BITS - at, &check_at)) {
        if (!blank(row))
            solid = stands_alone(row) ? at : 0;
        size_t before_at = hp_utf8_start(s, at);
        const struct hp_break *before = hp_break_at(s, before_at, &next);
        if (letter_starts(before, row))
            return begin_at(at);
        if (LINE_ENDS & 1u << before->word && solid)
            return begin_at(solid);
        at = before_at;
        row = before;
    }
    return floor;
}

// --- listing -------------------------------------------------------------------------------------

enum { PLAIN = 1, MIDDLE = 2, SIGN = 4, ASCII = 8 };

// What an ASCII character is: letters, digits and the low line are PLAIN; MIDDLE stands between
// them (WB6, WB11); SIGN may end a sentence or a clause, or closes a quote.
static uint8_t kind_of(unsigned char c)
{
#define P (ASCII | PLAIN)
#define M (ASCII | MIDDLE | SIGN)
#define S (ASCII | SIGN)
#define A ASCII
    // clang-format off
    static const uint8_t kinds[256] = {
        A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
        A, S, S, A, A, A, A, M, S, S, A, A, M, A, M, A, P, P, P, P, P, P, P, P, P, P, M, M, A, A, A, S,
        A, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, S, A, S, A, P,
        A, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, S, A, S, A, A,
    };
    // clang-format on
#undef P
#undef M
#undef S
#undef A
    return kinds[c];
}

static uint8_t kind_at(hp_str s, size_t at)
{
    return at < s.len ? kind_of((unsigned char)s.ptr[at]) : ASCII;
}

// End of the piece at `at` where ASCII alone tells, and soon, else 0.
static size_t ascii_end(hp_str s, size_t at)
{
    uint8_t kind = kind_at(s, at), next;
    if (!(kind & PLAIN))
        return kind_at(s, at + 1) & kind & ASCII ? at + 1 : 0;
    size_t limit = at + HP_LOOK_BYTES;
    while ((next = kind_at(s, ++at)) & PLAIN)
        if (at == limit)
            return 0;
    if (next & MIDDLE)
        next = kind_at(s, at + 1) & PLAIN ? 0 : kind_at(s, at + 1);
    return next & ASCII ? at : 0;
}

// The same for a character that joins nothing, as an ideograph or a sign; *row is its row.
static size_t single_end(hp_str s, size_t at, const struct hp_break **row, bool *gapless)
{
    size_t end, next;
    *row = hp_break_at(s, at, &end);
    *gapless = false;
    if ((*row)->word != WB_OTHER || (*row)->grapheme != GCB_OTHER)
        return 0;
    if (end == s.len)
        return end;
    const struct hp_break *behind = hp_break_at(s, end, &next);
    *gapless = !blank(behind);
    return stands_alone(behind) ? end : 0;
}

static bool ascii_solid(hp_str s, size_t at)
{
    return at < s.len && s.ptr[at] > ' ';
}

static struct hp_gap gap_at(hp_str s, size_t at)
{
    if (ascii_solid(s, at))
        return (struct hp_gap){ .at = at, .end = at };
    if (at < s.len && s.ptr[at] == ' ' && ascii_solid(s, at + 1))
        return (struct hp_gap){ .at = at, .end = at + 1 };
    return hp_gap_at(s, at);
}

// Whether UAX #29 breaks a sentence in the gap.
static bool breaks(
    hp_str s, struct hp_fine_place *place, const struct hp_gap *gap, const struct hp_sign *sign)
{
    uint8_t class = sign->row->sentence;
    if (ORDINARY & 1u << class)
        return false;
    if (!(TERMINATORS & 1u << class))
        return hp_sentence_walk(s, &place->walk, gap->at, gap->end);
    size_t end = hp_sentence_behind(s, sign->at);
    return end >= gap->at && end <= gap->end;
}

static enum hp_boundary rank_of(hp_str s, struct hp_fine_place *place, const struct hp_gap *gap)
{
    enum hp_boundary rank = hp_gap_rank(gap);
    if (rank > HP_EDGE_WORD || gap->end == s.len)
        return rank;
    struct hp_sign sign = hp_sign_before(s, gap->at);
    if (hp_gap_ends_sentence(s, gap, &sign, breaks(s, place, gap, &sign), place->sentence_start))
        return HP_EDGE_SENTENCE;
    return hp_gap_ends_clause(s, gap, &sign) ? HP_EDGE_CLAUSE : HP_EDGE_WORD;
}

// The gap behind the piece at `piece`, and its rank.
static struct hp_gap next_gap(
    const struct hp_fine *fine, struct hp_fine_place *place, enum hp_boundary *rank)
{
    hp_str s = fine->text;
    const struct hp_break *row;
    struct hp_gap gap;
    bool gapless;
    size_t end = ascii_end(s, place->at);
    if (end) {
        gap = gap_at(s, end);
        bool word = gap.lines == 0 && !gap.page && !(kind_at(s, end - 1) & SIGN);
        *rank = word ? HP_EDGE_WORD : rank_of(s, place, &gap);
        return gap;
    }
    end = single_end(s, place->at, &row, &gapless);
    if (end && gapless)
        gap = (struct hp_gap){ .at = end, .end = end };
    else
        gap = end ? gap_at(s, end) : hp_gap_behind(s, place->at, fine->deadline);
    bool letter = end && gapless && row->sentence == SB_OTHER_LETTER;
    *rank = letter ? HP_EDGE_WORD : rank_of(s, place, &gap);
    return gap;
}

// The first quiet element that ends behind `at`.
static size_t quiet_from(const struct hp_fine *fine, size_t at)
{
    size_t low = 0, high = fine->quiets;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fine->quiet[middle]->end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool quiet_at(const struct hp_fine *fine, size_t *quiet, size_t at)
{
    while (*quiet < fine->quiets && fine->quiet[*quiet]->end <= at)
        ++*quiet;
    return *quiet < fine->quiets && fine->quiet[*quiet]->start < at;
}

static void list(struct hp_fine *fine, struct hp_fine_place *place, size_t stop)
{
    hp_str s = fine->text;
    size_t quiet = quiet_from(fine, place->at), check_at = place->at + HP_LOOK_BYTES;
    while (place->at < stop && !late(fine, place->at, &check_at)) {
        enum hp_boundary rank;
        struct hp_gap gap = next_gap(fine, place, &rank);
        place->at = gap.end;
        if (gap.end >= s.len)
            return;
        if (rank >= HP_EDGE_SENTENCE)
            place->sentence_start = gap.end;
        if (rank < HP_EDGE_LINE && quiet_at(fine, &quiet, gap.at))
            rank = HP_EDGE_WORD;
        hp_bit_set(fine->start, gap.end);
        for (int i = rank < HP_EDGE_SENTENCE ? (int)rank : HP_EDGE_SENTENCE; i >= HP_EDGE_WORD; i--)
            hp_bit_set(fine->rank[i], gap.at);
    }
}

// Marks what has been seen between the two places.
static void mark(const struct hp_fine *fine, uint64_t *seen, const struct hp_fine_place *from,
    const struct hp_fine_place *to)
{
    size_t word = from->at / BITS > from->whole ? from->at / BITS : from->whole;
    size_t words = hp_bit_words(fine->text.len);
    size_t behind = to->at >= fine->text.len ? words : to->at / BITS;
    for (; word < behind; word++)
        hp_bit_set(seen, word);
}

static void see(struct hp_fine *fine, size_t word, enum hp_fine_use use)
{
    if (hp_bit(fine->seen, word))
        return;
    struct hp_fine_place from = begin(fine, word, use), to = from;
    size_t stop = (word + 1) * BITS;
    list(fine, &to, stop < fine->text.len ? stop : fine->text.len);
    mark(fine, fine->seen, &from, &to);
    fine->left[use] = to;
}

// --- clusters ------------------------------------------------------------------------------------

static struct hp_fine_place clusters_begin(struct hp_fine *fine, size_t word, enum hp_fine_use use)
{
    hp_str s = fine->text;
    struct hp_fine_place floor = fine->clusters_left[use];
    if (floor.whole > word)
        floor = begin_of_text(fine->first);
    size_t at = word * BITS, next, check_at = HP_LOOK_BYTES;
    if (at <= floor.at)
        return floor;
    at = hp_utf8_start(s, at);
    const struct hp_break *row = hp_break_at(s, at, &next);
    while (at > floor.at && !late(fine, word * BITS - at, &check_at)) {
        size_t before_at = hp_utf8_start(s, at);
        const struct hp_break *before = hp_break_at(s, before_at, &next);
        if (ALONE & 1u << before->grapheme && stands_alone(row) && !blank(row) && !blank(before))
            return begin_at(at);
        at = before_at;
        row = before;
    }
    return floor;
}

static void list_clusters(
    struct hp_fine *fine, struct hp_fine_place *place, size_t stop, enum hp_fine_use use)
{
    hp_str s = fine->text;
    size_t check_at = place->at + HP_LOOK_BYTES;
    while (place->at < stop && !late(fine, place->at, &check_at)) {
        see(fine, place->at / BITS, use);
        if (hp_bit(fine->rank[HP_EDGE_WORD], place->at))
            place->at = hp_gap_at(s, place->at).end;
        size_t end = hp_grapheme_within(s, place->at, fine->deadline);
        if (end >= fine->end) {
            place->at = s.len;
            return;
        }
        see(fine, end / BITS, use);
        if (!hp_bit(fine->rank[HP_EDGE_WORD], end))
            hp_bit_set(fine->rank[HP_EDGE_GRAPHEME], end);
        place->at = end;
    }
}

static void see_clusters(struct hp_fine *fine, size_t word, enum hp_fine_use use)
{
    if (hp_bit(fine->clusters_seen, word))
        return;
    struct hp_fine_place from = clusters_begin(fine, word, use), to = from;
    size_t stop = (word + 1) * BITS;
    list_clusters(fine, &to, stop < fine->text.len ? stop : fine->text.len, use);
    mark(fine, fine->clusters_seen, &from, &to);
    fine->clusters_left[use] = to;
}

// --- questions -----------------------------------------------------------------------------------

static uint64_t word_of(struct hp_fine *fine, int rank, size_t word, enum hp_fine_use use)
{
    if (rank == HP_EDGE_GRAPHEME)
        see_clusters(fine, word, use);
    else
        see(fine, word, use);
    return fine->rank[rank][word];
}

static size_t scan_back(struct hp_fine *fine, int rank, size_t low, size_t place)
{
    if (place <= low)
        return 0;
    for (size_t word = place / BITS;; word--) {
        uint64_t bits = word_of(fine, rank, word, HP_FINE_ENDS);
        if (word == place / BITS)
            bits &= ~0ull >> (BITS - 1 - place % BITS);
        if (bits) {
            size_t at = word * BITS + BITS - 1 - (size_t)__builtin_clzll(bits);
            return at > low ? at : 0;
        }
        if (word <= low / BITS || fine->late)
            return 0;
    }
}

size_t hp_fine_last(struct hp_fine *fine, int rank, size_t low, size_t place)
{
    struct hp_fine_memo *memo = &fine->memo[rank];
    bool goes_on = memo->low <= low && low <= memo->place && memo->place <= place;
    size_t at = scan_back(fine, rank, goes_on ? memo->place : low, place);
    if (goes_on && !at && memo->found > low)
        at = memo->found;
    if (goes_on && !at && !memo->found)
        low = memo->low;
    *memo = (struct hp_fine_memo){ low, place, at };
    return at;
}

static size_t scan_ahead(struct hp_fine *fine, const uint64_t *bits, int rank, size_t from,
    size_t limit, enum hp_fine_use use)
{
    for (size_t word = from / BITS; word * BITS < limit && !fine->late; word++) {
        word_of(fine, rank, word, use);
        uint64_t found = bits[word];
        if (word == from / BITS)
            found &= ~0ull << from % BITS;
        if (found) {
            size_t at = word * BITS + (size_t)__builtin_ctzll(found);
            return at < limit ? at : limit;
        }
    }
    return limit;
}

size_t hp_fine_after(struct hp_fine *fine, int rank, size_t place, size_t limit)
{
    size_t end = limit < fine->text.len ? limit + 1 : fine->text.len;
    size_t at = scan_ahead(fine, fine->rank[rank], rank, place + 1, end, HP_FINE_ENDS);
    return at < end ? at : 0;
}

size_t hp_fine_start(struct hp_fine *fine, size_t place, size_t limit)
{
    return scan_ahead(fine, fine->start, HP_EDGE_WORD, place, limit, HP_FINE_STARTS);
}

size_t hp_fine_cluster(struct hp_fine *fine, size_t place, size_t limit)
{
    const uint64_t *bits = fine->rank[HP_EDGE_GRAPHEME];
    return scan_ahead(fine, bits, HP_EDGE_GRAPHEME, place, limit, HP_FINE_STARTS);
}

enum hp_boundary hp_fine_rank(const struct hp_fine *fine, size_t at)
{
    int rank = HP_EDGE_SENTENCE;
    while (rank > HP_EDGE_WORD && !hp_bit(fine->rank[rank], at))
        rank--;
    return (enum hp_boundary)rank;
}
