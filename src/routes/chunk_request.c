// chunk_request.c -- the contract of /v1/chunk as tables: the options are the same rows for JSON,
// for a query string and for a preset.
#include "routes/chunk_request.h"

enum { MAX_MOST = 1000000 };

// --- what a request says -------------------------------------------------------------------------

const char *const chunk_formats[] = { "plain", "markdown", "html", NULL };
static const char *const forms[] = { "none", "nfc", "nfkc", NULL };
const char *const chunk_units[] = { "tokens", "chars", "bytes", NULL };
static const char *const encodings[] = { "o200k_base", "cl100k_base", "estimate", NULL };
static const char *const offset_units[] = { "char", "byte", "utf16", NULL };
static const char *const return_words[] = { "always", "if_changed", "never", NULL };
static const char *const invalid_words[] = { "reject", "replace", "cp1252", NULL };

static enum hp_code clean_by_name(
    void *request, hp_str name, const char *pointer, struct hp_fault *fault);

static enum hp_code no_chunks(
    void *request, hp_str word, const char *pointer, struct hp_fault *fault)
{
    struct chunk_request *out = request;
    if (!hp_str_is(word, "none"))
        return hp_fail(fault, HP_BAD_TYPE, pointer, "none, or single options as chunk.max=512");
    out->how.whole = true;
    return HP_OK;
}

static void some_chunks(void *request)
{
    ((struct chunk_request *)request)->how.whole = false;
}

static enum hp_code start_from(
    void *request, hp_str name, const char *pointer, struct hp_fault *fault);

#define SWITCH(name, index, what)                                                                  \
    {                                                                                              \
        .key = name, .help = what, .type = HP_BOOL,                                                \
        .offset = offsetof(struct chunk_request, how.clean.on[index])                              \
    }

static const struct hp_field clean_fields[] = {
    { .key = "normalization",
        .help = "Unicode normalization form",
        .type = HP_WORD,
        .words = forms,
        .offset = offsetof(struct chunk_request, how.clean.form) },
    SWITCH("mojibake", HP_FIX_MOJIBAKE, "text that was decoded wrongly"),
    SWITCH("controls", HP_FIX_CONTROLS, "control characters and terminal escapes"),
    SWITCH("line_endings", HP_FIX_LINE_ENDINGS, "all line ends to LF"),
    SWITCH("spaces", HP_FIX_SPACES, "odd spaces, zero-width space, soft hyphen"),
    SWITCH("blank_runs", HP_FIX_BLANK_RUNS, "runs of blanks and blank lines"),
    SWITCH("hyphenation", HP_FIX_HYPHENATION, "words broken at line ends"),
    SWITCH("ligatures", HP_FIX_LIGATURES, "ligatures to letters"),
    SWITCH("join_lines", HP_FIX_JOIN_LINES, "hard-wrapped lines"),
    SWITCH("repeated_lines", HP_FIX_REPEATED_LINES, "page headers and footers"),
    { .key = NULL },
};

#define PART(name) offsetof(struct chunk_request, how.chunk.name)

static const struct hp_field chunk_fields[] = {
    { .key = "max",
        .help = "most of a chunk",
        .type = HP_INT,
        .offset = PART(max),
        .min = 1,
        .max = MAX_MOST,
        .preset = "512" },
    { .key = "overlap",
        .help = "shared with the next chunk",
        .type = HP_INT,
        .offset = PART(overlap),
        .min = 0,
        .max = MAX_MOST,
        .preset = "0" },
    { .key = "min",
        .help = "smaller chunks are joined",
        .type = HP_INT,
        .offset = PART(min),
        .min = 0,
        .max = INT64_MAX,
        .preset = "0" },
    { .key = "unit",
        .help = "of max, overlap and min",
        .type = HP_WORD,
        .offset = PART(unit),
        .words = chunk_units },
    { .key = NULL },
};

// The options, their objects relative to the request too: a bare word may say more than the members
// do. `text` and `preset` stand before them in a request, invalid_utf8 is for raw bodies.
#define OPTIONS                                                                                    \
    { .key = "format",                                                                             \
        .help = "of the document",                                                                 \
        .type = HP_WORD,                                                                           \
        .words = chunk_formats,                                                                    \
        .offset = offsetof(struct chunk_request, how.clean.format) },                              \
        { .key = "clean",                                                                          \
            .help = "none, standard, that of a preset, or switches on top of what holds without",  \
            .type = HP_OBJECT,                                                                     \
            .fields = clean_fields,                                                                \
            .bare = clean_by_name },                                                               \
        { .key = "chunk",                                                                          \
            .help = "how to cut",                                                                  \
            .type = HP_OBJECT,                                                                     \
            .flags = HP_NULLABLE,                                                                  \
            .fields = chunk_fields,                                                                \
            .bare = no_chunks,                                                                     \
            .open = some_chunks },                                                                 \
        { .key = "encoding",                                                                       \
            .help = "of the tokens",                                                               \
            .type = HP_WORD,                                                                       \
            .words = encodings,                                                                    \
            .offset = offsetof(struct chunk_request, encoding) },                                  \
        { .key = "offsets",                                                                        \
            .help = "unit of positions",                                                           \
            .type = HP_WORD,                                                                       \
            .words = offset_units,                                                                 \
            .offset = offsetof(struct chunk_request, offsets) },                                   \
    {                                                                                              \
        .key = "return_text", .help = "whether the clean text comes back", .type = HP_WORD,        \
        .words = return_words, .offset = offsetof(struct chunk_request, return_text)               \
    }

#define PRESET                                                                                     \
    {                                                                                              \
        .key = "preset", .help = "options to start from", .type = HP_BASE, .bare = start_from      \
    }

#define INVALID_UTF8                                                                               \
    {                                                                                              \
        .key = "invalid_utf8", .help = "what to do with invalid bytes", .type = HP_WORD,           \
        .words = invalid_words, .offset = offsetof(struct chunk_request, invalid_utf8)             \
    }

static const struct hp_field json_fields[] = {
    { .key = "text",
        .help = "the document",
        .type = HP_STRING,
        .flags = HP_REQUIRED,
        .offset = offsetof(struct chunk_request, text),
        .max = INT64_MAX },
    OPTIONS,
    PRESET,
    { .key = NULL },
};

static const struct hp_field query_fields[] = {
    OPTIONS,
    INVALID_UTF8,
    PRESET,
    { .key = NULL },
};

static const struct hp_field preset_fields[] = {
    OPTIONS,
    INVALID_UTF8,
    { .key = NULL },
};

// What holds where a request says nothing.
static void set_defaults(struct chunk_request *out)
{
    hp_fields_preset(preset_fields, out);
    out->how.clean = hp_clean_standard;
    out->how.clean.format = out->sent;
    out->encoding = ENCODING_DEFAULT;
}

static enum hp_code check_sizes(const struct chunk_request *request, struct hp_fault *fault)
{
    const struct hp_chunk_options *chunk = &request->how.chunk;
    if (chunk->overlap < chunk->max)
        return HP_OK;
    return hp_fail_limit(
        fault, HP_OUT_OF_RANGE, "/chunk/overlap", (uint64_t)chunk->max - 1, "less than max");
}

// --- presets -------------------------------------------------------------------------------------

// What a raw body's media type says is the request's own word.
static enum hp_code start_from(
    void *request, hp_str name, const char *pointer, struct hp_fault *fault)
{
    struct chunk_request *out = request;
    HP_TRY(hp_json_read_preset(out->presets, name, pointer, out->arena, preset_fields, out, fault));
    if (out->sent != HP_PLAIN)
        out->how.clean.format = out->sent;
    return HP_OK;
}

// The cleaning alone: what a request that names the preset is cleaned with.
static enum hp_code clean_of_preset(struct chunk_request *out, hp_str name, const char *pointer,
    struct hp_clean_options *clean, struct hp_fault *fault)
{
    struct chunk_request other = { .arena = out->arena };
    if (!out->presets) // a preset names no other
        return hp_fail(fault, HP_UNKNOWN_PRESET, pointer, "none, standard, or single switches");
    set_defaults(&other);
    HP_TRY(
        hp_json_read_preset(out->presets, name, pointer, out->arena, preset_fields, &other, fault));
    *clean = other.how.clean;
    return HP_OK;
}

static enum hp_code clean_by_name(
    void *request, hp_str name, const char *pointer, struct hp_fault *fault)
{
    struct chunk_request *out = request;
    struct hp_clean_options *clean = &out->how.clean;
    int format = clean->format;
    if (hp_str_is(name, "none"))
        *clean = hp_clean_none;
    else if (hp_str_is(name, "standard"))
        *clean = hp_clean_standard;
    else
        HP_TRY(clean_of_preset(out, name, pointer, clean, fault));
    clean->format = format;
    return HP_OK;
}

// --- a body --------------------------------------------------------------------------------------

static enum hp_code read_json(
    struct hp_request *in, struct chunk_request *out, struct hp_fault *fault)
{
    HP_TRY(hp_json_read(in->body, in->body_len, &in->deadline, json_fields, out, fault));
    out->source = (struct hp_decoded){ .text = out->text, .raw = out->text };
    return HP_OK;
}

static enum hp_code read_raw(
    struct hp_request *in, struct chunk_request *out, struct hp_fault *fault)
{
    HP_TRY(hp_query_read(in->query, query_fields, out, in->arena, fault));
    hp_str body = { in->body, in->body_len };
    HP_TRY(hp_decode(
        body, (enum hp_invalid)out->invalid_utf8, in->arena, &in->deadline, &out->source, fault));
    out->text = out->source.text;
    return HP_OK;
}

// What a raw body says by its media type; JSON says it by `format`.
static enum hp_format format_of(hp_str media_type)
{
    if (hp_str_is(media_type, "text/markdown"))
        return HP_MARKDOWN;
    return hp_str_is(media_type, "text/html") ? HP_HTML : HP_PLAIN;
}

enum hp_code chunk_read(struct hp_request *in, struct chunk_request *out, struct hp_fault *fault)
{
    bool json = hp_str_is(in->media_type, "application/json");
    out->sent = format_of(in->media_type);
    out->presets = in->presets;
    out->arena = in->arena;
    set_defaults(out);
    HP_TRY(json ? read_json(in, out, fault) : read_raw(in, out, fault));
    return check_sizes(out, fault);
}

enum hp_code chunk_check_preset(hp_str json, struct hp_arena *arena, struct hp_fault *fault)
{
    struct chunk_request request = { .arena = arena };
    set_defaults(&request);
    HP_TRY(hp_json_read_copy(json, arena, preset_fields, &request, fault));
    return check_sizes(&request, fault);
}
