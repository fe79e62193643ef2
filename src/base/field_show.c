// field_show.c -- a stored value as text that YAML, and hp_field_text, read back to the same value.
#include "hotpathd/field.h"

#include "hotpathd/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Text that is cut where it no longer fits.
struct text {
    char *ptr;
    size_t len, size;
};

static void put(struct text *text, const char *format, ...) HP_PRINTF(2, 3);

static void put(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->ptr + text->len, text->size - text->len, format, args);
    va_end(args);
    text->len += (size_t)len;
    if (text->len >= text->size)
        text->len = text->size - 1;
}

static void put_size(struct text *text, int64_t bytes)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB" };
    size_t unit = 0;
    while (unit < 3 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    put(text, "%lld%s", (long long)bytes, units[unit]);
}

static void put_percent(struct text *text, int64_t hundredths)
{
    int64_t rest = hundredths % 100;
    put(text, "%s%lld", hundredths < 0 ? "-" : "", llabs(hundredths / 100));
    if (rest % 10)
        put(text, ".%02lld", llabs(rest));
    else if (rest)
        put(text, ".%lld", llabs(rest / 10));
}

// A shortest decimal that reads back to the same double.
static void put_real(struct text *text, double value)
{
    char number[32];
    int precision = 1;
    do
        snprintf(number, sizeof number, "%.*g", precision, value);
    while (strtod(number, NULL) != value && precision++ < 17);
    put(text, "%s", number);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A string that no reader of YAML 1.1 or 1.2 takes for anything else.
static bool is_plain(hp_str s)
{
    static const char *const others[] = { "null", "true", "false", "yes", "no", "on", "off", "y",
        "n" };
    if (s.len == 0 || !(is_letter(s.ptr[0]) || s.ptr[0] == '/'))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_letter(s.ptr[i]) && !(s.ptr[i] >= '0' && s.ptr[i] <= '9') &&
            (s.ptr[i] == '\0' || !strchr("/._-", s.ptr[i])))
            return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (hp_str_equal_nocase(s, hp_str_from(others[i])))
            return false;
    return true;
}

// Everything beyond printable ASCII is escaped: YAML folds some of it and refuses some of it.
static void put_quoted(struct text *text, hp_str s)
{
    put(text, "\"");
    for (size_t at = 0, len; at < s.len; at += len) {
        uint32_t c = hp_utf8_at(s, at, &len);
        if (c == '"' || c == '\\')
            put(text, "\\%c", (int)c);
        else if (c >= 0x20 && c < 0x7f)
            put(text, "%c", (int)c);
        else
            put(text, c > 0xffff ? "\\U%08x" : c > 0xff ? "\\u%04x" : "\\x%02x", c);
    }
    put(text, "\"");
}

static void put_string(struct text *text, hp_str s)
{
    if (is_plain(s))
        put(text, "%.*s", (int)s.len, s.ptr);
    else
        put_quoted(text, s);
}

static void put_list(struct text *text, const struct hp_list *list)
{
    put(text, "[");
    for (size_t i = 0; i < list->count; i++) {
        put(text, "%s", i ? ", " : "");
        put_string(text, list->item[i]);
    }
    put(text, "]");
}

static int64_t stored_int(const void *at)
{
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

void hp_field_show(const struct hp_field *field, const void *in, char *text, size_t size)
{
    const void *at = (const char *)in + field->offset;
    struct text out = { .ptr = text, .size = size };
    text[0] = '\0';
    switch (field->type) {
    case HP_BOOL:
        put(&out, "%s", *(const bool *)at ? "true" : "false");
        return;
    case HP_REAL:
        put_real(&out, *(const double *)at);
        return;
    case HP_WORD:
        put(&out, "%s", field->words[*(const int *)at]);
        return;
    case HP_STRING:
        put_string(&out, *(const hp_str *)at);
        return;
    case HP_LIST:
        put_list(&out, at);
        return;
    case HP_SIZE:
        put_size(&out, stored_int(at));
        return;
    case HP_PERCENT:
        put_percent(&out, stored_int(at));
        return;
    case HP_MODE:
        put(&out, "%04llo", (unsigned long long)stored_int(at));
        return;
    case HP_INT:
        put(&out, "%lld", (long long)stored_int(at));
        return;
    case HP_OBJECT:
    case HP_SPAN:
    case HP_BASE:
    case HP_PRESETS:
        return;
    }
}
