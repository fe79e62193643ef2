// control.h -- what the main loop does beside its connections: signals, switches, the watchdog,
// accepting, and the end.
#pragma once

#include "http/server.h"

// Until asked to stop and all connections are gone; an exit code.
int hp_control_run(struct hp_server *server);

// One of the descriptors that only the main loop waits for.
void hp_control_event(struct hp_server *server, int fd);

// In each turn of the main loop.
void hp_control_turn(struct hp_server *server, uint64_t now_ns);

// When it must take a turn at the latest.
uint64_t hp_control_due_ns(const struct hp_server *server);
