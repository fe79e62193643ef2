// wait.c -- epoll_pwait2 where it is to be had, else epoll_wait. By number: libc may be older than
// the kernel.
#include "http/wait.h"

#include "hotpathd/deadline.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLACK_NS = 1, MS_MAX = 60000 };

static int wait_ns(int epoll_fd, struct epoll_event *events, int most, uint64_t ns)
{
#ifdef SYS_epoll_pwait2
    struct timespec time = { (time_t)(ns / HP_NS_PER_S), (long)(ns % HP_NS_PER_S) };
    return (int)syscall(SYS_epoll_pwait2, epoll_fd, events, most, &time, NULL, 0);
#else
    (void)epoll_fd, (void)events, (void)most, (void)ns;
    return -1;
#endif
}

bool hp_wait_is_fine(int epoll_fd)
{
    struct epoll_event event;
    // What is refused here leaves waits as they were.
    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    return wait_ns(epoll_fd, &event, 1, 0) >= 0;
}

int hp_wait(int epoll_fd, struct epoll_event *events, int most, uint64_t ns, bool fine)
{
    if (fine)
        return wait_ns(epoll_fd, events, most, ns);
    uint64_t ms = ns / HP_NS_PER_MS + (ns % HP_NS_PER_MS != 0);
    return epoll_wait(epoll_fd, events, most, ms > MS_MAX ? MS_MAX : (int)ms);
}
