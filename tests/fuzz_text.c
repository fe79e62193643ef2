// fuzz_text.c -- any bytes: how much of them is UTF-8, and what cleaning makes of that part. The
// first two bytes pick the options. Aborts where a property does not hold.
#include "clean_checks.h"
#include "fuzz.h"

// The first two bytes: switches, form and format.
static struct hp_clean_options options_of(const uint8_t *data)
{
    unsigned bits = data[0] | (unsigned)data[1] << 8;
    struct hp_clean_options options = { .form = (int)(bits >> HP_FIXES) % 3,
        .format = (int)(bits >> (HP_FIXES + 2)) % HP_FORMATS };
    for (int fix = 0; fix < HP_FIXES; fix++)
        options.on[fix] = bits >> fix & 1;
    return options;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct hp_clean_options options = options_of(data);
    hp_str bytes = { (const char *)data + 2, size - 2 };
    hp_str raw = { bytes.ptr, hp_utf8_valid(bytes) };
    must_hold(raw.len == hp_utf8_valid_plain(bytes) ? NULL : "fast and plain validation differ");
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    struct hp_clean once = cleaned(raw, &options, &arena);
    must_hold(check_clean(raw, &once));
    struct hp_clean twice = cleaned(once.text, &options, &arena);
    if (options.format != HP_HTML) // the text of HTML is HTML no more
        must_hold(twice.edits.count ? "cleaning twice is not cleaning once" : NULL);
    hp_arena_done(&arena);
    return 0;
}
