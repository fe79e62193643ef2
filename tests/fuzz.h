// fuzz.h -- what every fuzz target begins with: the function that libFuzzer calls, and how it says
// that something does not hold.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

// For a check that names what does not hold, or gives NULL.
static inline void must_hold(const char *wrong)
{
    demand(!wrong, wrong);
}
