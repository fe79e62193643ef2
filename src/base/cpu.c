// cpu.c -- the processor is asked once; the answer is a number in an atomic.
#include "hotpathd/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_int known = -1; // enum hp_cpu; -1: not asked yet

static enum hp_cpu ask(void)
{
    const char *wish = getenv("HOTPATHD_CPU");
    if (wish && strcmp(wish, "baseline") == 0)
        return HP_CPU_BASELINE;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("popcnt"))
        return HP_CPU_BASELINE;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
    if (wide && (!wish || strcmp(wish, "avx2") != 0))
        return HP_CPU_AVX512;
    return HP_CPU_AVX2;
#else
    return HP_CPU_BASELINE;
#endif
}

enum hp_cpu hp_cpu(void)
{
    int cpu = atomic_load_explicit(&known, memory_order_relaxed);
    if (cpu < 0) {
        cpu = (int)ask();
        atomic_store_explicit(&known, cpu, memory_order_relaxed);
    }
    return (enum hp_cpu)cpu;
}

const char *hp_cpu_name(enum hp_cpu cpu)
{
    static const char *const names[] = { "baseline", "avx2", "avx512" };
    return names[cpu];
}

void hp_cpu_limit(enum hp_cpu cpu)
{
    enum hp_cpu best = ask();
    atomic_store_explicit(&known, (int)(best < cpu ? best : cpu), memory_order_relaxed);
}
