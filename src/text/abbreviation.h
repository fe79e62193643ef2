// abbreviation.h -- full stops that end no sentence.
#pragma once

#include "hotpathd/str.h"

// Whether the full stop at `dot`, followed by a blank and no lower-case letter, belongs to an
// abbreviation, an initial or a number in front of a list item. `start` is where the sentence
// begins.
bool hp_abbreviation(hp_str s, size_t start, size_t dot);
