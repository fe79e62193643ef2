// json_oracle.h -- jansson as the judge of the reader: both read the same bytes, and must refuse
// alike or end with equal trees. Ours is built with the reader down to its scalars.
#pragma once

#include "hotpathd/json.h"

#include <jansson.h>
#include <stdlib.h>

enum { ORACLE_FLAGS = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL };
enum { ORACLE_DEPTH = 60 }; // below it a value is left to jansson, as a whole span

static enum hp_code oracle_walk(
    struct hp_json *json, int depth, json_t **out, struct hp_fault *fault);

static enum hp_code oracle_value(const struct hp_json *json, const struct hp_member *member,
    int depth, json_t **out, struct hp_fault *fault)
{
    hp_str text;
    if (member->kind == HP_JSON_STRING) {
        HP_TRY(hp_json_string(json, member, &text, fault));
        *out = json_stringn_nocheck(text.ptr, text.len);
        return HP_OK;
    }
    if ((*member->value == '{' || *member->value == '[') && depth < ORACLE_DEPTH) {
        struct hp_json inner;
        hp_json_enter(&inner, json, member, "");
        return oracle_walk(&inner, depth + 1, out, fault);
    }
    *out = json_loadb(member->value, member->len, ORACLE_FLAGS, NULL);
    return *out ? HP_OK : hp_fail_at(fault, HP_BAD_JSON, member->offset, "jansson");
}

static enum hp_code oracle_walk(
    struct hp_json *json, int depth, json_t **out, struct hp_fault *fault)
{
    json_auto_t *tree = json->close == '}' ? json_object() : json_array();
    struct hp_member member;
    bool found;
    for (;;) {
        json_t *value = NULL;
        HP_TRY(hp_json_next(json, &member, &found, fault));
        if (!found)
            break;
        HP_TRY(oracle_value(json, &member, depth, &value, fault));
        if (json->close == ']') {
            json_array_append_new(tree, value);
            continue;
        }
        char *key = strndup(member.name.ptr, member.name.len);
        json_object_set_new_nocheck(tree, key, value);
        free(key);
    }
    *out = json_incref(tree);
    return HP_OK;
}

// What the reader makes of text[0, len), with a copy of its own and hostile bytes behind it.
static enum hp_code oracle_ours(const char *text, size_t len, json_t **out, struct hp_fault *fault)
{
    struct hp_json json;
    char *body = malloc(len + HP_PADDING);
    if (len)
        memcpy(body, text, len);
    memset(body + len, '"', HP_PADDING);
    enum hp_code code = hp_json_open(&json, body, len, NULL, fault);
    if (!code)
        code = oracle_walk(&json, 0, out, fault);
    free(body);
    return code;
}

// NULL where reader and jansson agree on text[0, len), else what they disagree about. The two
// differences that are meant: our ceiling of members, and jansson's of depth.
static const char *oracle_dispute(const char *text, size_t len)
{
    struct hp_fault fault = HP_FAULT_NONE;
    json_error_t error = { .line = -1 };
    json_auto_t *theirs = json_loadb(text ? text : "", len, ORACLE_FLAGS, &error);
    json_auto_t *ours = NULL;
    enum hp_code code = oracle_ours(text, len, &ours, &fault);
    if (!theirs && json_error_code(&error) == json_error_stack_overflow)
        return NULL;
    if (code == HP_TOO_LARGE && fault.limit == HP_JSON_MEMBERS_MAX)
        return NULL;
    if (code && fault.code != code)
        return "the fault names another code than was returned";
    if (code && code != HP_BAD_TYPE && fault.offset < 0 && !fault.pointer[0])
        return "the fault names no place";
    if (fault.offset > (int64_t)len)
        return "the fault is placed behind the body";
    if (theirs && !json_is_object(theirs))
        return code == HP_BAD_TYPE ? NULL : "not an object, but not refused for it";
    if (!theirs)
        return code && code != HP_BAD_TYPE ? NULL : "jansson refuses, the reader does not";
    if (code)
        return "the reader refuses, jansson does not";
    return json_equal(theirs, ours) ? NULL : "both read it, and differently";
}
