// bind.c -- a request object read by its table: a value is looked at by its first byte, its row
// says what it may be. Objects that a table describes and lists are walked, all else is one small
// value.
#include "json/small.h"

#include <stdio.h>

// A value, the object or array it stands in, and where it goes.
struct place {
    const struct hp_json *json;
    const struct hp_member *member;
    const struct hp_field *field;
    void *out; // the struct that the row belongs to
    const char *pointer;
};

static void *stored(const struct place *place)
{
    return (char *)place->out + place->field->offset;
}

static enum hp_code bad_type(const struct place *place, struct hp_fault *fault)
{
    return hp_field_bad_type(place->field, place->pointer, fault);
}

// --- small values --------------------------------------------------------------------------------

static enum hp_code bind_real(const struct place *place, double value, struct hp_fault *fault)
{
    const struct hp_field *field = place->field;
    if (field->type != HP_REAL)
        return bad_type(place, fault);
    bool any = field->min == 0 && field->max == 0;
    bool below_max = field->max == INT64_MAX || value <= (double)field->max;
    if (!any && (value < (double)field->min || !below_max))
        return hp_fail(fault, HP_OUT_OF_RANGE, place->pointer, "%lld to %lld",
            (long long)field->min, (long long)field->max);
    memcpy(stored(place), &value, sizeof value);
    return HP_OK;
}

static enum hp_code bind_bool(const struct place *place, bool value, struct hp_fault *fault)
{
    if (place->field->type != HP_BOOL)
        return bad_type(place, fault);
    memcpy(stored(place), &value, sizeof value);
    return HP_OK;
}

static enum hp_code bind_null(const struct place *place, struct hp_fault *fault)
{
    if (!(place->field->flags & HP_NULLABLE))
        return bad_type(place, fault);
    return hp_field_text(place->field, place->out, HP_S("none"), place->pointer, NULL, fault);
}

static enum hp_code bind_small(const struct place *place, struct hp_fault *fault)
{
    const struct hp_member *member = place->member;
    int64_t plain;
    if (hp_small_plain(member->value, member->len, &plain))
        return hp_field_int(place->field, place->out, plain, place->pointer, fault);
    HP_DROPPED json_t *value = NULL;
    HP_TRY(
        hp_small_read(member->value, member->len, member->offset, place->pointer, &value, fault));
    switch (json_typeof(value)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return bind_bool(place, json_is_true(value), fault);
    case JSON_NULL:
        return bind_null(place, fault);
    case JSON_INTEGER:
        return hp_field_int(
            place->field, place->out, json_integer_value(value), place->pointer, fault);
    case JSON_REAL:
        return bind_real(place, json_real_value(value), fault);
    case JSON_STRING:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return bad_type(place, fault);
}

// --- strings -------------------------------------------------------------------------------------

static enum hp_code bind_string(const struct place *place, struct hp_fault *fault)
{
    static const bool takes_text[] = {
        [HP_WORD] = true,
        [HP_STRING] = true,
        [HP_OBJECT] = true, // by its `bare` word
        [HP_BASE] = true,
        [HP_PRESETS] = false,
    };
    hp_str text;
    HP_TRY(hp_json_string(place->json, place->member, &text, fault));
    // a nullable object's bare word is null's: in a string it would be a second spelling
    if (!takes_text[place->field->type] || (place->field->flags & HP_NULLABLE))
        return bad_type(place, fault);
    return hp_field_text(place->field, place->out, text, place->pointer, NULL, fault);
}

static enum hp_code bind_item(const struct place *place, struct hp_fault *fault)
{
    hp_str text;
    if (place->member->kind != HP_JSON_STRING)
        return bind_small(place, fault); // of a wrong type, if it is JSON at all
    HP_TRY(hp_json_string(place->json, place->member, &text, fault));
    return hp_field_text(place->field, place->out, text, place->pointer, NULL, fault);
}

static enum hp_code bind_list(const struct place *place, struct hp_fault *fault)
{
    struct hp_json items;
    struct hp_member item;
    struct hp_list *list = stored(place);
    bool found;
    list->count = 0;
    hp_json_enter(&items, place->json, place->member, place->pointer);
    for (;;) {
        HP_TRY(hp_json_next(&items, &item, &found, fault));
        if (!found)
            return HP_OK;
        char pointer[HP_POINTER_MAX], index[24];
        snprintf(index, sizeof index, "%zu", items.count - 1);
        hp_pointer_under(pointer, place->pointer, hp_str_from(index));
        struct place each = { &items, &item, place->field, place->out, pointer };
        HP_TRY(bind_item(&each, fault));
    }
}

// --- spans ---------------------------------------------------------------------------------------

static enum hp_code bind_span(const struct place *place)
{
    *(struct hp_span *)stored(place) = (struct hp_span){ place->member->value, place->member->len };
    return HP_OK;
}

// --- objects -------------------------------------------------------------------------------------

static enum hp_code read_members(
    struct hp_json *json, const struct hp_field *fields, void *out, struct hp_fault *fault);

static enum hp_code bind(const struct place *place, struct hp_fault *fault)
{
    const struct hp_member *member = place->member;
    if (place->field->type == HP_SPAN)
        return bind_span(place);
    if (member->kind == HP_JSON_STRING)
        return bind_string(place, fault);
    if (member->len > HP_JSON_SMALL_MAX)
        return hp_fail_limit(fault, HP_TOO_LARGE, place->pointer, HP_JSON_SMALL_MAX,
            "at most %d bytes, unless it is a string", HP_JSON_SMALL_MAX);
    if (*member->value == '[' && place->field->type == HP_LIST)
        return bind_list(place, fault);
    if (*member->value != '{' || place->field->type != HP_OBJECT)
        return bind_small(place, fault);
    struct hp_json inner;
    hp_json_enter(&inner, place->json, member, place->pointer);
    if (place->field->open)
        place->field->open(stored(place));
    return read_members(&inner, place->field->fields, stored(place), fault);
}

static enum hp_code unknown_field(
    const struct hp_field *fields, hp_str name, const char *pointer, struct hp_fault *fault)
{
    const char *nearest = hp_field_nearest(fields, name);
    if (!nearest)
        return hp_fail(fault, HP_UNKNOWN_FIELD, pointer, "no field has this name");
    return hp_fail(fault, HP_UNKNOWN_FIELD, pointer, "did you mean %s?", nearest);
}

static bool was_named(const struct hp_json *json, const char *key)
{
    for (size_t i = 0; i < json->count; i++)
        if (hp_str_is(json->names[i], key))
            return true;
    return false;
}

static enum hp_code find_missing(
    const struct hp_json *json, const struct hp_field *fields, struct hp_fault *fault)
{
    for (const struct hp_field *field = fields; field->key; field++) {
        if (!(field->flags & HP_REQUIRED) || was_named(json, field->key))
            continue;
        char pointer[HP_POINTER_MAX];
        hp_pointer_under(pointer, json->pointer, hp_str_from(field->key));
        return hp_fail(fault, HP_MISSING_FIELD, pointer, "this field is required");
    }
    return HP_OK;
}

// The members of an object, delimited; they are bound when all are known. item[0] is for the one
// of type HP_BASE, which goes first wherever it stands.
struct members {
    size_t count; // with item[0]
    struct {
        const struct hp_field *field; // NULL: none
        struct hp_member member;
    } item[1 + HP_JSON_MEMBERS_MAX];
};

static enum hp_code take_members(struct hp_json *json, const struct hp_field *fields,
    struct members *members, struct hp_fault *fault)
{
    members->count = 1;
    members->item[0].field = NULL;
    for (;;) {
        struct hp_member member;
        bool found;
        HP_TRY(hp_json_next(json, &member, &found, fault));
        if (!found)
            return find_missing(json, fields, fault);
        const struct hp_field *field = hp_field_find(fields, member.name);
        if (!field) {
            char pointer[HP_POINTER_MAX];
            hp_pointer_under(pointer, json->pointer, member.name);
            return unknown_field(fields, member.name, pointer, fault);
        }
        size_t at = field->type == HP_BASE ? 0 : members->count++;
        members->item[at].field = field;
        members->item[at].member = member;
    }
}

static enum hp_code bind_members(
    const struct hp_json *json, const struct members *members, void *out, struct hp_fault *fault)
{
    for (size_t i = 0; i < members->count; i++) {
        const struct hp_member *member = &members->item[i].member;
        if (!members->item[i].field)
            continue;
        char pointer[HP_POINTER_MAX];
        hp_pointer_under(pointer, json->pointer, member->name);
        struct place place = { json, member, members->item[i].field, out, pointer };
        HP_TRY(bind(&place, fault));
    }
    return HP_OK;
}

// The first fault in reading order is the one reported: `behind` stands behind all members.
static enum hp_code bind_before(const struct hp_json *json, const struct members *members,
    void *out, enum hp_code behind, struct hp_fault *fault)
{
    struct hp_fault before = HP_FAULT_NONE;
    if (!bind_members(json, members, out, &before))
        return behind;
    *fault = before;
    return before.code;
}

static enum hp_code read_members(
    struct hp_json *json, const struct hp_field *fields, void *out, struct hp_fault *fault)
{
    struct members members;
    enum hp_code code = take_members(json, fields, &members, fault);
    return code ? bind_before(json, &members, out, code, fault)
                : bind_members(json, &members, out, fault);
}

enum hp_code hp_json_read(char *body, size_t len, const struct hp_deadline *deadline,
    const struct hp_field *fields, void *out, struct hp_fault *fault)
{
    struct hp_json json;
    HP_TRY(hp_json_open(&json, body, len, deadline, fault));
    return read_members(&json, fields, out, fault);
}

enum hp_code hp_json_read_copy(hp_str json, struct hp_arena *arena, const struct hp_field *fields,
    void *out, struct hp_fault *fault)
{
    char *copy = HP_NEW_RAW(arena, char, json.len + HP_PADDING);
    if (!copy)
        return hp_no_memory(arena, fault);
    memcpy(copy, json.ptr, json.len);
    memset(copy + json.len, 0, HP_PADDING);
    return hp_json_read(copy, json.len, NULL, fields, out, fault);
}

enum hp_code hp_json_read_preset(const struct hp_presets *presets, hp_str name, const char *pointer,
    struct hp_arena *arena, const struct hp_field *fields, void *out, struct hp_fault *fault)
{
    const struct hp_preset *preset = hp_preset_find(presets, name);
    if (!preset)
        return hp_fail(
            fault, HP_UNKNOWN_PRESET, pointer, "the configuration has no preset of this name");
    return hp_json_read_copy(preset->json, arena, fields, out, fault);
}
