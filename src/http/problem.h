// problem.h -- a fault as application/problem+json (RFC 9457).
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/route.h"

// `stage` and `granted_ms` are told for HP_DEADLINE only.
void hp_problem_write(struct hp_buf *out, const struct hp_fault *fault, hp_str request_id,
    enum hp_stage stage, uint32_t granted_ms);
