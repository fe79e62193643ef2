// failing_malloc.c -- preloaded into a daemon under test: allocations fail from the n-th one on, n being a number in a file that the
// test writes to; 0: none does. What is in a daemon's way must be refused, not fatal.
#include "control.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

// left: how many succeed before one fails; 0: off. failed: how many did.
static struct control {
    atomic_int left, failed;
} off, *control = &off;

__attribute__((constructor)) static void begin(void)
{
    void *shared = control_of("FAILING_MALLOC", sizeof *control);
    if (shared)
        control = shared;
}

// Once: the n-th alone fails. Memory that is gone and comes back is the harder case.
static int fails(void)
{
    if (atomic_load(&control->left) <= 0 || atomic_fetch_sub(&control->left, 1) != 1)
        return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}
