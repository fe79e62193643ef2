// small.c -- the one call of jansson's reader, and its errors in our terms.
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

const char *hp_json_library(void)
{
    return jansson_version_str();
}
