// buf.h -- bytes that grow in an arena. A failed append marks the buffer, later ones do nothing: a
// chain of appends is checked once, with hp_buf_check.
#pragma once

#include "hotpathd/arena.h"

struct hp_buf {
    char *ptr;
    size_t len, cap;
    struct hp_arena *arena;
    bool failed;
};

static inline struct hp_buf hp_buf_in(struct hp_arena *arena)
{
    return (struct hp_buf){ .arena = arena };
}

static inline hp_str hp_buf_str(const struct hp_buf *buf)
{
    return (hp_str){ buf->ptr, buf->len };
}

// What hp_buf_room does where the buffer must grow.
bool hp_buf_grow(struct hp_buf *buf, size_t more);

// Room for `more` bytes behind `len`; false (and marked) where there is none. Here and inline,
// since a small reply is a hundred short appends, most of a length that the compiler knows.
static inline bool hp_buf_room(struct hp_buf *buf, size_t more)
{
    return (!buf->failed && more <= buf->cap - buf->len) || hp_buf_grow(buf, more);
}

static inline void hp_buf_add(struct hp_buf *buf, hp_str s)
{
    if (s.len == 0 || !hp_buf_room(buf, s.len))
        return;
    memcpy(buf->ptr + buf->len, s.ptr, s.len);
    buf->len += s.len;
}

static inline void hp_buf_char(struct hp_buf *buf, char c)
{
    if (hp_buf_room(buf, 1))
        buf->ptr[buf->len++] = c;
}

void hp_buf_uint(struct hp_buf *buf, uint64_t value);
void hp_buf_format(struct hp_buf *buf, const char *format, ...) HP_PRINTF(2, 3);

HP_MUST_USE enum hp_code hp_buf_check(const struct hp_buf *buf, struct hp_fault *fault);
