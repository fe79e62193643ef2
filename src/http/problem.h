// problem.h -- a fault as application/problem+json (RFC 9457).
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/route.h"

// `stage` and `granted_ms` are told for HP_DEADLINE only.
void hp_problem_write(struct hp_buf *out, const struct hp_fault *fault, hp_str request_id,
    enum hp_stage stage, uint32_t granted_ms);

// The head of a reply that libmicrohttpd has no part in, as the last of its connection. `date` is a
// header line with its end, or empty. Returns the length; 0: it does not fit.
size_t hp_problem_head(
    char *out, size_t size, enum hp_code code, hp_str date, hp_str request_id, size_t body_len);
