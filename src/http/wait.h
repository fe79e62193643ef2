// wait.h -- waiting for events to the nanosecond, where the kernel can (epoll_pwait2, Linux 5.11).
// Before it sleeps a loop looks for a short while, where that pays.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

// To be woken takes 30 to 80 us on a virtual machine whose other core sleeps, and next to nothing
// where caller and daemon take turns on one core: no rule knows which. So both ways of waiting are
// measured, in windows of some waits, by what passes from one event to the next; looking is kept
// while it makes that clearly shorter and at least half of the looks find something.
struct hp_spin {
    uint64_t ns;              // how long a look lasts; 0: never
    bool on;                  // waits of this window begin with a look
    unsigned waits, hits;     // of this window
    uint64_t since_ns;        // when it began
    uint64_t cycle_ns[2];     // the last window's length, without looks and with them
    unsigned windows_to_test; // until a window goes the other way
};

void hp_spin_open(struct hp_spin *spin, uint64_t look_ns, uint64_t now_ns);

// After a window's last wait.
bool hp_spin_is_whole(const struct hp_spin *spin);
void hp_spin_learn(struct hp_spin *spin, uint64_t now_ns);

struct hp_waiter {
    int epoll_fd;
    bool fine; // to the nanosecond
    struct hp_spin spin;
};

// Asks once whether the kernel can wait to the nanosecond, and whoever filters our calls lets us:
// no event is taken. From then on this thread's waits end when they should, not 50 us later.
void hp_waiter_open(struct hp_waiter *waiter, int epoll_fd, uint64_t look_ns);

// As epoll_wait, but for `ns`; whole milliseconds, rounded up, where it is not fine.
int hp_wait(struct hp_waiter *waiter, struct epoll_event *events, int most, uint64_t ns);
