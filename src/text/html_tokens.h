// html_tokens.h -- the markup of HTML, in any state of disrepair: where a tag, a comment or what
// looks like one ends, as the tokenizer of the HTML standard (13.2.5) has it. It never looks back
// and never looks twice: what is not ended reaches to the end of the text.
#pragma once

#include "text/rewrite.h"

enum hp_html_name {
    HP_HTML_OTHER,
#define HP_TAG(name, text, space, action) HP_HTML_##name,
#include "text/html_tags.def"
#undef HP_TAG
    HP_HTML_NAMES,
    HP_HTML_RAW_LAST = HP_HTML_XMP
};

enum { HP_HTML_TAG_BITS = 8, HP_HTML_NAME_MAX = 10 };

struct hp_html_slot {
    uint64_t key; // the first eight bytes of the name
    char name[HP_HTML_NAME_MAX + 1];
    uint8_t len, tag; // enum hp_html_name
};

extern const struct hp_html_slot hp_html_slot[1 << HP_HTML_TAG_BITS];

enum hp_html_kind {
    HP_HTML_TEXT,    // '<' is only that
    HP_HTML_IGNORED, // comment, doctype, what looks like one; a tag that the text's end cuts
    HP_HTML_START,
    HP_HTML_END,
    HP_HTML_CDATA
};

struct hp_html_markup {
    enum hp_html_kind kind;
    enum hp_html_name name;
    bool self_closing;
    size_t attributes; // where they begin; of CDATA its content
    size_t end;        // behind the markup
};

struct hp_html_attribute {
    hp_str name, value; // as they are written
};

static inline bool hp_html_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

// The markup at `at`, which is '<'. CDATA is one only in `foreign` content (SVG, MathML).
HP_MUST_USE enum hp_code hp_html_markup(
    struct hp_rewrite *rewrite, size_t at, bool foreign, struct hp_html_markup *out);

// The next byte `c` at or behind `at`; the end of the text where there is none.
HP_MUST_USE enum hp_code hp_html_find(struct hp_rewrite *rewrite, size_t at, char c, size_t *found);

// The value of the first attribute of that name (lower case), as it is written; ptr NULL: none.
hp_str hp_html_attribute(hp_str in, const struct hp_html_markup *tag, hp_str name);

// Where "</name" stands that ends raw text that begins at `at`; the end of the text where none
// does.
HP_MUST_USE enum hp_code hp_html_raw_end(
    struct hp_rewrite *rewrite, size_t at, hp_str name, size_t *end);

// The same for a script, which may hold "</script" in what looks like a comment (13.2.5.15 to 31).
HP_MUST_USE enum hp_code hp_html_script_end(struct hp_rewrite *rewrite, size_t at, size_t *end);
