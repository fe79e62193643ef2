// page.h -- src/http/page.html, built into the binary: the status page of the admin side.
#pragma once

#include "hotpathd/str.h"

hp_str hp_status_page(void);
