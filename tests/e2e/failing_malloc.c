// failing_malloc.c -- preloaded into a daemon under test: allocations fail from the n-th one on, n being a number in a file that the
// test writes to; 0: none does. What is in a daemon's way must be refused, not fatal.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

// left: how many succeed before one fails; 0: off. failed: how many did.
static struct control {
    atomic_int left, failed;
} off, *control = &off;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAILING_MALLOC");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (shared != MAP_FAILED)
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
