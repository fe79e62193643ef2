// clean.c -- the chain of passes, and the way back from clean to raw.
#include "text/clean.h"

#include "text/passes.h"

#include <assert.h>

static const struct {
    const char *name;
    enum hp_code (*pass)(struct hp_rewrite *, const struct hp_clean_options *);
} fixes[HP_FIXES] = {
    [HP_FIX_MOJIBAKE] = { "mojibake", hp_fix_mojibake },
    [HP_FIX_LINE_ENDINGS] = { "line_endings", hp_fix_line_endings },
    [HP_FIX_CONTROLS] = { "controls", hp_fix_controls },
    [HP_FIX_SPACES] = { "spaces", hp_fix_spaces },
    [HP_FIX_LIGATURES] = { "ligatures", hp_fix_ligatures },
    [HP_FIX_NORMALIZATION] = { "normalization", hp_fix_normalization },
    [HP_FIX_REPEATED_LINES] = { "repeated_lines", hp_fix_repeated_lines },
    [HP_FIX_HYPHENATION] = { "hyphenation", hp_fix_hyphenation },
    [HP_FIX_JOIN_LINES] = { "join_lines", hp_fix_join_lines },
    [HP_FIX_BLANK_RUNS] = { "blank_runs", hp_fix_blank_runs },
};

const struct hp_clean_options hp_clean_none = { .form = HP_FORM_NONE };

const struct hp_clean_options hp_clean_standard = {
    .on = { [HP_FIX_MOJIBAKE] = true,
        [HP_FIX_LINE_ENDINGS] = true,
        [HP_FIX_CONTROLS] = true,
        [HP_FIX_SPACES] = true,
        [HP_FIX_BLANK_RUNS] = true },
    .form = HP_FORM_NFC,
};

const char *hp_switch_name(enum hp_switch fix)
{
    return fixes[fix].name;
}

static bool wanted(const struct hp_clean_options *options, int fix)
{
    return fix == HP_FIX_NORMALIZATION ? options->form != HP_FORM_NONE : options->on[fix];
}

// Two texts and three maps are enough for any chain: each pass reads one text and writes the other.
struct chain {
    const struct hp_clean_options *options;
    struct hp_arena *arena;
    const struct hp_deadline *deadline;
    struct hp_fault *fault;
    struct hp_buf buf[2];
    int turn;
    struct hp_edits total, mine, joined;
    bool structured; // clean.structure is that of clean.text
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
    if (chain->total.count == 0) {
        swap(&chain->total, &chain->mine);
        return HP_OK;
    }
    chain->joined.count = 0;
    HP_TRY(hp_edits_join(&chain->total, &chain->mine, chain->arena, &chain->joined, chain->fault));
    swap(&chain->total, &chain->joined);
    return HP_OK;
}

static struct hp_rewrite begin(struct chain *chain)
{
    struct hp_buf *buf = &chain->buf[chain->turn];
    buf->len = chain->mine.count = 0;
    return (struct hp_rewrite){ .in = chain->clean.text,
        .structure = &chain->clean.structure,
        .out = buf,
        .edits = &chain->mine,
        .deadline = chain->deadline,
        .fault = chain->fault };
}

// Makes the text that a pass wrote the one that the next reads.
static enum hp_code end(struct chain *chain, struct hp_rewrite *rewrite)
{
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

static enum hp_code run(struct chain *chain, int fix)
{
    if (fix >= HP_FIX_REPEATED_LINES)
        HP_TRY(structure(chain));
    struct hp_rewrite rewrite = begin(chain);
    HP_TRY(fixes[fix].pass(&rewrite, chain->options));
    chain->clean.changes[fix] = (uint32_t)chain->mine.count;
    if (chain->mine.count > 0 && chain->options->format == HP_HTML)
        HP_TRY(
            hp_structure_move(&chain->clean.structure, &chain->mine, chain->arena, chain->fault));
    chain->structured &= chain->mine.count == 0;
    return end(chain, &rewrite);
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
    struct chain chain = { .options = options,
        .arena = arena,
        .deadline = deadline,
        .fault = fault,
        .buf = { hp_buf_in(arena), hp_buf_in(arena) },
        .clean = { .text = raw } };
    if (options->format == HP_HTML) {
        struct hp_rewrite rewrite = begin(&chain);
        HP_TRY(hp_html_read(&rewrite, &chain.clean.structure));
        HP_TRY(end(&chain, &rewrite));
    }
    for (int fix = 0; fix < HP_FIXES; fix++)
        if (wanted(options, fix))
            HP_TRY(run(&chain, fix));
    HP_TRY(structure(&chain));
    HP_TRY(clean_title(&chain));
    chain.clean.edit = chain.total.edit;
    chain.clean.edits = chain.total.count;
    *out = chain.clean;
    return HP_OK;
}

// The last edit at or before clean byte `at`, or NULL.
static const struct hp_edit *edit_before(const struct hp_clean *clean, size_t at)
{
    size_t low = 0, high = clean->edits;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (clean->edit[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &clean->edit[low - 1] : NULL;
}

// The raw bytes that made the clean byte `at`.
static void byte_source(const struct hp_clean *clean, size_t at, size_t *start, size_t *end)
{
    const struct hp_edit *edit = edit_before(clean, at);
    if (edit && at < (size_t)edit->at + edit->len) {
        *start = edit->raw_at;
        *end = (size_t)edit->raw_at + edit->raw_len;
        return;
    }
    *start = edit ? at - edit->at - edit->len + edit->raw_at + edit->raw_len : at;
    *end = *start + 1;
}

void hp_clean_source(
    const struct hp_clean *clean, size_t start, size_t end, size_t *raw_start, size_t *raw_end)
{
    size_t ignored;
    byte_source(clean, start, raw_start, &ignored);
    *raw_end = *raw_start;
    if (end > start)
        byte_source(clean, end - 1, &ignored, raw_end);
}
