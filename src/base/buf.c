// buf.c -- appending, with doubling.
#include "hotpathd/buf.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST = 256 };

bool hp_buf_grow(struct hp_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    size_t need;
    if (__builtin_add_overflow(buf->len, more, &need) || need > SIZE_MAX / 4) {
        buf->arena->why = HP_TOO_LARGE;
        buf->failed = true;
        return false;
    }
    size_t cap = buf->cap ? buf->cap * 2 : FIRST;
    if (cap < need)
        cap = need;
    char *ptr = hp_grow(buf->arena, buf->ptr, buf->cap, cap);
    if (!ptr) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

void hp_buf_uint(struct hp_buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    hp_buf_add(buf, (hp_str){ digits + at, sizeof digits - at });
}

void hp_buf_format(struct hp_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !hp_buf_room(buf, (size_t)len + 1))
        return;
    va_start(args, format);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

enum hp_code hp_buf_check(const struct hp_buf *buf, struct hp_fault *fault)
{
    return buf->failed ? hp_no_memory(buf->arena, fault) : HP_OK;
}
