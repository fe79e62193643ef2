// fuzz_text.c -- any bytes: how much of them is UTF-8, and what cleaning makes of that part. The
// first byte picks the options. Aborts where a property does not hold.
#include "clean_checks.h"

#include <stdio.h>
#include <stdlib.h>

static void must_hold(const char *wrong)
{
    if (!wrong)
        return;
    fprintf(stderr, "%s\n", wrong);
    abort();
}

static struct hp_clean_options options_of(uint8_t bits)
{
    struct hp_clean_options options = { .form = (bits >> 5) % 3 };
    options.on[HP_FIX_LINE_ENDINGS] = bits & 1;
    options.on[HP_FIX_CONTROLS] = bits & 2;
    options.on[HP_FIX_SPACES] = bits & 4;
    options.on[HP_FIX_LIGATURES] = bits & 8;
    options.on[HP_FIX_BLANK_RUNS] = bits & 16;
    return options;
}

static struct hp_clean clean(
    hp_str raw, const struct hp_clean_options *options, struct hp_arena *arena)
{
    static const struct hp_deadline never = { 0 };
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_clean out = { .text = raw };
    if (hp_clean(raw, options, arena, &never, &out, &fault))
        must_hold(fault.detail);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct hp_clean_options options = options_of(data[0]);
    hp_str bytes = { (const char *)data + 1, size - 1 };
    hp_str raw = { bytes.ptr, hp_utf8_valid(bytes) };
    must_hold(raw.len == hp_utf8_valid_plain(bytes) ? NULL : "fast and plain validation differ");
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    struct hp_clean once = clean(raw, &options, &arena);
    must_hold(check_clean(raw, &once));
    struct hp_clean twice = clean(once.text, &options, &arena);
    must_hold(twice.edits ? "cleaning twice is not cleaning once" : NULL);
    hp_arena_done(&arena);
    return 0;
}
