// client.h -- one HTTP request to a daemon, over TCP or a Unix socket, and its reply; blocking.
#pragma once

#include "base/reply.h"
#include "hotpathd/buf.h"

struct hp_client_request {
    const char *address; // HOST:PORT, http://HOST:PORT or unix:PATH
    const char *method;
    const char *target;     // printable ASCII
    const char *media_type; // NULL: no body
    hp_str body;
    int connect_ms, total_ms;
};

struct hp_client_problem {
    char text[256]; // for a person: "127.0.0.1:8377: Connection refused"
};

// False, with the problem filled in, where there was no whole reply. The reply's bytes lie in
// `arena`, whose ceiling is the limit of what is read.
bool hp_client_call(const struct hp_client_request *request, struct hp_arena *arena,
    struct hp_reply *reply, struct hp_client_problem *problem);
