// json.h -- JSON for routes: a reader of one top-level object that decodes large strings in place and
// hands every other value to jansson, and a writer. The bytes belong to the request.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"
#include "hotpathd/field.h"

enum {
    HP_PADDING = 64,          // readable bytes behind every body, for reads a register wide
    HP_JSON_SMALL_MAX = 65536 // bytes of a value that is handed to jansson
};

struct hp_json {
    char *start, *at, *end;
};

enum hp_json_kind { HP_JSON_STRING, HP_JSON_OTHER };

struct hp_member {
    hp_str name;    // decoded
    char *value;    // raw bytes of the value, from its first to behind its last
    size_t len;
    size_t offset;  // of the value in the body
    enum hp_json_kind kind;
};

// Opens the object in `body`, which is writable and followed by HP_PADDING readable bytes.
HP_MUST_USE enum hp_code hp_json_open(struct hp_json *json, char *body, size_t len,
    struct hp_fault *fault);

// The next member, or *found = false behind the last one, after which only blanks may follow.
// Strings are only delimited here; bytes are checked when the value is read.
HP_MUST_USE enum hp_code hp_json_next(struct hp_json *json, struct hp_member *member, bool *found,
    struct hp_fault *fault);

// Decodes a string member in place; checks UTF-8 and escapes (HP_BAD_UTF8 with the offset for invalid
// bytes and lone surrogates, HP_BAD_JSON for the rest). \u0000 is kept as a NUL byte.
HP_MUST_USE enum hp_code hp_json_string(const struct hp_json *json, const struct hp_member *member,
    hp_str *out, struct hp_fault *fault);

// Reads a whole request object into the struct that `fields` describes. Strings of the top level are
// decoded in place and stay in the body, nested ones are copied into `arena`.
// Unknown, repeated and missing fields, wrong types and ranges are refused with their pointer.
HP_MUST_USE enum hp_code hp_json_read(char *body, size_t len, const struct hp_field *fields, void *out,
    struct hp_arena *arena, struct hp_fault *fault);

// The writer: each appends to the buffer. A string is escaped only where JSON demands it.
void hp_json_put_string(struct hp_buf *buf, hp_str s);
