// cli.h -- the commands that are clients of a running daemon, or only tell what this binary is.
// Each gets the arguments behind its name and returns the exit code; a wrong use is one line on
// standard error.
#pragma once

#include "base/exits.h"

// hotpathd health [ADDR]
int hp_cli_health(int argc, char **argv);

// hotpathd call ROUTE [FILE] [--to ADDR]
int hp_cli_call(int argc, char **argv);

// hotpathd version [--json]; `vocabulary` is the folder whose vocabularies are told
int hp_cli_version(int argc, char **argv, const char *vocabulary);
