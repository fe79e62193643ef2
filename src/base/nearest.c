// nearest.c -- "did you mean": the key that a mistyped one is nearest to, by the edits that fingers
// make: a character too many, one too few, a wrong one, or two neighbours swapped.
#include "hotpathd/field.h"

enum { KEY_MAX = 64, NEAR = 2 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Damerau-Levenshtein distance (optimal string alignment: no part is edited twice); both at most
// KEY_MAX.
static size_t distance(hp_str a, hp_str b)
{
    size_t rows[3][KEY_MAX + 1];
    size_t *above = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t wrong = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            row[j] = least(wrong, least(last[j], row[j - 1]) + 1);
            bool swapped =
                i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped)
                row[j] = least(row[j], above[j - 2] + 1);
        }
        size_t *oldest = above;
        above = last, last = row, row = oldest;
    }
    return last[b.len];
}

const char *hp_field_nearest(const struct hp_field *fields, hp_str key)
{
    const char *nearest = NULL;
    size_t best = NEAR + 1;
    if (key.len > KEY_MAX)
        return NULL;
    for (const struct hp_field *field = fields; field->key; field++) {
        hp_str name = hp_str_from(field->key);
        if (name.len > KEY_MAX)
            continue;
        size_t far = distance(key, name), longest = key.len > name.len ? key.len : name.len;
        if (far < best && far * 3 <= longest) {
            best = far;
            nearest = field->key;
        }
    }
    return nearest;
}
