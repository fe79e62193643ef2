// yaml.c -- a YAML file read event by event, straight down the tree of fields. Only what the tree
// can hold is taken: no anchors, aliases, tags, merge keys or second documents; so there is nothing
// to resolve, and the nesting is never deeper than the tree.
#include "config/presets.h"

#include "hotpathd/utf8.h"

// The place of a byte, for failures that come before there are characters.
static void stand_at_byte(struct hp_loading *loading, hp_str yaml, size_t offset)
{
    loading->at.line = loading->at.column = 1;
    for (size_t i = 0; i < offset && i < yaml.len; i++) {
        loading->at.column += !hp_utf8_continues(yaml.ptr[i]);
        if (yaml.ptr[i] == '\n') {
            loading->at.line++;
            loading->at.column = 1;
        }
    }
}

// What YAML 1.1 calls a boolean: tools that rewrite a file turn `on` into `true`. Words that the
// row does not have stay what they are, and are refused by it.
static hp_str boolean_word(hp_str text)
{
    static const struct {
        hp_str text, word;
    } booleans[] = {
        { HP_STR("on"), HP_STR("on") },
        { HP_STR("true"), HP_STR("on") },
        { HP_STR("off"), HP_STR("off") },
        { HP_STR("false"), HP_STR("off") },
    };
    for (size_t i = 0; i < sizeof booleans / sizeof *booleans; i++)
        if (hp_str_equal_nocase(text, booleans[i].text))
            return booleans[i].word;
    return text;
}

// Types whose values are no strings, so that quotes around them are a mistake.
static bool is_bare_type(enum hp_type type)
{
    return type == HP_BOOL || type == HP_INT || type == HP_REAL || type == HP_PERCENT;
}

// `path` is the dotted one, for the failure's words.
static enum hp_code read_scalar(
    struct hp_events *events, const struct hp_field *field, void *out, const char *path)
{
    struct hp_loading *loading = events->loading;
    bool wrong_quotes =
        hp_events_is_scalar(events) && !hp_events_is_plain(events) && is_bare_type(field->type);
    if (!hp_events_is_scalar(events) || hp_events_is_null(events) || wrong_quotes)
        return hp_field_bad_type(field, path, loading->fault);
    hp_str text = hp_events_scalar(events);
    if (field->type == HP_WORD && hp_events_is_plain(events))
        text = boolean_word(text);
    return hp_field_text(field, out, text, path, &loading->config->arena, loading->fault);
}

static enum hp_code read_list(
    struct hp_events *events, const struct hp_field *field, void *out, const char *path)
{
    struct hp_list *list = (struct hp_list *)(void *)((char *)out + field->offset);
    if (events->event.type != YAML_SEQUENCE_START_EVENT)
        return hp_field_bad_type(field, path, events->loading->fault);
    list->count = 0;
    for (;;) {
        HP_TRY(hp_events_next(events));
        if (events->event.type == YAML_SEQUENCE_END_EVENT)
            return HP_OK;
        HP_TRY(read_scalar(events, field, out, path));
    }
}

// A key that the table has and that this file has not set yet.
static enum hp_code read_key(
    struct hp_events *events, const struct hp_field *fields, const struct hp_field **field)
{
    struct hp_loading *loading = events->loading;
    HP_TRY(hp_events_key(events));
    *field = hp_field_find(fields, hp_events_scalar(events));
    if (!*field)
        return hp_loading_unknown(loading, fields, hp_events_scalar(events));
    const struct hp_origin *first = hp_loading_origin(loading, *field);
    if (first)
        return hp_fail(loading->fault, HP_DUPLICATE_KEY, NULL,
            "`%s` is already set on line %zu; keep one of the two", (*field)->key, first->line);
    return HP_OK;
}

static enum hp_code read_group(
    struct hp_events *events, const struct hp_field *group, void *out, const char *path);

static enum hp_code read_value(
    struct hp_events *events, const struct hp_field *field, void *out, const char *path)
{
    HP_TRY(hp_loading_note(events->loading, field));
    if (field->type == HP_LIST)
        return read_list(events, field, out, path);
    if (field->type == HP_PRESETS)
        return hp_presets_read(events, field, out, path);
    if (field->type != HP_OBJECT)
        return read_scalar(events, field, out, path);
    return read_group(events, field, (char *)out + field->offset, path);
}

// The keys and values of a mapping; a group without any keeps its defaults.
static enum hp_code read_group(
    struct hp_events *events, const struct hp_field *group, void *out, const char *path)
{
    if (hp_events_is_scalar(events) && hp_events_is_null(events))
        return HP_OK;
    if (events->event.type != YAML_MAPPING_START_EVENT)
        return hp_loading_group(events->loading, group);
    for (;;) {
        const struct hp_field *field = NULL;
        HP_TRY(hp_events_next(events));
        if (events->event.type == YAML_MAPPING_END_EVENT)
            return HP_OK;
        HP_TRY(read_key(events, group->fields, &field));
        HP_TRY(hp_events_next(events));
        char inner[HP_POINTER_MAX];
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] ? "." : "", field->key);
        HP_TRY(read_value(events, field, out, inner));
    }
}

static enum hp_code read_stream(struct hp_events *events)
{
    struct hp_loading *loading = events->loading;
    struct hp_field file = { .key = "the file", .type = HP_OBJECT, .fields = loading->fields };
    HP_TRY(hp_events_next(events)); // the stream's start
    HP_TRY(hp_events_next(events));
    if (events->event.type == YAML_STREAM_END_EVENT)
        return HP_OK;
    HP_TRY(hp_events_next(events)); // behind the document's start
    HP_TRY(read_group(events, &file, loading->config, ""));
    HP_TRY(hp_events_next(events)); // the document's end
    HP_TRY(hp_events_next(events));
    if (events->event.type != YAML_STREAM_END_EVENT)
        return HP_EVENTS_REFUSE(events, "a second document; one file holds one");
    return HP_OK;
}

// Byte order marks are Windows editors' way of saying UTF-8.
static hp_str without_mark(hp_str yaml)
{
    if (yaml.len >= 3 && memcmp(yaml.ptr, "\xef\xbb\xbf", 3) == 0)
        return (hp_str){ yaml.ptr + 3, yaml.len - 3 };
    return yaml;
}

// Characters that libyaml ends at or refuses: told here, with a place it does not give.
static enum hp_code check_characters(struct hp_loading *loading, hp_str yaml)
{
    for (size_t i = 0; i < yaml.len; i++) {
        unsigned char c = (unsigned char)yaml.ptr[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r')
            continue;
        stand_at_byte(loading, yaml, i);
        return hp_fail(loading->fault, HP_BAD_TYPE, NULL,
            "control character 0x%02x; the file is text in UTF-8", c);
    }
    return HP_OK;
}

enum hp_code hp_yaml_read(struct hp_loading *loading, hp_str yaml)
{
    yaml = without_mark(yaml);
    HP_TRY(check_characters(loading, yaml));
    struct hp_events events = { .loading = loading };
    if (!yaml_parser_initialize(&events.parser))
        return hp_fail(loading->fault, HP_OVERLOADED, NULL, "no memory left");
    yaml_parser_set_encoding(&events.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&events.parser, (const unsigned char *)yaml.ptr, yaml.len);
    enum hp_code code = read_stream(&events);
    if (code && events.parser.error == YAML_READER_ERROR) {
        stand_at_byte(loading, yaml, events.parser.problem_offset);
        code = hp_fail(loading->fault, HP_BAD_TYPE, NULL, "%s; the file is text in UTF-8",
            events.parser.problem);
    }
    hp_events_done(&events);
    return code;
}

const char *hp_config_library(void)
{
    return yaml_get_version_string();
}
