// admin_pages.h -- what the admin side's paths say (admin_pages.c, admin_metrics.c,
// admin_status.c). The admin thread's.
#pragma once

#include "http/server.h"

struct hp_admin_page;

struct hp_admin_reply {
    struct hp_server *server;
    const struct hp_admin_page *page; // NULL: there is none at its path
    struct hp_config *config;
    struct hp_headers headers;
    bool http11;
    struct hp_buf out;
    const char *type;
    const char *policy; // Content-Security-Policy; NULL: none
    int status;
};

struct hp_admin_page {
    const char *path, *method;
    void (*write)(struct hp_admin_reply *reply);
};

// NULL: there is none.
const struct hp_admin_page *hp_admin_find(hp_str path);

// --- admin_metrics.c -----------------------------------------------------------------------------

void hp_admin_metrics(struct hp_admin_reply *reply);

// --- admin_status.c ------------------------------------------------------------------------------

void hp_admin_status(struct hp_admin_reply *reply);
void hp_admin_reload(struct hp_admin_reply *reply);

// --- what they share -----------------------------------------------------------------------------

// In force: off where the kill switch is there.
int hp_admin_mode_of(const struct hp_admin_reply *reply, size_t route);

void hp_admin_put_member(struct hp_buf *out, const char *key, const char *value);

// An object with a member for each route, whose members `put` writes.
void hp_admin_put_routes(
    struct hp_admin_reply *reply, void (*put)(struct hp_admin_reply *, size_t));
