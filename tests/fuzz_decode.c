// fuzz_decode.c -- any bytes as a raw body: the text is UTF-8, and the spans of its characters
// follow each other over the whole body. The first byte says what becomes of faults.
#include "text/decode.h"
#include "hotpathd/utf8.h"

#include "fuzz.h"

static void check(const struct hp_decoded *decoded)
{
    size_t at = decoded->units ? 2 : 0, start, end;
    demand(hp_utf8_valid(decoded->text) == decoded->text.len, "the text is not UTF-8");
    for (size_t from = 0, len; from < decoded->text.len; from += len, at = end) {
        hp_utf8_at(decoded->text, from, &len);
        hp_decoded_source(decoded, from, from + len, &start, &end);
        demand(start == at && end > start, "spans do not follow each other");
    }
    demand(at == decoded->raw.len, "the spans end before the body");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hp_deadline never = { 0 };
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_decoded out;
    struct hp_arena arena;
    if (size == 0)
        return 0;
    hp_str raw = { (const char *)data + 1, size - 1 };
    enum hp_invalid invalid = (enum hp_invalid)(data[0] % 3);
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    enum hp_code code = hp_decode(raw, invalid, &arena, &never, &out, &fault);
    demand(code == HP_OK || (code == HP_BAD_UTF8 && invalid == HP_INVALID_REJECT), "refused");
    if (code == HP_OK)
        check(&out);
    else
        demand(fault.offset >= 0 && (size_t)fault.offset < raw.len, "the place of a fault");
    hp_arena_done(&arena);
    return 0;
}
