// test.h -- what every unit test begins with: check, and a main that runs the file's tests.
#pragma once

#include <check.h>
#include <stdlib.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SANITIZED = 1 }; // many times slower: what is measured is measured in the plain build alone
#else
enum { SANITIZED = 0 };
#endif

// How often a random test tries: a share of `most`. HOTPATHD_ROUNDS=100 (percent) for a long run.
static inline int rounds(int most)
{
    const char *percent = getenv("HOTPATHD_ROUNDS");
    return most * (percent ? atoi(percent) : SANITIZED ? 10 : 25) / 100;
}

// A file lists its tests once, at its end:
//     TESTS("arena", grows_in_place, refuses_beyond_its_ceiling)
// Each is START_TEST(grows_in_place) { ... } END_TEST. CK_FORK=no helps with a debugger.
static inline int run_tests(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 300);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TESTS(name, ...)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = { __VA_ARGS__ };                                              \
        return run_tests(name, tests, sizeof tests / sizeof *tests);                               \
    }
