// loop.h -- the I/O thread: one epoll over our listeners, libmicrohttpd's own epoll, signals and
// wake-ups.
#pragma once

#include "http/server.h"

// Runs until drained or told twice to stop. Returns the process's exit code.
int hp_loop_run(struct hp_server *server);
