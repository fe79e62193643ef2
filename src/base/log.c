// log.c -- one JSON object a line, put together on the stack and written with one write.
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "debug", "info", "warn", "error" };

const char *hp_level_name(enum hp_level level)
{
    return names[level];
}

void hp_log_time(char out[28])
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(out, 28, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, 28 - len, ".%06uZ", (unsigned)(now.tv_nsec / 1000) % 1000000u);
}

enum { LINE = 2048 };

struct line {
    char text[LINE];
    size_t len;
};

// What does not fit is left out whole; two bytes stay for the closing brace and the line end.
static void put(struct line *line, const char *text, size_t len)
{
    if (len > LINE - 2 - line->len)
        return;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static size_t escape(char out[7], unsigned char c)
{
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c < 0x20)
        return (size_t)snprintf(out, 7, "\\u%04x", c);
    out[0] = (char)c;
    return 1;
}

static void put_string(struct line *line, const char *text)
{
    char quoted[LINE];
    size_t len = 0;
    quoted[len++] = '"';
    for (const char *at = text; *at && len < LINE - 8; at++) {
        char out[7];
        size_t step = escape(out, (unsigned char)*at);
        memcpy(quoted + len, out, step);
        len += step;
    }
    quoted[len++] = '"';
    put(line, quoted, len);
}

static void put_pair(struct line *line, const char *key, const char *value)
{
    size_t before = line->len;
    put(line, ",", 1);
    put_string(line, key);
    put(line, ":", 1);
    size_t middle = line->len;
    put_string(line, value);
    if (line->len == middle) // the value did not fit: no key without a value
        line->len = before;
}

void hp_log(enum hp_level level, const char *message, ...)
{
    struct line line = { .len = 0 };
    char now[28];
    hp_log_time(now);
    line.len = (size_t)snprintf(
        line.text, LINE, "{\"ts\":\"%s\",\"level\":\"%s\"", now, hp_level_name(level));
    put_pair(&line, "msg", message);
    va_list pairs;
    va_start(pairs, message);
    for (const char *key; (key = va_arg(pairs, const char *));)
        put_pair(&line, key, va_arg(pairs, const char *));
    va_end(pairs);
    line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    // Nobody is left to tell where standard error itself is gone.
    if (write(STDERR_FILENO, line.text, line.len) < 0)
        return;
}
