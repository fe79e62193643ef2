// openapi.c -- the assembler reads the file in: the served contract is the documented one.
#include "http/openapi.h"

__asm__(".pushsection .rodata\n"
        ".global hp_openapi_begin\n"
        "hp_openapi_begin:\n"
        ".incbin \"docs/openapi.yaml\"\n"
        ".global hp_openapi_end\n"
        "hp_openapi_end:\n"
        ".byte 0\n"
        ".popsection\n");

extern const char hp_openapi_begin[], hp_openapi_end[];

hp_str hp_openapi_yaml(void)
{
    return (hp_str){ hp_openapi_begin, (size_t)(hp_openapi_end - hp_openapi_begin) };
}
