// date.h -- the Date of a reply's head (RFC 9110, section 6.6.1), written once a second.
#pragma once

#include "hotpathd/str.h"

#include <time.h>

struct hp_date {
    time_t second;
    char line[64];
    size_t len;
};

// "Date: Thu, 26 Nov 2026 08:00:00 GMT\r\n", of now; stands in `kept`, all zero at first, until the
// next call.
hp_str hp_date_line(struct hp_date *kept);
