// clean.h -- raw text in, clean text out, with the way back: for every span of the clean text the
// span of the raw text that it came from. A chain of passes, each skipped where it finds nothing to
// do.
#pragma once

#include "text/edits.h"
#include "text/normalize.h"
#include "text/structure.h"

// Every switch of the contract, in the order of the passes. The counts of changes have the same
// order.
enum hp_switch {
    HP_FIX_MOJIBAKE,
    HP_FIX_LINE_ENDINGS,
    HP_FIX_CONTROLS,
    HP_FIX_SPACES,
    HP_FIX_LIGATURES,
    HP_FIX_NORMALIZATION,
    HP_FIX_REPEATED_LINES,
    HP_FIX_HYPHENATION,
    HP_FIX_JOIN_LINES,
    HP_FIX_BLANK_RUNS,
    HP_FIXES
};

const char *hp_switch_name(enum hp_switch fix);

// What a text is written in. HTML is turned into text before the switches; Markdown keeps its
// markup.
enum hp_format { HP_PLAIN, HP_MARKDOWN, HP_HTML, HP_FORMATS };

struct hp_clean_options {
    bool on[HP_FIXES]; // HP_FIX_NORMALIZATION is ruled by `form`
    int form;          // enum hp_form
    int format;        // enum hp_format
};

// The presets that are always there.
extern const struct hp_clean_options hp_clean_none, hp_clean_standard;

struct hp_clean {
    hp_str text;                   // the raw text itself where nothing changed
    struct hp_edits edits;         // from the raw text to `text`
    struct hp_structure structure; // of `text`
    uint32_t changes[HP_FIXES];    // how many places each pass changed
};

// Cleans `raw` (valid UTF-8, < 4 GiB). Idempotent. Linear.
HP_MUST_USE enum hp_code hp_clean(hp_str raw, const struct hp_clean_options *options,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_clean *out,
    struct hp_fault *fault);

// hp_edits_source of it.
void hp_clean_source(
    const struct hp_clean *clean, size_t start, size_t end, size_t *raw_start, size_t *raw_end);
