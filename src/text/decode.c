// decode.c -- UTF-8 with faults is a text that is rewritten like any other: its faults are edits.
// UTF-16 needs no edits: a place in the text is as many units from the start of the body as the
// text before it has, and those are counted from the nearest step.
#include "text/decode.h"

#include "text/cp1252.h"
#include "text/rewrite.h"
#include "hotpathd/utf8.h"

#include <assert.h>

static const char replacement[] = "\xef\xbf\xbd";

// --- UTF-8 ---------------------------------------------------------------------------------------

static enum hp_code put_fault(struct hp_rewrite *rewrite, enum hp_invalid invalid, size_t *at)
{
    hp_str with = { replacement, sizeof replacement - 1 };
    size_t len = 1;
    char letter[4];
    if (invalid == HP_INVALID_CP1252) {
        unsigned char byte = (unsigned char)rewrite->in.ptr[*at];
        with = (hp_str){ letter, hp_utf8_put(letter, byte < 0xa0 ? hp_cp1252[byte - 0x80] : byte) };
    } else {
        len = hp_utf8_subpart(rewrite->in, *at);
    }
    size_t from = *at;
    *at += len;
    return hp_rewrite_put(rewrite, from, len, with);
}

static enum hp_code decode_utf8(struct hp_rewrite *rewrite, enum hp_invalid invalid)
{
    hp_str in = rewrite->in;
    for (size_t at = 0; at < in.len;) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t len = hp_utf8_valid((hp_str){ in.ptr + at, hp_rewrite_stop(rewrite, at) - at });
        at += len;
        if (len > 0) // what stopped it, if it is a fault, stops it again
            continue;
        if (invalid == HP_INVALID_REJECT)
            return hp_fail_at(
                rewrite->fault, HP_BAD_UTF8, at, "the body is not UTF-8 at byte %zu", at);
        HP_TRY(put_fault(rewrite, invalid, &at));
    }
    return HP_OK;
}

// --- UTF-16 --------------------------------------------------------------------------------------

enum { BOM_BYTES = 2, UNITS_BETWEEN_CHECKS = 1 << 15, STEP_BITS = 12 };

struct units {
    const unsigned char *byte;
    size_t count;
    bool big;
};

static uint32_t unit_at(const struct units *units, size_t i)
{
    const unsigned char *p = units->byte + 2 * i;
    return units->big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static bool surrogate(uint32_t unit, uint32_t first)
{
    return (unit & 0xfc00) == first;
}

// The character at unit i; *len units. *lone: a surrogate that stands alone.
static uint32_t char_at(const struct units *units, size_t i, size_t *len, bool *lone)
{
    uint32_t unit = unit_at(units, i);
    *len = 1;
    *lone = surrogate(unit, 0xd800) || surrogate(unit, 0xdc00);
    if (!surrogate(unit, 0xd800) || i + 1 == units->count)
        return unit;
    uint32_t low = unit_at(units, i + 1);
    if (!surrogate(low, 0xdc00))
        return unit;
    *len = 2;
    *lone = false;
    return 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
}

// Not less than the text's length in UTF-8.
static size_t size_of(const struct units *units)
{
    size_t size = 0;
    for (size_t i = 0; i < units->count; i++) {
        uint32_t unit = unit_at(units, i);
        size += 1 + (unit >= 0x80) + (unit >= 0x800);
    }
    return size;
}

static enum hp_code refuse(size_t at, struct hp_fault *fault)
{
    return hp_fail_at(fault, HP_BAD_UTF8, at, "the body is not UTF-16 at byte %zu", at);
}

static enum hp_code put_units(const struct units *units, enum hp_invalid invalid,
    const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault)
{
    size_t check = 0;
    for (size_t i = 0, len; i < units->count; i += len) {
        if (i >= check) {
            HP_TRY(hp_deadline_check(deadline, fault));
            check = i + UNITS_BETWEEN_CHECKS;
        }
        bool lone;
        uint32_t cp = char_at(units, i, &len, &lone);
        if (lone && invalid == HP_INVALID_REJECT)
            return refuse(BOM_BYTES + 2 * i, fault);
        out->len += hp_utf8_put(out->ptr + out->len, lone ? 0xfffd : cp);
    }
    return HP_OK;
}

// How many units the text has before every step.
static enum hp_code count_units(
    struct hp_decoded *decoded, struct hp_arena *arena, struct hp_fault *fault)
{
    size_t steps = (decoded->text.len >> STEP_BITS) + 1;
    uint32_t units = 0;
    decoded->units = HP_NEW_RAW(arena, uint32_t, steps);
    if (!decoded->units)
        return hp_no_memory(arena, fault);
    for (size_t i = 0; i < steps; i++) {
        decoded->units[i] = units;
        if (i + 1 < steps)
            units += (uint32_t)hp_utf8_utf16(
                (hp_str){ decoded->text.ptr + (i << STEP_BITS), 1 << STEP_BITS });
    }
    return HP_OK;
}

static enum hp_code decode_utf16(struct hp_decoded *decoded, bool big, enum hp_invalid invalid,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    hp_str raw = decoded->raw;
    struct units units = { (const unsigned char *)raw.ptr + BOM_BYTES, (raw.len - BOM_BYTES) / 2,
        big };
    struct hp_buf out = hp_buf_in(arena);
    hp_str end = { replacement, raw.len % 2 ? sizeof replacement - 1 : 0 };
    if (!hp_buf_room(&out, size_of(&units) + sizeof replacement))
        return hp_no_memory(arena, fault);
    HP_TRY(put_units(&units, invalid, deadline, &out, fault));
    if (end.len && invalid == HP_INVALID_REJECT)
        return refuse(raw.len - 1, fault);
    hp_buf_add(&out, end);
    HP_TRY(hp_buf_check(&out, fault));
    decoded->text = hp_buf_str(&out);
    return count_units(decoded, arena, fault);
}

static size_t place_in_utf16(const struct hp_decoded *decoded, size_t at)
{
    size_t step = at >> STEP_BITS, from = step << STEP_BITS;
    size_t units =
        decoded->units[step] + hp_utf8_utf16((hp_str){ decoded->text.ptr + from, at - from });
    size_t place = BOM_BYTES + 2 * units;
    return place < decoded->raw.len ? place : decoded->raw.len; // half a unit may end the body
}

// --- both ----------------------------------------------------------------------------------------

enum hp_code hp_decode(hp_str raw, enum hp_invalid invalid, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_decoded *out, struct hp_fault *fault)
{
    assert(raw.len <= UINT32_MAX);
    struct hp_decoded decoded = { .text = raw, .raw = raw };
    bool little = raw.len >= BOM_BYTES && memcmp(raw.ptr, "\xff\xfe", BOM_BYTES) == 0;
    bool big = raw.len >= BOM_BYTES && memcmp(raw.ptr, "\xfe\xff", BOM_BYTES) == 0;
    if (little || big) {
        HP_TRY(decode_utf16(&decoded, big, invalid, arena, deadline, fault));
    } else {
        struct hp_buf text = hp_buf_in(arena);
        struct hp_rewrite rewrite = {
            .in = raw, .out = &text, .edits = &decoded.edits, .deadline = deadline, .fault = fault
        };
        HP_TRY(decode_utf8(&rewrite, invalid));
        HP_TRY(hp_rewrite_end(&rewrite, &decoded.text));
    }
    if (decoded.text.len > UINT32_MAX)
        return hp_fail_limit(
            fault, HP_TOO_LARGE, NULL, UINT32_MAX, "the decoded text is longer than 4 GiB");
    *out = decoded;
    return HP_OK;
}

void hp_decoded_source(
    const struct hp_decoded *decoded, size_t start, size_t end, size_t *raw_start, size_t *raw_end)
{
    if (!decoded->units) {
        hp_edits_source(&decoded->edits, start, end, raw_start, raw_end);
        return;
    }
    *raw_start = place_in_utf16(decoded, start);
    *raw_end = end > start ? place_in_utf16(decoded, end) : *raw_start;
}
