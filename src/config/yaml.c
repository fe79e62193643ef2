// yaml.c -- a YAML file read event by event, straight down the tree of fields. Only what the tree
// can hold is taken: no anchors, aliases, tags, merge keys or second documents; so there is nothing
// to resolve, and the nesting is never deeper than the tree.
#include "config/loading.h"

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; // the one the reader stands at
    struct hp_loading *loading;
};

static void reader_done(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
}

static void stand_at(struct reader *reader, yaml_mark_t mark)
{
    reader->loading->at.line = mark.line + 1;
    reader->loading->at.column = mark.column + 1;
}

// The place of a byte, for failures that come before there are characters.
static void stand_at_byte(struct hp_loading *loading, hp_str yaml, size_t offset)
{
    loading->at.line = loading->at.column = 1;
    for (size_t i = 0; i < offset && i < yaml.len; i++) {
        bool continues = ((unsigned char)yaml.ptr[i] & 0xc0) == 0x80;
        loading->at.column += !continues;
        if (yaml.ptr[i] == '\n') {
            loading->at.line++;
            loading->at.column = 1;
        }
    }
}

#define REFUSE(reader, ...) hp_fail((reader)->loading->fault, HP_BAD_TYPE, NULL, __VA_ARGS__)

static enum hp_code syntax_error(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return hp_fail(reader->loading->fault, HP_OVERLOADED, NULL, "no memory left");
    stand_at(reader, parser->problem_mark);
    return REFUSE(reader, "not YAML: %s; check indent, quotes and brackets up to here",
        parser->problem ? parser->problem : "broken");
}

static enum hp_code refuse_anchor(
    struct reader *reader, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return REFUSE(reader, "anchors are not taken; write the value out where it is used");
    if (tag)
        return REFUSE(reader, "tags are not taken; the option decides the type");
    return HP_OK;
}

// Moves on to the next event, and refuses what no option needs.
static enum hp_code next(struct reader *reader)
{
    yaml_event_t *event = &reader->event;
    yaml_event_delete(event);
    if (!yaml_parser_parse(&reader->parser, event))
        return syntax_error(reader);
    stand_at(reader, event->start_mark);
    if (event->type == YAML_ALIAS_EVENT)
        return REFUSE(reader, "aliases are not taken; write the value out");
    if (event->type == YAML_SCALAR_EVENT)
        return refuse_anchor(reader, event->data.scalar.anchor, event->data.scalar.tag);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return refuse_anchor(
            reader, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    if (event->type == YAML_MAPPING_START_EVENT)
        return refuse_anchor(
            reader, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    return HP_OK;
}

static hp_str scalar(const struct reader *reader)
{
    return (
        hp_str){ (const char *)reader->event.data.scalar.value, reader->event.data.scalar.length };
}

static bool is_scalar(const struct reader *reader)
{
    return reader->event.type == YAML_SCALAR_EVENT;
}

static bool is_plain(const struct reader *reader)
{
    return is_scalar(reader) && reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

// A key without a value, or one of the words for null.
static bool is_null(const struct reader *reader)
{
    hp_str text = scalar(reader);
    return is_plain(reader) &&
           (text.len == 0 || hp_str_is(text, "~") || hp_str_equal_nocase(text, HP_S("null")));
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
    struct reader *reader, const struct hp_field *field, void *out, const char *path)
{
    struct hp_loading *loading = reader->loading;
    bool wrong_quotes = is_scalar(reader) && !is_plain(reader) && is_bare_type(field->type);
    if (!is_scalar(reader) || is_null(reader) || wrong_quotes)
        return hp_field_bad_type(field, path, loading->fault);
    hp_str text = scalar(reader);
    if (field->type == HP_WORD && is_plain(reader))
        text = boolean_word(text);
    return hp_field_text(field, out, text, path, &loading->config->arena, loading->fault);
}

static enum hp_code read_list(
    struct reader *reader, const struct hp_field *field, void *out, const char *path)
{
    struct hp_list *list = (struct hp_list *)(void *)((char *)out + field->offset);
    if (reader->event.type != YAML_SEQUENCE_START_EVENT)
        return hp_field_bad_type(field, path, reader->loading->fault);
    list->count = 0;
    for (;;) {
        HP_TRY(next(reader));
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return HP_OK;
        HP_TRY(read_scalar(reader, field, out, path));
    }
}

// A key that the table has and that this file has not set yet.
static enum hp_code read_key(
    struct reader *reader, const struct hp_field *fields, const struct hp_field **field)
{
    struct hp_loading *loading = reader->loading;
    if (!is_scalar(reader))
        return REFUSE(reader, "a list or a mapping as a key; a key is one word");
    if (is_plain(reader) && hp_str_is(scalar(reader), "<<"))
        return REFUSE(reader, "merge keys are not taken; write the values out");
    *field = hp_field_find(fields, scalar(reader));
    if (!*field)
        return hp_loading_unknown(loading, fields, scalar(reader));
    const struct hp_origin *first = hp_loading_origin(loading, *field);
    if (first)
        return hp_fail(loading->fault, HP_DUPLICATE_KEY, NULL,
            "`%s` is already set on line %zu; keep one of the two", (*field)->key, first->line);
    return HP_OK;
}

static enum hp_code read_group(
    struct reader *reader, const struct hp_field *group, void *out, const char *path);

static enum hp_code read_value(
    struct reader *reader, const struct hp_field *field, void *out, const char *path)
{
    HP_TRY(hp_loading_note(reader->loading, field));
    if (field->type == HP_LIST)
        return read_list(reader, field, out, path);
    if (field->type != HP_OBJECT)
        return read_scalar(reader, field, out, path);
    return read_group(reader, field, (char *)out + field->offset, path);
}

// The keys and values of a mapping; a group without any keeps its defaults.
static enum hp_code read_group(
    struct reader *reader, const struct hp_field *group, void *out, const char *path)
{
    if (is_scalar(reader) && is_null(reader))
        return HP_OK;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return hp_loading_group(reader->loading, group);
    for (;;) {
        const struct hp_field *field = NULL;
        HP_TRY(next(reader));
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            return HP_OK;
        HP_TRY(read_key(reader, group->fields, &field));
        HP_TRY(next(reader));
        char inner[HP_POINTER_MAX];
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] ? "." : "", field->key);
        HP_TRY(read_value(reader, field, out, inner));
    }
}

static enum hp_code read_stream(struct reader *reader)
{
    struct hp_loading *loading = reader->loading;
    struct hp_field file = { .key = "the file", .type = HP_OBJECT, .fields = loading->fields };
    HP_TRY(next(reader)); // the stream's start
    HP_TRY(next(reader));
    if (reader->event.type == YAML_STREAM_END_EVENT)
        return HP_OK;
    HP_TRY(next(reader)); // behind the document's start
    HP_TRY(read_group(reader, &file, loading->config, ""));
    HP_TRY(next(reader)); // the document's end
    HP_TRY(next(reader));
    if (reader->event.type != YAML_STREAM_END_EVENT)
        return REFUSE(reader, "a second document; one file holds one");
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
    struct reader reader = { .loading = loading };
    if (!yaml_parser_initialize(&reader.parser))
        return hp_fail(loading->fault, HP_OVERLOADED, NULL, "no memory left");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)yaml.ptr, yaml.len);
    enum hp_code code = read_stream(&reader);
    if (code && reader.parser.error == YAML_READER_ERROR) {
        stand_at_byte(loading, yaml, reader.parser.problem_offset);
        code = hp_fail(loading->fault, HP_BAD_TYPE, NULL, "%s; the file is text in UTF-8",
            reader.parser.problem);
    }
    reader_done(&reader);
    return code;
}

const char *hp_config_library(void)
{
    return yaml_get_version_string();
}
