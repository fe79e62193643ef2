// odd_clock.c -- preloaded into a daemon under test: the time of day is off by a number of seconds in a file that the test writes to,
// and while a second number there is set, a thread that is not the first stays where it asks for its own CPU time.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct control {
    atomic_int off_s, stuck;
} none, *control = &none;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ODD_CLOCK");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (shared != MAP_FAILED)
        control = shared;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    while (clock == CLOCK_THREAD_CPUTIME_ID && atomic_load(&control->stuck) && gettid() != getpid())
        usleep(1000);
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += atomic_load(&control->off_s);
    return result;
}

time_t time(time_t *out)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
