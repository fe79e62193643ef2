// field.h -- a struct described by a table: one row a field, with key, help, type, range and
// default. The same rows read YAML, JSON and query strings, and write the documentation.
#pragma once

#include "hotpathd/arena.h"

enum hp_type {
    HP_BOOL,    // bool
    HP_INT,     // int64_t
    HP_REAL,    // double
    HP_WORD,    // int: index into `words`
    HP_STRING,  // hp_str
    HP_SIZE,    // int64_t, bytes; text may say 16MiB, 4KiB, 1GiB
    HP_PERCENT, // int64_t, hundredths of a percent; at most two decimals
    HP_MODE,    // int64_t, file mode in octal
    HP_LIST,    // struct hp_list of strings
    HP_OBJECT,  // a nested struct, described by `fields`
    HP_SPAN,    // struct hp_span: a JSON value that whoever wrote the table reads itself
    HP_BASE,    // a name, given to `bare` before all other fields are read, wherever it stands
    HP_PRESETS  // struct hp_presets, in the configuration: sets of a request's options, by name
};

enum { HP_REQUIRED = 1, HP_NULLABLE = 2 };

enum { HP_LIST_MAX = 16 };

struct hp_list {
    size_t count;
    hp_str item[HP_LIST_MAX];
};

// A value's raw bytes, from its first to behind its last; NULL where there was none.
struct hp_span {
    char *ptr;
    size_t len;
};

// A named set of a request's options, as the JSON object that a request would hold.
struct hp_preset {
    hp_str name, json;
};

enum { HP_PRESETS_MAX = 64, HP_PRESET_NAME_MAX = 64, HP_PRESET_MAX = 4096 }; // of a route; bytes

struct hp_presets {
    size_t count;
    struct hp_preset item[HP_PRESETS_MAX];
};

struct hp_field {
    const char *key; // NULL ends a table
    const char *help;
    enum hp_type type;
    unsigned flags;
    size_t offset; // in the struct that the table describes
    // Inclusive, of the stored number, or of a string's bytes (a list's: of each of them).
    // INT64_MAX: at least `min`; both 0: any.
    int64_t min, max;
    const char *const *words;      // HP_WORD: NULL-terminated
    const char *preset;            // the default, as text; NULL: zero. A list: separated by blanks
    const struct hp_field *fields; // HP_OBJECT: offsets are relative to the nested struct
    // HP_OBJECT: takes the value where it is not an object but a bare word (JSON string, YAML or
    // query scalar); JSON null comes as the word "none" (HP_NULLABLE). NULL: only objects.
    enum hp_code (*bare)(void *nested, hp_str word, const char *pointer, struct hp_fault *fault);
    // HP_OBJECT: called before an object's members are read; takes back what a bare word, of what
    // the struct holds already, has set. NULL: nothing to take back.
    void (*open)(void *nested);
};

// Fills a struct with its defaults. A default that its own row refuses is a bug (assert).
void hp_fields_preset(const struct hp_field *fields, void *out);

const struct hp_field *hp_field_find(const struct hp_field *fields, hp_str key);

// The preset of this name, or NULL; `presets` may be NULL.
const struct hp_preset *hp_preset_find(const struct hp_presets *presets, hp_str name);

// The key nearest to a mistyped one, or NULL where none is near (Damerau-Levenshtein, at most 2 and
// at most a third of the key).
const char *hp_field_nearest(const struct hp_field *fields, hp_str key);

// Sets one field from text; adds one item to a list (HP_OUT_OF_RANGE beyond HP_LIST_MAX). The text
// is copied into `arena` where the field keeps it; `arena` may be NULL where the text outlives the
// struct. HP_BAD_TYPE where it is not of the type, HP_OUT_OF_RANGE where it is outside the range or
// the words; the detail says what would be right.
HP_MUST_USE enum hp_code hp_field_text(const struct hp_field *field, void *out, hp_str text,
    const char *pointer, struct hp_arena *arena, struct hp_fault *fault);

// The same from a whole number that is already one (HP_INT, HP_REAL, HP_SIZE, HP_PERCENT: 5 is five
// percent, HP_MODE); HP_BAD_TYPE for the other types.
HP_MUST_USE enum hp_code hp_field_int(const struct hp_field *field, void *out, int64_t value,
    const char *pointer, struct hp_fault *fault);

// HP_BAD_TYPE with the detail that says what the field takes: for a value that has no text, an
// array say.
HP_MUST_USE enum hp_code hp_field_bad_type(
    const struct hp_field *field, const char *pointer, struct hp_fault *fault);

enum { HP_SHOW_MAX = 32768 };

// Writes the field's value (not an object's) as YAML-ready text, cut at `size` bytes: "16MiB",
// "on", "0660",
// "[a, b]". HP_SHOW_MAX bytes hold a string of 8 KiB, or a list of strings of 500 bytes.
void hp_field_show(const struct hp_field *field, const void *in, char *text, size_t size);

// Reads a query string onto a struct that holds its defaults: `&` between pairs (empty ones are
// passed over), `+` is a blank and %XX a byte (the form rules of the WHATWG URL standard,
// section 5.1, but that a broken escape or bytes that are not UTF-8 are refused instead of
// patched), dots for nesting (chunk.max=512). HP_BAD_QUERY for those, an unknown key, a key twice,
// a nested key beside its bare form; values, which are read when all keys are known, fail as in
// hp_field_text. HP_REQUIRED is not looked at. Decoded text lives in `arena`.
HP_MUST_USE enum hp_code hp_query_read(hp_str query, const struct hp_field *fields, void *out,
    struct hp_arena *arena, struct hp_fault *fault);
