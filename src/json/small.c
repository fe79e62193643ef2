// small.c -- the one call of jansson's reader, its errors in our terms, and values that it decides.
#include "json/small.h"

#include <assert.h>
#include <stdio.h>

void hp_json_start(void)
{
    json_object_seed(0);
}

static enum hp_code code_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return HP_DUPLICATE_KEY;
    case json_error_invalid_utf8:
        return HP_BAD_UTF8;
    case json_error_unknown: // left as it was: jansson says nothing where it has no memory
    case json_error_out_of_memory:
        return HP_OVERLOADED;
    case json_error_stack_overflow:
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_premature_end_of_input:
    case json_error_end_of_input_expected:
    case json_error_invalid_syntax:
    case json_error_invalid_format:
    case json_error_wrong_type:
    case json_error_null_character:
    case json_error_null_value:
    case json_error_null_byte_in_key:
    case json_error_numeric_overflow:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        break;
    }
    return HP_BAD_JSON;
}

static const char *what(const json_error_t *error)
{
    switch ((int)json_error_code(error)) {
    case json_error_stack_overflow:
        return "nested too deep";
    case json_error_numeric_overflow:
        return "an integer beyond 64 bits, or a number beyond a double";
    default: // jansson's own text would quote the document
        return "not a JSON value";
    }
}

static enum hp_code refuse(const json_error_t *error, size_t len, size_t offset,
    const char *pointer, struct hp_fault *fault)
{
    enum hp_code code = code_of(error);
    size_t at = error->position > 0 ? (size_t)error->position : 0;
    at = offset + (at < len ? at : len);
    if (code == HP_OVERLOADED)
        return hp_fail(fault, code, NULL, "no memory left to read a value");
    if (code == HP_DUPLICATE_KEY)
        hp_fail_at(fault, code, at, "an object in this value repeats a name");
    else
        hp_fail_at(fault, code, at, "%s", what(error));
    snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
    return code;
}

enum hp_code hp_small_read(const char *text, size_t len, size_t offset, const char *pointer,
    json_t **out, struct hp_fault *fault)
{
    assert(len <= HP_JSON_SMALL_MAX);
    json_error_t error = { .line = -1 }; // jansson sets the code only where it has one
    json_t *value =
        json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value)
        return refuse(&error, len, offset, pointer, fault);
    *out = value;
    return HP_OK;
}

enum { PLAIN_DIGITS = 18 }; // that no 64 bits overflow with

bool hp_small_plain(const char *text, size_t len, int64_t *value)
{
    int64_t sum = 0;
    if (len == 0 || len > PLAIN_DIGITS || (text[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum = sum * 10 + (text[i] - '0');
    }
    *value = sum;
    return true;
}

const char *hp_json_library(void)
{
    return jansson_version_str();
}

// --- for those who read a span themselves --------------------------------------------------------

struct hp_member hp_json_member(const struct hp_json *body, struct hp_span span)
{
    return (struct hp_member){ .value = span.ptr,
        .len = span.len,
        .offset = (size_t)(span.ptr - body->start),
        .kind = *span.ptr == '"' ? HP_JSON_STRING : HP_JSON_OTHER };
}

enum hp_code hp_json_bad_type(const struct hp_json *json, const struct hp_member *member,
    const char *pointer, const char *wanted, struct hp_fault *fault)
{
    HP_DROPPED json_t *value = NULL;
    hp_str text;
    if (member->kind == HP_JSON_STRING)
        HP_TRY(hp_json_string(json, member, &text, fault));
    else if (member->len <= HP_JSON_SMALL_MAX)
        HP_TRY(hp_small_read(member->value, member->len, member->offset, pointer, &value, fault));
    return hp_fail(fault, HP_BAD_TYPE, pointer, "%s", wanted);
}

enum hp_code hp_json_int(const struct hp_json *json, const struct hp_member *member,
    const char *pointer, int64_t *out, struct hp_fault *fault)
{
    HP_DROPPED json_t *value = NULL;
    if (hp_small_plain(member->value, member->len, out))
        return HP_OK;
    if (member->kind == HP_JSON_STRING || member->len > HP_JSON_SMALL_MAX)
        return hp_json_bad_type(json, member, pointer, "an integer", fault);
    HP_TRY(hp_small_read(member->value, member->len, member->offset, pointer, &value, fault));
    if (!json_is_integer(value))
        return hp_fail(fault, HP_BAD_TYPE, pointer, "an integer");
    *out = json_integer_value(value);
    return HP_OK;
}

enum hp_code hp_json_numbers(const struct hp_json *json, const struct hp_member *member,
    const char *pointer,
    enum hp_code (*each)(void *context, hp_str name, double value, const int64_t *integer,
        const char *pointer, struct hp_fault *fault),
    void *context, struct hp_fault *fault)
{
    HP_DROPPED json_t *object = NULL;
    const char *name;
    json_t *value;
    if (member->kind == HP_JSON_STRING)
        return hp_json_bad_type(json, member, pointer, "an object of numbers", fault);
    if (member->len > HP_JSON_SMALL_MAX)
        return hp_fail_limit(
            fault, HP_TOO_LARGE, pointer, HP_JSON_SMALL_MAX, "at most %d bytes", HP_JSON_SMALL_MAX);
    HP_TRY(hp_small_read(member->value, member->len, member->offset, pointer, &object, fault));
    if (!json_is_object(object))
        return hp_fail(fault, HP_BAD_TYPE, pointer, "an object of numbers");
    json_object_foreach(object, name, value)
    {
        char place[HP_POINTER_MAX];
        hp_pointer_under(place, pointer, hp_str_from(name));
        if (!json_is_number(value))
            return hp_fail(fault, HP_BAD_TYPE, place, "a number");
        int64_t integer = json_is_integer(value) ? json_integer_value(value) : 0;
        HP_TRY(each(context, hp_str_from(name), json_number_value(value),
            json_is_integer(value) ? &integer : NULL, place, fault));
    }
    return HP_OK;
}
