// progress.c -- which stage a request is in, and what each has taken.
#include "hotpathd/route.h"

static const char *const names[HP_STAGES] = { "arrival", "body", "queue", "parse", "compute",
    "write" };

const char *hp_stage_name(enum hp_stage stage)
{
    return names[stage];
}

void hp_progress_enter(struct hp_progress *progress, enum hp_stage stage)
{
    uint64_t now = hp_now_ns();
    progress->spent_ns[progress->stage] += now - progress->since_ns;
    progress->since_ns = now;
    progress->stage = stage;
}

enum hp_code hp_enter(struct hp_request *request, enum hp_stage stage, struct hp_fault *fault)
{
    hp_progress_enter(&request->progress, stage);
    return hp_deadline_check_at(&request->deadline, request->progress.since_ns, fault);
}
