// test.h -- what every unit test begins with: check, and a main that runs the file's tests.
#pragma once

#include <check.h>
#include <stdlib.h>

// Sanitized code is many times slower: its tests draw fewer rounds, and compare no times.
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

#define ROUNDS(all) (SANITIZED ? (all) / 8 : (all))

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
