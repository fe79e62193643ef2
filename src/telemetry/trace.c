// trace.c -- ids as text. A traceparent has its parts at fixed places: 00-<32>-<16>-<2>.
#include "telemetry/trace.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

enum { TRACE_AT = 3, TRACE = 32, PARENT_AT = 36, PARENT = 16, FLAGS_AT = 53, LENGTH = 55 };

// -1: not a lower-case hex digit; the standard takes no others.
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(hp_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (hex_value(s.ptr[i]) < 0)
            return false;
    return true;
}

static bool is_zero(hp_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '0')
            return false;
    return true;
}

static bool is_id(hp_str s)
{
    return is_hex(s) && !is_zero(s);
}

// Version 00 ends behind its flags, ff is no version, a later one may add parts behind another '-'.
static bool fits_version(hp_str header)
{
    hp_str version = { header.ptr, 2 };
    if (!is_hex(version) || hp_str_is(version, "ff"))
        return false;
    return header.len == LENGTH || (!is_zero(version) && header.ptr[LENGTH] == '-');
}

bool hp_traceparent_read(hp_str header, char trace_id[33], char parent_id[17], bool *sampled)
{
    if (header.len < LENGTH || !fits_version(header))
        return false;
    hp_str trace = { header.ptr + TRACE_AT, TRACE };
    hp_str parent = { header.ptr + PARENT_AT, PARENT };
    hp_str flags = { header.ptr + FLAGS_AT, 2 };
    if (header.ptr[TRACE_AT - 1] != '-' || header.ptr[PARENT_AT - 1] != '-' ||
        header.ptr[FLAGS_AT - 1] != '-')
        return false;
    if (!is_id(trace) || !is_id(parent) || !is_hex(flags))
        return false;
    memcpy(trace_id, trace.ptr, TRACE);
    memcpy(parent_id, parent.ptr, PARENT);
    trace_id[TRACE] = parent_id[PARENT] = '\0';
    *sampled = hex_value(flags.ptr[1]) & 1;
    return true;
}

struct generator {
    bool seeded;
    uint64_t s[4];
};

static _Thread_local struct generator generator;

static void seed(struct generator *g)
{
    ssize_t got;
    do {
        got = getrandom(g->s, sizeof g->s, 0);
    } while (got < 0 && errno == EINTR);
    assert(got == sizeof g->s); // so few bytes come whole
    g->seeded = true;
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

// xoshiro256**: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
static uint64_t next(struct generator *g)
{
    uint64_t *s = g->s, out = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return out;
}

static void write_digits(struct generator *g, char *out, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t bits = 0;
    for (size_t i = 0; i < digits; i++) {
        if (i % 16 == 0)
            bits = next(g);
        out[i] = hex[bits & 15];
        bits >>= 4;
    }
    out[digits] = '\0';
}

void hp_id_hex(char *out, size_t digits)
{
    assert(digits > 0);
    if (!generator.seeded)
        seed(&generator);
    do {
        write_digits(&generator, out, digits);
    } while (is_zero((hp_str){ out, digits }));
}
