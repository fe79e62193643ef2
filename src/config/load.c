// load.c -- a configuration is made in one go and never changed: defaults, file, flags, rules,
// hash. Or it is not made at all, and one line says where and why.
#include "config/loading.h"
#include "config/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 1 << 20, ARENA_MAX_BYTES = 4 << 20 };

// --- problems ------------------------------------------------------------------------------------

// "--set chunk.mode=maybe" or "conf/x.yaml:3:5".
static void place_write(char *text, size_t size, const struct hp_origin *at, const char *name)
{
    if (!at->flag) {
        snprintf(text, size, "%.255s:%zu:%zu", name, at->line, at->column);
        return;
    }
    static const hp_str routes = HP_STR("routes.");
    hp_str path = at->flag->path;
    bool own_flag = !memchr(path.ptr, '.', path.len);
    if (path.len > routes.len && memcmp(path.ptr, routes.ptr, routes.len) == 0)
        path = (hp_str){ path.ptr + routes.len, path.len - routes.len };
    char shown_path[HP_POINTER_MAX] = "", shown_value[HP_POINTER_MAX] = "";
    hp_pointer_add(shown_path, path); // printable and short, behind a slash
    hp_pointer_add(shown_value, at->flag->value);
    snprintf(text, size, own_flag ? "--%s %s" : "--set %s=%s", shown_path + 1, shown_value + 1);
}

// An option's name and what would be right.
static const char *between(enum hp_code code)
{
    static const struct {
        enum hp_code code;
        const char *words;
    } rows[] = {
        { HP_BAD_TYPE, " is not of its type; it takes " },
        { HP_OUT_OF_RANGE, " is out of its range; it takes " },
        { HP_DUPLICATE_KEY, " is set twice; " },
        { HP_UNKNOWN_FIELD, " is no option; " },
        { HP_UNKNOWN_PRESET, " is unknown; " },
        { HP_UNKNOWN_ANALYZER, " is unknown; " },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].words;
    return " is refused; ";
}

static void problem_write(
    struct hp_config_problem *problem, const char *place, const struct hp_fault *fault)
{
    snprintf(problem->text, sizeof problem->text, "%s: %s%s%s", place, fault->pointer,
        fault->pointer[0] ? between(fault->code) : "", fault->detail);
}

// --- making one ----------------------------------------------------------------------------------

static struct hp_config *config_new(const struct hp_section *sections, size_t count)
{
    struct hp_config *config = calloc(1, hp_options_size(sections, count));
    if (!config)
        return NULL;
    hp_arena_init(&config->arena, NULL, ARENA_MAX_BYTES);
    atomic_init(&config->references, 1);
    hp_options_place(config, sections, count);
    return config;
}

// FNV-1a, 64 bits: over what hp_config_show writes.
static enum hp_code hash_values(
    struct hp_config *config, const struct hp_section *sections, struct hp_fault *fault)
{
    struct hp_buf text = hp_buf_in(&config->arena);
    hp_config_show(config, sections, &text);
    HP_TRY(hp_buf_check(&text, fault));
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
    snprintf(config->hash, sizeof config->hash, "%016llx", (unsigned long long)hash);
    return HP_OK;
}

static bool listen_is_default(const struct hp_loading *loading)
{
    const struct hp_list *listen = &loading->config->listen;
    const struct hp_field *row = hp_field_find(loading->fields, HP_S("listen"));
    const struct hp_origin *origin = hp_loading_origin(loading, row);
    return !(origin && origin->flag) && listen->count == 1 &&
           hp_str_is(listen->item[0], row->preset);
}

// "conf/x.yaml" alone where nobody set it.
static const char *place_of(const struct hp_loading *loading, const char *key, const char *name)
{
    char place[HP_POINTER_MAX * 2 + 16];
    const struct hp_origin *origin =
        hp_loading_origin(loading, hp_field_find(loading->fields, hp_str_from(key)));
    if (origin)
        place_write(place, sizeof place, origin, name);
    const char *kept = hp_arena_text(&loading->config->arena, hp_str_from(origin ? place : name));
    return kept ? kept : "";
}

static void note_places(const struct hp_loading *loading, const char *name)
{
    struct hp_config *config = loading->config;
    config->listen_at = place_of(loading, "listen", name);
    config->admin_at = place_of(loading, "admin", name);
    config->token_file_at = place_of(loading, "token_file", name);
}

static enum hp_code fill(struct hp_loading *loading, hp_str yaml, const struct hp_section *sections,
    const struct hp_override *overrides, size_t override_count)
{
    struct hp_config *config = loading->config;
    loading->fields = hp_options_tree(sections, config->route_count, &config->arena);
    if (!loading->fields)
        return hp_no_memory(&config->arena, loading->fault);
    hp_fields_preset(loading->fields, config);
    HP_TRY(hp_yaml_read(loading, yaml));
    HP_TRY(hp_flags_read(loading, overrides, override_count));
    HP_TRY(hp_rules_check(loading));
    config->listen_is_default = listen_is_default(loading);
    return hash_values(config, sections, loading->fault);
}

struct hp_config *hp_config_read(hp_str yaml, const char *name, const struct hp_section *sections,
    size_t section_count, const struct hp_override *overrides, size_t override_count,
    struct hp_config_problem *problem)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_config *config = config_new(sections, section_count);
    if (!config) {
        snprintf(problem->text, sizeof problem->text, "%s: %s", name, strerror(ENOMEM));
        return NULL;
    }
    struct hp_loading loading = {
        .config = config, .sections = sections, .at = { .line = 1, .column = 1 }, .fault = &fault
    };
    if (fill(&loading, yaml, sections, overrides, override_count)) {
        char place[HP_POINTER_MAX * 2 + 16];
        place_write(place, sizeof place, &loading.at, name);
        problem_write(problem, place, &fault);
        hp_config_free(config);
        return NULL;
    }
    note_places(&loading, name);
    return config;
}

// --- the file ------------------------------------------------------------------------------------

// Up to `size` bytes of the file; -1 with errno where that fails.
static ssize_t read_file(const char *file, char *bytes, size_t size)
{
    struct stat info;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would wait for its writer
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) < 0 || S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    size_t len = 0;
    ssize_t got;
    do {
        got = read(fd, bytes + len, size - len);
        if (got > 0)
            len += (size_t)got;
    } while (len < size && (got > 0 || (got < 0 && errno == EINTR)));
    int error = errno;
    close(fd);
    errno = error;
    return got < 0 ? -1 : (ssize_t)len;
}

struct hp_config *hp_config_load(const char *file, const struct hp_section *sections,
    size_t section_count, const struct hp_override *overrides, size_t override_count,
    struct hp_config_problem *problem)
{
    if (!file)
        return hp_config_read(
            HP_S(""), "defaults", sections, section_count, overrides, override_count, problem);
    struct hp_config *config = NULL;
    char *bytes = malloc(FILE_MAX_BYTES + 1);
    ssize_t len = bytes ? read_file(file, bytes, FILE_MAX_BYTES + 1) : -1;
    if (len < 0)
        snprintf(problem->text, sizeof problem->text, "%s: %s", file, strerror(errno));
    else if (len > FILE_MAX_BYTES)
        snprintf(problem->text, sizeof problem->text, "%s: too large; at most 1MiB", file);
    else
        config = hp_config_read((hp_str){ bytes, (size_t)len }, file, sections, section_count,
            overrides, override_count, problem);
    free(bytes);
    return config;
}

// --- holding one ---------------------------------------------------------------------------------

struct hp_config *hp_config_share(struct hp_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void hp_config_free(struct hp_config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) > 1)
        return;
    hp_arena_done(&config->arena);
    free(config);
}
