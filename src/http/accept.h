// accept.h -- connections come in on the main loop, which gives each to the loop that has the
// fewest. It pauses at the limit, and where descriptors or memory are short.
#pragma once

#include "http/server.h"

void hp_accept_on(struct hp_server *server);

// All that wait on this listener, but for a pause.
void hp_accept_some(struct hp_server *server, int listener);

bool hp_accept_is_listener(const struct hp_server *server, int fd);

// Ends a pause that is over.
void hp_accept_again(struct hp_server *server, uint64_t now_ns);

// When it may be over; UINT64_MAX: there is none, or only a connection's end ends it.
uint64_t hp_accept_due_ns(const struct hp_server *server);

// For good.
void hp_accept_close(struct hp_server *server);
