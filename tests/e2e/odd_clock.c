// odd_clock.c -- preloaded into a daemon under test: the time of day is off by a number of seconds in a file that the test writes to,
// and while a second number there is set, a thread that is not the first stays where it asks for its own CPU time.
#include "control.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct control {
    atomic_int off_s, stuck;
} none, *control = &none;

__attribute__((constructor)) static void begin(void)
{
    void *shared = control_of("ODD_CLOCK", sizeof *control);
    if (shared)
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
