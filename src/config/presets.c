// presets.c -- named sets of a request's options. Each is a mapping that is kept as the JSON of a
// request and handed to the route, which alone knows what a request may hold; where every value
// stands in the file is noted on the way, so that what the route refuses has its line and column.
#include "config/presets.h"
#include "config/scalar.h"

#include <stdio.h>

enum { DEPTH_MAX = 8, KEY_MAX = 64, SCRATCH_BYTES = 1 << 20 };

// A value of the preset, and the key (an item: itself) that it has.
struct place {
    const char *pointer;
    struct hp_origin key, value;
    const struct place *before;
};

struct writing {
    struct hp_events *events;
    struct hp_arena *arena; // of the places and the JSON
    struct hp_buf json;
    const struct place *places; // newest first
};

static enum hp_code too_much(struct hp_events *events)
{
    return HP_EVENTS_REFUSE(
        events, "too much for a preset; %d bytes at most, as JSON", HP_PRESET_MAX);
}

// --- a mapping as JSON ---------------------------------------------------------------------------

static enum hp_code write_value(struct writing *writing, const char *pointer, int depth);

// Writes the value that the events stand at, which is `name` under `parent`.
static enum hp_code write_member(
    struct writing *writing, const char *parent, hp_str name, struct hp_origin key, int depth)
{
    char pointer[HP_POINTER_MAX];
    struct place *place = HP_NEW(writing->arena, struct place, 1);
    hp_pointer_under(pointer, parent, name);
    const char *kept = hp_arena_text(writing->arena, hp_str_from(pointer));
    if (!place || !kept)
        return hp_no_memory(writing->arena, writing->events->loading->fault);
    *place = (struct place){ kept, key, writing->events->loading->at, writing->places };
    writing->places = place;
    return write_value(writing, kept, depth);
}

static enum hp_code write_list(struct writing *writing, const char *pointer, int depth)
{
    struct hp_events *events = writing->events;
    hp_buf_char(&writing->json, '[');
    for (size_t i = 0;; i++) {
        char index[24];
        HP_TRY(hp_events_next(events));
        if (events->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (i)
            hp_buf_char(&writing->json, ',');
        snprintf(index, sizeof index, "%zu", i);
        HP_TRY(write_member(writing, pointer, hp_str_from(index), events->loading->at, depth));
    }
    hp_buf_char(&writing->json, ']');
    return HP_OK;
}

static enum hp_code write_mapping(struct writing *writing, const char *pointer, int depth)
{
    struct hp_events *events = writing->events;
    hp_buf_char(&writing->json, '{');
    for (size_t i = 0;; i++) {
        char key[KEY_MAX];
        HP_TRY(hp_events_next(events));
        if (events->event.type == YAML_MAPPING_END_EVENT)
            break;
        HP_TRY(hp_events_key(events));
        struct hp_origin at = events->loading->at;
        hp_str name = hp_events_scalar(events);
        if (name.len > KEY_MAX)
            return HP_EVENTS_REFUSE(events, "a long key; %d bytes at most", KEY_MAX);
        if (i)
            hp_buf_char(&writing->json, ',');
        hp_json_from_text(&writing->json, name);
        hp_buf_char(&writing->json, ':');
        memcpy(key, name.ptr, name.len);
        HP_TRY(hp_events_next(events));
        HP_TRY(write_member(writing, pointer, (hp_str){ key, name.len }, at, depth));
    }
    hp_buf_char(&writing->json, '}');
    return HP_OK;
}

static enum hp_code write_value(struct writing *writing, const char *pointer, int depth)
{
    struct hp_events *events = writing->events;
    if (depth == DEPTH_MAX || writing->json.len > HP_PRESET_MAX)
        return too_much(events);
    if (events->event.type == YAML_SEQUENCE_START_EVENT)
        return write_list(writing, pointer, depth + 1);
    if (events->event.type == YAML_MAPPING_START_EVENT)
        return write_mapping(writing, pointer, depth + 1);
    hp_str text = hp_events_scalar(events);
    if (text.len == 0 && hp_events_is_plain(events)) // YAML's null, or a line that is not finished
        return HP_EVENTS_REFUSE(events, "an empty value; null where that is meant");
    hp_json_from_scalar(&writing->json, text, hp_events_is_plain(events));
    return HP_OK;
}

// --- what the route says of it -------------------------------------------------------------------

// Of the value that `pointer` names, or else of the nearest that it lies in.
static const struct place *place_of(const struct place *places, const char *pointer)
{
    hp_str rest = hp_str_from(pointer);
    while (rest.len) {
        for (const struct place *place = places; place; place = place->before)
            if (hp_str_is(rest, place->pointer))
                return place;
        while (rest.len && rest.ptr[--rest.len] != '/')
            ;
    }
    return NULL;
}

static enum hp_code refuse(
    const struct writing *writing, const char *path, const struct hp_fault *why)
{
    struct hp_loading *loading = writing->events->loading;
    const struct place *place = place_of(writing->places, why->pointer);
    bool of_key = why->code == HP_UNKNOWN_FIELD || why->code == HP_DUPLICATE_KEY;
    char shown[HP_POINTER_MAX];
    size_t len = (size_t)snprintf(shown, sizeof shown, "%s%s", path, why->pointer);
    for (size_t i = strlen(path); i < len && i < sizeof shown; i++)
        if (shown[i] == '/')
            shown[i] = '.';
    if (place)
        loading->at = of_key ? place->key : place->value;
    return hp_fail(loading->fault, why->code, shown, "%s", why->detail);
}

static const struct hp_section *section_of(
    const struct hp_loading *loading, const struct hp_field *field)
{
    const struct hp_section *section = loading->sections;
    while (strcmp(section->name, field->key) != 0)
        section++;
    return section;
}

// --- one preset ----------------------------------------------------------------------------------

static enum hp_code read_options(struct writing *writing, const struct hp_field *field,
    const char *path, struct hp_preset *preset)
{
    struct hp_events *events = writing->events;
    struct hp_loading *loading = events->loading;
    struct hp_origin start = loading->at;
    struct hp_fault why = HP_FAULT_NONE;
    if (hp_events_is_scalar(events) && hp_events_is_null(events))
        hp_buf_add(&writing->json, HP_S("{}"));
    else if (events->event.type == YAML_MAPPING_START_EVENT)
        HP_TRY(write_mapping(writing, "", 0));
    else
        return HP_EVENTS_REFUSE(events, "`%s` is a preset; it takes a request's options", path);
    loading->at = start;
    HP_TRY(hp_buf_check(&writing->json, loading->fault));
    if (writing->json.len > HP_PRESET_MAX)
        return too_much(events);
    preset->json = hp_buf_str(&writing->json);
    if (section_of(loading, field)->preset(preset->json, writing->arena, &why))
        return refuse(writing, path, &why);
    preset->json.ptr = hp_arena_text(&loading->config->arena, preset->json);
    return preset->json.ptr ? HP_OK : hp_no_memory(&loading->config->arena, loading->fault);
}

static bool fits_as_name(hp_str name)
{
    static const char *const taken[] = { "none", "standard", "default" };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (hp_str_is(name, taken[i]))
            return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' &&
            c != '-')
            return false;
    }
    return name.len >= 1 && name.len <= HP_PRESET_NAME_MAX;
}

// The load stands at the name.
static enum hp_code read_name(
    struct hp_events *events, const struct hp_presets *presets, hp_str *name)
{
    struct hp_loading *loading = events->loading;
    HP_TRY(hp_events_key(events));
    hp_str text = hp_events_scalar(events);
    if (!fits_as_name(text))
        return HP_EVENTS_REFUSE(events,
            "no name for a preset; 1 to %d letters, digits, `.`, `_` or `-`, but none, standard "
            "and "
            "default",
            HP_PRESET_NAME_MAX);
    if (hp_preset_find(presets, text))
        return hp_fail(loading->fault, HP_DUPLICATE_KEY, NULL,
            "`%.*s` is there already; keep one of the two", (int)text.len, text.ptr);
    if (presets->count == HP_PRESETS_MAX)
        return HP_EVENTS_REFUSE(events, "one preset too many; %d at most", HP_PRESETS_MAX);
    *name = (hp_str){ hp_arena_text(&loading->config->arena, text), text.len };
    return name->ptr ? HP_OK : hp_no_memory(&loading->config->arena, loading->fault);
}

static enum hp_code read_preset(struct hp_events *events, const struct hp_field *field,
    struct hp_presets *presets, const char *path)
{
    struct hp_preset *preset = &presets->item[presets->count];
    struct hp_arena scratch;
    char inner[HP_POINTER_MAX];
    hp_str name = { NULL, 0 };
    HP_TRY(read_name(events, presets, &name));
    snprintf(inner, sizeof inner, "%s.%.*s", path, (int)name.len, name.ptr);
    HP_TRY(hp_events_next(events));
    hp_arena_init(&scratch, NULL, SCRATCH_BYTES);
    struct writing writing = { events, &scratch, hp_buf_in(&scratch), NULL };
    enum hp_code code = read_options(&writing, field, inner, preset);
    hp_arena_done(&scratch);
    HP_TRY(code);
    preset->name = name;
    presets->count++;
    return HP_OK;
}

enum hp_code hp_presets_read(
    struct hp_events *events, const struct hp_field *field, void *out, const char *path)
{
    struct hp_presets *presets = (struct hp_presets *)(void *)((char *)out + field->offset);
    if (hp_events_is_scalar(events) && hp_events_is_null(events))
        return HP_OK;
    if (events->event.type != YAML_MAPPING_START_EVENT)
        return HP_EVENTS_REFUSE(events, "`%s` is a group of presets; a name for each", path);
    for (;;) {
        HP_TRY(hp_events_next(events));
        if (events->event.type == YAML_MAPPING_END_EVENT)
            return HP_OK;
        HP_TRY(read_preset(events, field, presets, path));
    }
}
