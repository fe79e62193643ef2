// fuzz_html.c -- any bytes as a page of HTML, as far as they are UTF-8: the words are those of the
// plain reader, the text is sound, and stays as it is when it is cleaned again.
#include "fuzz.h"
#include "html_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct html_page page;
    hp_str bytes = { (const char *)data, size < PLAIN_MAX / 8 ? size : PLAIN_MAX / 8 };
    hp_str raw = { bytes.ptr, hp_utf8_valid(bytes) };
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    must_hold(html_read(raw, &arena, &never, &page, &fault) ? fault.detail : NULL);
    must_hold(check_html(&page, &arena));
    must_hold(check_html_clean(raw, &arena));
    hp_arena_done(&arena);
    return 0;
}
