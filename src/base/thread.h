// thread.h -- names for threads, as ps, top and perf show them; nothing depends on them.
#pragma once

#include "hotpathd/error.h"

// Of the calling thread, cut to 15 bytes. By itself: the name of another one is a file below /proc,
// which Landlock keeps shut.
void hp_thread_name(const char *format, ...) HP_PRINTF(1, 2);
