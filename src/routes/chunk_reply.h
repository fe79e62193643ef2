// chunk_reply.h -- the reply of /v1/chunk, from what was computed.
#pragma once

#include "routes/chunk_request.h"

struct chunk_outcome {
    const struct chunk_request *request;
    const struct hp_document *document;
};

HP_MUST_USE enum hp_code chunk_write(const struct chunk_outcome *outcome,
    const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault);
