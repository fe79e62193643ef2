// chunk.c -- POST /v1/chunk: the contract on one side, clean, edges, tokens and chunks on the
// other.
#include "hotpathd/json.h"
#include "hotpathd/route.h"
#include "routes/ruler.h"
#include "text/decode.h"
#include "text/document.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// --- what a request says -------------------------------------------------------------------------

enum return_text { RETURN_ALWAYS, RETURN_IF_CHANGED, RETURN_NEVER };

struct chunk_request {
    hp_str text;
    struct hp_decoded source; // of `text`: the bytes that it was read from
    struct hp_document_options how;
    int encoding; // enum hp_encoding, or ENCODING_DEFAULT
    int offsets, return_text, invalid_utf8;
    int sent; // enum hp_format: what the media type says, HP_PLAIN for nothing
    const struct hp_presets *presets;
    struct hp_arena *arena;
};

enum { ENCODING_DEFAULT = -1, MAX_MOST = 1000000 };

static const char *const formats[] = { "plain", "markdown", "html", NULL };
static const char *const forms[] = { "none", "nfc", "nfkc", NULL };
static const char *const units[] = { "tokens", "chars", "bytes", NULL };
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
        .words = units },
    { .key = NULL },
};

// The options, their objects relative to the request too: a bare word may say more than the members
// do. `text` and `preset` stand before them in a request, invalid_utf8 is for raw bodies.
#define OPTIONS                                                                                    \
    { .key = "format",                                                                             \
        .help = "of the document",                                                                 \
        .type = HP_WORD,                                                                           \
        .words = formats,                                                                          \
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

static enum hp_code check_preset(hp_str json, struct hp_arena *arena, struct hp_fault *fault)
{
    struct chunk_request request = { .arena = arena };
    set_defaults(&request);
    HP_TRY(hp_json_read_copy(json, arena, preset_fields, &request, fault));
    return check_sizes(&request, fault);
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

static enum hp_code read_request(
    struct hp_request *in, struct chunk_request *out, struct hp_fault *fault)
{
    bool json = hp_str_is(in->media_type, "application/json");
    out->sent = format_of(in->media_type);
    out->presets = in->presets;
    out->arena = in->arena;
    set_defaults(out);
    HP_TRY(json ? read_json(in, out, fault) : read_raw(in, out, fault));
    return check_sizes(out, fault);
}

// --- vocabularies --------------------------------------------------------------------------------

struct chunk_state {
    struct hp_vocab *vocab[HP_ENCODINGS]; // NULL: not installed
};

static enum hp_code pick_encoding(
    const struct chunk_state *state, struct chunk_request *request, struct hp_fault *fault)
{
    if (request->encoding == ENCODING_DEFAULT)
        request->encoding = state->vocab[HP_O200K_BASE] ? HP_O200K_BASE : HP_ESTIMATE;
    if (request->encoding != HP_ESTIMATE && !state->vocab[request->encoding])
        return hp_fail(fault, HP_ENCODING_UNAVAILABLE, "/encoding",
            "its vocabulary is not installed (make vocab); estimate always is");
    return HP_OK;
}

// --- the work ------------------------------------------------------------------------------------

struct work {
    struct chunk_request request;
    struct hp_document document;
};

// --- the reply -----------------------------------------------------------------------------------

// By hand: printf's share of a small request was a tenth of its time.
static void put_number(struct hp_buf *out, hp_str before, size_t value)
{
    hp_buf_add(out, before);
    hp_buf_uint(out, value);
}

static void put_word(struct hp_buf *out, hp_str before, const char *word)
{
    hp_buf_add(out, before);
    hp_buf_add(out, hp_str_from(word));
}

// Same text, format, encoding and chunk options: same id, wherever the chunk stands (XXH3, 128
// bits).
static XXH64_hash_t id_seed(const struct chunk_request *request, struct hp_buf *out)
{
    struct hp_buf key = hp_buf_in(out->arena);
    const struct hp_chunk_options *chunk = &request->how.chunk;
    const char *const words[] = { formats[request->how.clean.format], encodings[request->encoding],
        units[chunk->unit] };
    const int64_t sizes[] = { chunk->max, chunk->overlap, chunk->min };
    hp_buf_add(&key, HP_S("chunk/1"));
    for (size_t i = 0; i < 3; i++)
        put_word(&key, HP_S(" "), words[i]);
    for (size_t i = 0; i < 3; i++)
        put_number(&key, HP_S(" "), (size_t)sizes[i]);
    out->failed |= key.failed; // a reply with wrong ids is none
    return key.failed ? 0 : XXH3_64bits(key.ptr, key.len);
}

static void put_id(struct hp_buf *out, XXH64_hash_t seed, hp_str text)
{
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t bytes;
    char hex[32];
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_withSeed(text.ptr, text.len, seed));
    for (size_t i = 0; i < sizeof bytes.digest; i++) {
        hex[2 * i] = digits[bytes.digest[i] >> 4];
        hex[2 * i + 1] = digits[bytes.digest[i] & 15];
    }
    hp_buf_add(out, (hp_str){ hex, sizeof hex });
}

// What walks along with the chunks: a ruler for each series of positions, all ascending, and the
// headings.
struct walk {
    XXH64_hash_t seed;
    struct hp_ruler start, end, raw_start, raw_end;
    struct hp_outline outline;
};

static hp_str part(hp_str text, size_t start, size_t end)
{
    return (hp_str){ text.ptr + start, end - start };
}

static void put_headings(struct hp_outline *outline, hp_str text, size_t at, struct hp_buf *out)
{
    char before = '[';
    if (outline->structure->headings == 0)
        return;
    hp_outline_to(outline, at);
    for (int level = 0; level < HP_HEADING_LEVELS; level++) {
        const struct hp_heading *heading = outline->at[level];
        if (!heading)
            continue;
        if (before == '[')
            hp_buf_add(out, HP_S(",\"headings\":"));
        hp_buf_char(out, before);
        hp_json_put_string(out, part(text, heading->text_start, heading->text_end));
        before = ',';
    }
    if (before == ',')
        hp_buf_char(out, ']');
}

static void put_chunk(
    const struct work *work, const struct hp_chunk *chunk, struct walk *walk, struct hp_buf *out)
{
    const struct hp_clean *clean = &work->document.clean;
    size_t raw_start, raw_end;
    hp_clean_source(clean, chunk->start, chunk->end, &raw_start, &raw_end);
    if (work->request.offsets == HP_OFFSETS_BYTE)
        hp_decoded_source(&work->request.source, raw_start, raw_end, &raw_start, &raw_end);
    hp_buf_add(out, HP_S("{\"id\":\""));
    put_id(out, walk->seed, part(clean->text, chunk->start, chunk->end));
    put_number(out, HP_S("\",\"start\":"), hp_ruler_at(&walk->start, chunk->start));
    put_number(out, HP_S(",\"end\":"), hp_ruler_at(&walk->end, chunk->end));
    put_number(out, HP_S(",\"tokens\":"), chunk->tokens);
    put_number(out, HP_S(",\"source\":["), hp_ruler_at(&walk->raw_start, raw_start));
    put_number(out, HP_S(","), hp_ruler_at(&walk->raw_end, raw_end));
    hp_buf_add(out, HP_S("],\"boundary\":\""));
    hp_buf_add(out, hp_str_from(hp_boundary_name(chunk->boundary)));
    hp_buf_add(out, chunk->oversize ? HP_S("\",\"oversize\":true") : HP_S("\""));
    put_headings(&walk->outline, clean->text, chunk->start, out);
    hp_buf_char(out, '}');
}

enum { CHUNKS_BETWEEN_CHECKS = 256 };

static enum hp_code put_chunks(const struct work *work, const struct hp_deadline *deadline,
    struct hp_buf *out, struct hp_fault *fault)
{
    const struct hp_document *document = &work->document;
    int unit = work->request.offsets;
    hp_str text = document->clean.text, raw = work->request.text;
    struct walk walk = { .seed = id_seed(&work->request, out),
        .start = hp_ruler_on(text, unit),
        .end = hp_ruler_on(text, unit),
        .raw_start = hp_ruler_on(raw, unit),
        .raw_end = hp_ruler_on(raw, unit),
        .outline = { .structure = &document->clean.structure } };
    for (size_t i = 0; i < document->chunks.count; i++) {
        if (i % CHUNKS_BETWEEN_CHECKS == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        if (i)
            hp_buf_char(out, ',');
        put_chunk(work, &document->chunks.chunk[i], &walk, out);
    }
    return HP_OK;
}

// The first heading, else what <title> says.
static void put_title(const struct hp_clean *clean, struct hp_buf *out)
{
    const struct hp_structure *structure = &clean->structure;
    hp_str title = structure->title;
    if (structure->headings > 0)
        title = part(clean->text, structure->heading->text_start, structure->heading->text_end);
    if (title.len == 0)
        return;
    hp_buf_add(out, HP_S("\"title\":"));
    hp_json_put_string(out, title);
    hp_buf_char(out, ',');
}

static void put_changes(const struct hp_clean *clean, struct hp_buf *out)
{
    bool first = true;
    for (int fix = 0; fix < HP_FIXES; fix++) {
        if (!clean->changes[fix])
            continue;
        put_word(out, first ? HP_S("\"") : HP_S(",\""), hp_switch_name(fix));
        put_number(out, HP_S("\":"), clean->changes[fix]);
        first = false;
    }
}

static bool wants_text(const struct work *work, bool unchanged)
{
    int how = work->request.return_text;
    return how == RETURN_ALWAYS || (how == RETURN_IF_CHANGED && !unchanged);
}

static enum hp_code write_reply(const struct work *work, const struct hp_deadline *deadline,
    struct hp_buf *out, struct hp_fault *fault)
{
    const struct chunk_request *request = &work->request;
    const struct hp_clean *clean = &work->document.clean;
    hp_str raw = request->source.raw;
    bool unchanged = hp_str_equal(clean->text, raw);
    hp_buf_char(out, '{');
    if (wants_text(work, unchanged)) {
        hp_buf_add(out, HP_S("\"text\":"));
        HP_TRY(hp_json_put_long(out, clean->text, deadline, fault));
        hp_buf_char(out, ',');
    }
    put_word(out, HP_S("\"unchanged\":"), unchanged ? "true" : "false");
    put_word(out, HP_S(",\"encoding\":\""), encodings[request->encoding]);
    put_word(out, HP_S("\",\"exact\":"), request->encoding == HP_ESTIMATE ? "false" : "true");
    put_number(out, HP_S(",\"tokens\":"), work->document.total);
    hp_buf_add(out, HP_S(",\"chunks\":["));
    HP_TRY(put_chunks(work, deadline, out, fault));
    put_number(out, HP_S("],\"metadata\":{\"bytes\":"), raw.len);
    put_number(out, HP_S(",\"chars\":"), hp_utf8_chars(clean->text));
    hp_buf_char(out, ',');
    put_title(clean, out);
    hp_buf_add(out, HP_S("\"changes\":{"));
    put_changes(clean, out);
    hp_buf_add(out, HP_S("}}}"));
    return hp_buf_check(out, fault);
}

// --- the route -----------------------------------------------------------------------------------

static enum hp_code chunk_open(void *state, struct hp_setting *setting, struct hp_fault *fault)
{
    struct chunk_state *chunk = state;
    for (int encoding = 0; encoding < HP_ESTIMATE; encoding++) {
        struct hp_fault why = HP_FAULT_NONE;
        chunk->vocab[encoding] = hp_vocab_open(setting->vocabulary, encoding, &why);
        if (why.code) {
            *fault = why;
            return why.code;
        }
        if (!chunk->vocab[encoding] && !setting->notice[0])
            snprintf(setting->notice, sizeof setting->notice,
                "no %s vocabulary in %.120s (make vocab): encoding estimate is the default",
                encodings[encoding], setting->vocabulary);
    }
    return HP_OK;
}

static enum hp_code chunk_run(
    const void *state, struct hp_request *in, struct hp_buf *reply, struct hp_fault *fault)
{
    const struct chunk_state *chunk = state;
    struct work work = { .document = { .tokens = NULL } };
    struct chunk_request *request = &work.request;
    HP_TRY(read_request(in, request, fault));
    HP_TRY(pick_encoding(chunk, request, fault));
    HP_TRY(hp_enter(in, HP_COMPUTE, fault));
    HP_TRY(hp_document_read(chunk->vocab[request->encoding], request->text, &request->how,
        in->arena, &in->deadline, &work.document, fault));
    HP_TRY(hp_enter(in, HP_WRITE, fault));
    return write_reply(&work, &in->deadline, reply, fault);
}

static void chunk_close(void *state)
{
    struct chunk_state *chunk = state;
    for (int encoding = 0; encoding < HP_ENCODINGS; encoding++)
        hp_vocab_close(chunk->vocab[encoding]);
}

static struct hp_cached chunk_cached(const void *state)
{
    const struct chunk_state *chunk = state;
    struct hp_cached cached = { 0, 0 };
    for (int encoding = 0; encoding < HP_ESTIMATE; encoding++) {
        if (!chunk->vocab[encoding])
            continue;
        struct hp_remembered words = hp_vocab_remembered(chunk->vocab[encoding]);
        cached.entries += words.words;
        cached.limit += words.most;
    }
    return cached;
}

static const char *const media_types[] = { "text/plain", "text/markdown", "text/html", NULL };

const struct hp_route hp_route_chunk = {
    .name = "chunk",
    .contract = "chunk/1",
    .summary = "Raw document in; clean text, chunk boundaries and token counts out.",
    .example = HP_STR("{\"text\":\"One paragraph.\\n\\nAnother.\",\"format\":\"plain\","
                      "\"clean\":\"standard\",\"chunk\":{\"max\":512,\"overlap\":64,"
                      "\"unit\":\"tokens\"},\"offsets\":\"char\",\"return_text\":\"if_changed\"}"),
    .media_types = media_types,
    .preset = check_preset,
    .state_size = sizeof(struct chunk_state),
    .open = chunk_open,
    .run = chunk_run,
    .close = chunk_close,
    .cached = chunk_cached,
};
