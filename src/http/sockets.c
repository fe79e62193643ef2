// sockets.c -- what is listened on: the sockets that the manager hands over, else those of the
// configuration.
#include "http/server_parts.h"

#include "base/places.h"
#include "http/systemd.h"

#include <unistd.h>

static int listen_on(struct hp_server *server, struct hp_listener *listener, hp_str address)
{
    char why[256] = "";
    const struct hp_config *config = server->config;
    bool remote = config->allow_remote && listener != &server->admin_listener;
    switch (hp_listen(listener, address, (unsigned)config->socket_mode, remote, why)) {
    case HP_LISTENING:
        return HP_EXIT_OK;
    case HP_BAD_ADDRESS:
        return hp_server_fail(HP_EXIT_CONFIG, "bad address", why);
    case HP_NO_LISTENER:
        break;
    }
    return hp_server_fail(HP_EXIT_NO_LISTENER, "cannot listen", why);
}

// Where nothing is configured, the Unix socket is opened too, if its folder is there and ours to
// write.
static bool wants_default_socket(const struct hp_server *server)
{
    return server->config->listen_is_default && access(HP_RUN_FOLDER, W_OK) == 0;
}

// Those named "admin" serve the admin side, all others the data side in place of `listen`.
static int adopt_sockets(struct hp_server *server)
{
    char names[512], why[256] = "";
    unsigned count = hp_systemd_sockets(names, sizeof names);
    hp_str rest = hp_str_from(names);
    for (unsigned i = 0; i < count; i++) {
        bool admin = hp_str_is(hp_str_cut(&rest, ':'), "admin");
        if (admin && server->admin_listener.fd >= 0)
            return hp_server_fail(
                HP_EXIT_CONFIG, "cannot listen", "two inherited sockets are named admin");
        if (!admin && server->listener_count == HP_LISTENERS)
            return hp_server_fail(HP_EXIT_CONFIG, "cannot listen", "too many inherited sockets");
        struct hp_listener *listener =
            admin ? &server->admin_listener : &server->listeners[server->listener_count++];
        bool remote = server->config->allow_remote && !admin;
        if (hp_listen_adopt(listener, HP_SYSTEMD_FIRST_FD + (int)i, remote, why) != HP_LISTENING)
            return hp_server_fail(HP_EXIT_CONFIG, "cannot listen", why);
    }
    return HP_EXIT_OK;
}

static int open_admin_listener(struct hp_server *server)
{
    if (server->admin_listener.fd >= 0)
        return HP_EXIT_OK;
    return listen_on(server, &server->admin_listener, server->config->admin);
}

int hp_server_listen(struct hp_server *server)
{
    const struct hp_list *list = &server->config->listen;
    int adopted = adopt_sockets(server);
    if (adopted || server->listener_count > 0)
        return adopted ? adopted : open_admin_listener(server);
    for (size_t i = 0; i < list->count; i++) {
        int code = listen_on(server, &server->listeners[server->listener_count], list->item[i]);
        if (code)
            return code;
        server->listener_count++;
    }
    if (wants_default_socket(server)) {
        hp_str address = HP_S("unix:" HP_DATA_SOCKET);
        // Another daemon may hold it; TCP alone is what the configuration asks for.
        if (listen_on(server, &server->listeners[server->listener_count], address) == HP_EXIT_OK)
            server->listener_count++;
    }
    return open_admin_listener(server);
}
