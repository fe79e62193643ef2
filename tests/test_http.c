// test_http.c -- the gates, the rollout, problems and listeners, without a daemon.
#include "hotpathd/deadline.h"
#include "hotpathd/json.h"
#include "http/bypass.h"
#include "http/gate.h"
#include "http/lines.h"
#include "http/listen.h"
#include "http/problem.h"
#include "http/rollout.h"
#include "http/wait.h"

#include "random.h"
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct hp_headers headers_of(const char *const *pairs)
{
    struct hp_headers headers = { .bytes = 0 };
    for (; *pairs; pairs += 2)
        hp_headers_add(&headers, hp_str_from(pairs[0]), hp_str_from(pairs[1]));
    return headers;
}

#define HEADERS(...) headers_of((const char *const[]){ __VA_ARGS__, NULL })

static enum hp_code framing(struct hp_headers headers)
{
    struct hp_fault fault = HP_FAULT_NONE;
    enum hp_code code = hp_gate_framing(&headers, false, 1000, &fault);
    ck_assert_int_eq(code, fault.code);
    return code;
}

START_TEST(framing_that_two_readers_may_read_differently_is_refused)
{
    ck_assert_int_eq(framing(HEADERS("Host", "a", "Content-Length", "3")), HP_OK);
    ck_assert_int_eq(framing(HEADERS("Host", "a", "Transfer-Encoding", "Chunked")), HP_OK);
    ck_assert_int_eq(
        framing(HEADERS("Content-Length", "3", "content-length", "3")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("Host", "a", "HOST", "a")), HP_BAD_FRAMING);
    ck_assert_int_eq(
        framing(HEADERS("Content-Length", "3", "Transfer-Encoding", "chunked")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("Transfer-Encoding", "gzip, chunked")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("Transfer-Encoding", "xchunked")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("Content-Length", "+3")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("Content-Length", "3, 3")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("Content-Length ", "3")), HP_BAD_FRAMING);
    ck_assert_int_eq(framing(HEADERS("X(y)", "3")), HP_BAD_FRAMING);
}
END_TEST

// Fields as libmicrohttpd 0.9.75 leaves them in its buffer: '.' stands for a NUL, the name begins
// and the value follows where the mask has N and V.
static bool gap_in(const char *block, const char *mask)
{
    char bytes[128];
    struct hp_headers headers = { .bytes = 0 };
    size_t len = strlen(block);
    ck_assert_uint_eq(len, strlen(mask));
    for (size_t i = 0; i <= len; i++)
        bytes[i] = block[i] == '.' ? '\0' : block[i];
    hp_headers_begin(&headers, bytes);
    for (const char *n = strchr(mask, 'N'); n; n = strchr(n + 1, 'N')) {
        const char *v = strchr(n, 'V');
        hp_headers_add(&headers, hp_str_from(bytes + (n - mask)), hp_str_from(bytes + (v - mask)));
    }
    hp_headers_end(&headers, bytes + len);
    return headers.gap;
}

START_TEST(a_header_block_that_holds_more_than_its_lines_shows_it)
{
    ck_assert(!gap_in("....", "    "));
    ck_assert(!gap_in("..A. b....", "  N  V    "));
    ck_assert(!gap_in(".A.b.C.\td..", " N V N  V  "));
    ck_assert(gap_in("..A. b..c....", "  N  V       "));       // a NUL in a value
    ck_assert(gap_in("..A. b.. c....", "  N  V        "));     // a folded line
    ck_assert(gap_in("..x: y..A. b....", "        N  V    ")); // a line that was not told
    ck_assert(gap_in("..A.xb....", "  N  V    "));             // something before the value
    ck_assert(gap_in("..A. b..B.c..", "  N  V       "));       // a line behind the last
    ck_assert(gap_in("..A. b.", "  N  V "));
}
END_TEST

START_TEST(a_header_block_over_its_limit_is_refused)
{
    struct hp_headers headers = { .bytes = 1000, .lines = HP_HEADER_LINES_MAX };
    ck_assert_int_eq(framing(headers), HP_OK);
    headers.bytes++;
    ck_assert_int_eq(framing(headers), HP_HEADER_TOO_LARGE);
    headers.bytes--;
    headers.lines++;
    ck_assert_int_eq(framing(headers), HP_HEADER_TOO_LARGE);
}
END_TEST

START_TEST(cookies_count_as_lines_and_twice_in_bytes)
{
    struct hp_headers headers = { .bytes = 100 };
    hp_headers_add(&headers, HP_S("cookie"), HP_S("a=b; c=d"));
    hp_headers_add(&headers, HP_S("X"), HP_S("a=b; c=d"));
    ck_assert_uint_eq(headers.bytes, 108);
    ck_assert_uint_eq(headers.lines, 4);
}
END_TEST

static enum hp_code browser(const char *host, const char *origin, bool unix_socket)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_config config = { .hosts = { 2, { HP_STR("side.car"), HP_STR("x:99") } },
        .origins = { 1, { HP_STR("http://ok.example") } } };
    struct hp_headers headers =
        HEADERS("Host", host, origin ? "Origin" : "X", origin ? origin : "");
    return hp_gate_browser(&headers, &config, unix_socket, &fault);
}

START_TEST(only_hosts_of_ours_and_listed_origins_pass)
{
    ck_assert_int_eq(browser("127.0.0.1", NULL, false), HP_OK);
    ck_assert_int_eq(browser("LocalHost:8377", NULL, false), HP_OK);
    ck_assert_int_eq(browser("[::1]:1", NULL, false), HP_OK);
    ck_assert_int_eq(browser("side.car:80", NULL, false), HP_OK);
    ck_assert_int_eq(browser("x:99", NULL, false), HP_OK);
    ck_assert_int_eq(browser("x:98", NULL, false), HP_WRONG_HOST);
    ck_assert_int_eq(browser("evil.example", NULL, false), HP_WRONG_HOST);
    ck_assert_int_eq(browser("127.0.0.1.evil.example", NULL, false), HP_WRONG_HOST);
    ck_assert_int_eq(browser("localhost:http", NULL, false), HP_WRONG_HOST);
    ck_assert_int_eq(browser("localhost:65536", NULL, false), HP_WRONG_HOST);
    ck_assert_int_eq(browser("", NULL, false), HP_WRONG_HOST);
    ck_assert_int_eq(browser("anything", NULL, true), HP_OK);
    ck_assert_int_eq(browser("localhost", "null", false), HP_FORBIDDEN_ORIGIN);
    ck_assert_int_eq(browser("localhost", "http://ok.example", false), HP_OK);
    ck_assert_int_eq(browser("anything", "http://evil.example", true), HP_FORBIDDEN_ORIGIN);
}
END_TEST

static enum hp_code site(struct hp_headers headers)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_config config = { .origins = { 1, { HP_STR("http://ok.example") } } };
    return hp_gate_browser(&headers, &config, true, &fault);
}

START_TEST(a_page_of_another_site_is_refused_without_an_origin_too)
{
    ck_assert_int_eq(site(HEADERS("Sec-Fetch-Site", "same-origin")), HP_OK);
    ck_assert_int_eq(site(HEADERS("sec-fetch-site", "none")), HP_OK);
    ck_assert_int_eq(site(HEADERS("Sec-Fetch-Mode", "cors")), HP_OK);
    ck_assert_int_eq(site(HEADERS("Sec-Fetch-Site", "cross-site")), HP_FORBIDDEN_ORIGIN);
    ck_assert_int_eq(site(HEADERS("Sec-Fetch-Site", "same-site")), HP_FORBIDDEN_ORIGIN);
    ck_assert_int_eq(site(HEADERS("Sec-Fetch-Site", "None")), HP_FORBIDDEN_ORIGIN);
    ck_assert_int_eq(site(HEADERS("Sec-Fetch-Site", "")), HP_FORBIDDEN_ORIGIN);
    ck_assert_int_eq(
        site(HEADERS("Sec-Fetch-Site", "none", "Sec-Fetch-Site", "none")), HP_FORBIDDEN_ORIGIN);
    ck_assert_int_eq(
        site(HEADERS("Origin", "http://ok.example", "Sec-Fetch-Site", "cross-site")), HP_OK);
    ck_assert_int_eq(site(HEADERS("Origin", "http://evil.example", "Sec-Fetch-Site", "none")),
        HP_FORBIDDEN_ORIGIN);
}
END_TEST

// Target and Host -> path and Host.
static void target(const char *text, enum hp_code code, const char *path, const char *host)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_headers headers = HEADERS("Host", "field");
    hp_str left = hp_str_from(text);
    ck_assert_int_eq(hp_gate_target(&left, &headers, &fault), code);
    ck_assert(hp_str_is(left, path) && hp_str_is(headers.value[HP_H_HOST], host));
}

START_TEST(the_host_of_a_target_in_absolute_form_is_the_one_that_counts)
{
    target("/v1/chunk", HP_OK, "/v1/chunk", "field");
    target("/x://y/z", HP_OK, "/x://y/z", "field");
    target("http://localhost:1/v1/chunk", HP_OK, "/v1/chunk", "localhost:1");
    target("HTTP://[::1]//x", HP_OK, "//x", "[::1]");
    target("http://localhost", HP_OK, "/", "localhost");
    target("https://localhost/x", HP_WRONG_HOST, "https://localhost/x", "field");
    target("a+b-c.1://localhost/x", HP_WRONG_HOST, "a+b-c.1://localhost/x", "field");
    target("http:///x", HP_WRONG_HOST, "http:///x", "field");
    target("http:/x", HP_OK, "http:/x", "field"); // which is no path of ours either
    target("1://x/", HP_OK, "1://x/", "field");
    target("://x/", HP_OK, "://x/", "field");
    target("*", HP_OK, "*", "field");
    target("", HP_OK, "", "field");
}
END_TEST

static enum hp_code media(struct hp_headers headers, const char *expected)
{
    static const char *const also[] = { "text/plain", NULL };
    struct hp_fault fault = HP_FAULT_NONE;
    hp_str type = HP_S("untouched");
    enum hp_code code = hp_gate_media_type(&headers, also, &type, &fault);
    ck_assert(hp_str_is(type, expected));
    return code;
}

START_TEST(media_types_are_read_with_their_parameters)
{
    static const char json[] = "application/json", none[] = "untouched";
    ck_assert_int_eq(media(HEADERS("Content-Type", "application/json"), json), HP_OK);
    ck_assert_int_eq(
        media(HEADERS("Content-Type", "Application/JSON ; charset=\"UTF-8\""), json), HP_OK);
    ck_assert_int_eq(
        media(HEADERS("Content-Type", "text/plain;charset=utf-8;x=y"), "text/plain"), HP_OK);
    ck_assert_int_eq(
        media(HEADERS("Content-Type", "text/plain; charset=latin1"), none), HP_MEDIA_TYPE);
    ck_assert_int_eq(media(HEADERS("Content-Type", "text/html"), none), HP_MEDIA_TYPE);
    ck_assert_int_eq(media(HEADERS("Accept", "application/json"), none), HP_MEDIA_TYPE);
    ck_assert_int_eq(
        media(HEADERS("Content-Type", json, "Content-Encoding", "gzip"), none), HP_MEDIA_TYPE);
    ck_assert_int_eq(
        media(HEADERS("Content-Type", json, "Content-Encoding", "identity"), json), HP_OK);
    ck_assert_int_eq(
        media(HEADERS("Content-Type", json, "Content-Type", json), none), HP_MEDIA_TYPE);
}
END_TEST

static long granted(struct hp_headers headers)
{
    struct hp_fault fault = HP_FAULT_NONE;
    uint32_t asked = 0, ms = 0;
    if (hp_gate_deadline(&headers, 10000, &asked, &ms, &fault)) {
        ck_assert_int_eq(fault.code, HP_BAD_DEADLINE);
        return -1;
    }
    return ms;
}

START_TEST(the_smaller_of_header_and_maximum_is_granted)
{
    static const char ours[] = "X-Request-Timeout-Ms", envoy[] = "X-Envoy-Expected-Rq-Timeout-Ms";
    ck_assert_int_eq(granted(HEADERS("X", "y")), 10000);
    ck_assert_int_eq(granted(HEADERS(ours, "250")), 250);
    ck_assert_int_eq(granted(HEADERS(ours, "999999999")), 10000);
    ck_assert_int_eq(granted(HEADERS(envoy, "40")), 40);
    ck_assert_int_eq(granted(HEADERS(envoy, "0")), 10000);
    ck_assert_int_eq(granted(HEADERS(ours, "250", envoy, "40")), 250);
    static const char *const bad[] = { "0", "", "-1", "+5", "007", "1.5", "1e3", "1000000000", " ",
        "5ms", "0x10", "99999999999999999999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(granted(HEADERS(ours, bad[i])) == -1, "taken: %s", bad[i]);
    ck_assert_int_eq(granted(HEADERS(ours, "5", ours, "5")), -1);
    ck_assert_int_eq(granted(HEADERS(envoy, "00")), -1);
}
END_TEST

START_TEST(request_ids_are_visible_ascii)
{
    char longest[129];
    memset(longest, 'x', sizeof longest);
    ck_assert(hp_gate_request_id(HP_S("a-1!~")));
    ck_assert(hp_gate_request_id((hp_str){ longest, 128 }));
    ck_assert(!hp_gate_request_id((hp_str){ longest, 129 }));
    ck_assert(!hp_gate_request_id(HP_S("")));
    ck_assert(!hp_gate_request_id(HP_S("a b")));
    ck_assert(!hp_gate_request_id(HP_S("a\xc3\xa9")));
}
END_TEST

START_TEST(a_problem_has_the_members_that_apply)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    (void)hp_fail_limit(&fault, HP_OUT_OF_RANGE, "/chunk/max", 9, "1 to %d", 9);
    hp_problem_write(&out, &fault, HP_S("id"), HP_PARSE, 5);
    ck_assert(hp_str_is(hp_buf_str(&out),
        "{\"type\":\"urn:hotpathd:problem:out_of_range\",\"title\":\"A field is out of its range\","
        "\"status\":422,\"code\":\"out_of_range\",\"detail\":\"1 to 9\",\"pointer\":\"/chunk/max\","
        "\"limit\":9,\"request_id\":\"id\"}"));
    out.len = 0;
    (void)hp_fail(&fault, HP_DEADLINE, NULL, "late");
    hp_problem_write(&out, &fault, HP_S("id"), HP_COMPUTE, 5);
    ck_assert(memmem(out.ptr, out.len, "\"stage\":\"compute\",\"granted_ms\":5", 32));
    hp_arena_done(&arena);
}
END_TEST

START_TEST(if_none_match_is_a_list_of_tags)
{
    struct hp_config config = { .hash = "0123456789abcdef" };
    ck_assert(hp_rollout_matches(&config, false, HP_S("\"0123456789abcdef\"")));
    ck_assert(hp_rollout_matches(&config, false, HP_S("\"x\", W/\"0123456789abcdef\"")));
    ck_assert(hp_rollout_matches(&config, false, HP_S("*")));
    ck_assert(!hp_rollout_matches(&config, false, HP_S("0123456789abcdef")));
    ck_assert(!hp_rollout_matches(&config, false, HP_S("\"0123456789abcde\"")));
    ck_assert(!hp_rollout_matches(&config, false, HP_S("")));
    ck_assert(!hp_rollout_matches(&config, true, HP_S("\"0123456789abcdef\"")));
    ck_assert(hp_rollout_matches(&config, true, HP_S("\"0123456789abcdef-off\"")));
}
END_TEST

static enum hp_listen_result listen_briefly(const char *address, char *url)
{
    struct hp_listener listener;
    char why[256] = "";
    enum hp_listen_result result = hp_listen(&listener, hp_str_from(address), 0660, false, why);
    strcpy(url, listener.url);
    ck_assert(result == HP_LISTENING || why[0]);
    hp_listener_close(&listener);
    return result;
}

START_TEST(listeners_are_loopback_or_unix)
{
    char url[128];
    ck_assert_int_eq(listen_briefly("127.0.0.1:0", url), HP_LISTENING);
    ck_assert_int_eq(strncmp(url, "http://127.0.0.1:", 17), 0);
    ck_assert_int_eq(listen_briefly("localhost:0", url), HP_LISTENING);
    static const char *const bad[] = { "0.0.0.0:0", "8.8.8.8:80", "[::]:0", "127.0.0.1",
        "127.0.0.1:65536", "127.0.0.1:x", ":1", "", "unix:", "example.com:1" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(listen_briefly(bad[i], url) == HP_BAD_ADDRESS, "taken: %s", bad[i]);
    ck_assert_int_eq(listen_briefly("unix:/nowhere/at/all.sock", url), HP_NO_LISTENER);
}
END_TEST

START_TEST(a_unix_socket_has_its_mode_and_goes_away)
{
    char folder[] = "/tmp/hotpathd-test-XXXXXX", address[64], why[256];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/s", folder);
    struct hp_listener first, second;
    struct stat info;
    ck_assert_int_eq(hp_listen(&first, hp_str_from(address), 0620, false, why), HP_LISTENING);
    ck_assert_int_eq(stat(address + 5, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0620);
    // one that is served is not taken over
    ck_assert_int_eq(hp_listen(&second, hp_str_from(address), 0620, false, why), HP_NO_LISTENER);
    ck_assert_int_eq(stat(address + 5, &info), 0);
    // one whose owner died is
    close(first.fd);
    ck_assert_int_eq(hp_listen(&second, hp_str_from(address), 0620, false, why), HP_LISTENING);
    hp_listener_close(&second);
    ck_assert_int_ne(stat(address + 5, &info), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

// The least of many waits: a busy machine makes single ones longer.
static uint64_t shortest_wait(struct hp_waiter *waiter, uint64_t ns)
{
    struct epoll_event event;
    uint64_t least = UINT64_MAX;
    for (int round = 0; round < 50; round++) {
        uint64_t before = hp_now_ns();
        ck_assert_int_eq(hp_wait(waiter, &event, 1, ns), 0);
        uint64_t took = hp_now_ns() - before;
        least = took < least ? took : least;
    }
    return least;
}

START_TEST(a_wait_ends_when_it_should_and_where_the_kernel_cannot_a_little_later)
{
    const uint64_t asked = 300 * HP_NS_PER_US;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    struct hp_waiter waiter, rounded = { .epoll_fd = fd };
    uint64_t coarse = shortest_wait(&rounded, asked);
    ck_assert_uint_ge(coarse, HP_NS_PER_MS);
    hp_waiter_open(&waiter, fd, 0);
    if (waiter.fine) {
        uint64_t fine = shortest_wait(&waiter, asked);
        ck_assert_uint_ge(fine, asked);
        ck_assert_uint_lt(fine, coarse);
    }
    close(fd);
    hp_waiter_open(&waiter, fd, 0);
    ck_assert(!waiter.fine);
}
END_TEST

// So many windows whose waits take `slept_ns`, or `looked_ns` where they begin with a look; returns
// how many looked.
static unsigned wait_windows(
    struct hp_spin *spin, unsigned windows, uint64_t slept_ns, uint64_t looked_ns, unsigned hits)
{
    unsigned looked = 0;
    uint64_t now = spin->since_ns;
    for (unsigned w = 0; w < windows; w++) {
        looked += spin->on;
        for (unsigned i = 0; !hp_spin_is_whole(spin); i++) {
            spin->waits++;
            spin->hits += spin->on && i < hits;
            now += spin->on ? looked_ns : slept_ns;
        }
        hp_spin_learn(spin, now);
    }
    return looked;
}

START_TEST(a_loop_looks_before_it_sleeps_where_that_is_measured_to_pay)
{
    struct hp_spin spin;
    hp_spin_open(&spin, 50000, 12345);
    // where it makes a call much shorter
    ck_assert_uint_ge(wait_windows(&spin, 1000, 80000, 27000, 16), 985);
    // where callers come when they come, it is tried once in 128 windows
    wait_windows(&spin, 2, 80000, 80000, 16);
    ck_assert_uint_le(wait_windows(&spin, 1280, 80000, 80000, 16), 10);
    wait_windows(&spin, 2, 20000, 30000, 16);
    ck_assert_uint_le(wait_windows(&spin, 1280, 20000, 30000, 16), 10);
    // what is seldom found is not looked for, whatever the clock says
    wait_windows(&spin, 200, 80000, 80000, 7);
    ck_assert_uint_le(wait_windows(&spin, 1280, 80000, 27000, 7), 10);
    // and where it pays again that is found out
    wait_windows(&spin, 200, 80000, 27000, 16);
    ck_assert_uint_ge(wait_windows(&spin, 1280, 80000, 27000, 16), 1270);
}
END_TEST

START_TEST(what_a_look_finds_is_returned_and_what_it_misses_is_slept_for)
{
    int fd = epoll_create1(EPOLL_CLOEXEC), one = eventfd(1, EFD_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN };
    struct hp_waiter waiter;
    uint64_t count, most = HP_NS_PER_MS;
    ck_assert_int_eq(epoll_ctl(fd, EPOLL_CTL_ADD, one, &event), 0);
    hp_waiter_open(&waiter, fd, most / 2);
    waiter.spin.on = true;
    ck_assert_int_eq(hp_wait(&waiter, &event, 1, most), 1);
    ck_assert_uint_eq(waiter.spin.hits, 1);
    ck_assert_int_eq(read(one, &count, sizeof count), sizeof count);
    uint64_t before = hp_now_ns();
    ck_assert_int_eq(hp_wait(&waiter, &event, 1, most), 0);
    ck_assert_uint_ge(hp_now_ns() - before, most);
    ck_assert_uint_eq(waiter.spin.hits, 1);
    ck_assert_uint_eq(waiter.spin.waits, 2);
    close(one);
    close(fd);
}
END_TEST

// --- lines woven into what libmicrohttpd sends ---------------------------------------------------

struct stream {
    char bytes[256];
    size_t len;
};

// A socket whose buffer has room for so many bytes.
static size_t take_some(struct stream *to, const struct iovec *part, size_t parts, size_t room)
{
    size_t taken = 0;
    for (size_t i = 0; i < parts && taken < room; i++) {
        size_t some = part[i].iov_len < room - taken ? part[i].iov_len : room - taken;
        memcpy(to->bytes + to->len, part[i].iov_base, some);
        to->len += some;
        taken += some;
    }
    return taken;
}

// As libmicrohttpd and src/outgoing.c do, until all is sent; returns how often nothing of its own
// went out.
static size_t send_in_steps(hp_str head, hp_str body, int fd, size_t room, struct stream *to)
{
    size_t done = 0, nothing = 0;
    while (done < head.len + body.len) {
        struct iovec part[2], woven[HP_WOVEN];
        size_t parts = 0, of_head = done < head.len ? done : head.len, of_body = done - of_head;
        if (of_head < head.len)
            part[parts++] = (struct iovec){ (char *)head.ptr + of_head, head.len - of_head };
        if (of_body < body.len)
            part[parts++] = (struct iovec){ (char *)body.ptr + of_body, body.len - of_body };
        struct hp_lines *lines = hp_lines_for(fd);
        size_t count = lines ? hp_lines_weave(lines, part, parts, woven) : parts;
        size_t sent = take_some(to, lines ? woven : part, count, room);
        size_t step = lines ? hp_lines_sent(lines, part, sent) : sent;
        nothing += step == 0;
        done += step;
    }
    return nothing;
}

START_TEST(lines_stand_at_the_end_of_a_head_however_it_is_sent)
{
    static const hp_str head = HP_STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    static const hp_str text = HP_STR("A: b\r\nC: d\r\n");
    static const hp_str bodies[] = { HP_STR("body"), HP_STR("") };
    for (size_t b = 0; b < 2; b++)
        for (size_t room = 1; room < 80; room++) {
            char expected[256];
            struct stream got = { .len = 0 };
            struct hp_lines lines = { 0 }, other = { 0 };
            hp_lines_wait(&lines, 7, text);
            hp_lines_wait(&other, 8, text);
            size_t nothing = send_in_steps(head, bodies[b], 7, room, &got);
            snprintf(expected, sizeof expected, "%.*s%s\r\n%s", (int)head.len - 2, head.ptr,
                text.ptr, bodies[b].ptr);
            ck_assert_mem_eq(got.bytes, expected, strlen(expected));
            ck_assert_uint_eq(got.len, strlen(expected));
            ck_assert_uint_le(nothing, text.len);
            ck_assert_ptr_null(hp_lines_for(7));
            ck_assert_ptr_eq(hp_lines_for(8), &other);
            hp_lines_drop(&lines);
            hp_lines_drop(&other);
            ck_assert_ptr_null(hp_lines_for(8));
        }
}
END_TEST

START_TEST(lines_that_never_went_out_are_dropped_wherever_they_stand)
{
    struct hp_lines lines[3] = { 0 };
    for (size_t gone = 0; gone < 3; gone++) {
        for (int i = 0; i < 3; i++)
            hp_lines_wait(&lines[i], i, HP_S("A: b\r\n"));
        hp_lines_drop(&lines[gone]);
        hp_lines_drop(&lines[gone]);
        for (size_t i = 0; i < 3; i++)
            ck_assert_ptr_eq(hp_lines_for((int)i), i == gone ? NULL : &lines[i]);
        for (size_t i = 0; i < 3; i++)
            hp_lines_drop(&lines[i]);
    }
}
END_TEST

// --- bodies that go past libmicrohttpd -----------------------------------------------------------

// The two ends of a connection.
static void open_pair(bool tcp, int ends[2])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    if (!tcp) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        return;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&at, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)(void *)&at, &size), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(ends[0], (struct sockaddr *)(void *)&at, size), 0);
    ends[1] = accept(listener, NULL, NULL);
    ck_assert_int_ge(ends[1], 0);
    close(listener);
}

enum { BODY_MOST = 400 << 10, BEHIND_MOST = 100, BUFFER_MOST = 20 << 10 };

static int in_socket(int fd)
{
    int bytes;
    ck_assert_int_eq(ioctl(fd, FIONREAD, &bytes), 0);
    return bytes;
}

// One body and what follows it, read as libmicrohttpd reads: up to `n` at a time, and, since it
// waits for an edge where fewer came, fewer only where there are none left.
static void check_bypass(struct random *random, const int ends[2], bool tcp, bool placed)
{
    static char sent[BODY_MOST + BEHIND_MOST], place[BODY_MOST], buffer[BUFFER_MOST];
    size_t body = 1 + random_below(random, random_below(random, 8) ? 3000 : BODY_MOST);
    size_t behind = random_below(random, BEHIND_MOST), n = 1 + random_below(random, BUFFER_MOST);
    size_t whole = body + behind, written = 0, read = 0;
    struct hp_bypass bypass = { 0 };
    for (size_t i = 0; i < whole; i++)
        sent[i] = (char)random_below(random, 256);
    memset(place, 0, body);
    if (placed)
        hp_bypass_to(&bypass, ends[1], place, body);
    else
        hp_bypass_throw(&bypass, ends[1], tcp, body);
    while (read < whole) {
        if (written < whole && random_below(random, 2)) {
            size_t piece = 1 + random_below(random, (uint32_t)(whole - written));
            ssize_t went = send(ends[0], sent + written, piece, MSG_DONTWAIT);
            written += went > 0 ? (size_t)went : 0;
        }
        // Of what waits so much was told before.
        uint64_t waiting = (uint64_t)in_socket(ends[1]), owed = hp_bypass_owed(&bypass);
        struct hp_bypass *found = hp_bypass_for(ends[1]);
        ssize_t came = found ? hp_bypass_receive(found, buffer, n, MSG_DONTWAIT)
                             : recv(ends[1], buffer, n, MSG_DONTWAIT);
        ck_assert(came > 0 || (came < 0 && errno == EAGAIN));
        size_t fresh = came > 0 ? (size_t)came : 0;
        ck_assert(fresh == n || fresh + owed >= waiting);
        read += fresh;
        if (came < 0)
            continue;
        size_t of_body = body + (size_t)came > read ? body + (size_t)came - read : 0;
        size_t past = hp_bypass_handed(&bypass, (size_t)came);
        ck_assert_uint_eq(past, of_body < (size_t)came ? of_body : (size_t)came);
        ck_assert_mem_eq(buffer + past, sent + read - (size_t)came + past, (size_t)came - past);
        ck_assert(read <= written + hp_bypass_owed(&bypass));
    }
    ck_assert_ptr_null(hp_bypass_for(ends[1]));
    ck_assert_uint_eq(hp_bypass_owed(&bypass), 0);
    if (placed)
        ck_assert_mem_eq(place, sent, body);
}

START_TEST(a_body_goes_to_its_place_or_nowhere_and_what_follows_it_is_read)
{
    struct random random = { 7 };
    for (int i = 0; i < 600; i++) {
        int ends[2];
        bool tcp = random_below(&random, 2), placed = random_below(&random, 2);
        open_pair(tcp, ends);
        if (tcp && random_below(&random, 4) > 0)
            hp_bypass_prepare(ends[1]);
        check_bypass(&random, ends, tcp, placed);
        close(ends[0]);
        close(ends[1]);
    }
}
END_TEST

TESTS("http", framing_that_two_readers_may_read_differently_is_refused,
    a_header_block_that_holds_more_than_its_lines_shows_it,
    a_header_block_over_its_limit_is_refused, cookies_count_as_lines_and_twice_in_bytes,
    only_hosts_of_ours_and_listed_origins_pass,
    the_host_of_a_target_in_absolute_form_is_the_one_that_counts,
    a_page_of_another_site_is_refused_without_an_origin_too,
    media_types_are_read_with_their_parameters, the_smaller_of_header_and_maximum_is_granted,
    request_ids_are_visible_ascii, a_problem_has_the_members_that_apply,
    if_none_match_is_a_list_of_tags, listeners_are_loopback_or_unix,
    a_unix_socket_has_its_mode_and_goes_away,
    a_loop_looks_before_it_sleeps_where_that_is_measured_to_pay,
    what_a_look_finds_is_returned_and_what_it_misses_is_slept_for,
    a_wait_ends_when_it_should_and_where_the_kernel_cannot_a_little_later,
    lines_stand_at_the_end_of_a_head_however_it_is_sent,
    lines_that_never_went_out_are_dropped_wherever_they_stand,
    a_body_goes_to_its_place_or_nowhere_and_what_follows_it_is_read)
