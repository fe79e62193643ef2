// settings.c -- the configuration as the server takes it: the file's sections are those of the
// routes, and what only this host can tell of it is looked at here.
#include "http/server.h"

#include <errno.h>
#include <stdio.h>

enum { SECTIONS_MAX = 16, TOKEN_LEAST = 16, TOKEN_MOST = 256 };

static size_t sections(struct hp_section out[SECTIONS_MAX])
{
    for (size_t i = 0; i < hp_route_count; i++)
        out[i] = (struct hp_section){ hp_routes[i]->name, hp_routes[i]->options,
            hp_routes[i]->options_size, hp_routes[i]->preset };
    return hp_route_count;
}

// That they can be listened on is known when it is tried; that they are of this host is known here.
static bool addresses_fit(const struct hp_config *config, struct hp_config_problem *problem)
{
    for (size_t i = 0; i <= config->listen.count; i++) {
        bool admin = i == config->listen.count;
        hp_str address = admin ? config->admin : config->listen.item[i];
        if (hp_listen_fits(address, config->allow_remote && !admin))
            continue;
        snprintf(problem->text, sizeof problem->text,
            "%s: %s: %.*s is not HOST:PORT with a loopback HOST (127.0.0.1, [::1], localhost%s), "
            "or unix:PATH of 1 to 107 bytes",
            admin ? config->admin_at : config->listen_at, admin ? "admin" : "listen",
            (int)address.len, address.ptr, admin ? "" : "; others need allow_remote");
        return false;
    }
    return true;
}

static bool fits_as_token(hp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '!' || text.ptr[i] > '~')
            return false;
    return text.len >= TOKEN_LEAST && text.len <= TOKEN_MOST;
}

static bool read_token(struct hp_config *config, struct hp_config_problem *problem)
{
    char path[4096], text[TOKEN_MOST + 3] = "";
    if (config->token_file.len == 0)
        return true;
    snprintf(path, sizeof path, "%.*s", (int)config->token_file.len, config->token_file.ptr);
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    text[len] = '\0';
    if (!fits_as_token((hp_str){ text, len })) {
        snprintf(problem->text, sizeof problem->text,
            "%s: token_file: %.500s cannot be read, or is not one line of %d to %d visible "
            "characters",
            config->token_file_at, path, TOKEN_LEAST, TOKEN_MOST);
        return false;
    }
    char *kept = hp_arena_text(&config->arena, (hp_str){ text, len });
    if (!kept)
        snprintf(problem->text, sizeof problem->text, "token_file: %s", strerror(ENOMEM));
    config->token = (hp_str){ kept, len };
    return kept != NULL;
}

struct hp_config *hp_server_config_load(
    const struct hp_server_options *options, struct hp_config_problem *problem)
{
    struct hp_section list[SECTIONS_MAX];
    size_t count = sections(list);
    struct hp_config *config = hp_config_load(
        options->config_file, list, count, options->overrides, options->override_count, problem);
    if (!config || (addresses_fit(config, problem) && read_token(config, problem)))
        return config;
    hp_config_free(config);
    return NULL;
}

void hp_server_config_show(const struct hp_config *config, struct hp_buf *out)
{
    struct hp_section list[SECTIONS_MAX];
    (void)sections(list);
    hp_config_show(config, list, out);
}
