// clean.c -- the chain of passes.
//
// What one pass changes can give work to another, to those before it too: where a control character
// went, two characters may have become mojibake; where a header went, the next line may be one that
// repeats. So every step knows which others a change of its own may wake, and the chain goes round
// until no step is due: cleaning what is clean changes nothing. A second round reads little: in
// nearly all texts no step but the search for mojibake is due in it.
//
// A text that was nested on purpose so that each round only uncovers the next could take as many
// rounds as it has characters. What is read again is therefore bounded; a text that has not settled
// by then is cleaned without the two steps that can uncover work for themselves, unless the whole
// chain settles behind that. Either way the outcome is one that cleaning it again leaves alone.
#include "text/clean.h"

#include "text/look.h"
#include "text/passes.h"

#include <assert.h>

static const char *const names[HP_FIXES] = {
    [HP_FIX_MOJIBAKE] = "mojibake",
    [HP_FIX_LINE_ENDINGS] = "line_endings",
    [HP_FIX_CONTROLS] = "controls",
    [HP_FIX_SPACES] = "spaces",
    [HP_FIX_LIGATURES] = "ligatures",
    [HP_FIX_NORMALIZATION] = "normalization",
    [HP_FIX_REPEATED_LINES] = "repeated_lines",
    [HP_FIX_HYPHENATION] = "hyphenation",
    [HP_FIX_JOIN_LINES] = "join_lines",
    [HP_FIX_BLANK_RUNS] = "blank_runs",
};

const char *hp_switch_name(enum hp_switch fix)
{
    return names[fix];
}

const struct hp_clean_options hp_clean_none = { .form = HP_FORM_NONE };

const struct hp_clean_options hp_clean_standard = {
    .on = { [HP_FIX_MOJIBAKE] = true,
        [HP_FIX_LINE_ENDINGS] = true,
        [HP_FIX_CONTROLS] = true,
        [HP_FIX_SPACES] = true,
        [HP_FIX_BLANK_RUNS] = true },
    .form = HP_FORM_NFC,
};

// Switches that judge single characters share one step.
enum step { MOJIBAKE, CHARS, NORMALIZATION, REPEATED_LINES, HYPHENATION, JOIN_LINES, BLANK_RUNS };

enum {
    STEPS = BLANK_RUNS + 1,
    LINES = 1 << REPEATED_LINES | 1 << HYPHENATION | 1 << JOIN_LINES,
    SHAPE = LINES | 1 << BLANK_RUNS,
    ALL = (1 << STEPS) - 1
};

static const struct {
    enum hp_code (*pass)(struct hp_rewrite *, const struct hp_clean_options *);
    uint8_t first, last; // of its switches
    uint8_t wakes;       // the steps that a change may give work to
} steps[STEPS] = {
    [MOJIBAKE] = { hp_fix_mojibake, HP_FIX_MOJIBAKE, HP_FIX_MOJIBAKE, ALL },
    // no character that this step would change is made by a later one
    [CHARS] = { hp_fix_chars, HP_FIX_LINE_ENDINGS, HP_FIX_LIGATURES, ALL & ~(1 << CHARS) },
    // a line or a run of blanks that goes leaves a line end or a blank, which joins nothing
    [NORMALIZATION] = { hp_fix_normalization, HP_FIX_NORMALIZATION, HP_FIX_NORMALIZATION,
        1 << MOJIBAKE | SHAPE },
    [REPEATED_LINES] = { hp_fix_repeated_lines, HP_FIX_REPEATED_LINES, HP_FIX_REPEATED_LINES,
        1 << MOJIBAKE | SHAPE },
    [HYPHENATION] = { hp_fix_hyphenation, HP_FIX_HYPHENATION, HP_FIX_HYPHENATION,
        1 << MOJIBAKE | SHAPE },
    [JOIN_LINES] = { hp_fix_join_lines, HP_FIX_JOIN_LINES, HP_FIX_JOIN_LINES,
        1 << MOJIBAKE | SHAPE },
    [BLANK_RUNS] = { hp_fix_blank_runs, HP_FIX_BLANK_RUNS, HP_FIX_BLANK_RUNS,
        1 << MOJIBAKE | LINES },
};

static bool wanted(const struct hp_clean_options *options, int step)
{
    if (step == NORMALIZATION)
        return options->form != HP_FORM_NONE;
    bool any = false;
    for (int fix = steps[step].first; fix <= steps[step].last; fix++)
        any |= options->on[fix];
    return any;
}

// Two texts and three maps are enough for any chain: each pass reads one text and writes the other.
struct chain {
    hp_str raw;
    const struct hp_clean_options *options;
    struct hp_arena *arena;
    const struct hp_deadline *deadline;
    struct hp_fault *fault;
    struct hp_buf buf[2];
    int turn;
    struct hp_edits mine, joined;
    size_t unlooked;      // bytes that may be read before the deadline is looked at again
    unsigned wanted, due; // steps
    bool structured;      // clean.structure is that of clean.text
    struct hp_clean clean;
};

static void swap(struct hp_edits *a, struct hp_edits *b)
{
    struct hp_edits kept = *a;
    *a = *b;
    *b = kept;
}

// Adds the edits of the latest pass to the map of all.
static enum hp_code join(struct chain *chain)
{
    struct hp_edits *all = &chain->clean.edits;
    if (all->count == 0) {
        swap(all, &chain->mine);
        return HP_OK;
    }
    if (hp_edits_follow(all, &chain->mine))
        return hp_edits_append(all, &chain->mine, chain->arena, chain->deadline, chain->fault);
    hp_edits_clear(&chain->joined);
    HP_TRY(hp_edits_join(
        all, &chain->mine, chain->arena, chain->deadline, &chain->joined, chain->fault));
    swap(all, &chain->joined);
    return HP_OK;
}

static struct hp_rewrite begin(struct chain *chain)
{
    struct hp_buf *buf = &chain->buf[chain->turn];
    buf->len = 0;
    hp_edits_clear(&chain->mine);
    return (struct hp_rewrite){ .in = chain->clean.text,
        .structure = &chain->clean.structure,
        .out = buf,
        .edits = &chain->mine,
        .changes = chain->clean.changes,
        .check_at = chain->unlooked,
        .deadline = chain->deadline,
        .fault = chain->fault };
}

// Makes the text that a pass wrote the one that the next reads.
static enum hp_code end(struct chain *chain, struct hp_rewrite *rewrite)
{
    size_t read = rewrite->in.len; // short texts are through several passes before a look is due
    chain->unlooked = rewrite->check_at > read ? rewrite->check_at - read : 0;
    HP_TRY(hp_rewrite_end(rewrite, &chain->clean.text));
    if (chain->mine.count == 0)
        return HP_OK;
    chain->turn ^= 1;
    return join(chain);
}

// The structure of HTML is known from its tags, and moves along; that of Markdown is read where it
// is needed, and anew where the text has changed.
static enum hp_code structure(struct chain *chain)
{
    if (chain->structured || chain->options->format != HP_MARKDOWN)
        return HP_OK;
    chain->structured = true;
    return hp_markdown_read(
        chain->clean.text, chain->arena, chain->deadline, &chain->clean.structure, chain->fault);
}

// Blanks to Markdown; no-break spaces and U+2028, say, are part of what stands before them.
static bool blank_to_markdown(hp_str s)
{
    for (size_t at = 0; at < s.len; at++)
        if (s.ptr[at] != ' ' && s.ptr[at] != '\t' && s.ptr[at] != '\n')
            return false;
    return true;
}

// The pass only took blanks away at the end, as it does of nearly every file: no element reaches
// there. The last heading may.
static bool only_trimmed(const struct chain *chain, int step)
{
    const struct hp_structure *structure = &chain->clean.structure;
    hp_str text = chain->clean.text;
    struct hp_edit edit = { 0 };
    struct hp_edits_walk walk = hp_edits_walk(&chain->mine);
    if (step != BLANK_RUNS || chain->mine.count != 1 || !hp_edits_next(&walk, &edit))
        return false;
    if (structure->headings && structure->heading[structure->headings - 1].end > edit.raw_at)
        return false;
    return edit.len == 0 && edit.raw_at + edit.raw_len == text.len &&
           blank_to_markdown((hp_str){ text.ptr + edit.raw_at, edit.raw_len });
}

static enum hp_code run(struct chain *chain, int step)
{
    if (step >= REPEATED_LINES)
        HP_TRY(structure(chain));
    struct hp_rewrite rewrite = begin(chain);
    HP_TRY(steps[step].pass(&rewrite, chain->options));
    chain->due &= ~(1u << step);
    if (chain->mine.count == 0)
        return end(chain, &rewrite);
    if (steps[step].first == steps[step].last)
        chain->clean.changes[steps[step].first] += (uint32_t)chain->mine.count;
    chain->due |= steps[step].wakes & chain->wanted;
    chain->structured &= only_trimmed(chain, step);
    if (step == BLANK_RUNS && chain->options->format == HP_MARKDOWN && !chain->structured)
        chain->due |= 1u << BLANK_RUNS; // what it leaves alone may be another now
    if (chain->options->format == HP_HTML)
        HP_TRY(
            hp_structure_move(&chain->clean.structure, &chain->mine, chain->arena, chain->fault));
    return end(chain, &rewrite);
}

// Begins, or begins anew, with the raw text.
static enum hp_code start(struct chain *chain)
{
    struct hp_edits kept = chain->clean.edits; // its memory
    hp_edits_clear(&kept);
    chain->clean = (struct hp_clean){ .text = chain->raw, .edits = kept };
    chain->structured = false;
    if (chain->options->format != HP_HTML)
        return HP_OK;
    struct hp_rewrite rewrite = begin(chain);
    HP_TRY(hp_html_read(&rewrite, &chain->clean.structure));
    return end(chain, &rewrite);
}

enum { AGAIN_LEAST = 1 << 20, AGAIN_TIMES = 16 }; // bytes, and texts, that are read again at most

// Goes round with these steps until none is due, or enough was read.
static enum hp_code settle(struct chain *chain, unsigned among, bool *settled)
{
    size_t again = 0, most = AGAIN_LEAST + AGAIN_TIMES * chain->clean.text.len;
    chain->wanted = chain->due = among;
    for (bool first = true; chain->due && again <= most; first = false) {
        for (int step = 0; step < STEPS; step++) {
            if (!(chain->due >> step & 1))
                continue;
            again += first ? 0 : chain->clean.text.len + 1;
            HP_TRY(run(chain, step));
        }
    }
    *settled = chain->due == 0;
    return HP_OK;
}

enum { NESTING = 1 << MOJIBAKE | 1 << REPEATED_LINES };

static enum hp_code run_all(struct chain *chain)
{
    unsigned all = 0;
    bool settled;
    for (int step = 0; step < STEPS; step++)
        all |= wanted(chain->options, step) ? 1u << step : 0;
    HP_TRY(settle(chain, all, &settled));
    if (settled || !(all & NESTING))
        return HP_OK;
    HP_TRY(start(chain));
    HP_TRY(settle(chain, all & ~NESTING, &settled));
    HP_TRY(settle(chain, all, &settled));
    if (settled)
        return HP_OK;
    HP_TRY(start(chain));
    return settle(chain, all & ~NESTING, &settled);
}

// The title of HTML is no part of the text: the switches do the same to it, as plain text.
static enum hp_code clean_title(struct chain *chain)
{
    struct hp_clean_options options = *chain->options;
    struct hp_clean title;
    if (options.format != HP_HTML || chain->clean.structure.title.len == 0)
        return HP_OK;
    options.format = HP_PLAIN;
    HP_TRY(hp_clean(chain->clean.structure.title, &options, chain->arena, chain->deadline, &title,
        chain->fault));
    chain->clean.structure.title = title.text;
    return HP_OK;
}

enum hp_code hp_clean(hp_str raw, const struct hp_clean_options *options, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_clean *out, struct hp_fault *fault)
{
    assert(raw.len <= UINT32_MAX);
    struct chain chain = { .raw = raw,
        .options = options,
        .arena = arena,
        .deadline = deadline,
        .fault = fault,
        .unlooked = HP_LOOK_BYTES,
        .buf = { hp_buf_in(arena), hp_buf_in(arena) } };
    HP_TRY(hp_deadline_check(deadline, fault));
    HP_TRY(start(&chain));
    HP_TRY(run_all(&chain));
    HP_TRY(structure(&chain));
    HP_TRY(clean_title(&chain));
    *out = chain.clean;
    return HP_OK;
}

void hp_clean_source(
    const struct hp_clean *clean, size_t start, size_t end, size_t *raw_start, size_t *raw_end)
{
    hp_edits_source(&clean->edits, start, end, raw_start, raw_end);
}
