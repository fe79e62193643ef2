// openapi.h -- docs/openapi.yaml, built into the binary.
#pragma once

#include "hotpathd/str.h"

hp_str hp_openapi_yaml(void);
