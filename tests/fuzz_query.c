// fuzz_query.c -- any bytes as a query string: the struct stays inside its ranges, a failure is one
// that the contract knows, and every value that was taken reads back from how it is shown.
#include "hotpathd/field.h"

#include "fuzz.h"

struct nested {
    int64_t max;
    bool on;
};

struct sample {
    int64_t size, percent, mode;
    double ratio;
    int word;
    hp_str name;
    struct hp_list list;
    struct nested part;
};

static const char *const words[] = { "off", "on", NULL };

static enum hp_code bare(void *nested, hp_str word, const char *pointer, struct hp_fault *fault)
{
    struct nested *part = nested;
    if (!hp_str_is(word, "none"))
        return hp_fail(fault, HP_OUT_OF_RANGE, pointer, "none, or an object");
    part->max = 1;
    return HP_OK;
}

static struct sample defaults;

static enum hp_code base(void *nested, hp_str word, const char *pointer, struct hp_fault *fault)
{
    if (memcmp(nested, &defaults, sizeof defaults) != 0)
        abort(); // it is not read first
    return word.len ? HP_OK : hp_fail(fault, HP_OUT_OF_RANGE, pointer, "a name");
}

#define AT(member) .offset = offsetof(struct sample, member)

static const struct hp_field nested_fields[] = {
    { .key = "max",
        .type = HP_INT,
        .min = 1,
        .max = 1000,
        .preset = "5",
        .offset = offsetof(struct nested, max) },
    { .key = "on", .type = HP_BOOL, .offset = offsetof(struct nested, on) },
    { .key = NULL },
};

static const struct hp_field fields[] = {
    { .key = "size", .type = HP_SIZE, .min = 1, .max = 1 << 30, .preset = "1KiB", AT(size) },
    { .key = "percent", .type = HP_PERCENT, .max = 10000, AT(percent) },
    { .key = "mode", .type = HP_MODE, .max = 0777, AT(mode) },
    { .key = "ratio", .type = HP_REAL, .max = 1, AT(ratio) },
    { .key = "word", .type = HP_WORD, .words = words, AT(word) },
    { .key = "name", .type = HP_STRING, .max = 9, AT(name) },
    { .key = "list", .type = HP_LIST, .min = 1, .max = 9, AT(list) },
    { .key = "base", .type = HP_BASE, .bare = base },
    { .key = "part", .type = HP_OBJECT, .fields = nested_fields, .bare = bare, AT(part) },
    { .key = NULL },
};

static void must(bool good)
{
    if (!good)
        abort();
}

static void check_reads_back(const struct sample *sample)
{
    for (const struct hp_field *field = fields; field->key; field++) {
        struct sample again;
        struct hp_fault fault;
        char shown[256];
        if (field->type == HP_STRING || field->type == HP_LIST || field->type == HP_OBJECT ||
            field->type == HP_BASE)
            continue; // quoted for YAML
        hp_fields_preset(fields, &again);
        hp_field_show(field, sample, shown, sizeof shown);
        must(hp_field_text(field, &again, hp_str_from(shown), "", NULL, &fault) == HP_OK);
        size_t size = field->type == HP_WORD ? sizeof(int) : sizeof(int64_t);
        must(memcmp((const char *)sample + field->offset, (char *)&again + field->offset, size) ==
             0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_arena arena;
    struct sample sample;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 16 << 20);
    memset(&sample, 0, sizeof sample);
    hp_fields_preset(fields, &sample);
    memcpy(&defaults, &sample, sizeof sample);
    hp_str query = { (const char *)data, size };
    enum hp_code code = hp_query_read(query, fields, &sample, &arena, &fault);
    must(code == HP_OK || code == HP_BAD_QUERY || code == HP_BAD_TYPE || code == HP_OUT_OF_RANGE);
    must(code == HP_OK || (fault.code == code && fault.detail[0]));
    must(sample.size >= 1 && sample.size <= 1 << 30 && sample.part.max >= 1 &&
         sample.part.max <= 1000 && sample.percent <= 10000 && sample.name.len <= 9);
    check_reads_back(&sample);
    hp_arena_done(&arena);
    return 0;
}
