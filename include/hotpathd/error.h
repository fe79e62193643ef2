// error.h -- how a function fails: it returns a code, and wrote the details once, into the fault,
// where they were known. Callers hand the code on with HP_TRY. No detail holds bytes of a document;
// a name that the caller made up (an unknown field) may stand in `pointer` only, and is never
// logged.
#pragma once

#include "hotpathd/str.h"

enum hp_code {
    HP_OK = 0,
#define HP_ERROR(name, status, slug, title) name,
#include "hotpathd/errors.def"
#undef HP_ERROR
    HP_CODES
};

#define HP_MUST_USE __attribute__((warn_unused_result))
#define HP_PRINTF(at, args) __attribute__((format(printf, at, args)))

enum { HP_DETAIL_MAX = 256, HP_POINTER_MAX = 192 };

struct hp_fault {
    enum hp_code code;
    char detail[HP_DETAIL_MAX];
    char pointer[HP_POINTER_MAX]; // RFC 6901; "" where it does not apply
    int64_t offset;               // byte of the body, -1 where it does not apply
    int64_t limit;                // the limit that was passed, -1 where it does not apply
};

#define HP_FAULT_NONE ((struct hp_fault){ .offset = -1, .limit = -1 })

struct hp_error_info {
    int status; // of HTTP
    const char *slug;
    const char *title;
};

// The row of errors.def; for HP_OK {200, "ok", "OK"}.
const struct hp_error_info *hp_error_info(enum hp_code code);

// Each writes the fault and returns its code. `pointer` may be NULL. Details that are too long are
// cut at a character.
enum hp_code hp_fail(struct hp_fault *fault, enum hp_code code, const char *pointer,
    const char *format, ...) HP_PRINTF(4, 5);
enum hp_code hp_fail_at(struct hp_fault *fault, enum hp_code code, size_t offset,
    const char *format, ...) HP_PRINTF(4, 5);
enum hp_code hp_fail_limit(struct hp_fault *fault, enum hp_code code, const char *pointer,
    uint64_t limit, const char *format, ...) HP_PRINTF(5, 6);

// Appends "/name" to a JSON pointer of at most HP_POINTER_MAX bytes, escaped after RFC 6901; a name
// is cut at a character to at most 64 bytes, a control character or invalid byte in it becomes '?'.
void hp_pointer_add(char *pointer, hp_str name);

// The same of a copy of `parent`, into `pointer`; both have HP_POINTER_MAX bytes.
void hp_pointer_under(char *pointer, const char *parent, hp_str name);

// The only macro that returns: hands a failure on to the caller.
#define HP_TRY(call)                                                                               \
    do {                                                                                           \
        enum hp_code hp_try_code = (call);                                                         \
        if (hp_try_code)                                                                           \
            return hp_try_code;                                                                    \
    } while (0)
