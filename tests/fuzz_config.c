// fuzz_config.c -- any bytes as a configuration: taken, or refused with a place; what was taken is
// shown and reads back to the same hash, and a request that names one of its presets is never
// refused for what the preset holds. The same bytes go through the writer of JSON.
#include "config/config.h"
#include "hotpathd/json.h"
#include "hotpathd/route.h"

#include "fuzz.h"

static struct hp_section sections[8];

static struct hp_config *read_bytes(hp_str yaml, struct hp_config_problem *problem)
{
    for (size_t i = 0; i < hp_route_count; i++)
        sections[i] = (struct hp_section){ hp_routes[i]->name, hp_routes[i]->options,
            hp_routes[i]->options_size, hp_routes[i]->preset };
    return hp_config_read(yaml, "x", sections, hp_route_count, NULL, 0, problem);
}

// The faults that a preset cannot have: it was read when it was loaded.
static bool is_of_a_preset(enum hp_code code)
{
    return code == HP_BAD_JSON || code == HP_BAD_UTF8 || code == HP_DUPLICATE_KEY ||
           code == HP_UNKNOWN_PRESET || code == HP_UNKNOWN_ANALYZER || code == HP_INTERNAL;
}

// The route's example, in which the preset is named.
static void ask(const struct hp_route *route, const struct hp_route_config *config, hp_str preset)
{
    static const char no_state[4096];
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    char body[2048];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"preset\":\"%.*s\",%s", (int)preset.len,
        preset.ptr, route->example.ptr + 1);
    demand(route->state_size <= sizeof no_state && len + HP_PADDING < sizeof body, "too small");
    hp_arena_init(&arena, NULL, (size_t)1 << 28);
    struct hp_request request = { .body = body,
        .body_len = len,
        .media_type = HP_S("application/json"),
        .options = config->own,
        .presets = &config->presets,
        .arena = &arena };
    struct hp_buf reply = hp_buf_in(&arena);
    enum hp_code code = route->run(no_state, &request, &reply, &fault);
    demand(!is_of_a_preset(code), "refused for what was taken");
    hp_arena_done(&arena);
}

static void ask_all(const struct hp_config *config)
{
    for (size_t i = 0; i < config->route_count; i++)
        for (size_t j = 0; j < config->routes[i].presets.count; j++)
            ask(hp_routes[i], &config->routes[i], config->routes[i].presets.item[j].name);
}

static void check_shown(const struct hp_config *config)
{
    struct hp_config_problem problem;
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    hp_config_show(config, sections, &out);
    struct hp_config *again = read_bytes(hp_buf_str(&out), &problem);
    if (!again || strcmp(again->hash, config->hash) != 0)
        abort();
    hp_config_free(again);
    hp_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hp_str yaml = { (const char *)data, size };
    struct hp_config_problem problem;
    struct hp_config *config = read_bytes(yaml, &problem);
    if (config) {
        check_shown(config);
        ask_all(config);
    } else if (strncmp(problem.text, "x:", 2) != 0 || !strchr(problem.text, ';')) {
        abort();
    }
    hp_config_free(config);

    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    if (hp_yaml_to_json(yaml, &out) && out.len == 0)
        abort();
    hp_arena_done(&arena);
    return 0;
}
