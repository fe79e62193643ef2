// breaks.h -- what grapheme.c, word.c, sentence.c and edges.c share: the class of the character at
// a place.
#pragma once

#include "text/segment.h"
#include "text/segment_data.h"
#include "hotpathd/utf8.h"

// The one of valid UTF-8 at `at`, which is below s.len; *next is where the following one starts.
static inline uint32_t hp_char_at(hp_str s, size_t at, size_t *next)
{
    size_t len;
    uint32_t code_point = hp_utf8_at(s, at, &len);
    *next = at + len;
    return code_point;
}

static inline const struct hp_break *hp_break_at(hp_str s, size_t at, size_t *next)
{
    return hp_break_of(hp_char_at(s, at, next));
}

static inline bool hp_ascii_at(hp_str s, size_t at)
{
    return (unsigned char)s.ptr[at] < 0x80;
}

// As hp_word_end, but ended by NARROW NO-BREAK SPACE too, the one blank that UAX #29 keeps in a
// word; and behind the deadline, somewhere in it.
size_t hp_word_unblank(hp_str s, size_t at, const struct hp_deadline *deadline);

// A walk over the sentences of a text that can be taken up again. It may begin at any character
// that stands in no tail of a terminator (behind one, its closing signs and its blanks).
struct hp_sentences {
    size_t at;
    uint8_t before; // class of the last character that counts
    bool ends;      // a sentence ends at `at`
};

// Whether one ends in [from, to]; both grow from call to call.
bool hp_sentence_walk(hp_str s, struct hp_sentences *walk, size_t from, size_t to);

// Where the sentence ends that the terminator at `terminator` ends; above s.len where it goes on.
size_t hp_sentence_behind(hp_str s, size_t terminator);
