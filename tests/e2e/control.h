// control.h -- what a preloaded library hears from its test: a file that both map, named by an environment variable.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// NULL where no such file is named.
static void *control_of(const char *variable, size_t bytes)
{
    const char *path = getenv(variable);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return shared == MAP_FAILED ? NULL : shared;
}
