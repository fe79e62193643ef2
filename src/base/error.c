// error.c -- the table of errors, and the one place where a fault is written down.
#include "hotpathd/error.h"

#include "hotpathd/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const struct hp_error_info table[HP_CODES] = {
    [HP_OK] = { 200, "ok", "OK" },
#define HP_ERROR(name, status, slug, title) [name] = { status, slug, title },
#include "hotpathd/errors.def"
#undef HP_ERROR
};

const struct hp_error_info *hp_error_info(enum hp_code code)
{
    assert((unsigned)code < HP_CODES);
    return &table[code];
}

static void detail_write(struct hp_fault *fault, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void detail_write(struct hp_fault *fault, const char *format, va_list args)
{
    int len = vsnprintf(fault->detail, sizeof fault->detail, format, args);
    if (len >= (int)sizeof fault->detail) {
        // snprintf may have left the head of a character at the end: cut before it
        hp_str text = { fault->detail, sizeof fault->detail };
        fault->detail[hp_str_cut_at(text, sizeof fault->detail - 1)] = '\0';
    }
}

static void start(struct hp_fault *fault, enum hp_code code, const char *pointer)
{
    *fault = HP_FAULT_NONE;
    fault->code = code;
    if (pointer)
        snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
}

enum hp_code hp_fail(
    struct hp_fault *fault, enum hp_code code, const char *pointer, const char *format, ...)
{
    va_list args;
    start(fault, code, pointer);
    va_start(args, format);
    detail_write(fault, format, args);
    va_end(args);
    return code;
}

enum hp_code hp_fail_at(
    struct hp_fault *fault, enum hp_code code, size_t offset, const char *format, ...)
{
    va_list args;
    start(fault, code, NULL);
    fault->offset = (int64_t)offset;
    va_start(args, format);
    detail_write(fault, format, args);
    va_end(args);
    return code;
}

enum hp_code hp_fail_limit(struct hp_fault *fault, enum hp_code code, const char *pointer,
    uint64_t limit, const char *format, ...)
{
    va_list args;
    start(fault, code, pointer);
    fault->limit = (int64_t)limit;
    va_start(args, format);
    detail_write(fault, format, args);
    va_end(args);
    return code;
}

enum { NAME_MAX_BYTES = 64 };

// Bytes of `name` at `at` that can be shown as they are: printable ASCII, or a whole UTF-8
// character.
static size_t showable(hp_str name, size_t at)
{
    unsigned char c = (unsigned char)name.ptr[at];
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    return hp_utf8_len(name, at);
}

void hp_pointer_add(char *pointer, hp_str name)
{
    char out[NAME_MAX_BYTES * 2];
    size_t len = 0;
    for (size_t i = 0; i < name.len && i < NAME_MAX_BYTES;) {
        size_t step = showable(name, i);
        if (i + (step ? step : 1) > NAME_MAX_BYTES)
            break;
        if (step == 1 && (name.ptr[i] == '~' || name.ptr[i] == '/')) {
            out[len++] = '~';
            out[len++] = name.ptr[i] == '~' ? '0' : '1';
        } else if (step) {
            memcpy(out + len, name.ptr + i, step);
            len += step;
        } else {
            out[len++] = '?';
            step = 1;
        }
        i += step;
    }
    size_t have = strlen(pointer);
    if (have + 1 + len + 1 > HP_POINTER_MAX)
        return; // deeper than any contract: the parents name the place well enough
    pointer[have++] = '/';
    memcpy(pointer + have, out, len);
    pointer[have + len] = '\0';
}

void hp_pointer_under(char *pointer, const char *parent, hp_str name)
{
    size_t len = strnlen(parent, HP_POINTER_MAX - 1);
    memcpy(pointer, parent, len);
    pointer[len] = '\0';
    hp_pointer_add(pointer, name);
}
