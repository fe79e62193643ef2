// flags.c -- options set from the command line: a dotted path walked down the same tree as the
// file.
#include "config/loading.h"

#include "hotpathd/utf8.h"

static enum hp_code find(
    struct hp_loading *loading, hp_str path, const struct hp_field **field, void **holder)
{
    const struct hp_field *fields = loading->fields;
    char *out = (char *)loading->config;
    for (hp_str rest = path;;) {
        hp_str name = hp_str_cut(&rest, '.');
        const struct hp_field *found = hp_field_find(fields, name);
        if (!found)
            return hp_loading_unknown(loading, fields, name);
        if (!rest.ptr) {
            *field = found;
            *holder = out;
            return HP_OK;
        }
        if (found->type != HP_OBJECT)
            return hp_fail(loading->fault, HP_UNKNOWN_FIELD, NULL,
                "`%s` is one value; nothing can follow it", found->key);
        fields = found->fields;
        out += found->offset;
    }
}

static enum hp_code read_flag(struct hp_loading *loading)
{
    const struct hp_override *flag = loading->at.flag;
    const struct hp_field *field = NULL;
    void *holder = NULL;
    HP_TRY(find(loading, flag->path, &field, &holder));
    if (hp_utf8_valid(flag->value) < flag->value.len)
        return hp_fail(loading->fault, HP_BAD_TYPE, NULL, "not UTF-8; it takes text in UTF-8");
    if (field->type == HP_OBJECT)
        return hp_loading_group(loading, field);
    const struct hp_origin *last = hp_loading_origin(loading, field);
    if (field->type == HP_LIST && !(last && last->flag))
        memset((char *)holder + field->offset, 0, sizeof(struct hp_list));
    HP_TRY(hp_loading_note(loading, field));
    return hp_field_text(
        field, holder, flag->value, field->key, &loading->config->arena, loading->fault);
}

enum hp_code hp_flags_read(
    struct hp_loading *loading, const struct hp_override *overrides, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        loading->at = (struct hp_origin){ .flag = &overrides[i] };
        HP_TRY(read_flag(loading));
    }
    return HP_OK;
}
