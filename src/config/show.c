// show.c -- the values in force, written by the tree of fields that read them.
#include "config/options.h"

enum { INDENT = 2 };

static void show_value(const struct hp_field *field, const void *in, struct hp_buf *out)
{
    char text[HP_SHOW_MAX];
    hp_field_show(field, in, text, sizeof text);
    hp_buf_format(out, " %s\n", text);
}

// Each as the JSON that it is, which is YAML too.
static void show_presets(const struct hp_presets *presets, size_t indent, struct hp_buf *out)
{
    hp_buf_add(out, presets->count ? HP_S("\n") : HP_S(" {}\n"));
    for (size_t i = 0; i < presets->count; i++) {
        const struct hp_preset *preset = &presets->item[i];
        hp_buf_format(
            out, "%*s\"%.*s\": ", (int)indent, "", (int)preset->name.len, preset->name.ptr);
        hp_buf_add(out, preset->json);
        hp_buf_char(out, '\n');
    }
}

static void show_fields(
    const struct hp_field *fields, const void *in, size_t indent, struct hp_buf *out)
{
    for (const struct hp_field *field = fields; field->key; field++) {
        hp_buf_format(out, "%*s%s:", (int)indent, "", field->key);
        if (field->type == HP_PRESETS) {
            const void *presets = (const char *)in + field->offset;
            show_presets(presets, indent + INDENT, out);
            continue;
        }
        if (field->type != HP_OBJECT) {
            show_value(field, in, out);
            continue;
        }
        hp_buf_char(out, '\n');
        show_fields(field->fields, (const char *)in + field->offset, indent + INDENT, out);
    }
}

void hp_config_show(
    const struct hp_config *config, const struct hp_section *sections, struct hp_buf *out)
{
    const struct hp_field *fields = hp_options_tree(sections, config->route_count, out->arena);
    if (fields)
        show_fields(fields, config, 0, out);
    else
        out->failed = true;
}
