// page.c -- one file without an outside resource; the assembler reads it in.
#include "http/page.h"

__asm__(".pushsection .rodata\n"
        ".global hp_page_begin\n"
        "hp_page_begin:\n"
        ".incbin \"src/http/page.html\"\n"
        ".global hp_page_end\n"
        "hp_page_end:\n"
        ".byte 0\n"
        ".popsection\n");

extern const char hp_page_begin[], hp_page_end[];

hp_str hp_status_page(void)
{
    return (hp_str){ hp_page_begin, (size_t)(hp_page_end - hp_page_begin) };
}
