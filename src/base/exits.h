// exits.h -- what the process ends with (sysexits.h gives the numbers).
#pragma once

enum {
    HP_EXIT_OK = 0,
    HP_EXIT_FAILED = 1, // a command could not do what it was asked
    HP_EXIT_USAGE = 64,
    HP_EXIT_BUG = 70,
    HP_EXIT_NO_LISTENER = 71,
    HP_EXIT_CONFIG = 78
};
