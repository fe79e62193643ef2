// admin_pages.c -- the table of paths, and those that say little.
#include "http/admin_pages.h"

#include "hotpathd/json.h"
#include "http/loop.h"
#include "http/openapi.h"
#include "http/page.h"

int hp_admin_mode_of(const struct hp_admin_reply *reply, size_t route)
{
    return atomic_load(&reply->server->killed) ? HP_MODE_OFF : reply->config->routes[route].mode;
}

void hp_admin_put_member(struct hp_buf *out, const char *key, const char *value)
{
    hp_buf_format(out, "\"%s\":", key);
    hp_json_put_string(out, hp_str_from(value));
}

void hp_admin_put_routes(struct hp_admin_reply *reply, void (*put)(struct hp_admin_reply *, size_t))
{
    hp_buf_char(&reply->out, '{');
    for (size_t i = 0; i < hp_route_count; i++) {
        if (i)
            hp_buf_char(&reply->out, ',');
        hp_buf_format(&reply->out, "\"%s\":{", hp_routes[i]->name);
        put(reply, i);
        hp_buf_char(&reply->out, '}');
    }
    hp_buf_char(&reply->out, '}');
}

static void livez(struct hp_admin_reply *reply)
{
    reply->type = "text/plain; charset=utf-8";
    hp_buf_add(&reply->out, HP_S("ok\n"));
}

static void readyz(struct hp_admin_reply *reply)
{
    bool draining = atomic_load(&reply->server->draining);
    bool ready = atomic_load(&reply->server->ready);
    struct hp_workers_view view;
    hp_workers_look(reply->server->workers, &view);
    bool stuck = view.stuck == view.threads;
    bool loop_stuck = hp_loops_stuck(reply->server, hp_now_ns()) > 0;
    reply->type = "text/plain; charset=utf-8";
    reply->status = ready && !draining && !stuck && !loop_stuck ? 200 : 503;
    hp_buf_add(&reply->out, draining     ? HP_S("draining\n")
                            : stuck      ? HP_S("all workers are stuck\n")
                            : loop_stuck ? HP_S("an I/O loop is stuck\n")
                            : ready      ? HP_S("ready\n")
                                         : HP_S("starting\n"));
}

static void put_route_card(struct hp_admin_reply *reply, size_t i)
{
    const struct hp_route *route = hp_routes[i];
    hp_buf_format(&reply->out, "\"path\":\"/v1/%s\",", route->name);
    hp_admin_put_member(&reply->out, "summary", route->summary);
    hp_buf_char(&reply->out, ',');
    hp_admin_put_member(&reply->out, "contract", route->contract);
    hp_buf_char(&reply->out, ',');
    hp_admin_put_member(&reply->out, "mode", hp_mode_name(reply->config->routes[i].mode));
    hp_buf_add(&reply->out, HP_S(",\"example\":"));
    hp_buf_add(&reply->out, route->example);
}

static void routes(struct hp_admin_reply *reply)
{
    hp_admin_put_routes(reply, put_route_card);
}

static void config(struct hp_admin_reply *reply)
{
    reply->type = "application/yaml";
    hp_server_config_show(reply->config, &reply->out);
}

static void openapi(struct hp_admin_reply *reply)
{
    if (!hp_yaml_to_json(hp_openapi_yaml(), &reply->out))
        reply->out.failed = true;
}

static void page(struct hp_admin_reply *reply)
{
    reply->type = "text/html; charset=utf-8";
    // It runs its own script, and asks nobody but this socket.
    reply->policy =
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    hp_buf_add(&reply->out, hp_status_page());
}

static void drain(struct hp_admin_reply *reply)
{
    hp_server_drain(reply->server);
    reply->status = 202;
    hp_buf_add(&reply->out, HP_S("{\"draining\":true}"));
}

static const struct hp_admin_page pages[] = {
    { "/", "GET", page },
    { "/livez", "GET", livez },
    { "/readyz", "GET", readyz },
    { "/healthz", "GET", readyz },
    { "/metrics", "GET", hp_admin_metrics },
    { "/-/status", "GET", hp_admin_status },
    { "/-/config", "GET", config },
    { "/-/routes", "GET", routes },
    { "/openapi.json", "GET", openapi },
    { "/-/reload", "POST", hp_admin_reload },
    { "/-/drain", "POST", drain },
};

const struct hp_admin_page *hp_admin_find(hp_str path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (hp_str_is(path, pages[i].path))
            return &pages[i];
    return NULL;
}
