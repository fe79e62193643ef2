// text.h -- the text engine as a library, without a daemon: clean, structure, segment, count, cut.
// Link with -lhotpathd. Pure functions: memory comes from an arena that the caller owns, nothing is
// global, a vocabulary is read-only and shared by all threads. docs/library.md has an example.
#pragma once

#include "text/document.h"
