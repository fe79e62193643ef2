// odd_clock.c -- preloaded into a daemon under test: the time of day is off by a number of seconds
// in a file that the test writes to, and while a second number there is 1, workers stay where they
// ask for their own CPU time, while it is 2 the second I/O loop does.
#include "control.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
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

static int stays(void)
{
    char name[16] = "";
    int stuck = atomic_load(&control->stuck);
    return stuck && prctl(PR_GET_NAME, name) == 0 &&
           strncmp(name, stuck == 1 ? "hotpathd-w" : "hotpathd-io", stuck == 1 ? 10 : 11) == 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    while (clock == CLOCK_THREAD_CPUTIME_ID && stays())
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
