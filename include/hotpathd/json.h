// json.h -- JSON for routes: a reader that walks objects and arrays by spans and decodes strings in
// place, and a writer. Numbers, literals and whatever has the wrong type are handed to jansson. The
// bytes belong to the request; what is read stays in them.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"
#include "hotpathd/field.h"

enum {
    HP_PADDING = 64,           // readable bytes behind every body, for reads a register wide
    HP_JSON_SMALL_MAX = 65536, // bytes of a value other than a string; the request is refused above
    HP_JSON_MEMBERS_MAX = 64   // of one object
};

// An object or array that is being read.
struct hp_json {
    char *start, *at, *end; // of the whole body; where reading goes on; behind this object or array
    const struct hp_deadline *deadline; // looked at while values are delimited; NULL: none
    const char *pointer; // JSON pointer of this object or array, borrowed; "" for the body
    char close;          // '}' or ']'
    size_t count;        // members or items so far
    hp_str names[HP_JSON_MEMBERS_MAX]; // of the members so far
};

enum hp_json_kind { HP_JSON_STRING, HP_JSON_OTHER };

struct hp_member {
    hp_str name; // decoded; empty in an array
    char *value; // raw bytes of the value, from its first to behind its last
    size_t len;
    size_t offset; // of the value in the body
    enum hp_json_kind kind;
};

// Seeds jansson's hash. Once, before there are threads.
void hp_json_start(void);

// The version of jansson that is linked.
const char *hp_json_library(void);

// Opens the object in `body`, which is writable and followed by HP_PADDING readable bytes.
// HP_BAD_TYPE where the body is another JSON value (not looked into above HP_JSON_SMALL_MAX).
HP_MUST_USE enum hp_code hp_json_open(struct hp_json *json, char *body, size_t len,
    const struct hp_deadline *deadline, struct hp_fault *fault);

// Opens a member or item of `json` that begins with '{' or '['.
void hp_json_enter(struct hp_json *inner, const struct hp_json *json,
    const struct hp_member *member, const char *pointer);

// The next member or item, or *found = false behind the last one, after which only blanks may
// follow. A value is only delimited; its bytes are judged when it is read. Names are decoded: a
// repeated one is HP_DUPLICATE_KEY, one that holds U+0000 HP_BAD_JSON, as in jansson; more than
// HP_JSON_MEMBERS_MAX members are HP_TOO_LARGE. Linear, in memory of its own of constant size.
HP_MUST_USE enum hp_code hp_json_next(
    struct hp_json *json, struct hp_member *member, bool *found, struct hp_fault *fault);

// Decodes a string member in place, once; checks UTF-8 and escapes (HP_BAD_UTF8 with the offset for
// invalid bytes and lone surrogates, HP_BAD_JSON for the rest). \u0000 is kept as a NUL byte.
HP_MUST_USE enum hp_code hp_json_string(const struct hp_json *json, const struct hp_member *member,
    hp_str *out, struct hp_fault *fault);

// A span that a table left alone (HP_SPAN), as a member of the body.
struct hp_member hp_json_member(const struct hp_json *body, struct hp_span span);

// What to return for a value of the wrong type: HP_BAD_TYPE with `wanted`, or the fault of syntax
// where it is no JSON at all (not looked into above HP_JSON_SMALL_MAX).
HP_MUST_USE enum hp_code hp_json_bad_type(const struct hp_json *json,
    const struct hp_member *member, const char *pointer, const char *wanted,
    struct hp_fault *fault);

// Reads a number; HP_BAD_TYPE for any other value.
HP_MUST_USE enum hp_code hp_json_real(const struct hp_json *json, const struct hp_member *member,
    const char *pointer, double *out, struct hp_fault *fault);

// Reads an integer of 64 bits; HP_BAD_TYPE for any other value, 5.0 among them.
HP_MUST_USE enum hp_code hp_json_int(const struct hp_json *json, const struct hp_member *member,
    const char *pointer, int64_t *out, struct hp_fault *fault);

// Calls `each` for every member of a small object of numbers, any number of them, in their order;
// `integer` is NULL for a number with a fraction or exponent. HP_BAD_TYPE where a value is no
// number, or the whole no object. `pointer` is the member's own in `each`, the object's here.
HP_MUST_USE enum hp_code hp_json_numbers(const struct hp_json *json, const struct hp_member *member,
    const char *pointer,
    enum hp_code (*each)(void *context, hp_str name, double value, const int64_t *integer,
        const char *pointer, struct hp_fault *fault),
    void *context, struct hp_fault *fault);

// Reads a whole request object into the struct that `fields` describes. What the body does not name
// keeps the value it has in `out` (see hp_fields_preset); a field of type HP_BASE is read first.
// Strings are decoded in place and stay in the body. Unknown, repeated and missing fields, wrong
// types and ranges are refused with their pointer; the first fault in reading order is the one
// reported.
HP_MUST_USE enum hp_code hp_json_read(char *body, size_t len, const struct hp_deadline *deadline,
    const struct hp_field *fields, void *out, struct hp_fault *fault);

// The same from a copy in `arena`: what is read, spans too, stays in the copy.
HP_MUST_USE enum hp_code hp_json_read_copy(hp_str json, struct hp_arena *arena,
    const struct hp_field *fields, void *out, struct hp_fault *fault);

// The same of the preset that a request names at `pointer`.
HP_MUST_USE enum hp_code hp_json_read_preset(const struct hp_presets *presets, hp_str name,
    const char *pointer, struct hp_arena *arena, const struct hp_field *fields, void *out,
    struct hp_fault *fault);

// The writer: appends `s`, which is valid UTF-8, as a JSON string, escaped only where JSON demands
// it, and then as jansson does.
void hp_json_put_string(struct hp_buf *buf, hp_str s);

// The same for a whole document: looks at the deadline on the way.
HP_MUST_USE enum hp_code hp_json_put_long(
    struct hp_buf *buf, hp_str s, const struct hp_deadline *deadline, struct hp_fault *fault);

// Appends a finite double: the shortest decimal that reads back to it, written as Python's repr.
void hp_json_put_real(struct hp_buf *buf, double value);
