// look.h -- how often what reads a text looks at its deadline.
#pragma once

enum { HP_LOOK_BYTES = 16 << 10 }; // of text, some 50 us of work
