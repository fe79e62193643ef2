// casefold.h -- words as they are compared: NFKC_Casefold (The Unicode Standard, 3.13, R5; Unicode
// 16) takes away case, compatibility forms and what is ignorable, and keeps accents.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"

// Appends toNFKC_Casefold(s) to `out`; s is valid UTF-8. The result of a part of a text is part of
// the result where no character behind it joins it (hp_fold_joins). Linear, the deadline is looked
// at on the way; where memory fails `out` is marked too.
HP_MUST_USE enum hp_code hp_casefold(
    hp_str s, const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault);

// Whether the folded character joins what stands before it: a mark, or one that composes backward.
bool hp_fold_joins(uint32_t code_point);

// Whether nothing is left of it (soft hyphen, variation selectors, joiners).
bool hp_fold_vanishes(uint32_t code_point);

// Letters of Han, kana, Hangul, Bopomofo, Tangut, Nushu and Khitan, and of the scripts whose lines
// are broken by dictionary (Thai, Lao, Khmer, Myanmar and their kin): spaces do not part their
// words.
bool hp_unspaced(uint32_t code_point);
