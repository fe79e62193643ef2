// html_entities.c -- character references. Every name without a semicolon is also one with it, and
// no name holds anything but letters and digits: so the longest match is the whole run of letters
// and digits where a semicolon follows, else the longest of the few old names that begin it.
#include "text/html_entities.h"

#include "text/ascii.h"
#include "text/cp1252.h"
#include "hotpathd/utf8.h"

enum { REPLACEMENT = 0xfffd, LIMIT = 0x110000 };

static unsigned hex_digit(char c) // 16: none
{
    if (hp_ascii_digit(c))
        return (unsigned)(c - '0');
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a' + 10) : 16;
}

static uint32_t character(uint32_t number)
{
    if (number == 0 || number >= LIMIT || (number >= 0xd800 && number < 0xe000))
        return REPLACEMENT;
    if (number >= 0x80 && number < 0xa0)
        return hp_cp1252[number - 0x80]; // 13.2.5.80
    return number;
}

static size_t numeric(hp_str s, size_t at, char *out, size_t *out_len)
{
    size_t p = at + 2;
    unsigned base = 10;
    if (p < s.len && (s.ptr[p] | 0x20) == 'x') {
        base = 16;
        p++;
    }
    size_t first = p;
    uint32_t number = 0;
    for (unsigned value; p < s.len && (value = hex_digit(s.ptr[p])) < base; p++)
        number = number < LIMIT ? number * base + value : LIMIT;
    if (p == first)
        return 0;
    *out_len = hp_utf8_put(out, character(number));
    return p + (p < s.len && s.ptr[p] == ';') - at;
}

// As in gen/entities.py.
static uint32_t hash(const char *name, size_t len)
{
    uint64_t number = len;
    for (size_t at = 0; at < len; at += sizeof number) {
        uint64_t word = 0;
        size_t left = len - at;
        for (size_t i = 0; i < left && i < sizeof word; i++)
            word |= (uint64_t)(unsigned char)name[at + i] << (i * 8);
        number = (number ^ word) * 0x9e3779b97f4a7c15u;
        number ^= number >> 32;
    }
    return (uint32_t)(number >> 48) & ((1u << HP_ENTITY_BITS) - 1);
}

static const struct hp_entity *find(const char *name, size_t len)
{
    uint32_t slot = hash(name, len);
    for (; hp_entity_slot[slot]; slot = (slot + 1) & ((1u << HP_ENTITY_BITS) - 1)) {
        const struct hp_entity *entity = &hp_entity_row[hp_entity_slot[slot] - 1];
        if (entity->name_len == len && memcmp(entity->name, name, len) == 0)
            return entity;
    }
    return NULL;
}

// The longest old name that begins a run of `run` letters and digits.
static const struct hp_entity *find_legacy(const char *name, size_t run)
{
    size_t len = run < HP_ENTITY_LEGACY_LONGEST ? run : HP_ENTITY_LEGACY_LONGEST;
    for (; len >= 2; len--) {
        const struct hp_entity *entity = find(name, len);
        if (entity && entity->legacy)
            return entity;
    }
    return NULL;
}

static size_t take(const struct hp_entity *entity, char *out, size_t *out_len)
{
    memcpy(out, entity->text, HP_ENTITY_TEXT_MAX);
    *out_len = entity->len;
    return 1 + (size_t)entity->name_len;
}

static size_t named(hp_str s, size_t at, bool attribute, char *out, size_t *out_len)
{
    const char *name = s.ptr + at + 1;
    size_t left = s.len - at - 1, run = 0;
    while (run < left && run <= HP_ENTITY_LONGEST && hp_ascii_alnum(name[run]))
        run++;
    const struct hp_entity *entity = NULL;
    if (run < left && name[run] == ';' && (entity = find(name, run)) != NULL)
        return take(entity, out, out_len) + 1;
    entity = find_legacy(name, run);
    if (!entity)
        return 0;
    size_t len = entity->name_len;
    if (attribute && len < left && (name[len] == '=' || hp_ascii_alnum(name[len])))
        return 0;
    return take(entity, out, out_len) + (len < left && name[len] == ';');
}

size_t hp_html_entity(
    hp_str s, size_t at, bool attribute, char out[HP_ENTITY_TEXT_MAX], size_t *out_len)
{
    if (at + 1 >= s.len)
        return 0;
    if (s.ptr[at + 1] == '#')
        return numeric(s, at, out, out_len);
    return named(s, at, attribute, out, out_len);
}
