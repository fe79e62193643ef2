// wait.h -- waiting for events to the nanosecond, where the kernel can (epoll_pwait2, Linux 5.11).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

// Whether it can, and whoever filters our calls lets us. Asked once: no event is taken. From then
// on this thread's waits end when they should, not 50 us later.
bool hp_wait_is_fine(int epoll_fd);

// As epoll_wait, but for `ns`; whole milliseconds, rounded up, where it is not fine.
int hp_wait(int epoll_fd, struct epoll_event *events, int most, uint64_t ns, bool fine);
