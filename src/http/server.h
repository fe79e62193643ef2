// server.h -- the daemon: what lives from start to stop, shared by the I/O loops (loop.h), the
// workers (workers.h) and the admin thread (admin.c).
#pragma once

#include "base/exits.h"
#include "config/config.h"
#include "hotpathd/route.h"
#include "http/headers.h"
#include "http/isolation.h"
#include "http/cost.h"
#include "http/crowd.h"
#include "http/listen.h"
#include "http/rollout.h"
#include "http/seats.h"
#include "http/workers.h"
#include "http/watch.h"
#include "telemetry/spans.h"

#include <microhttpd.h>
#include <pthread.h>

// From 0.9.71 on, callbacks return an enum.
typedef enum MHD_Result hp_mhd_result;

struct hp_server_options {
    const char *config_file; // NULL: none
    const struct hp_override *overrides;
    size_t override_count;
    const char *ready_file; // NULL: none
};

enum { HP_LISTENERS = HP_LIST_MAX + 1 };

struct hp_loop;

struct hp_server {
    struct hp_server_options options;
    uint64_t started_ns;

    pthread_mutex_t reloading; // held by whichever thread does
    // Written under the lock, by that thread.
    pthread_mutex_t lock;
    struct hp_config *config;
    uint64_t reloads_ok, reloads_failed;
    bool last_reload_ok;
    char last_reload[512]; // what was wrong with it, or ""

    // Fixed from start to stop.
    struct hp_config *first; // what the start had: some options are read then and never again
    uint64_t header_ns;      // for a header block to come in
    uint64_t idle_ns;        // for the next request line to come in
    uint64_t inline_ns;      // work up to this is done on a loop's own thread, in one turn
    size_t connections_max;
    // libmicrohttpd is older than 1.0: it is lax, and leaves the header block where it was read, so
    // that what it swallowed shows (hp_headers_begin). Newer ones are strict where they are told to
    // be. Both have the same soname, so that the one here need not be the one of the build.
    bool old_library;
    unsigned cores; // counted before the files that tell of a quota are shut off
    const char **route_names;
    struct hp_isolation isolation;
    void **route_state; // one for each row of hp_routes
    char (*route_notice)[256];
    struct hp_metrics *metrics;
    struct hp_request_log *log;
    struct hp_spans *spans; // NULL: none are wanted
    struct hp_budget memory;
    struct hp_workers *workers;
    struct hp_loop *loops; // the first is the main one
    size_t loop_count;

    // Any thread.
    atomic_bool draining, ready;
    atomic_bool killed;   // the kill switch is there: every route is off
    atomic_bool stopping; // the end of all loops but the main one
    atomic_size_t connections;
    atomic_uint_fast64_t peers_refused;       // by peer_uids
    atomic_uint_fast64_t connection_timeouts; // no request line within limits.header_ms
    atomic_size_t *in_flight;                 // one for each route
    atomic_size_t left_with_workers;          // exchanges whose callers were answered without them
    atomic_bool accepting;
    struct hp_crowd crowd;
    struct hp_cost *cost; // one for each route

    // The main loop's.
    struct hp_listener listeners[HP_LISTENERS];
    size_t listener_count;
    uint64_t accept_again_ns; // after running out of descriptors
    int signal_fd;
    struct hp_watch watch;                  // of the configuration
    uint64_t next_switch_ns;                // when to look for the kill switch
    uint64_t watchdog_ns, next_watchdog_ns; // 0: nobody asked for it

    // The admin thread's.
    struct MHD_Daemon *admin;
    struct hp_listener admin_listener;
    struct hp_seats seats;       // its connections
    atomic_size_t admin_replies; // not yet on their way
};

// --- server.c ------------------------------------------------------------------------------------

// Loads the configuration, opens routes and sockets, serves until asked to stop; returns an exit
// code.
int hp_serve(const struct hp_server_options *options);

// Begins to stop: what is under way is finished, nothing new is taken.
void hp_server_drain(struct hp_server *server);

// --- settings.c ----------------------------------------------------------------------------------

// Loads the configuration with the sections that the routes add.
struct hp_config *hp_server_config_load(
    const struct hp_server_options *options, struct hp_config_problem *problem);

// As YAML, with the routes' sections.
void hp_server_config_show(const struct hp_config *config, struct hp_buf *out);

// --- reload.c ------------------------------------------------------------------------------------

// The configuration in force, shared: give it back with hp_config_free.
struct hp_config *hp_server_config(struct hp_server *server);

// Reads the file again; a bad one is refused, logged and counted, and the old one stays.
bool hp_server_reload(struct hp_server *server);

enum { HP_START_OPTIONS = 18 };

// What was read once, at the start (`first`), and is otherwise in `fresh`: so many of `options`.
size_t hp_server_at_next_start(const struct hp_config *first, const struct hp_config *fresh,
    const char *options[HP_START_OPTIONS]);

// --- microhttpd.c --------------------------------------------------------------------------------

// The version of libmicrohttpd that is linked.
const char *hp_server_library(void);

// Picks the header fields out of a request, on either daemon. `method` and `version` are those of
// the handler's arguments.
void hp_server_headers(const struct hp_server *server, struct MHD_Connection *connection,
    const char *method, const char *version, struct hp_headers *headers);

// Adds the trailers of a chunked body that has ended to the bytes, lines and gap of `headers`.
void hp_server_trailers(struct MHD_Connection *connection, struct hp_headers *headers);
