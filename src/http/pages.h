// pages.h -- libmicrohttpd answers what it cannot read with an HTML page of its own, before or
// without a call of its handler. What it sends is looked at on its way out (src/outgoing.c), and
// such a page goes as the problem that the contract has for it.
#pragma once

#include "hotpathd/error.h"

#include <sys/uio.h>

enum { HP_PAGE_MAX = 1024 };

// What a refusal of libmicrohttpd's with this status is to us.
enum hp_code hp_page_code(unsigned status);

// Where `part`, a message's head and its body (none to a HEAD) as libmicrohttpd sends them, is such
// a page: the length of what is to be sent in its place, written to `out`. Else 0.
size_t hp_page_replace(const struct iovec *part, size_t parts, char out[HP_PAGE_MAX]);
