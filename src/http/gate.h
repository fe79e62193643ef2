// gate.h -- what is asked of a request before anything of its body is read. Pure: header fields in,
// a fault or the value read out.
#pragma once

#include "config/config.h"
#include "hotpathd/route.h"
#include "http/headers.h"

// HP_HEADER_TOO_LARGE where there are more bytes than that, or more lines than libmicrohttpd has
// room for.
HP_MUST_USE enum hp_code hp_gate_size(
    const struct hp_headers *headers, size_t max_bytes, struct hp_fault *fault);

// RFC 9112: one length, one host (HTTP/1.1 must send it), no length beside chunked, nothing but
// chunked.
HP_MUST_USE enum hp_code hp_gate_framing(
    const struct hp_headers *headers, bool http11, size_t max_bytes, struct hp_fault *fault);

// RFC 9112, section 3.2.2: a target in absolute form (http://HOST/PATH), as proxies are sent it, is
// taken. Cuts *target to its path; its host takes the place of the Host field. Another scheme than
// http is none of ours: HP_WRONG_HOST.
HP_MUST_USE enum hp_code hp_gate_target(
    hp_str *target, struct hp_headers *headers, struct hp_fault *fault);

// Host must be one that is served here (any on a Unix socket), Origin one that the configuration
// lists; without an Origin, Sec-Fetch-Site is same-origin or none.
HP_MUST_USE enum hp_code hp_gate_browser(const struct hp_headers *headers,
    const struct hp_config *config, bool unix_socket, struct hp_fault *fault);

// `Authorization: Bearer` with this token; any where `token` is empty. Takes the same time wherever
// they differ.
HP_MUST_USE enum hp_code hp_gate_token(
    const struct hp_headers *headers, hp_str token, struct hp_fault *fault);

// The body's media type, in lower case without parameters: application/json or one of `also`.
HP_MUST_USE enum hp_code hp_gate_media_type(const struct hp_headers *headers,
    const char *const *also, hp_str *media_type, struct hp_fault *fault);

// How long the caller will wait: *asked_ms from the header, 0 without one; *granted_ms is the
// smaller of that and `max_ms`.
HP_MUST_USE enum hp_code hp_gate_deadline(const struct hp_headers *headers, uint64_t max_ms,
    uint32_t *asked_ms, uint32_t *granted_ms, struct hp_fault *fault);

// A request id that may be echoed: 1 to 128 visible ASCII characters.
bool hp_gate_request_id(hp_str id);
