// admin.c -- the daemon and its connections; a page writes its reply into a small arena.
#include "http/admin.h"

#include "http/admin_pages.h"
#include "http/gate.h"
#include "http/problem.h"
#include "telemetry/trace.h"

#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 32, // beyond these the one that came first gives way
    ON_THEIR_WAY_OUT = 4,
    IDLE_S = 5,
    MEMORY = 8 << 20,
    HEADER_BYTES = 32 << 10,
    LAST_REPLIES_MS = 500
};

// --- one request ---------------------------------------------------------------------------------

static bool method_fits(const struct hp_admin_page *page, const char *method)
{
    return strcmp(method, page->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(page->method, "GET") == 0);
}

static enum hp_code write_page(
    struct hp_admin_reply *reply, hp_str path, const char *method, struct hp_fault *fault)
{
    bool local = reply->server->admin_listener.unix_socket;
    HP_TRY(hp_gate_framing(&reply->headers, reply->http11, HEADER_BYTES, fault));
    HP_TRY(hp_gate_target(&path, &reply->headers, fault));
    HP_TRY(hp_gate_browser(&reply->headers, reply->config, local, fault));
    reply->page = hp_admin_find(path);
    if (!reply->page)
        return hp_fail(fault, HP_NOT_FOUND, NULL, "the admin socket has no such path");
    if (!method_fits(reply->page, method))
        return hp_fail(fault, HP_METHOD, NULL, "this path takes %s", reply->page->method);
    reply->page->write(reply);
    return hp_buf_check(&reply->out, fault);
}

static hp_mhd_result send_reply(
    struct MHD_Connection *connection, struct hp_admin_reply *reply, const char *allow)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->out.len, reply->out.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (reply->policy)
        (void)MHD_add_response_header(response, "Content-Security-Policy", reply->policy);
    if (allow)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    hp_mhd_result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static hp_mhd_result answer(struct hp_server *server, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, MEMORY);
    struct hp_admin_reply reply = { .server = server,
        .config = hp_server_config(server),
        .http11 = strcmp(version, "HTTP/1.1") == 0,
        .out = hp_buf_in(&arena),
        .type = "application/json",
        .status = 200 };
    hp_server_headers(server, connection, method, version, &reply.headers);
    if (write_page(&reply, hp_str_from(path), method, &fault)) {
        char id[33];
        hp_id_hex(id, 32);
        reply.status = hp_error_info(fault.code)->status;
        reply.type = "application/problem+json";
        reply.policy = NULL;
        reply.out = hp_buf_in(&arena);
        hp_problem_write(&reply.out, &fault, hp_str_from(id), HP_ARRIVAL, 0);
    }
    hp_mhd_result result =
        send_reply(connection, &reply, fault.code == HP_METHOD ? reply.page->method : NULL);
    hp_config_free(reply.config);
    hp_arena_done(&arena);
    return result;
}

// Bodies mean nothing here: they are read and thrown away.
static hp_mhd_result on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **context)
{
    (void)data;
    static char seen;
    if (!*context) {
        *context = &seen;
        atomic_fetch_add(&((struct hp_server *)cls)->admin_replies, 1);
        return MHD_YES;
    }
    if (*data_len) {
        *data_len = 0;
        return MHD_YES;
    }
    return answer(cls, connection, url, method, version);
}

static void on_end(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode why)
{
    (void)connection, (void)why;
    struct hp_server *server = cls;
    if (*context)
        atomic_fetch_sub(&server->admin_replies, 1);
}

// Whoever asked for the drain is told so before this side ends too; bounded, since a peer may not
// read.
static void let_replies_go(struct hp_server *server)
{
    const struct timespec tick = { .tv_nsec = HP_NS_PER_MS };
    for (int waited_ms = 0; waited_ms < LAST_REPLIES_MS; waited_ms++) {
        if (atomic_load(&server->admin_replies) == 0)
            return;
        nanosleep(&tick, NULL);
    }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    struct hp_server *server = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = hp_seats_take(&server->seats,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else if (*context)
        hp_seats_leave(&server->seats, *context);
}

bool hp_admin_open(struct hp_server *server)
{
    server->seats.most = CONNECTIONS;
    server->admin =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request,
            server,                                                                //
            MHD_OPTION_LISTEN_SOCKET, server->admin_listener.fd,                   //
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS + ON_THEIR_WAY_OUT, //
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,                   //
            MHD_OPTION_NOTIFY_COMPLETED, on_end, server,                           //
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,                       //
            MHD_OPTION_STRICT_FOR_CLIENT, (int)!server->old_library,               //
            MHD_OPTION_END);
    return server->admin != NULL;
}

void hp_admin_close(struct hp_server *server)
{
    if (!server->admin)
        return;
    let_replies_go(server);
    // Stopping shuts the listening socket down, for all who share it; one that it was told to leave
    // is only closed, by us.
    if (server->admin_listener.adopted)
        close(MHD_quiesce_daemon(server->admin));
    MHD_stop_daemon(server->admin); // closes the listening socket with it
    server->admin_listener.fd = -1;
    server->admin = NULL;
}
