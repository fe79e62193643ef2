// server_parts.h -- what the files of the server (settings.c, reload.c, opening.c, sockets.c,
// ready_file.c, microhttpd.c, server.c) call of each other beside server.h. All of it is before the
// first request.
#pragma once

#include "http/server.h"

// --- opening.c: exit codes, and what is none is logged -------------------------------------------

int hp_server_open(struct hp_server *server);

// Logs it; returns the code.
int hp_server_fail(int exit_code, const char *message, const char *reason);

// --- sockets.c -----------------------------------------------------------------------------------

int hp_server_listen(struct hp_server *server);

// --- ready_file.c --------------------------------------------------------------------------------

int hp_server_write_ready_file(struct hp_server *server);

// --- microhttpd.c --------------------------------------------------------------------------------

// Older than 1.0 (struct hp_server says what that means).
bool hp_server_library_is_old(void);

void hp_server_warn_of_old_library(void);
