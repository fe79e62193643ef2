// reader.c -- walks an object or array by spans: a value is delimited first, by its quotes or
// brackets alone, and judged when somebody reads it. Nothing here depends on how deep values nest.
#include "json/nesting.h"
#include "json/small.h"
#include "json/strings.h"

// --- spans ---------------------------------------------------------------------------------------

enum { LOOKED_EVERY = 64 << 10 }; // bytes: some 50 us at the worst

// What walks over bytes stops where this is true; what was to come next is then not there, and
// bad_json says why.
static bool late(const struct hp_json *json)
{
    return json->deadline && hp_deadline_passed(json->deadline);
}

// Where a walk from `at` on looks at the deadline again.
static char *look_behind(const char *at, const char *end)
{
    size_t left = (size_t)(end - at);
    return (char *)at + (left < LOOKED_EVERY ? left : LOOKED_EVERY);
}

static char *skip_blanks(const struct hp_json *json, char *at)
{
    for (;;) {
        const char *look = look_behind(at, json->end);
        while (at < look && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
            at++;
        if (at < look || at == json->end || late(json))
            return at;
    }
}

// Behind the quote or bracket that closes what opens at json->at; NULL where there is none.
static char *close_of(const struct hp_json *json)
{
    bool string = *json->at == '"';
    struct hp_nesting nesting = { .quoted = string };
    const char *at = json->at + string, *closed = NULL;
    while (at < json->end && !closed) {
        const char *look = look_behind(at, json->end);
        closed = string ? hp_json_unquote(&nesting, at, look) : hp_json_close(&nesting, at, look);
        if (!closed && late(json))
            return NULL;
        at = look;
    }
    return (char *)closed;
}

static char *scalar_end(const struct hp_json *json)
{
    static const bool ends[256] = {
        [','] = true,
        [']'] = true,
        ['}'] = true,
        [' '] = true,
        ['\n'] = true,
        ['\t'] = true,
        ['\r'] = true,
    };
    for (char *at = json->at;;) {
        const char *look = look_behind(at, json->end);
        while (at < look && !ends[(unsigned char)*at])
            at++;
        if (at < look || at == json->end)
            return at;
        if (late(json))
            return NULL;
    }
}

static size_t offset_of(const struct hp_json *json, const char *at)
{
    return (size_t)(at - json->start);
}

static enum hp_code look_at_deadline(const struct hp_json *json, struct hp_fault *fault)
{
    return json->deadline ? hp_deadline_check(json->deadline, fault) : HP_OK;
}

static enum hp_code bad_json(
    const struct hp_json *json, const char *at, const char *expected, struct hp_fault *fault)
{
    HP_TRY(look_at_deadline(json, fault));
    return hp_fail_at(fault, HP_BAD_JSON, offset_of(json, at), "%s", expected);
}

// Delimits the value at json->at and moves behind it.
static enum hp_code take_value(
    struct hp_json *json, struct hp_member *member, struct hp_fault *fault)
{
    char *at = json->at, *behind;
    char first = at < json->end ? *at : ',';
    if (first == '"' || first == '{' || first == '[')
        behind = close_of(json);
    else
        behind = scalar_end(json);
    if (!behind)
        return bad_json(json, at, "this value is not closed", fault);
    if (behind == at)
        return bad_json(json, at, "a value was expected", fault);
    member->value = at;
    member->len = (size_t)(behind - at);
    member->offset = offset_of(json, at);
    member->kind = first == '"' ? HP_JSON_STRING : HP_JSON_OTHER;
    json->at = behind;
    return HP_OK;
}

// --- strings -------------------------------------------------------------------------------------

static enum hp_code bad_escape(enum hp_code code, size_t offset, struct hp_fault *fault)
{
    return hp_fail_at(fault, code, offset,
        code == HP_BAD_UTF8 ? "half a surrogate pair" : "not an escape of JSON");
}

static enum hp_code bad_byte(unsigned char c, size_t offset, struct hp_fault *fault)
{
    if (c < 0x20)
        return hp_fail_at(fault, HP_BAD_JSON, offset, "a control character must be escaped");
    return hp_fail_at(fault, HP_BAD_UTF8, offset, "not UTF-8");
}

// What is sound of the next bytes, and the escapes in it: the first fault in reading order wins.
static enum hp_code decode_some(
    const struct hp_json *json, struct hp_json_span *span, struct hp_fault *fault)
{
    bool escaped = span->to != span->from;
    size_t len = (size_t)(look_behind(span->from, span->end) - span->from);
    size_t sound = hp_json_sound((hp_str){ span->from, len }, &escaped);
    if (sound == 0)
        return bad_byte((unsigned char)*span->from, offset_of(json, span->from), fault);
    span->stop = span->from + sound;
    if (!escaped) {
        span->from = span->to += sound;
        return HP_OK;
    }
    enum hp_code code = hp_json_unescape(span);
    return code ? bad_escape(code, offset_of(json, span->from), fault) : HP_OK;
}

enum hp_code hp_json_string(
    const struct hp_json *json, const struct hp_member *member, hp_str *out, struct hp_fault *fault)
{
    char *first = member->value + 1;
    struct hp_json_span span = { .to = first, .from = first, .end = first + member->len - 2 };
    while (span.from < span.end) {
        if (span.from > first)
            HP_TRY(look_at_deadline(json, fault));
        HP_TRY(decode_some(json, &span, fault));
    }
    *out = (hp_str){ first, (size_t)(span.to - first) };
    return HP_OK;
}

// --- members -------------------------------------------------------------------------------------

static enum hp_code refuse_repeated(
    const struct hp_json *json, const struct hp_member *member, struct hp_fault *fault)
{
    for (size_t i = 0; i < json->count; i++) {
        if (!hp_str_equal(json->names[i], member->name))
            continue;
        char pointer[HP_POINTER_MAX];
        hp_pointer_under(pointer, json->pointer, member->name);
        return hp_fail(fault, HP_DUPLICATE_KEY, pointer, "this name was there before");
    }
    return HP_OK;
}

static enum hp_code take_name(
    struct hp_json *json, struct hp_member *member, struct hp_fault *fault)
{
    if (json->at == json->end || *json->at != '"')
        return bad_json(json, json->at, "a name in quotes was expected", fault);
    if (json->count == HP_JSON_MEMBERS_MAX)
        return hp_fail_limit(fault, HP_TOO_LARGE, json->pointer, HP_JSON_MEMBERS_MAX,
            "at most %d members in an object", HP_JSON_MEMBERS_MAX);
    HP_TRY(take_value(json, member, fault));
    HP_TRY(hp_json_string(json, member, &member->name, fault));
    if (memchr(member->name.ptr, 0, member->name.len))
        return bad_json(json, member->value, "a name holds U+0000", fault);
    HP_TRY(refuse_repeated(json, member, fault));
    json->names[json->count] = member->name;
    json->at = skip_blanks(json, json->at);
    if (json->at == json->end || *json->at != ':')
        return bad_json(json, json->at, "a colon was expected", fault);
    json->at = skip_blanks(json, json->at + 1);
    return HP_OK;
}

static enum hp_code finish(struct hp_json *json, bool *found, struct hp_fault *fault)
{
    json->at = skip_blanks(json, json->at + 1);
    if (json->at != json->end)
        return bad_json(json, json->at, "the body goes on behind its value", fault);
    *found = false;
    return HP_OK;
}

enum hp_code hp_json_next(
    struct hp_json *json, struct hp_member *member, bool *found, struct hp_fault *fault)
{
    json->at = skip_blanks(json, json->at);
    if (json->at < json->end && *json->at == json->close)
        return finish(json, found, fault);
    if (json->count > 0) {
        if (json->at == json->end || *json->at != ',')
            return bad_json(json, json->at, "a comma or the closing bracket was expected", fault);
        json->at = skip_blanks(json, json->at + 1);
    }
    member->name = (hp_str){ NULL, 0 };
    if (json->close == '}')
        HP_TRY(take_name(json, member, fault));
    HP_TRY(take_value(json, member, fault));
    json->count++;
    *found = true;
    return HP_OK;
}

// --- opening -------------------------------------------------------------------------------------

// The body holds something else than an object: whether that is a fault of type or of syntax
// depends on the whole of it.
static enum hp_code not_an_object(struct hp_json *json, struct hp_fault *fault)
{
    struct hp_member whole;
    HP_DROPPED json_t *value = NULL;
    hp_str text;
    bool found;
    if (json->at == json->end)
        return bad_json(json, json->at, "the body is empty", fault);
    HP_TRY(take_value(json, &whole, fault));
    json->at--;
    HP_TRY(finish(json, &found, fault));
    if (whole.kind == HP_JSON_STRING)
        HP_TRY(hp_json_string(json, &whole, &text, fault));
    else if (whole.len <= HP_JSON_SMALL_MAX)
        HP_TRY(hp_small_read(whole.value, whole.len, whole.offset, "", &value, fault));
    return hp_fail(fault, HP_BAD_TYPE, "", "the body must be an object");
}

enum hp_code hp_json_open(struct hp_json *json, char *body, size_t len,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    json->deadline = deadline;
    json->start = body;
    json->end = body + len;
    json->at = skip_blanks(json, body);
    json->pointer = "";
    json->close = '}';
    json->count = 0;
    if (json->at == json->end || *json->at != '{')
        return not_an_object(json, fault);
    json->at++;
    return HP_OK;
}

void hp_json_enter(struct hp_json *inner, const struct hp_json *json,
    const struct hp_member *member, const char *pointer)
{
    inner->deadline = json->deadline;
    inner->start = json->start;
    inner->end = member->value + member->len;
    inner->at = member->value + 1;
    inner->pointer = pointer;
    inner->close = *member->value == '{' ? '}' : ']';
    inner->count = 0;
}
