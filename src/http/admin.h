// admin.h -- the second daemon: health, metrics and switches, on a socket and thread of its own, so
// that they answer while the data side is full.
#pragma once

#include "http/server.h"

// Serves server->admin_listener from a thread of libmicrohttpd's; false where it will not start.
bool hp_admin_open(struct hp_server *server);
void hp_admin_close(struct hp_server *server);
