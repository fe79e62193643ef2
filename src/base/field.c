// field.c -- a struct filled through its table: every type is one reader from text to the stored
// value, and every refusal says what would be right, never what was sent.
#include "hotpathd/field.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// --- what a field takes, in words ----------------------------------------------------------------

static const char *const kinds[] = {
    [HP_BOOL] = "true or false",
    [HP_INT] = "an integer",
    [HP_REAL] = "a number",
    [HP_WORD] = "one of",
    [HP_STRING] = "a string",
    [HP_SIZE] = "a number of bytes, or a size as in 16MiB",
    [HP_PERCENT] = "a percentage with at most two decimals",
    [HP_MODE] = "an octal file mode as in 0660",
    [HP_LIST] = "a list of strings",
    [HP_OBJECT] = "an object",
    [HP_SPAN] = "a JSON value",
    [HP_BASE] = "the name of a preset",
    [HP_PRESETS] = "presets by name",
};

static void bound_show(const struct hp_field *field, int64_t bound, char *text, size_t size)
{
    bool counts_bytes = field->type == HP_STRING || field->type == HP_LIST;
    struct hp_field row = { .type = counts_bytes || field->type == HP_REAL ? HP_INT : field->type };
    hp_field_show(&row, &bound, text, size);
}

// "1 to 1000000", "at least 1", "off, shadow, canary or on"; empty where anything goes.
static void range_show(const struct hp_field *field, char *text, size_t size)
{
    text[0] = '\0';
    if (field->type == HP_WORD) {
        for (size_t i = 0, len = 0; field->words[i] && len < size; i++) {
            const char *between = i == 0 ? "" : field->words[i + 1] ? ", " : " or ";
            len += (size_t)snprintf(text + len, size - len, "%s%s", between, field->words[i]);
        }
        return;
    }
    if (field->type == HP_BOOL || field->type == HP_OBJECT ||
        (field->min == 0 && field->max == 0) ||
        (field->type == HP_STRING && field->min == 0 && field->max == INT64_MAX))
        return;
    char least[32], most[32];
    const char *unit = field->type == HP_STRING || field->type == HP_LIST ? " bytes" : "";
    bound_show(field, field->min, least, sizeof least);
    bound_show(field, field->max, most, sizeof most);
    if (field->max == INT64_MAX)
        snprintf(text, size, "at least %s%s", least, unit);
    else
        snprintf(text, size, "%s to %s%s", least, most, unit);
}

enum hp_code hp_field_bad_type(
    const struct hp_field *field, const char *pointer, struct hp_fault *fault)
{
    char range[HP_DETAIL_MAX];
    range_show(field, range, sizeof range);
    const char *between = !range[0] ? "" : field->type == HP_WORD ? " " : ", ";
    if (field->type == HP_OBJECT && field->bare)
        return hp_fail(fault, HP_BAD_TYPE, pointer, "an object, or %s",
            field->flags & HP_NULLABLE ? "null" : "the name of a preset");
    return hp_fail(fault, HP_BAD_TYPE, pointer, "%s%s%s", kinds[field->type], between, range);
}

static enum hp_code out_of_range(
    const struct hp_field *field, const char *pointer, struct hp_fault *fault)
{
    char range[HP_DETAIL_MAX];
    range_show(field, range, sizeof range);
    const char *right = range[0] ? range : kinds[field->type];
    return hp_fail(fault, HP_OUT_OF_RANGE, pointer, "%s", right);
}

static enum hp_code refuse(
    const struct hp_field *field, enum hp_code code, const char *pointer, struct hp_fault *fault)
{
    return code == HP_BAD_TYPE ? hp_field_bad_type(field, pointer, fault)
                               : out_of_range(field, pointer, fault);
}

// --- whole numbers -------------------------------------------------------------------------------

// At least one digit; HP_OUT_OF_RANGE beyond 64 bits.
static enum hp_code digits(hp_str text, int base, int64_t *value)
{
    int64_t sum = 0;
    bool over = false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (digit < 0 || digit >= base)
            return HP_BAD_TYPE;
        over = over || __builtin_mul_overflow(sum, base, &sum) ||
               __builtin_add_overflow(sum, digit, &sum);
    }
    *value = sum;
    return !text.len ? HP_BAD_TYPE : over ? HP_OUT_OF_RANGE : HP_OK;
}

static bool cut_minus(hp_str *text)
{
    if (!text->len || text->ptr[0] != '-')
        return false;
    text->ptr++, text->len--;
    return true;
}

// No leading zeros: half of the world reads 010 as eight.
static bool leads_with_zero(hp_str text)
{
    return text.len > 1 && text.ptr[0] == '0';
}

static enum hp_code read_int(hp_str text, int64_t *value)
{
    bool minus = cut_minus(&text);
    if (leads_with_zero(text))
        return HP_BAD_TYPE;
    HP_TRY(digits(text, 10, value));
    *value = minus ? -*value : *value;
    return HP_OK;
}

static const struct {
    const char *name;
    int64_t bytes;
} units[] = { { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 } };

enum { UNITS = sizeof units / sizeof *units };

static enum hp_code read_size(hp_str text, int64_t *value)
{
    int64_t unit = 1;
    for (size_t i = 0; i < UNITS && unit == 1; i++)
        if (text.len > 3 && memcmp(text.ptr + text.len - 3, units[i].name, 3) == 0) {
            unit = units[i].bytes;
            text.len -= 3;
        }
    HP_TRY(read_int(text, value));
    return __builtin_mul_overflow(*value, unit, value) ? HP_OUT_OF_RANGE : HP_OK;
}

static enum hp_code read_percent(hp_str text, int64_t *value)
{
    bool minus = cut_minus(&text);
    hp_str fraction = text, whole = hp_str_cut(&fraction, '.');
    bool has_fraction = fraction.ptr != NULL;
    int64_t hundredths = 0;
    if (leads_with_zero(whole) || fraction.len > 2)
        return HP_BAD_TYPE;
    HP_TRY(digits(whole, 10, value));
    if (has_fraction)
        HP_TRY(digits(fraction, 10, &hundredths));
    if (fraction.len == 1)
        hundredths *= 10;
    if (__builtin_mul_overflow(*value, 100, value) ||
        __builtin_add_overflow(*value, hundredths, value))
        return HP_OUT_OF_RANGE;
    *value = minus ? -*value : *value;
    return HP_OK;
}

// 0660 or 0o660; a bare 660 is refused, since YAML and people read it in different bases.
static enum hp_code read_mode(hp_str text, int64_t *value)
{
    if (text.len < 2 || text.ptr[0] != '0')
        return HP_BAD_TYPE;
    size_t head = text.ptr[1] == 'o' ? 2 : 1;
    return digits((hp_str){ text.ptr + head, text.len - head }, 8, value);
}

static enum hp_code (*const readers[])(hp_str text, int64_t *value) = {
    [HP_INT] = read_int,
    [HP_SIZE] = read_size,
    [HP_PERCENT] = read_percent,
    [HP_MODE] = read_mode,
    [HP_PRESETS] = NULL,
};

static bool is_any(const struct hp_field *field)
{
    return field->min == 0 && field->max == 0;
}

static enum hp_code set_int(const struct hp_field *field, void *at, int64_t value,
    const char *pointer, struct hp_fault *fault)
{
    if (!is_any(field) && (value < field->min || value > field->max)) {
        enum hp_code code = out_of_range(field, pointer, fault);
        if (field->type == HP_INT || field->type == HP_SIZE)
            fault->limit = value < field->min ? field->min : field->max;
        return code;
    }
    memcpy(at, &value, sizeof value);
    return HP_OK;
}

// --- the other types -----------------------------------------------------------------------------

static enum hp_code set_real(const struct hp_field *field, void *at, double value,
    const char *pointer, struct hp_fault *fault)
{
    bool inside = is_any(field) || (value >= (double)field->min &&
                                       (field->max == INT64_MAX || value <= (double)field->max));
    if (!isfinite(value) || !inside)
        return out_of_range(field, pointer, fault);
    memcpy(at, &value, sizeof value);
    return HP_OK;
}

static size_t skip_digits(const char *text, size_t at)
{
    while (text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

// RFC 8259, section 6: what strtod takes beyond it (hexadecimal, "inf", blanks) is no number here.
static bool is_number(const char *text)
{
    size_t start = text[0] == '-', at = skip_digits(text, start);
    if (at == start || (text[start] == '0' && at > start + 1))
        return false;
    if (text[at] == '.') {
        start = at + 1;
        at = skip_digits(text, start);
        if (at == start)
            return false;
    }
    if (text[at] == 'e' || text[at] == 'E') {
        start = at + 1 + (text[at + 1] == '+' || text[at + 1] == '-');
        at = skip_digits(text, start);
        if (at == start)
            return false;
    }
    return text[at] == '\0';
}

static enum hp_code text_to_real(const struct hp_field *field, void *at, hp_str text,
    const char *pointer, struct hp_fault *fault)
{
    char number[64];
    if (text.len >= sizeof number)
        return hp_field_bad_type(field, pointer, fault);
    snprintf(number, sizeof number, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    if (strlen(number) != text.len || !is_number(number))
        return hp_field_bad_type(field, pointer, fault);
    return set_real(field, at, strtod(number, NULL), pointer, fault);
}

static enum hp_code text_to_bool(const struct hp_field *field, void *at, hp_str text,
    const char *pointer, struct hp_fault *fault)
{
    bool value = hp_str_is(text, "true");
    if (!value && !hp_str_is(text, "false"))
        return hp_field_bad_type(field, pointer, fault);
    memcpy(at, &value, sizeof value);
    return HP_OK;
}

static enum hp_code text_to_word(const struct hp_field *field, void *at, hp_str text,
    const char *pointer, struct hp_fault *fault)
{
    int word = 0;
    while (field->words[word] && !hp_str_is(text, field->words[word]))
        word++;
    if (!field->words[word])
        return out_of_range(field, pointer, fault);
    memcpy(at, &word, sizeof word);
    return HP_OK;
}

static enum hp_code text_to_string(const struct hp_field *field, hp_str *at, hp_str text,
    const char *pointer, struct hp_arena *arena, struct hp_fault *fault)
{
    int64_t len = (int64_t)text.len;
    if (!is_any(field) && (len < field->min || len > field->max))
        return out_of_range(field, pointer, fault);
    if (arena) {
        text.ptr = hp_arena_text(arena, text);
        if (!text.ptr)
            return hp_no_memory(arena, fault);
    }
    *at = text;
    return HP_OK;
}

static enum hp_code text_to_list(const struct hp_field *field, struct hp_list *at, hp_str text,
    const char *pointer, struct hp_arena *arena, struct hp_fault *fault)
{
    if (at->count == HP_LIST_MAX)
        return hp_fail_limit(
            fault, HP_OUT_OF_RANGE, pointer, HP_LIST_MAX, "at most %d items", HP_LIST_MAX);
    HP_TRY(text_to_string(field, &at->item[at->count], text, pointer, arena, fault));
    at->count++;
    return HP_OK;
}

static enum hp_code text_to_int(const struct hp_field *field, void *at, hp_str text,
    const char *pointer, struct hp_fault *fault)
{
    int64_t value;
    enum hp_code code = readers[field->type](text, &value);
    if (code)
        return refuse(field, code, pointer, fault);
    return set_int(field, at, value, pointer, fault);
}

enum hp_code hp_field_text(const struct hp_field *field, void *out, hp_str text,
    const char *pointer, struct hp_arena *arena, struct hp_fault *fault)
{
    void *at = (char *)out + field->offset;
    switch (field->type) {
    case HP_BOOL:
        return text_to_bool(field, at, text, pointer, fault);
    case HP_REAL:
        return text_to_real(field, at, text, pointer, fault);
    case HP_WORD:
        return text_to_word(field, at, text, pointer, fault);
    case HP_STRING:
        return text_to_string(field, at, text, pointer, arena, fault);
    case HP_LIST:
        return text_to_list(field, at, text, pointer, arena, fault);
    case HP_OBJECT:
        return field->bare ? field->bare(at, text, pointer, fault)
                           : hp_field_bad_type(field, pointer, fault);
    case HP_BASE:
        return field->bare(at, text, pointer, fault);
    case HP_SPAN:
    case HP_PRESETS:
        return hp_field_bad_type(field, pointer, fault);
    case HP_INT:
    case HP_SIZE:
    case HP_PERCENT:
    case HP_MODE:
        break;
    }
    return text_to_int(field, at, text, pointer, fault);
}

enum hp_code hp_field_int(const struct hp_field *field, void *out, int64_t value,
    const char *pointer, struct hp_fault *fault)
{
    void *at = (char *)out + field->offset;
    if (field->type == HP_REAL)
        return set_real(field, at, (double)value, pointer, fault);
    if (!readers[field->type])
        return hp_field_bad_type(field, pointer, fault);
    if (field->type == HP_PERCENT && __builtin_mul_overflow(value, 100, &value))
        return out_of_range(field, pointer, fault);
    return set_int(field, at, value, pointer, fault);
}

// --- defaults ------------------------------------------------------------------------------------

static const size_t sizes[] = {
    [HP_BOOL] = sizeof(bool),
    [HP_INT] = sizeof(int64_t),
    [HP_REAL] = sizeof(double),
    [HP_WORD] = sizeof(int),
    [HP_STRING] = sizeof(hp_str),
    [HP_SIZE] = sizeof(int64_t),
    [HP_PERCENT] = sizeof(int64_t),
    [HP_MODE] = sizeof(int64_t),
    [HP_LIST] = sizeof(struct hp_list),
    [HP_OBJECT] = 0, // its own fields are set one by one
    [HP_SPAN] = sizeof(struct hp_span),
    [HP_BASE] = 0, // stores what other fields do
    [HP_PRESETS] = sizeof(struct hp_presets),
};

static void preset(const struct hp_field *field, void *out, hp_str text)
{
    struct hp_fault fault = HP_FAULT_NONE;
    enum hp_code code = hp_field_text(field, out, text, "", NULL, &fault);
    assert(code == HP_OK);
}

static void preset_list(const struct hp_field *field, void *out)
{
    for (hp_str rest = hp_str_from(field->preset); rest.len;) {
        hp_str item = hp_str_cut(&rest, ' ');
        if (item.len)
            preset(field, out, item);
    }
}

void hp_fields_preset(const struct hp_field *fields, void *out)
{
    for (const struct hp_field *field = fields; field->key; field++) {
        void *at = (char *)out + field->offset;
        memset(at, 0, sizes[field->type]);
        if (field->type == HP_OBJECT)
            hp_fields_preset(field->fields, at);
        if (field->preset && field->type == HP_LIST)
            preset_list(field, out);
        else if (field->preset)
            preset(field, out, hp_str_from(field->preset));
    }
}

const struct hp_field *hp_field_find(const struct hp_field *fields, hp_str key)
{
    for (const struct hp_field *field = fields; field->key; field++)
        if (hp_str_is(key, field->key))
            return field;
    return NULL;
}

const struct hp_preset *hp_preset_find(const struct hp_presets *presets, hp_str name)
{
    for (size_t i = 0; presets && i < presets->count; i++)
        if (hp_str_equal(presets->item[i].name, name))
            return &presets->item[i];
    return NULL;
}
