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
    HP_H_FETCH_SITE,
    HP_H_EXPECT,
    HP_H_TIMEOUT,
    HP_H_ENVOY_TIMEOUT,
    HP_H_REQUEST_ID,
    HP_H_TRACEPARENT,
    HP_H_MODE,
    HP_H_CALLER,
    HP_H_IF_NONE_MATCH,
    HP_H_ACCEPT,
    HP_H_AUTHORIZATION,
    HP_H_COOKIE,
    HP_HEADERS
};

enum {
    HP_HEADER_LINES_MAX = 64,
    HP_HEADER_LINE_BYTES = 64 // what libmicrohttpd keeps of each line, parameter and cookie
};

struct hp_headers {
    hp_str value[HP_HEADERS];        // of the first of its name
    unsigned char count[HP_HEADERS]; // how often it was sent, at most 255
    size_t
        bytes; // of the block, from the method to the empty line, of cookies once more, of trailers
    size_t lines;   // of headers, parameters of the query, cookies and trailers
    bool bad_name;  // one is not an RFC 9110 token
    bool bad_value; // one holds a control character
    // Where the next line should begin in the buffer that they all lie in; NULL: not looked at.
    const char *line;
    bool gap; // the buffer holds more than the lines that were told
};

// Before the fields, where they are told as slices of the buffer in which they came and in their
// order, each end of line and each colon overwritten by NULs (libmicrohttpd before 1.0): `line`
// is the end of the request line.
void hp_headers_begin(struct hp_headers *headers, const char *line);

// Behind the last field; `end` is that of the whole block.
void hp_headers_end(struct hp_headers *headers, const char *end);

// Borrows both slices.
void hp_headers_add(struct hp_headers *headers, hp_str name, hp_str value);

static inline bool hp_headers_has(const struct hp_headers *headers, enum hp_header header)
{
    return headers->count[header] > 0;
}
