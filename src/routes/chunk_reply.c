// chunk_reply.c -- chunks with their ids, their positions in the unit asked for and the headings
// above them, written as they come: all positions ascend, so a ruler goes along with each series.
#include "routes/chunk_reply.h"

#include "routes/ruler.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

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
    const char *const words[] = { chunk_formats[request->how.clean.format],
        hp_encoding_name(request->encoding), chunk_units[chunk->unit] };
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

static void put_chunk(const struct chunk_outcome *outcome, const struct hp_chunk *chunk,
    struct walk *walk, struct hp_buf *out)
{
    const struct hp_clean *clean = &outcome->document->clean;
    size_t raw_start, raw_end;
    hp_clean_source(clean, chunk->start, chunk->end, &raw_start, &raw_end);
    if (outcome->request->offsets == HP_OFFSETS_BYTE)
        hp_decoded_source(&outcome->request->source, raw_start, raw_end, &raw_start, &raw_end);
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

static enum hp_code put_chunks(const struct chunk_outcome *outcome,
    const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault)
{
    const struct hp_document *document = outcome->document;
    int unit = outcome->request->offsets;
    hp_str text = document->clean.text, raw = outcome->request->text;
    struct walk walk = { .seed = id_seed(outcome->request, out),
        .start = hp_ruler_on(text, unit),
        .end = hp_ruler_on(text, unit),
        .raw_start = hp_ruler_on(raw, unit),
        .raw_end = hp_ruler_on(raw, unit),
        .outline = { .structure = &document->clean.structure } };
    for (size_t i = 0; i < document->chunks.count; i++) {
        if ((i + 1) % CHUNKS_BETWEEN_CHECKS == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        if (i)
            hp_buf_char(out, ',');
        put_chunk(outcome, &document->chunks.chunk[i], &walk, out);
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

static bool wants_text(const struct chunk_outcome *outcome, bool unchanged)
{
    int how = outcome->request->return_text;
    return how == RETURN_ALWAYS || (how == RETURN_IF_CHANGED && !unchanged);
}

enum hp_code chunk_write(const struct chunk_outcome *outcome, const struct hp_deadline *deadline,
    struct hp_buf *out, struct hp_fault *fault)
{
    const struct chunk_request *request = outcome->request;
    const struct hp_clean *clean = &outcome->document->clean;
    hp_str raw = request->source.raw;
    bool unchanged = hp_str_equal(clean->text, raw);
    hp_buf_char(out, '{');
    if (wants_text(outcome, unchanged)) {
        hp_buf_add(out, HP_S("\"text\":"));
        HP_TRY(hp_json_put_long(out, clean->text, deadline, fault));
        hp_buf_char(out, ',');
    }
    put_word(out, HP_S("\"unchanged\":"), unchanged ? "true" : "false");
    put_word(out, HP_S(",\"encoding\":\""), hp_encoding_name(request->encoding));
    put_word(out, HP_S("\",\"exact\":"), request->encoding == HP_ESTIMATE ? "false" : "true");
    put_number(out, HP_S(",\"tokens\":"), outcome->document->total);
    hp_buf_add(out, HP_S(",\"chunks\":["));
    HP_TRY(put_chunks(outcome, deadline, out, fault));
    put_number(out, HP_S("],\"metadata\":{\"bytes\":"), raw.len);
    put_number(out, HP_S(",\"chars\":"), hp_utf8_chars(clean->text));
    hp_buf_char(out, ',');
    put_title(clean, out);
    hp_buf_add(out, HP_S("\"changes\":{"));
    put_changes(clean, out);
    hp_buf_add(out, HP_S("}}}"));
    return hp_buf_check(out, fault);
}
