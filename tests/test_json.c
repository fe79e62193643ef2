// test_json.c -- the reader against jansson, the wide loops against the plain ones, the binding
// against a table of bodies.
#include "json/nesting.h"
#include "json/small.h"
#include "json/strings.h"
#include "json_oracle.h"

#include "test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

// --- material ------------------------------------------------------------------------------------

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)(random_next(state) >> 11) % limit;
}

#define DOC(text) HP_STR(text)

static const hp_str valid[] = {
    DOC("{}"),
    DOC(" \t\r\n{ \t\r\n} \t\r\n"),
    DOC("{\"text\":\"One paragraph.\\n\\nAnother.\"}"),
    DOC("{\"text\":\"\",\"format\":\"markdown\",\"chunk\":{\"max\":512,\"unit\":\"tokens\"}}"),
    DOC("{\"a\":null,\"b\":true,\"c\":false,\"d\":0,\"e\":-0,\"f\":1.5e-3,\"g\":[],\"h\":{}}"),
    DOC("{ \"a\" : [ 1 , \"x\" , { \"b\" : [ [ ] , { } ] } ] , \"c\" : -12.25E+2 }"),
    DOC("{\"\":\"empty name\",\"\\u0061\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"),
    DOC("{\"q\":\"\\\\\",\"r\":\"\\\\\\\"\",\"s\":\"\\\\\\\\\"}"),
    DOC("{\"nul\":\"a\\u0000b\",\"pair\":\"\\ud83d\\ude00\",\"mixed\":\"\\u00e9\\u4e2d\\uffff\"}"),
    DOC("{\"raw\":\"h\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80 \x7f \xef\xbb\xbf\"}"),
    DOC("{\"brackets\":\"]}{[\",\"in\":[\"]\",\"\\\"}\"]}"),
    DOC("{\"n\":9223372036854775807,\"m\":-9223372036854775808,\"big\":1e308}"),
    DOC("{\"long\":\"0123456789012345678901234567890123456789\\n0123456789012345678901234567890123"
        "45678901234567890123456789\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad"
        "\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\"}"),
};

static const hp_str invalid[] = {
    DOC(""),
    DOC(" "),
    DOC("\xef\xbb\xbf{}"),
    DOC("{"),
    DOC("}"),
    DOC("{}}"),
    DOC("{} x"),
    DOC("{}\0"),
    DOC("{}{}"),
    DOC("{,}"),
    DOC("{\"a\"}"),
    DOC("{\"a\":}"),
    DOC("{\"a\":,}"),
    DOC("{\"a\":1,}"),
    DOC("{\"a\":1 2}"),
    DOC("{\"a\":1\"b\":2}"),
    DOC("{\"a\":1;\"b\":2}"),
    DOC("{\"a\"=1}"),
    DOC("{a:1}"),
    DOC("{'a':1}"),
    DOC("{1:1}"),
    DOC("{\"a\":'b'}"),
    DOC("{\"a\":1]"),
    DOC("{\"a\":[}"),
    DOC("{\"a\":[1}]"),
    DOC("{\"a\":{]}"),
    DOC("{\"a\":[1,]}"),
    DOC("{\"a\":[,1]}"),
    DOC("{\"a\":[1 2]}"),
    DOC("{\"a\":[[]}"),
    DOC("{\"a\":\"b}"),
    DOC("{\"a\":\"b\\\"}"),
    DOC("{\"a\":\"b\nc\"}"),
    DOC("{\"a\":\"b\tc\"}"),
    DOC("{\"a\":\"b\0c\"}"),
    DOC("{\"a\":\"\x1f\"}"),
    DOC("{\"a\":\"\\x41\"}"),
    DOC("{\"a\":\"\\u12\"}"),
    DOC("{\"a\":\"\\u12g4\"}"),
    DOC("{\"a\":\"\\U0041\"}"),
    DOC("{\"a\":\"\\ud800\"}"),
    DOC("{\"a\":\"\\udc00\"}"),
    DOC("{\"a\":\"\\ud800x\"}"),
    DOC("{\"a\":\"\\ud800\\n\"}"),
    DOC("{\"a\":\"\\ud800\\ud800\"}"),
    DOC("{\"a\":\"\\ud800\\u0041\"}"),
    DOC("{\"a\":\"\\udc00\\ud800\"}"),
    DOC("{\"a\":\"\x80\"}"),
    DOC("{\"a\":\"\xc3\"}"),
    DOC("{\"a\":\"\xc0\x80\"}"),
    DOC("{\"a\":\"\xe0\x80\x80\"}"),
    DOC("{\"a\":\"\xed\xa0\x80\"}"),
    DOC("{\"a\":\"\xf0\x80\x80\x80\"}"),
    DOC("{\"a\":\"\xf4\x90\x80\x80\"}"),
    DOC("{\"a\":\"\xff\"}"),
    DOC("{\"\xff\":1}"),
    DOC("{\"a\\u0000b\":1}"),
    DOC("{\"a\":1,\"a\":2}"),
    DOC("{\"a\":1,\"\\u0061\":2}"),
    DOC("{\"a\":{\"b\":1,\"b\":2}}"),
    DOC("{\"a\":[{\"b\":1,\"b\":2}]}"),
    DOC("{\"a\":tru}"),
    DOC("{\"a\":TRUE}"),
    DOC("{\"a\":nullx}"),
    DOC("{\"a\":NaN}"),
    DOC("{\"a\":Infinity}"),
    DOC("{\"a\":01}"),
    DOC("{\"a\":+1}"),
    DOC("{\"a\":1.}"),
    DOC("{\"a\":.5}"),
    DOC("{\"a\":1e}"),
    DOC("{\"a\":0x10}"),
    DOC("{\"a\":-}"),
    DOC("{\"a\":1e999}"),
    DOC("{\"a\":9223372036854775808}"),
    DOC("{\"a\":1/*x*/}"),
    DOC("{\"a\":1}//"),
    DOC("{\"a\":\xc2\xa0"
        "1}"),
    DOC("{\"a\" \"b\"}"),
    DOC("{\"a\"::1}"),
    DOC("[1,2"),
    DOC("[1,]"),
    DOC("\"abc"),
    DOC("\"\xff\""),
    DOC("nul"),
    DOC("1 2"),
};

static const hp_str no_objects[] = { DOC("[]"), DOC(" [1,{\"a\":2}] "), DOC("\"text\""), DOC("12"),
    DOC("-1.5e3"), DOC("null"), DOC("true"), DOC("false"), DOC("\"\\ud83d\\ude00\"") };

enum {
    VALID = sizeof valid / sizeof *valid,
    INVALID = sizeof invalid / sizeof *invalid,
    NO_OBJECTS = sizeof no_objects / sizeof *no_objects
};

static void check_agreement(const char *text, size_t len)
{
    const char *dispute = oracle_dispute(text, len);
    ck_assert_msg(!dispute, "%s: %.*s", dispute, (int)len, text);
}

static enum hp_code ours(const char *text, size_t len, struct hp_fault *fault)
{
    json_auto_t *tree = NULL;
    return oracle_ours(text, len, &tree, fault);
}

// --- reader --------------------------------------------------------------------------------------

START_TEST(reads_what_jansson_reads)
{
    struct hp_fault fault;
    for (size_t i = 0; i < VALID; i++) {
        check_agreement(valid[i].ptr, valid[i].len);
        ck_assert_msg(ours(valid[i].ptr, valid[i].len, &fault) == HP_OK, "%s", valid[i].ptr);
    }
}
END_TEST

START_TEST(refuses_what_jansson_refuses)
{
    struct hp_fault fault;
    for (size_t i = 0; i < INVALID; i++) {
        check_agreement(invalid[i].ptr, invalid[i].len);
        ck_assert_msg(ours(invalid[i].ptr, invalid[i].len, &fault) != HP_OK, "%s", invalid[i].ptr);
    }
}
END_TEST

START_TEST(refuses_other_values_than_objects_by_type)
{
    struct hp_fault fault;
    for (size_t i = 0; i < NO_OBJECTS; i++)
        ck_assert_int_eq(ours(no_objects[i].ptr, no_objects[i].len, &fault), HP_BAD_TYPE);
}
END_TEST

START_TEST(refuses_every_truncation)
{
    struct hp_fault fault;
    for (size_t i = 0; i < VALID; i++) {
        size_t len = hp_str_trim(valid[i]).len;
        while (valid[i].ptr[len - 1] != '}')
            len--;
        while (len-- > 0) {
            ck_assert_msg(ours(valid[i].ptr, len, &fault) != HP_OK, "%.*s", (int)len, valid[i].ptr);
            check_agreement(valid[i].ptr, len);
        }
    }
}
END_TEST

static const hp_str pieces[] = { DOC("\""), DOC("\\"), DOC("{"), DOC("}"), DOC("["), DOC("]"),
    DOC(","), DOC(":"), DOC(" "), DOC("\n"), DOC("0"), DOC("-"), DOC("."), DOC("e"), DOC("u"),
    DOC("\\u00e9"), DOC("\\ud800"), DOC("\\udc00"), DOC("\xc3\xa9"), DOC("\xe4\xb8\xad"),
    DOC("\xf0\x9f\x98\x80"), DOC("\x80"), DOC("\xed\xa0"), DOC("\xff"), DOC("\0"), DOC("true"),
    DOC("null"), DOC("\"a\""), DOC("\"a\":1,"), DOC("\\\""), DOC("\\\\") };

// One edit: a piece put in, bytes taken out, a byte changed, or a part said twice.
static size_t mutate(uint64_t *state, char *text, size_t len, size_t max)
{
    size_t at = random_below(state, len + 1), rest = len - at;
    size_t cut = rest ? random_below(state, rest < 8 ? rest : 8) : 0;
    hp_str piece = pieces[random_below(state, sizeof pieces / sizeof *pieces)];
    switch (random_below(state, 4)) {
    case 0:
        if (rest)
            text[at] = (char)random_next(state);
        return len;
    case 1:
        memmove(text + at, text + at + cut, rest - cut);
        return len - cut;
    case 2:
        if (len + cut > max)
            return len;
        memmove(text + at + cut, text + at, rest);
        return len + cut;
    default:
        if (len + piece.len > max)
            return len;
        memmove(text + at + piece.len, text + at, rest);
        memcpy(text + at, piece.ptr, piece.len);
        return len + piece.len;
    }
}

START_TEST(agrees_with_jansson_on_mutated_documents)
{
    enum { MAX = 512 };
    uint64_t state = 20261123;
    char text[MAX];
    for (int round = 0; round < rounds(150000); round++) {
        hp_str seed = valid[random_below(&state, VALID)];
        size_t len = seed.len;
        memcpy(text, seed.ptr, len);
        for (size_t edits = 1 + random_below(&state, 3); edits > 0; edits--)
            len = mutate(&state, text, len, MAX);
        check_agreement(text, len);
    }
}
END_TEST

static const struct placed {
    hp_str body;
    enum hp_code code;
    int64_t offset;
    const char *pointer;
} placed[] = {
    { DOC(""), HP_BAD_JSON, 0, "" },
    { DOC("  "), HP_BAD_JSON, 2, "" },
    { DOC("[1]"), HP_BAD_TYPE, -1, "" },
    { DOC("[1] 2"), HP_BAD_JSON, 4, "" },
    { DOC("{} 2"), HP_BAD_JSON, 3, "" },
    { DOC("{\"a\":\"xy\xff\"}"), HP_BAD_UTF8, 8, "" },
    { DOC("{\"a\":\"x\\n\\ud800\"}"), HP_BAD_UTF8, 9, "" },
    { DOC("{\"a\":\"x\\q\"}"), HP_BAD_JSON, 7, "" },
    { DOC("{\"a\":\"x\x01\"}"), HP_BAD_JSON, 7, "" },
    { DOC("{\"a\":\"x\\q\xff\"}"), HP_BAD_JSON, 7, "" }, // the first fault wins
    { DOC("{\"a\":\"\\n\xff\\q\"}"), HP_BAD_UTF8, 8, "" },
    { DOC("{\"a\":\"\\n\x02\\q\"}"), HP_BAD_JSON, 8, "" },
    { DOC("{\"a\":\"xyz"), HP_BAD_JSON, 5, "" },
    { DOC("{\"a\":1,\"b\":2,\"\\u0061\":3}"), HP_DUPLICATE_KEY, -1, "/a" },
    { DOC("{\"a/b\":1,\"a/b\":3}"), HP_DUPLICATE_KEY, -1, "/a~1b" },
};

START_TEST(names_the_place_of_a_fault)
{
    for (size_t i = 0; i < sizeof placed / sizeof *placed; i++) {
        struct hp_fault fault = HP_FAULT_NONE;
        ck_assert_int_eq(ours(placed[i].body.ptr, placed[i].body.len, &fault), placed[i].code);
        ck_assert_msg(
            fault.offset == placed[i].offset, "%s: %d", placed[i].body.ptr, (int)fault.offset);
        ck_assert_str_eq(fault.pointer, placed[i].pointer);
    }
}
END_TEST

START_TEST(refuses_more_members_than_its_ceiling)
{
    char text[HP_JSON_MEMBERS_MAX * 12 + 16];
    for (int members = HP_JSON_MEMBERS_MAX; members <= HP_JSON_MEMBERS_MAX + 1; members++) {
        struct hp_fault fault = HP_FAULT_NONE;
        size_t len = 0;
        for (int i = 0; i < members; i++)
            len += (size_t)sprintf(text + len, "%c\"m%d\":%d", i ? ',' : '{', i, i);
        text[len++] = '}';
        bool over = members > HP_JSON_MEMBERS_MAX;
        ck_assert_int_eq(ours(text, len, &fault), over ? HP_TOO_LARGE : HP_OK);
        ck_assert_int_eq(fault.limit, over ? HP_JSON_MEMBERS_MAX : -1);
    }
}
END_TEST

// A body of `count` times `unit` between head and tail.
static char *repeat(const char *head, const char *unit, size_t count, const char *tail, size_t *len)
{
    size_t step = strlen(unit);
    char *text = malloc(strlen(head) + step * count + strlen(tail) + HP_PADDING);
    char *at = stpcpy(text, head);
    for (size_t i = 0; i < count; i++, at += step)
        memcpy(at, unit, step);
    at = stpcpy(at, tail);
    memset(at, '"', HP_PADDING);
    *len = (size_t)(at - text);
    return text;
}

// The first member of a body made by repeat().
static enum hp_code first_member(const char *head, const char *unit, size_t count, const char *tail)
{
    struct hp_json json;
    struct hp_member member;
    struct hp_fault fault;
    hp_str text;
    bool found;
    size_t len;
    char *body = repeat(head, unit, count, tail, &len);
    enum hp_code code = hp_json_open(&json, body, len, NULL, &fault);
    if (!code)
        code = hp_json_next(&json, &member, &found, &fault);
    if (!code && member.kind == HP_JSON_STRING)
        code = hp_json_string(&json, &member, &text, &fault);
    free(body);
    return code;
}

// What takes quadratic time here does not end before the suite's own limit.
START_TEST(takes_linear_time_on_hostile_bodies)
{
    enum { MANY = 4 << 20 };
    ck_assert_int_eq(first_member("{\"a\":", "[", MANY, ""), HP_BAD_JSON);
    ck_assert_int_eq(first_member("{\"a\":", "[", MANY, "}"), HP_BAD_JSON);
    ck_assert_int_eq(first_member("{\"a\":[", "[]", MANY, "]}"), HP_OK);
    ck_assert_int_eq(first_member("{\"a\":", "{\"a\":", MANY, ""), HP_BAD_JSON);
    ck_assert_int_eq(first_member("{\"a\":\"", "\\\\", MANY, "\"}"), HP_OK);
    ck_assert_int_eq(first_member("{\"a\":\"", "\\\"", MANY, "\"}"), HP_OK);
    ck_assert_int_eq(first_member("{\"a\":\"", "\\\\\\\"", MANY, "\"}"), HP_OK);
    ck_assert_int_eq(first_member("{\"a\":\"", "\\", MANY - 1, "\"}"), HP_BAD_JSON);
    ck_assert_int_eq(first_member("{\"a\":\"", "\\ud83d\\ude00", MANY, "\"}"), HP_OK);
    ck_assert_int_eq(first_member("{\"a\":\"", "\\ud83d", MANY, "\"}"), HP_BAD_UTF8);
    ck_assert_int_eq(first_member("{\"a\":", "1", MANY, "}"), HP_OK);
    ck_assert_int_eq(first_member("", " ", MANY, ""), HP_BAD_JSON);
    ck_assert_int_eq(first_member("", "[", MANY, ""), HP_BAD_JSON);
}
END_TEST

// A value of a megabyte behind a deadline that has passed: its end is not looked for.
START_TEST(looks_at_the_deadline_while_it_delimits_a_value)
{
    static const struct {
        const char *head, *unit, *tail;
    } bodies[] = { { "{\"a\":[", "\"x\", ", "0]}" }, { "{\"a\":\"", "word \\\"", "\"}" } };
    struct hp_deadline passed = { 1 };
    for (size_t i = 0; i < 2; i++) {
        struct hp_json json;
        struct hp_member member;
        struct hp_fault fault = HP_FAULT_NONE;
        bool found;
        size_t len;
        char *body = repeat(bodies[i].head, bodies[i].unit, 1 << 18, bodies[i].tail, &len);
        ck_assert_int_eq(hp_json_open(&json, body, len, &passed, &fault), HP_OK);
        ck_assert_int_eq(hp_json_next(&json, &member, &found, &fault), HP_DEADLINE);
        ck_assert_int_eq(hp_json_open(&json, body, len, NULL, &fault), HP_OK);
        ck_assert_int_eq(hp_json_next(&json, &member, &found, &fault), HP_OK);
        free(body);
    }
}
END_TEST

// The same for a string that is decoded, blanks, and a number.
START_TEST(looks_at_the_deadline_wherever_it_walks)
{
    enum { MANY = 1 << 18 };
    static const struct {
        const char *head, *unit, *tail;
        bool string;
    } bodies[] = { { "{\"a\":\"", "word", "\"}", true }, { "{\"a\":\"", "\\n", "\"}", true },
        { "{", " ", "\"a\":1}", false }, { "{\"a\":", " ", "1}", false },
        { "{\"a\":", "1", "}", false } };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct hp_json json;
        struct hp_member member;
        struct hp_fault fault = HP_FAULT_NONE;
        struct hp_deadline passed = { 1 }, never = { 0 };
        hp_str text;
        bool found;
        size_t len;
        char *body = repeat(bodies[i].head, bodies[i].unit, MANY, bodies[i].tail, &len);
        ck_assert_int_eq(hp_json_open(&json, body, len, &passed, &fault), HP_OK);
        if (bodies[i].string) {
            json.deadline = &never;
            ck_assert_int_eq(hp_json_next(&json, &member, &found, &fault), HP_OK);
            json.deadline = &passed;
            ck_assert_int_eq(hp_json_string(&json, &member, &text, &fault), HP_DEADLINE);
        } else {
            ck_assert_int_eq(hp_json_next(&json, &member, &found, &fault), HP_DEADLINE);
        }
        free(body);
    }
}
END_TEST

enum { PAUSE = 64 << 10, LONG = PAUSE + 64 };

// A long string with `unit` at `seam`, read by us and by jansson; both refuse it or give the same.
static void check_decoded(char *body, char *seam, const char *unit)
{
    struct hp_json json;
    struct hp_member member;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_str text;
    bool found;
    memcpy(seam, unit, strlen(unit));
    json_auto_t *theirs = json_loads(body, 0, NULL);
    ck_assert_int_eq(hp_json_open(&json, body, strlen(body), NULL, &fault), HP_OK);
    ck_assert_int_eq(hp_json_next(&json, &member, &found, &fault), HP_OK);
    enum hp_code code = hp_json_string(&json, &member, &text, &fault);
    ck_assert_int_eq(code == HP_OK, theirs != NULL);
    if (code) {
        ck_assert_int_ge(fault.offset, seam - body);
        ck_assert_int_le(fault.offset, seam - body + (long)strlen(unit));
        return;
    }
    const json_t *string = json_object_get(theirs, "a");
    ck_assert_uint_eq(text.len, json_string_length(string));
    ck_assert_mem_eq(text.ptr, json_string_value(string), text.len);
}

// A string is decoded some bytes at a time: what lies across the seam is decoded, or refused, as
// anything else is.
START_TEST(decodes_alike_wherever_it_pauses)
{
    static const char *const units[] = { "\\n", "\\u00e9", "\\ud83d\\ude00", "\xc3\xa9",
        "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\\ud83d\\u0020", "\xe4\xb8 ", "\\u00g9", "\\\xe4" };
    static const char *const heads[] = { "{\"a\":\"", "{\"a\":\"\\n" };
    enum { FIRST = 6, EDGE = 16 };
    char *body = malloc(LONG + 64);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        for (size_t head = 0; head < 2; head++) {
            for (size_t back = 0; back < EDGE; back++) {
                char *at = stpcpy(body, heads[head]);
                memset(at, 'x', LONG);
                strcpy(at + LONG, "\"}");
                check_decoded(body, body + FIRST + PAUSE - back, units[i]);
            }
        }
    }
    free(body);
}
END_TEST

// --- wide loops against plain ones ---------------------------------------------------------------

// Memory whose last byte is the last one that may be touched.
struct cliff {
    char *pages;
    size_t size;
};

static struct cliff cliff_new(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    char *pages =
        mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED && mprotect(pages + whole, page, PROT_NONE) == 0);
    return (struct cliff){ pages, whole };
}

static void cliff_free(struct cliff cliff)
{
    munmap(cliff.pages, cliff.size + (size_t)sysconf(_SC_PAGESIZE));
}

static char *cliff_put(struct cliff cliff, const char *text, size_t len, size_t before_end)
{
    char *at = cliff.pages + cliff.size - before_end - len;
    return memcpy(at, text, len);
}

// Text of one of several moods: plain, broken by controls, many scripts, raw bytes, escapes.
static size_t random_text(uint64_t *state, char *text, size_t len)
{
    static const hp_str ascii[] = { DOC("a"), DOC("plain words "), DOC("\x7f"), DOC("0123456789") };
    static const hp_str world[] = { DOC("\xc3\xa9"), DOC("\xdf\xbf"), DOC("\xe4\xb8\xad"),
        DOC("\xe0\xa0\x80"), DOC("\xed\x9f\xbf"), DOC("\xee\x80\x80"), DOC("\xf0\x90\x80\x80"),
        DOC("\xf4\x8f\xbf\xbf"), DOC("x"), DOC("some ASCII between, longer than a register is") };
    static const hp_str escapes[] = { DOC("\\n"), DOC("\\\""), DOC("\\\\"), DOC("\\u00e9"),
        DOC("\\ud83d\\ude00"), DOC("\\u4e2d"), DOC("\\u0000"), DOC("and words between them "),
        DOC("\xe4\xb8\xad"), DOC("a") };
    static const struct {
        const hp_str *of;
        size_t count;
    } moods[] = { { ascii, 4 }, { world, 10 }, { escapes, 10 } };
    size_t mood = random_below(state, 3), at = 0;
    while (at < len) {
        hp_str next = moods[mood].of[random_below(state, moods[mood].count)];
        if (next.len > len - at)
            next = (hp_str)DOC("z");
        memcpy(text + at, next.ptr, next.len);
        at += next.len;
    }
    return at;
}

static const unsigned char odd_bytes[] = { 0x00, 0x1f, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90,
    0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff };

enum { ODD = sizeof odd_bytes };

static void compare_sound(hp_str s)
{
    bool escaped = false, escaped_plain = false;
    ck_assert_uint_eq(hp_json_sound(s, &escaped), hp_json_sound_plain(s, &escaped_plain));
    ck_assert_int_eq(escaped, escaped_plain);
}

static void compare_unescape(struct cliff cliff, uint64_t *state, const char *text, size_t len)
{
    char copy[512];
    char *text_wide = cliff_put(cliff, text, len, 0);
    memcpy(copy, text, len);
    struct hp_json_span wide = { text_wide, text_wide, text_wide, text_wide + len };
    struct hp_json_span plain = { copy, copy, copy + len, copy + len };
    enum hp_code code = HP_OK;
    while (!code && wide.from < wide.end) { // as many bytes at a time as it happens
        wide.stop = wide.from + 1 + random_below(state, (size_t)(wide.end - wide.from));
        code = hp_json_unescape(&wide);
    }
    ck_assert_int_eq(code, len > 0 ? hp_json_unescape_plain(&plain) : HP_OK);
    ck_assert_uint_eq((size_t)(wide.from - text_wide), (size_t)(plain.from - copy));
    ck_assert_uint_eq((size_t)(wide.to - text_wide), (size_t)(plain.to - copy));
    if (!code)
        ck_assert_mem_eq(text_wide, copy, (size_t)(plain.to - copy));
}

// Brackets, quotes, backslashes and text, in pieces: what closes where, and what is carried over.
static void compare_close(struct cliff cliff, uint64_t *state, size_t round)
{
    static const hp_str parts[] = { DOC("["), DOC("{"), DOC("["), DOC("]"), DOC("}"), DOC("\""),
        DOC("\\"), DOC("\\\\\\"), DOC("\\\""), DOC("\"a\":\"b\","),
        DOC("words, a register wide and wider than that, of one string or of none at all") };
    enum { PARTS = sizeof parts / sizeof *parts, MAX = 400 };
    char text[MAX] = "[";
    size_t len = 1, max = random_below(state, MAX), common = random_below(state, PARTS) + 1;
    while (len < max) {
        hp_str part = parts[random_below(state, common)];
        size_t size = part.len < max - len ? part.len : max - len;
        memcpy(text + len, part.ptr, size);
        len += size;
    }
    const char *at = cliff_put(cliff, text, len, round % 64), *end = at + len;
    struct hp_nesting wide = { .depth = 0 }, plain = wide;
    while (at < end) {
        const char *piece = at + 1 + random_below(state, (size_t)(end - at));
        const char *closed = hp_json_close(&wide, at, piece);
        ck_assert_ptr_eq(closed, hp_json_close_plain(&plain, at, piece));
        if (closed)
            return;
        ck_assert_uint_eq(wide.depth, plain.depth);
        ck_assert_int_eq(wide.quoted, plain.quoted);
        ck_assert_int_eq(wide.escaped, plain.escaped);
        at = piece;
    }
}

START_TEST(wide_loops_agree_with_plain_ones_at_every_alignment)
{
    enum { MAX = 400 };
    struct cliff cliff = cliff_new(MAX + 64);
    uint64_t state = 7;
    char text[MAX];
    for (size_t round = 0; round < (size_t)rounds(40000); round++) {
        size_t len = random_text(&state, text, random_below(&state, MAX));
        for (size_t odd = random_below(&state, 3); odd > 0 && len > 0; odd--)
            text[random_below(&state, len)] = (char)odd_bytes[random_below(&state, ODD)];
        hp_str s = { cliff_put(cliff, text, len, round % 64), len };
        compare_sound(s);
        ck_assert_uint_eq(hp_json_unquoted(s), hp_json_unquoted_plain(s));
        compare_unescape(cliff, &state, text, len);
        compare_close(cliff, &state, round);
    }
    cliff_free(cliff);
}
END_TEST

// Each sequence of four odd bytes, alone for the plain version and across the edges of registers
// and blocks for the wide one. jansson says what is UTF-8.
START_TEST(utf8_is_what_jansson_says_it_is)
{
    enum { LEN = 160 };
    static const size_t places[] = { 0, 29, 30, 31, 61, 62, 63, 64, 93, 125, 127 };
    char text[LEN];
    for (size_t n = 0; n < (size_t)ODD * ODD * ODD * ODD; n++) {
        char four[4];
        for (size_t i = 0, rest = n; i < 4; i++, rest /= ODD)
            four[i] = (char)odd_bytes[rest % ODD];
        bool escaped = false, control = memchr(four, 0x00, 4) || memchr(four, 0x1f, 4);
        if (control)
            continue;
        json_auto_t *string = json_stringn(four, 4);
        bool sound = hp_json_sound_plain((hp_str){ four, 4 }, &escaped) == 4;
        ck_assert_int_eq(sound, string != NULL);
        size_t place = places[n % (sizeof places / sizeof *places)];
        memset(text, 'x', LEN);
        memcpy(text + place, four, 4);
        ck_assert_int_eq(hp_json_sound((hp_str){ text, LEN }, &escaped) == LEN, sound);
        compare_sound((hp_str){ text, LEN });
    }
}
END_TEST

// --- writer --------------------------------------------------------------------------------------

static void check_written(hp_str s)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf buf = hp_buf_in(&arena);
    hp_json_put_string(&buf, s);
    ck_assert_int_eq(hp_buf_check(&buf, &fault), HP_OK);
    json_auto_t *string = json_stringn(s.ptr ? s.ptr : "", s.len);
    ck_assert_ptr_nonnull(string);
    char *theirs = json_dumps(string, JSON_ENCODE_ANY);
    ck_assert_uint_eq(buf.len, strlen(theirs));
    ck_assert_mem_eq(buf.ptr, theirs, buf.len);
    free(theirs);
    hp_arena_done(&arena);
}

START_TEST(writes_strings_as_jansson_does)
{
    enum { MAX = 300 };
    struct cliff cliff = cliff_new(MAX);
    uint64_t state = 99;
    char text[MAX];
    check_written((hp_str){ NULL, 0 });
    for (int c = 0; c < 0x80; c++)
        check_written((hp_str){ (char[]){ (char)c }, 1 });
    for (size_t round = 0; round < (size_t)rounds(20000); round++) {
        size_t len = random_text(&state, text, random_below(&state, MAX));
        for (size_t i = 0; i < len; i++)
            if (text[i] == 'a' || text[i] == 'w') // ASCII for ASCII: the text stays UTF-8
                text[i] = (char)random_below(&state, 0x30);
        check_written((hp_str){ cliff_put(cliff, text, len, 0), len });
    }
    cliff_free(cliff);
}
END_TEST

START_TEST(writer_marks_a_buffer_that_cannot_grow)
{
    char text[2000];
    memset(text, '\n', sizeof text);
    for (size_t ceiling = 0; ceiling < 40000; ceiling += 500) {
        struct hp_arena arena;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, ceiling);
        struct hp_buf buf = hp_buf_in(&arena);
        hp_json_put_string(&buf, (hp_str){ text, sizeof text });
        enum hp_code code = hp_buf_check(&buf, &fault);
        ck_assert(code == HP_TOO_LARGE || (code == HP_OK && buf.len == 2 * sizeof text + 2));
        hp_arena_done(&arena);
    }
}
END_TEST

// --- binding -------------------------------------------------------------------------------------

struct chunk {
    bool none;
    int64_t max, overlap;
    int unit;
    hp_str label;
};

struct request {
    hp_str text;
    int format;
    struct chunk chunk;
    bool flag;
    double weight;
    struct hp_list must;
};

static enum hp_code bare_chunk(
    void *nested, hp_str word, const char *pointer, struct hp_fault *fault)
{
    struct chunk *chunk = nested;
    if (!hp_str_is(word, "none"))
        return hp_fail(fault, HP_UNKNOWN_PRESET, pointer, "there is only none");
    chunk->none = true;
    return HP_OK;
}

#define AT(type, name) .key = #name, .offset = offsetof(struct type, name)

static const char *const formats[] = { "plain", "markdown", NULL };
static const char *const units[] = { "tokens", "chars", "bytes", NULL };

static const struct hp_field chunk_fields[] = {
    { AT(chunk, max), .type = HP_INT, .min = 1, .max = 1000000, .preset = "512" },
    { AT(chunk, overlap), .type = HP_INT, .min = 0, .max = INT64_MAX },
    { AT(chunk, unit), .type = HP_WORD, .words = units },
    { AT(chunk, label), .type = HP_STRING, .min = 1, .max = 8, .preset = "x" },
    { .key = NULL },
};

static const struct hp_field fields[] = {
    { AT(request, text), .type = HP_STRING, .flags = HP_REQUIRED },
    { AT(request, format), .type = HP_WORD, .words = formats },
    { AT(request, chunk), .type = HP_OBJECT, .flags = HP_NULLABLE, .fields = chunk_fields,
        .bare = bare_chunk },
    { AT(request, flag), .type = HP_BOOL },
    { AT(request, weight), .type = HP_REAL, .min = 0, .max = 100, .preset = "1" },
    { AT(request, must), .type = HP_LIST },
    { .key = NULL },
};

static enum hp_code read_request(
    char *body, const char *text, size_t len, struct request *request, struct hp_fault *fault)
{
    *request = (struct request){ .flag = false };
    hp_fields_preset(fields, request);
    *fault = HP_FAULT_NONE;
    memcpy(body, text, len);
    memset(body + len, '"', HP_PADDING);
    return hp_json_read(body, len, NULL, fields, request, fault);
}

#define FULL                                                                                       \
    "{\"text\":\"a\\u00e9\\u0000\",\"format\":\"markdown\",\"chunk\":{\"overlap\":64,"             \
    "\"unit\":\"by\\u0074es\",\"label\":\"n\\\"m\"},\"flag\":true,\"weight\":2.5,"                 \
    "\"must\":[\"one\",\"t\\u0077o\"]}"

START_TEST(fills_a_struct_by_its_table)
{
    struct request request;
    struct hp_fault fault;
    char body[1024];
    ck_assert_int_eq(read_request(body, FULL, strlen(FULL), &request, &fault), HP_OK);
    ck_assert(hp_str_equal(request.text, HP_S("a\xc3\xa9\0")));
    ck_assert(request.text.ptr > body && request.text.ptr < body + sizeof body);
    ck_assert_int_eq(request.format, 1);
    ck_assert_int_eq(request.chunk.max, 512);
    ck_assert_int_eq(request.chunk.overlap, 64);
    ck_assert_int_eq(request.chunk.unit, 2);
    ck_assert(hp_str_is(request.chunk.label, "n\"m"));
    ck_assert(request.flag && !request.chunk.none);
    ck_assert_double_eq(request.weight, 2.5);
    ck_assert_uint_eq(request.must.count, 2);
    ck_assert(hp_str_is(request.must.item[0], "one") && hp_str_is(request.must.item[1], "two"));
}
END_TEST

// Every text of up to four of these characters, and what is around the last digit that is taken.
START_TEST(plain_numbers_are_what_jansson_reads)
{
    static const char signs[] = "019-.e+ ";
    char texts[4 + 4096][24] = { "999999999999999999", "1000000000000000000", "12345678901234567",
        "" };
    size_t count = 4;
    for (size_t i = 0; i < 4096; i++)
        for (size_t k = 0; k < 4; k++)
            texts[count + i][k] = signs[(i >> (3 * k)) & 7];
    for (size_t i = 0; i < count + 4096; i++)
        for (size_t len = strlen(texts[i]); len > 0; len = i < count ? 0 : len - 1) {
            int64_t value = -1;
            bool plain = hp_small_plain(texts[i], len, &value);
            json_t *read = json_loadb(texts[i], len, JSON_DECODE_ANY, NULL);
            bool digits = strspn(texts[i], "0123456789") >= len && len <= 18;
            ck_assert_msg(plain == (digits && json_is_integer(read)), "%.*s", (int)len, texts[i]);
            ck_assert(!plain || value == json_integer_value(read));
            json_decref(read);
        }
}
END_TEST

static const struct {
    const char *body;
    enum hp_code code;
    const char *pointer;
    int64_t offset, limit;
} bodies[] = {
    { "{\"text\":\"\"}", HP_OK, "", -1, -1 },
    { "{\"text\":\"\",\"chunk\":null}", HP_OK, "", -1, -1 },
    { "{\"text\":\"\",\"chunk\":\"none\"}", HP_BAD_TYPE, "/chunk", -1, -1 },
    { "{\"text\":\"\",\"chunk\":{}}", HP_OK, "", -1, -1 },
    { "{\"text\":\"\",\"weight\":100}", HP_OK, "", -1, -1 },
    { "{\"text\":\"\",\"must\":[ ]}", HP_OK, "", -1, -1 },
    { "{}", HP_MISSING_FIELD, "/text", -1, -1 },
    { "{\"chunk\":{}}", HP_MISSING_FIELD, "/text", -1, -1 },
    { "[]", HP_BAD_TYPE, "", -1, -1 },
    { "{\"text\":5}", HP_BAD_TYPE, "/text", -1, -1 },
    { "{\"text\":null}", HP_BAD_TYPE, "/text", -1, -1 },
    { "{\"text\":[\"a\"]}", HP_BAD_TYPE, "/text", -1, -1 },
    { "{\"text\":{\"a\":1}}", HP_BAD_TYPE, "/text", -1, -1 },
    { "{\"text\":[\"a\"}", HP_BAD_JSON, "/text", 13, -1 },
    { "{\"text\":\"\",\"tex\":1}", HP_UNKNOWN_FIELD, "/tex", -1, -1 },
    { "{\"te~xt\":\"\"}", HP_UNKNOWN_FIELD, "/te~0xt", -1, -1 },
    { "{\"text\":\"\",\"text\":\"\"}", HP_DUPLICATE_KEY, "/text", -1, -1 },
    { "{\"chunk\":{\"max\":1,\"m\\u0061x\":2}}", HP_DUPLICATE_KEY, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"maxx\":1}}", HP_UNKNOWN_FIELD, "/chunk/maxx", -1, -1 },
    { "{\"chunk\":{\"max\":0}}", HP_OUT_OF_RANGE, "/chunk/max", -1, 1 },
    { "{\"chunk\":{\"max\":1000001}}", HP_OUT_OF_RANGE, "/chunk/max", -1, 1000000 },
    { "{\"chunk\":{\"max\":12.5}}", HP_BAD_TYPE, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"max\":5.0}}", HP_BAD_TYPE, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"max\":\"5\"}}", HP_BAD_TYPE, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"max\":true}}", HP_BAD_TYPE, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"max\":null}}", HP_BAD_TYPE, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"max\":[1]}}", HP_BAD_TYPE, "/chunk/max", -1, -1 },
    { "{\"chunk\":{\"max\":9223372036854775808}}", HP_BAD_JSON, "/chunk/max", -2, -1 },
    { "{\"chunk\":{\"unit\":\"words\"}}", HP_OUT_OF_RANGE, "/chunk/unit", -1, -1 },
    { "{\"chunk\":{\"unit\":1}}", HP_BAD_TYPE, "/chunk/unit", -1, -1 },
    { "{\"chunk\":{\"label\":\"\"}}", HP_OUT_OF_RANGE, "/chunk/label", -1, -1 },
    { "{\"chunk\":{\"label\":\"123456789\"}}", HP_OUT_OF_RANGE, "/chunk/label", -1, -1 },
    { "{\"chunk\":\"some\"}", HP_BAD_TYPE, "/chunk", -1, -1 },
    { "{\"chunk\":5}", HP_BAD_TYPE, "/chunk", -1, -1 },
    { "{\"chunk\":[]}", HP_BAD_TYPE, "/chunk", -1, -1 },
    { "{\"chunk\":{\"max\":1,}}", HP_BAD_JSON, "", 18, -1 },
    { "{\"chunk\":{\"max\":1]}", HP_BAD_JSON, "", 17, -1 },
    { "{\"flag\":1}", HP_BAD_TYPE, "/flag", -1, -1 },
    { "{\"flag\":\"true\"}", HP_BAD_TYPE, "/flag", -1, -1 },
    { "{\"flag\":null}", HP_BAD_TYPE, "/flag", -1, -1 },
    { "{\"flag\":tru}", HP_BAD_JSON, "/flag", -2, -1 },
    { "{\"weight\":100.5}", HP_OUT_OF_RANGE, "/weight", -1, -1 },
    { "{\"weight\":-0.5}", HP_OUT_OF_RANGE, "/weight", -1, -1 },
    { "{\"weight\":101}", HP_OUT_OF_RANGE, "/weight", -1, -1 },
    { "{\"weight\":\"1\"}", HP_BAD_TYPE, "/weight", -1, -1 },
    { "{\"weight\":1e999}", HP_BAD_JSON, "/weight", -2, -1 },
    { "{\"must\":\"one\"}", HP_BAD_TYPE, "/must", -1, -1 },
    { "{\"must\":[\"one\",2]}", HP_BAD_TYPE, "/must/1", -1, -1 },
    { "{\"must\":[\"one\",{\"a\":1,\"a\":1}]}", HP_DUPLICATE_KEY, "/must/1", -2, -1 },
    { "{\"must\":[\"one\",]}", HP_BAD_JSON, "", 15, -1 },
    { "{\"must\":[0,1,2", HP_BAD_JSON, "", 8, -1 },
    { "{\"tex\":1,", HP_UNKNOWN_FIELD, "/tex", -1, -1 }, // the first fault in reading order
    { "{\"text\":\"\xff\",\"tex\":1}", HP_BAD_UTF8, "", 9, -1 },
    { "{\"text\":\"a\",\"flag\":\"\xff\"}", HP_BAD_UTF8, "", 20, -1 },
};

// An offset of -2 stands for: somewhere in the body; jansson says where.
START_TEST(refuses_a_body_with_code_and_pointer)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct request request;
        struct hp_fault fault;
        char body[256];
        const char *text = bodies[i].body;
        size_t len = strlen(text);
        enum hp_code code = read_request(body, text, len, &request, &fault);
        ck_assert_msg(code == bodies[i].code, "%s: %s", text, hp_error_info(code)->slug);
        ck_assert_msg(!strcmp(fault.pointer, bodies[i].pointer), "%s: %s", text, fault.pointer);
        if (bodies[i].offset == -2)
            ck_assert(fault.offset > 0 && fault.offset < (int64_t)len);
        else
            ck_assert_msg(fault.offset == bodies[i].offset, "%s: %d", text, (int)fault.offset);
        ck_assert_msg(
            fault.limit == bodies[i].limit, "%s: %lld", bodies[i].body, (long long)fault.limit);
        ck_assert(code == HP_OK || fault.detail[0]);
    }
}
END_TEST

START_TEST(says_what_would_be_right)
{
    struct request request;
    struct hp_fault fault;
    char body[256];
#define DETAIL(text, expected)                                                                     \
    ck_assert(read_request(body, text, strlen(text), &request, &fault) != HP_OK);                  \
    ck_assert_str_eq(fault.detail, expected)
    DETAIL("{\"chunk\":{\"unit\":\"words\"}}", "tokens, chars or bytes");
    DETAIL("{\"chunk\":{\"max\":0}}", "1 to 1000000");
    DETAIL("{\"weight\":100.5}", "0 to 100");
    DETAIL("{\"chunk\":{\"mxa\":0}}", "did you mean max?");
}
END_TEST

START_TEST(large_values_are_strings_or_refused)
{
    static const struct {
        const char *head, *unit, *tail, *pointer;
        enum hp_code code;
    } large[] = {
        { "{\"text\":\"", "x", "\"}", "", HP_OK },
        { "{\"text\":\"\",\"flag\":\"", "x", "\"}", "/flag", HP_BAD_TYPE },
        { "{\"text\":\"\",\"chunk\":", "[", "", "", HP_BAD_JSON },
        { "{\"text\":\"\",\"chunk\":[", "[]", "]}", "/chunk", HP_TOO_LARGE },
        { "{\"text\":\"\",\"chunk\":{", " ", "}}", "/chunk", HP_TOO_LARGE },
        { "{\"text\":\"\",\"weight\":", "1", "}", "/weight", HP_TOO_LARGE },
        { "[", " ", "]", "", HP_BAD_TYPE },
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        struct request request;
        struct hp_fault fault = HP_FAULT_NONE;
        size_t len;
        char *body =
            repeat(large[i].head, large[i].unit, HP_JSON_SMALL_MAX + 1, large[i].tail, &len);
        hp_fields_preset(fields, &request);
        ck_assert_int_eq(hp_json_read(body, len, NULL, fields, &request, &fault), large[i].code);
        ck_assert_str_eq(fault.pointer, large[i].pointer);
        ck_assert_int_eq(fault.limit, large[i].code == HP_TOO_LARGE ? HP_JSON_SMALL_MAX : -1);
        free(body);
    }
}
END_TEST

START_TEST(refuses_every_truncation_of_a_request)
{
    struct request request;
    struct hp_fault fault;
    char body[1024];
    for (size_t len = 0; len < strlen(FULL); len++) {
        enum hp_code code = read_request(body, FULL, len, &request, &fault);
        ck_assert_msg(code == HP_BAD_JSON, "%.*s: %s", (int)len, FULL, hp_error_info(code)->slug);
    }
}
END_TEST

// --- jansson without memory ----------------------------------------------------------------------

static int allocations_left, allocations_live;

static void *failing_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    allocations_live++;
    return malloc(size);
}

static void counting_free(void *at)
{
    allocations_live -= at != NULL;
    free(at);
}

// Out of memory in the middle of a token, jansson calls that a syntax error; so do we then.
START_TEST(jansson_without_memory_is_an_error_and_no_leak)
{
    enum { ENOUGH = 100 };
    static const struct {
        const char *text;
        enum hp_code code;
    } texts[] = {
        { FULL, HP_OK },
        { "{\"text\":[{\"a\":[1,2.5,\"x\"]},true]}", HP_BAD_TYPE },
        { "[1,2]", HP_BAD_TYPE },
    };
    json_set_alloc_funcs(failing_malloc, counting_free);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        enum hp_code code = HP_OK;
        int overloaded = 0;
        for (int n = 0; n <= ENOUGH; n++) {
            struct request request;
            struct hp_fault fault;
            char body[1024];
            allocations_left = n;
            code = read_request(body, texts[i].text, strlen(texts[i].text), &request, &fault);
            ck_assert_int_eq(allocations_live, 0);
            ck_assert(code == texts[i].code || code == HP_OVERLOADED || code == HP_BAD_JSON);
            overloaded += code == HP_OVERLOADED;
        }
        ck_assert_int_eq(code, texts[i].code);
        ck_assert_int_gt(overloaded, 0);
    }
    json_set_alloc_funcs(malloc, free);
}
END_TEST

TESTS("json", plain_numbers_are_what_jansson_reads, reads_what_jansson_reads,
    refuses_what_jansson_refuses, refuses_other_values_than_objects_by_type,
    refuses_every_truncation, agrees_with_jansson_on_mutated_documents, names_the_place_of_a_fault,
    refuses_more_members_than_its_ceiling, takes_linear_time_on_hostile_bodies,
    looks_at_the_deadline_while_it_delimits_a_value, looks_at_the_deadline_wherever_it_walks,
    decodes_alike_wherever_it_pauses, wide_loops_agree_with_plain_ones_at_every_alignment,
    utf8_is_what_jansson_says_it_is, writes_strings_as_jansson_does,
    writer_marks_a_buffer_that_cannot_grow, fills_a_struct_by_its_table,
    refuses_a_body_with_code_and_pointer, says_what_would_be_right,
    large_values_are_strings_or_refused, refuses_every_truncation_of_a_request,
    jansson_without_memory_is_an_error_and_no_leak)
