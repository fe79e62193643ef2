// fuzz_headers.c -- what comes from the other side of a connection: a traceparent, a reply; and
// from the kernel: a control group, a quota.
#include "base/cores.h"
#include "base/reply.h"
#include "http/gate.h"
#include "telemetry/trace.h"

#include <assert.h>

#include "fuzz.h"

static void trace(hp_str header)
{
    char trace_id[33], parent_id[17];
    bool sampled;
    if (!hp_traceparent_read(header, trace_id, parent_id, &sampled))
        return;
    assert(header.len >= 55 && strlen(trace_id) == 32 && strlen(parent_id) == 16);
    assert(memcmp(header.ptr + 3, trace_id, 32) == 0);
    assert(memcmp(header.ptr + 36, parent_id, 16) == 0);
}

// A reply's state only moves forward as bytes come, and a whole reply stays the same one.
static void reply(hp_str bytes)
{
    struct hp_reply now, ended;
    enum hp_reply_state state = hp_reply_read(bytes, false, &now);
    enum hp_reply_state last = hp_reply_read(bytes, true, &ended);
    assert(last != HP_REPLY_MORE);
    if (state == HP_REPLY_BAD)
        assert(last == HP_REPLY_BAD);
    if (last == HP_REPLY_WHOLE) {
        assert(ended.status >= 200 && ended.status <= 599);
        assert(ended.body.ptr >= bytes.ptr);
        assert(ended.body.ptr + ended.body.len <= bytes.ptr + bytes.len);
    }
    if (state == HP_REPLY_WHOLE)
        assert(last == HP_REPLY_WHOLE && now.status == ended.status &&
               hp_str_equal(now.body, ended.body));
    for (size_t cut = 0; state != HP_REPLY_BAD && cut < bytes.len && cut < 512; cut++)
        assert(hp_reply_read((hp_str){ bytes.ptr, cut }, false, &now) != HP_REPLY_BAD);
}

// A request's target: what is left is a part of it, or the root.
static void target(hp_str text)
{
    struct hp_headers headers = { .bytes = 0 };
    struct hp_fault fault = HP_FAULT_NONE;
    hp_str path = text;
    enum hp_code code = hp_gate_target(&path, &headers, &fault);
    bool absolute = hp_headers_has(&headers, HP_H_HOST);
    assert(code == HP_OK || (code == HP_WRONG_HOST && !absolute));
    if (!absolute) {
        assert(hp_str_equal(path, text));
        return;
    }
    hp_str host = headers.value[HP_H_HOST];
    assert(host.len > 0 && host.ptr > text.ptr && path.ptr[0] == '/');
    assert(hp_str_is(path, "/") || path.ptr == host.ptr + host.len);
    assert(host.ptr + host.len <= text.ptr + text.len);
}

// A line of /proc/self/cgroup, and a quota.
static void cores(hp_str line)
{
    bool unified;
    hp_str group, rest = line;
    if (hp_cores_group(line, &unified, &group))
        assert(group.ptr >= line.ptr && group.ptr + group.len == line.ptr + line.len);
    hp_str quota = hp_str_cut(&rest, ' ');
    assert(hp_cores_of_quota(quota, rest) <= 1u << 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hp_str bytes = { (const char *)data, size };
    trace(bytes);
    reply(bytes);
    target(bytes);
    cores(bytes);
    return 0;
}
