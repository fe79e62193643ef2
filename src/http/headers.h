// headers.h -- the header fields that mean something to us, picked out of a request in one walk.
#pragma once

#include "hotpathd/str.h"

enum hp_header {
    HP_H_HOST,
    HP_H_CONTENT_LENGTH,
    HP_H_TRANSFER_ENCODING,
    HP_H_CONTENT_TYPE,
    HP_H_CONTENT_ENCODING,
    HP_H_ORIGIN,
    HP_H_EXPECT,
    HP_H_TIMEOUT,
    HP_H_ENVOY_TIMEOUT,
    HP_H_REQUEST_ID,
    HP_H_TRACEPARENT,
    HP_H_MODE,
    HP_H_CALLER,
    HP_H_IF_NONE_MATCH,
    HP_H_ACCEPT,
    HP_HEADERS
};

struct hp_headers {
    hp_str value[HP_HEADERS];        // of the first of its name
    unsigned char count[HP_HEADERS]; // how often it was sent, at most 255
    size_t bytes;                    // of all names and values, with ": " and line ends
    bool bad_name;                   // one is not an RFC 9110 token
    bool bad_value;                  // one holds a control character
};

// Borrows both slices.
void hp_headers_add(struct hp_headers *headers, hp_str name, hp_str value);

static inline bool hp_headers_has(const struct hp_headers *headers, enum hp_header header)
{
    return headers->count[header] > 0;
}
