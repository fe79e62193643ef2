// wait.c -- epoll_pwait2 where it is to be had, else epoll_wait. By number: libc may be older than
// the kernel.
#include "http/wait.h"

#include "hotpathd/deadline.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLACK_NS = 1, MS_MAX = 60000, WINDOW = 16, TEST_EVERY = 128 };

// --- looking before sleeping ---------------------------------------------------------------------

void hp_spin_open(struct hp_spin *spin, uint64_t look_ns, uint64_t now_ns)
{
    *spin = (struct hp_spin){ .ns = look_ns, .since_ns = now_ns, .windows_to_test = 1 };
}

bool hp_spin_is_whole(const struct hp_spin *spin)
{
    return spin->waits >= WINDOW;
}

static bool pays(const struct hp_spin *spin)
{
    return spin->cycle_ns[true] < spin->cycle_ns[false] / 5 * 4;
}

void hp_spin_learn(struct hp_spin *spin, uint64_t now_ns)
{
    bool missed = spin->on && spin->hits * 2 < spin->waits;
    spin->cycle_ns[spin->on] = missed ? UINT64_MAX : now_ns - spin->since_ns;
    spin->on = spin->windows_to_test-- == 1 ? !spin->on : pays(spin);
    if (spin->windows_to_test == 0)
        spin->windows_to_test = TEST_EVERY;
    spin->waits = spin->hits = 0;
    spin->since_ns = now_ns;
}

static int look(struct hp_waiter *waiter, struct epoll_event *events, int most)
{
    uint64_t end = hp_now_ns() + waiter->spin.ns;
    int count;
    do
        count = epoll_wait(waiter->epoll_fd, events, most, 0);
    while (count == 0 && hp_now_ns() < end);
    waiter->spin.hits += count > 0;
    return count;
}

// --- sleeping ------------------------------------------------------------------------------------

static int sleep_fine(int epoll_fd, struct epoll_event *events, int most, uint64_t ns)
{
#ifdef SYS_epoll_pwait2
    struct timespec time = { (time_t)(ns / HP_NS_PER_S), (long)(ns % HP_NS_PER_S) };
    return (int)syscall(SYS_epoll_pwait2, epoll_fd, events, most, &time, NULL, 0);
#else
    (void)epoll_fd, (void)events, (void)most, (void)ns;
    return -1;
#endif
}

static int sleep_coarse(int epoll_fd, struct epoll_event *events, int most, uint64_t ns)
{
    uint64_t ms = ns / HP_NS_PER_MS + (ns % HP_NS_PER_MS != 0);
    return epoll_wait(epoll_fd, events, most, ms > MS_MAX ? MS_MAX : (int)ms);
}

// --- both ----------------------------------------------------------------------------------------

void hp_waiter_open(struct hp_waiter *waiter, int epoll_fd, uint64_t look_ns)
{
    struct epoll_event event;
    // What is refused here leaves waits as they were.
    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    waiter->epoll_fd = epoll_fd;
    waiter->fine = sleep_fine(epoll_fd, &event, 1, 0) >= 0;
    hp_spin_open(&waiter->spin, look_ns, hp_now_ns());
}

int hp_wait(struct hp_waiter *waiter, struct epoll_event *events, int most, uint64_t ns)
{
    int count = 0;
    bool looks = waiter->spin.ns > 0 && ns > waiter->spin.ns;
    if (looks && hp_spin_is_whole(&waiter->spin))
        hp_spin_learn(&waiter->spin, hp_now_ns());
    waiter->spin.waits += looks;
    if (looks && waiter->spin.on) {
        count = look(waiter, events, most);
        ns -= waiter->spin.ns;
    }
    if (count != 0)
        return count;
    return waiter->fine ? sleep_fine(waiter->epoll_fd, events, most, ns)
                        : sleep_coarse(waiter->epoll_fd, events, most, ns);
}
