// clean_checks.h -- what must hold of any cleaning, for test_clean.c and fuzz_text.c. Each check
// names what does not hold, or gives NULL.
#pragma once

#include "text/clean.h"
#include "hotpathd/utf8.h"

#include <stdio.h>
#include <stdlib.h>

// Aborts where there is none.
static inline struct hp_clean cleaned(
    hp_str raw, const struct hp_clean_options *options, struct hp_arena *arena)
{
    static const struct hp_deadline never = { 0 };
    struct hp_clean out;
    struct hp_fault fault = HP_FAULT_NONE;
    if (hp_clean(raw, options, arena, &never, &out, &fault) != HP_OK) {
        fprintf(stderr, "%s\n", fault.detail);
        abort();
    }
    return out;
}

// One place of the map, or the end of both texts behind the last one.
static inline const char *check_edit(
    hp_str raw, const struct hp_clean *clean, const struct hp_edit *before, struct hp_edit edit)
{
    uint32_t at = before->at + before->len, raw_at = before->raw_at + before->raw_len;
    if (edit.at < at || edit.raw_at < raw_at || edit.at - at != edit.raw_at - raw_at)
        return "edits are out of order or out of step";
    if ((size_t)edit.at + edit.len > clean->text.len ||
        (size_t)edit.raw_at + edit.raw_len > raw.len)
        return "an edit reaches over the end";
    if (edit.at > at && memcmp(clean->text.ptr + at, raw.ptr + raw_at, edit.at - at) != 0)
        return "bytes outside of the edits differ";
    return NULL;
}

// Outside of the edits the bytes are the same, and the edits are in order.
static inline const char *check_map(hp_str raw, const struct hp_clean *clean)
{
    struct hp_edits_walk walk = hp_edits_walk(&clean->edits);
    struct hp_edit before = { 0 }, edit;
    size_t count = 0;
    for (; hp_edits_next(&walk, &edit); before = edit, count++) {
        const char *wrong = check_edit(raw, clean, &before, edit);
        if (wrong || edit.raw_len == 0)
            return wrong ? wrong : "an edit takes nothing";
    }
    if (count != clean->edits.count)
        return "edits were not counted";
    edit = (struct hp_edit){ (uint32_t)clean->text.len, 0, (uint32_t)raw.len, 0 };
    return check_edit(raw, clean, &before, edit);
}

static inline const char *check_unchanged(hp_str raw, const struct hp_clean *clean)
{
    bool same = hp_str_equal(raw, clean->text);
    if (same != (clean->edits.count == 0) || same != (clean->text.ptr == raw.ptr))
        return "unchanged text is not the raw text itself, or has edits";
    for (int fix = 0; fix < HP_FIXES && same; fix++)
        if (clean->changes[fix])
            return "unchanged text has changes";
    return hp_utf8_valid(clean->text) == clean->text.len ? NULL : "the clean text is not UTF-8";
}

// Walks over the clean text: spans of its characters lie in the raw text, in order.
static inline const char *check_source(hp_str raw, const struct hp_clean *clean)
{
    size_t before_start = 0, before_end = 0;
    for (size_t at = 0, len; at < clean->text.len; at += len) {
        size_t start, end;
        hp_utf8_at(clean->text, at, &len);
        hp_clean_source(clean, at, at + len, &start, &end);
        if (start >= end || end > raw.len || start < before_start || end < before_end)
            return "source spans are empty or out of order";
        before_start = start;
        before_end = end;
    }
    return NULL;
}

static inline const char *check_structure(const struct hp_clean *clean)
{
    const struct hp_structure *structure = &clean->structure;
    for (size_t i = 0; i < structure->elements; i++)
        if (structure->element[i].end > clean->text.len)
            return "an element reaches over the end";
    for (size_t i = 0; i < structure->headings; i++)
        if (structure->heading[i].end > clean->text.len)
            return "a heading reaches over the end";
    return NULL;
}

static inline const char *check_clean(hp_str raw, const struct hp_clean *clean)
{
    const char *wrong = check_map(raw, clean);
    if (!wrong)
        wrong = check_unchanged(raw, clean);
    if (!wrong)
        wrong = check_structure(clean);
    return wrong ? wrong : check_source(raw, clean);
}
