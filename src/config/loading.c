// loading.c -- what was set where, and the failures that the file and the flags share.
#include "config/loading.h"

#include <stdio.h>

enum hp_code hp_loading_note(struct hp_loading *loading, const struct hp_field *row)
{
    struct hp_origin *origin = HP_NEW_RAW(&loading->config->arena, struct hp_origin, 1);
    if (!origin)
        return hp_no_memory(&loading->config->arena, loading->fault);
    *origin = loading->at;
    origin->row = row;
    origin->before = loading->origins;
    loading->origins = origin;
    return HP_OK;
}

const struct hp_origin *hp_loading_origin(
    const struct hp_loading *loading, const struct hp_field *row)
{
    const struct hp_origin *origin = loading->origins;
    while (origin && origin->row != row)
        origin = origin->before;
    return origin;
}

// "mode, percent, salt", cut where it no longer fits.
static void list_keys(const struct hp_field *fields, char *text, size_t size)
{
    size_t len = 0;
    for (const struct hp_field *field = fields; field->key && len < size; field++)
        len += (size_t)snprintf(
            text + len, size - len, "%s%s", field == fields ? "" : ", ", field->key);
    if (len == 0)
        snprintf(text, size, "none");
}

enum hp_code hp_loading_unknown(
    struct hp_loading *loading, const struct hp_field *fields, hp_str key)
{
    char shown[HP_POINTER_MAX] = "", keys[HP_DETAIL_MAX];
    const char *nearest = hp_field_nearest(fields, key);
    hp_pointer_add(shown, key); // printable and short, behind a slash
    if (nearest)
        return hp_fail(loading->fault, HP_UNKNOWN_FIELD, NULL,
            "unknown key `%s`; did you mean `%s`?", shown + 1, nearest);
    list_keys(fields, keys, sizeof keys);
    return hp_fail(
        loading->fault, HP_UNKNOWN_FIELD, NULL, "unknown key `%s`; here go %s", shown + 1, keys);
}

enum hp_code hp_loading_group(struct hp_loading *loading, const struct hp_field *group)
{
    char keys[HP_DETAIL_MAX];
    list_keys(group->fields, keys, sizeof keys);
    return hp_fail(
        loading->fault, HP_BAD_TYPE, NULL, "`%s` is a group; it takes %s", group->key, keys);
}
