// fuzz_json.c -- the reader against jansson on any bytes, and a request bound by a table of every
// type.
#include "fuzz.h"
#include "json_oracle.h"

struct inner {
    int64_t max;
    int unit;
    hp_str label;
    bool none;
};

struct request {
    hp_str text;
    bool flag;
    double weight;
    struct inner inner;
    struct hp_list list;
};

static enum hp_code bare(void *nested, hp_str word, const char *pointer, struct hp_fault *fault)
{
    ((struct inner *)nested)->none = true;
    return hp_str_is(word, "none") ? HP_OK : hp_fail(fault, HP_UNKNOWN_PRESET, pointer, "none");
}

static enum hp_code base(void *nested, hp_str word, const char *pointer, struct hp_fault *fault)
{
    static const struct request empty;
    demand(memcmp(nested, &empty, sizeof empty) == 0, "the base is not read first");
    return word.len ? HP_OK : hp_fail(fault, HP_UNKNOWN_PRESET, pointer, "a name");
}

#define AT(type, name) .key = #name, .offset = offsetof(struct type, name)

static const char *const units[] = { "a", "b", NULL };

static const struct hp_field inner_fields[] = {
    { AT(inner, max), .type = HP_INT, .min = 1, .max = 1000 },
    { AT(inner, unit), .type = HP_WORD, .words = units },
    { AT(inner, label), .type = HP_STRING, .min = 0, .max = 8 },
    { .key = NULL },
};

static const struct hp_field fields[] = {
    { AT(request, text), .type = HP_STRING, .flags = HP_REQUIRED },
    { AT(request, flag), .type = HP_BOOL },
    { AT(request, weight), .type = HP_REAL },
    { AT(request, inner), .type = HP_OBJECT, .flags = HP_NULLABLE, .fields = inner_fields,
        .bare = bare },
    { AT(request, list), .type = HP_LIST },
    { .key = "base", .type = HP_BASE, .bare = base },
    { .key = NULL },
};

// What is bound lies in the body and is in range.
static void check_bound(const struct request *request, const char *body, size_t len)
{
    const char *text = request->text.ptr;
    demand(text > body && text + request->text.len < body + len, "text is outside the body");
    demand(request->inner.label.len <= 8 && request->list.count <= HP_LIST_MAX, "out of range");
}

static void bind(const char *data, size_t len)
{
    struct request request;
    memset(&request, 0, sizeof request); // what lies between its members, too
    struct hp_fault fault = HP_FAULT_NONE;
    char *body = malloc(len + HP_PADDING);
    if (len)
        memcpy(body, data, len);
    memset(body + len, '"', HP_PADDING);
    enum hp_code code = hp_json_read(body, len, NULL, fields, &request, &fault);
    demand(code == HP_OK || code == fault.code, "a code without a fault");
    if (code == HP_OK)
        check_bound(&request, body, len);
    free(body);
    json_auto_t *theirs = json_loadb(data, len, ORACLE_FLAGS, NULL);
    demand(code != HP_OK || theirs, "bound, though jansson refuses it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = data ? (const char *)data : "";
    const char *dispute = oracle_dispute(text, len);
    demand(!dispute, dispute);
    bind(text, len);
    return 0;
}
