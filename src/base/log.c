// log.c -- every line begins alike: the time (RFC 3339, UTC, microseconds), the level, the message.
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "debug", "info", "warn", "error" };

const char *hp_level_name(enum hp_level level)
{
    return names[level];
}

enum { TIME = sizeof "2026-01-02T03:04:05.678901Z" };

static void write_time(char out[TIME])
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(out, TIME, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, TIME - len, ".%06uZ", (unsigned)(now.tv_nsec / 1000) % 1000000u);
}

void hp_log_start(struct hp_line *line, enum hp_level level, const char *message)
{
    char now[TIME];
    write_time(now);
    hp_line_start(line);
    hp_line_string(line, "ts", hp_str_from(now));
    hp_line_string(line, "level", hp_str_from(hp_level_name(level)));
    hp_line_string(line, "msg", hp_str_from(message));
}

bool hp_log_has_room(int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    return poll(&poller, 1, 0) == 1 && (poller.revents & POLLOUT);
}

void hp_log(enum hp_level level, const char *message, ...)
{
    struct hp_line line;
    va_list pairs;
    hp_log_start(&line, level, message);
    va_start(pairs, message);
    for (const char *key; (key = va_arg(pairs, const char *));)
        hp_line_string(&line, key, hp_str_from(va_arg(pairs, const char *)));
    va_end(pairs);
    hp_line_end(&line);
    // Nobody is left to tell where standard error is gone or its reader has stopped.
    if (!hp_log_has_room(STDERR_FILENO) || write(STDERR_FILENO, line.text, line.len) < 0)
        return;
}
