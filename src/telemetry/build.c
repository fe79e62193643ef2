// build.c -- what this binary was made of.
#include "telemetry/telemetry.h"

struct hp_build hp_build;
