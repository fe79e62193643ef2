// systemd.h -- what a service manager hands over and wants to hear: sockets that it opened
// (sd_listen_fds(3)) and notifications (sd_notify(3)). Without one all of it does nothing.
#pragma once

#include "hotpathd/str.h"

enum { HP_SYSTEMD_FIRST_FD = 3 };

// How many descriptors from HP_SYSTEMD_FIRST_FD on are ours, 0: none; and the colon-separated names
// of them, "" where there are none. Afterwards the environment does not say so any more, so that no
// child takes them for its own.
unsigned hp_systemd_sockets(char *names, size_t size);

// Lines like "READY=1". Any thread.
void hp_systemd_notify(const char *lines);

// How often the manager wants WATCHDOG=1 at the least; 0: never.
uint64_t hp_systemd_watchdog_ns(void);
