// fuzz_config.c -- any bytes as a configuration: taken, or refused with a place; what was taken is
// shown and reads back to the same hash. The same bytes go through the writer of JSON.
#include "config/config.h"

#include "fuzz.h"

static const struct hp_section sections[] = { { .name = "chunk" } };

static struct hp_config *read_bytes(hp_str yaml, struct hp_config_problem *problem)
{
    return hp_config_read(yaml, "x", sections, 1, NULL, 0, problem);
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
    if (config)
        check_shown(config);
    else if (strncmp(problem.text, "x:", 2) != 0 || !strchr(problem.text, ';'))
        abort();
    hp_config_free(config);

    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    if (hp_yaml_to_json(yaml, &out) && out.len == 0)
        abort();
    hp_arena_done(&arena);
    return 0;
}
