// fuzz_mojibake.c -- text, read wrongly or not. The first byte picks what else is on, the next two
// in which encodings the text is read wrongly beforehand. Aborts where a property does not hold.
#include "clean_checks.h"
#include "fuzz.h"
#include "text/mojibake.h"

enum { HEAD = 3, TEXT_MAX = 4096, LAYERS_MAX = 3 };

static struct hp_clean_options options_of(uint8_t bits)
{
    static const enum hp_switch others[] = { HP_FIX_LINE_ENDINGS, HP_FIX_CONTROLS, HP_FIX_SPACES,
        HP_FIX_LIGATURES, HP_FIX_BLANK_RUNS };
    struct hp_clean_options options = { .form = (bits >> 5) % 3 };
    options.on[HP_FIX_MOJIBAKE] = true;
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        options.on[others[i]] = bits >> i & 1;
    return options;
}

// The character that a byte is in an encoding.
static uint32_t char_of(unsigned encoding, uint8_t byte)
{
    for (uint32_t cp = 0; cp < 0x10000; cp++) {
        unsigned number = hp_mojibake_number(cp);
        bool has = number > 0 && hp_mojibake_chars[number].encodings >> encoding & 1;
        if (has && hp_mojibake_bytes[encoding][number] == byte)
            return cp;
    }
    abort();
}

static uint32_t chars[HP_MOJIBAKE_ENCODINGS][256];

static hp_str misread(hp_str text, unsigned encoding, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        len += hp_utf8_put(out + len, chars[encoding][(unsigned char)text.ptr[i]]);
    return (hp_str){ out, len };
}

static void check_text(hp_str raw, const struct hp_clean_options *options)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    size_t found = hp_mojibake_find(raw, 0, raw.len);
    must_hold(found == hp_mojibake_find_plain(raw, 0, raw.len) ? NULL : "the searches differ");
    struct hp_clean once = cleaned(raw, options, &arena);
    must_hold(check_clean(raw, &once));
    struct hp_clean twice = cleaned(once.text, options, &arena);
    must_hold(twice.edits.count ? "cleaning twice is not cleaning once" : NULL);
    hp_arena_done(&arena);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (unsigned encoding = 0; encoding < HP_MOJIBAKE_ENCODINGS; encoding++)
        for (unsigned byte = 0; byte < 256; byte++)
            chars[encoding][byte] = char_of(encoding, (uint8_t)byte);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char space[2][TEXT_MAX * 27]; // three layers of up to three bytes a byte
    if (size < HEAD || size > TEXT_MAX)
        return 0;
    struct hp_clean_options options = options_of(data[0]);
    unsigned layers = (data[1] | (unsigned)data[2] << 8);
    hp_str raw = { (const char *)data + HEAD, size - HEAD };
    raw.len = hp_utf8_valid(raw);
    for (int layer = 0; layer < LAYERS_MAX; layer++, layers >>= 4)
        if ((layers & 15) < HP_MOJIBAKE_ENCODINGS)
            raw = misread(raw, layers & 15, space[layer & 1]);
    check_text(raw, &options);
    return 0;
}
