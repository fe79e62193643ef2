// query.c -- a query string read through a table: each pair is decoded in one copy of the whole,
// its key is walked down the table dot by dot; when all are known, the values go the way of every
// text.
#include "hotpathd/field.h"

#include "hotpathd/utf8.h"

struct pair {
    hp_str key, value; // decoded
    const struct hp_field *field;
    struct pair *next;
};

struct query {
    const struct hp_field *fields;
    void *out;
    char *decoded;             // the next free byte of the copy
    struct pair *first, *last; // in their order
    struct hp_arena *arena;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The byte that two hexadecimal digits behind `at` stand for, or -1.
static int escaped_byte(hp_str raw, size_t at)
{
    if (raw.len - at < 3)
        return -1;
    int high = hex_digit(raw.ptr[at + 1]), low = hex_digit(raw.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static enum hp_code decode(struct query *query, hp_str raw, hp_str *out, struct hp_fault *fault)
{
    char *to = query->decoded;
    for (size_t at = 0; at < raw.len; at++) {
        int byte = raw.ptr[at] == '+' ? ' ' : (unsigned char)raw.ptr[at];
        if (raw.ptr[at] == '%') {
            byte = escaped_byte(raw, at);
            if (byte < 0)
                return hp_fail(fault, HP_BAD_QUERY, NULL,
                    "a percent sign and two hexadecimal digits for a byte, %%25 for the sign");
            at += 2;
        }
        *to++ = (char)byte;
    }
    hp_str text = { query->decoded, (size_t)(to - query->decoded) };
    if (hp_utf8_valid(text) < text.len)
        return hp_fail(fault, HP_BAD_QUERY, NULL, "UTF-8 behind the percent signs");
    query->decoded = to;
    *out = text;
    return HP_OK;
}

// `fields` is NULL below what is no object.
static enum hp_code unknown_key(
    const struct hp_field *fields, hp_str name, const char *pointer, struct hp_fault *fault)
{
    const char *nearest = fields ? hp_field_nearest(fields, name) : NULL;
    if (nearest)
        return hp_fail(fault, HP_BAD_QUERY, pointer, "unknown key; did you mean `%s`?", nearest);
    return hp_fail(fault, HP_BAD_QUERY, pointer, "unknown key");
}

// The field that a dotted key names, and the struct that it lies in.
static enum hp_code find(const struct query *query, hp_str key, char *pointer,
    const struct hp_field **field, void **holder, struct hp_fault *fault)
{
    const struct hp_field *fields = query->fields;
    void *out = query->out;
    for (hp_str rest = key;;) {
        hp_str name = hp_str_cut(&rest, '.');
        const struct hp_field *found = fields ? hp_field_find(fields, name) : NULL;
        hp_pointer_add(pointer, name);
        if (!found)
            return unknown_key(fields, name, pointer, fault);
        if (!rest.ptr) {
            *field = found;
            *holder = out;
            return HP_OK;
        }
        if (found->open)
            found->open((char *)out + found->offset);
        fields = found->type == HP_OBJECT ? found->fields : NULL;
        out = (char *)out + found->offset;
    }
}

// Whether one key is the other, or names an object that the other lies in.
static bool overlap(hp_str a, hp_str b)
{
    hp_str shorter = a.len < b.len ? a : b, longer = a.len < b.len ? b : a;
    return memcmp(shorter.ptr, longer.ptr, shorter.len) == 0 &&
           (longer.len == shorter.len || longer.ptr[shorter.len] == '.');
}

static enum hp_code note(
    struct query *query, const struct pair *pair, const char *pointer, struct hp_fault *fault)
{
    for (const struct pair *seen = query->first; seen; seen = seen->next)
        if (overlap(seen->key, pair->key))
            return hp_fail(fault, HP_BAD_QUERY, pointer,
                seen->key.len == pair->key.len ? "every key once"
                                               : "an object as one word, or its parts, not both");
    struct pair *kept = HP_NEW_RAW(query->arena, struct pair, 1);
    if (!kept)
        return hp_no_memory(query->arena, fault);
    *kept = *pair;
    if (query->last)
        query->last->next = kept;
    else
        query->first = kept;
    query->last = kept;
    return HP_OK;
}

static enum hp_code read_pair(struct query *query, hp_str text, struct hp_fault *fault)
{
    hp_str raw_value = text, raw_key = hp_str_cut(&raw_value, '=');
    struct pair pair = { .next = NULL };
    char pointer[HP_POINTER_MAX] = "";
    void *holder = NULL;
    HP_TRY(decode(query, raw_key, &pair.key, fault));
    HP_TRY(decode(query, raw_value, &pair.value, fault));
    HP_TRY(find(query, pair.key, pointer, &pair.field, &holder, fault));
    return note(query, &pair, pointer, fault); // known keys only: a query cannot make this long
}

// Sets the fields of type HP_BASE, or all others.
static enum hp_code set_values(const struct query *query, bool base, struct hp_fault *fault)
{
    for (const struct pair *pair = query->first; pair; pair = pair->next) {
        char pointer[HP_POINTER_MAX] = "";
        const struct hp_field *field = NULL;
        void *holder = NULL;
        if ((pair->field->type == HP_BASE) != base)
            continue;
        HP_TRY(find(query, pair->key, pointer, &field, &holder, fault));
        HP_TRY(hp_field_text(field, holder, pair->value, pointer, NULL, fault));
    }
    return HP_OK;
}

enum hp_code hp_query_read(hp_str query, const struct hp_field *fields, void *out,
    struct hp_arena *arena, struct hp_fault *fault)
{
    char *copy = HP_NEW_RAW(arena, char, query.len);
    if (!copy)
        return hp_no_memory(arena, fault);
    struct query state = { .fields = fields, .out = out, .decoded = copy, .arena = arena };
    for (hp_str rest = query; rest.len;) {
        hp_str pair = hp_str_cut(&rest, '&');
        if (pair.len)
            HP_TRY(read_pair(&state, pair, fault));
    }
    HP_TRY(set_values(&state, true, fault));
    return set_values(&state, false, fault);
}
