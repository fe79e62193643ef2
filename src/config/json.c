// json.c -- our own YAML (the API's description) as JSON: libyaml composes the document and
// resolves its aliases, plain words are typed after the core schema of YAML 1.2 (section 10.3.2),
// order is kept.
#include "config/scalar.h"

#include "hotpathd/utf8.h"

#include <yaml.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64 }; // an alias to one of its own parents would never end

struct writer {
    yaml_document_t *document;
    struct hp_buf *out;
};

static bool is_one_of(hp_str text, const char *const words[3])
{
    return hp_str_is(text, words[0]) || hp_str_is(text, words[1]) || hp_str_is(text, words[2]);
}

// What YAML takes for a line end, or not at all (its section 5.1).
static bool is_unprintable(unsigned cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff ||
           cp == 0xfffe || cp == 0xffff;
}

void hp_json_from_text(struct hp_buf *out, hp_str s)
{
    hp_buf_char(out, '"');
    for (size_t i = 0, len = 0; i < s.len; i += len) {
        unsigned cp = hp_utf8_at(s, i, &len);
        if (is_unprintable(cp))
            hp_buf_format(out, "\\u%04x", cp);
        else if (cp == '"' || cp == '\\')
            hp_buf_format(out, "\\%c", (char)cp);
        else
            hp_buf_add(out, (hp_str){ s.ptr + i, len });
    }
    hp_buf_char(out, '"');
}

static bool put_fixed_words(struct hp_buf *out, hp_str text)
{
    static const char *const nulls[] = { "null", "Null", "NULL" };
    static const char *const trues[] = { "true", "True", "TRUE" };
    static const char *const falses[] = { "false", "False", "FALSE" };
    const char *word = text.len == 0 || hp_str_is(text, "~") || is_one_of(text, nulls) ? "null"
                       : is_one_of(text, trues)                                        ? "true"
                       : is_one_of(text, falses)                                       ? "false"
                                                                                       : NULL;
    if (word)
        hp_buf_add(out, hp_str_from(word));
    return word != NULL;
}

static size_t skip_digits(hp_str text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at;
}

static bool is_char(hp_str text, size_t at, const char *set)
{
    return at < text.len && text.ptr[at] != '\0' && strchr(set, text.ptr[at]);
}

// [-+]?[0-9]+ as JSON writes it: no plus, no leading zeros. Of any length.
static bool put_decimal(struct hp_buf *out, hp_str text)
{
    size_t at = is_char(text, 0, "+-");
    if (at == text.len || skip_digits(text, at) != text.len)
        return false;
    while (at + 1 < text.len && text.ptr[at] == '0')
        at++;
    if (text.ptr[0] == '-')
        hp_buf_char(out, '-');
    hp_buf_add(out, (hp_str){ text.ptr + at, text.len - at });
    return true;
}

static unsigned digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    char lower = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
    const char *at = memchr(digits, lower, sizeof digits - 1);
    return at ? (unsigned)(at - digits) : 16;
}

// 0o17 and 0xff, of up to 64 bits.
static bool put_based(struct hp_buf *out, hp_str text)
{
    if (text.len < 3 || text.ptr[0] != '0' || !is_char(text, 1, "ox"))
        return false;
    unsigned base = text.ptr[1] == 'o' ? 8 : 16;
    uint64_t value = 0;
    for (size_t i = 2; i < text.len; i++) {
        unsigned digit = digit_of(text.ptr[i]);
        if (digit >= base || value >> 60)
            return false;
        value = value * base + digit;
    }
    hp_buf_uint(out, value);
    return true;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
static bool is_float(hp_str text)
{
    size_t at = is_char(text, 0, "+-"), start = at;
    at = skip_digits(text, start);
    size_t digits = at - start;
    if (is_char(text, at, ".")) {
        start = at + 1;
        at = skip_digits(text, start);
        digits += at - start;
    }
    if (digits == 0)
        return false;
    if (is_char(text, at, "eE")) {
        start = at + 1 + is_char(text, at + 1, "+-");
        at = skip_digits(text, start);
        if (at == start)
            return false;
    }
    return at == text.len;
}

// A number beyond a double stays a string: JSON has no infinity.
static bool put_float(struct hp_buf *out, hp_str text)
{
    char number[64];
    if (text.len >= sizeof number || !is_float(text))
        return false;
    snprintf(number, sizeof number, "%.*s", (int)text.len, text.ptr);
    double value = strtod(number, NULL);
    if (!isfinite(value))
        return false;
    int precision = 1;
    do
        snprintf(number, sizeof number, "%.*g", precision, value);
    while (strtod(number, NULL) != value && precision++ < 17);
    hp_buf_add(out, hp_str_from(number));
    if (!strpbrk(number, ".e"))
        hp_buf_add(out, HP_S(".0")); // 1.0 stays a number with a point
    return true;
}

void hp_json_from_scalar(struct hp_buf *out, hp_str text, bool plain)
{
    bool typed = plain && (put_fixed_words(out, text) || put_decimal(out, text) ||
                              put_based(out, text) || put_float(out, text));
    if (!typed)
        hp_json_from_text(out, text);
}

static hp_str text_of(const yaml_node_t *scalar)
{
    return (hp_str){ (const char *)scalar->data.scalar.value, scalar->data.scalar.length };
}

static bool put_node(const struct writer *writer, int index, int depth);

static bool put_sequence(const struct writer *writer, const yaml_node_t *node, int depth)
{
    hp_buf_char(writer->out, '[');
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        if (item > node->data.sequence.items.start)
            hp_buf_char(writer->out, ',');
        if (!put_node(writer, *item, depth))
            return false;
    }
    hp_buf_char(writer->out, ']');
    return true;
}

static bool put_mapping(const struct writer *writer, const yaml_node_t *node, int depth)
{
    hp_buf_char(writer->out, '{');
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(writer->document, pair->key);
        if (!key || key->type != YAML_SCALAR_NODE)
            return false; // JSON's keys are strings
        if (pair > node->data.mapping.pairs.start)
            hp_buf_char(writer->out, ',');
        hp_json_from_text(writer->out, text_of(key));
        hp_buf_char(writer->out, ':');
        if (!put_node(writer, pair->value, depth))
            return false;
    }
    hp_buf_char(writer->out, '}');
    return true;
}

// False where there is no JSON for it, and where the buffer is full: aliases multiply.
static bool put_node(const struct writer *writer, int index, int depth)
{
    const yaml_node_t *node = yaml_document_get_node(writer->document, index);
    if (!node || depth == DEPTH_MAX || writer->out->failed)
        return false;
    if (node->type == YAML_SEQUENCE_NODE)
        return put_sequence(writer, node, depth + 1);
    if (node->type == YAML_MAPPING_NODE)
        return put_mapping(writer, node, depth + 1);
    hp_json_from_scalar(
        writer->out, text_of(node), node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    return true;
}

bool hp_yaml_to_json(hp_str yaml, struct hp_buf *out)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize(&parser))
        return false;
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.ptr, yaml.len);
    bool good = yaml_parser_load(&parser, &document);
    if (good) {
        struct writer writer = { &document, out };
        yaml_node_t *root = yaml_document_get_root_node(&document);
        good = root && put_node(&writer, 1, 0) && !out->failed;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return good;
}
