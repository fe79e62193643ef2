// cpu.h -- which instructions this machine has beyond the baseline that everything is built for.
// Asked once; HOTPATHD_CPU=baseline (or avx2) in the environment sets a ceiling.
#pragma once

#include <stdbool.h>

enum hp_cpu { HP_CPU_BASELINE, HP_CPU_AVX2, HP_CPU_AVX512 };

// The best level that this machine has and the environment allows. AVX2: with BMI1, BMI2 and
// POPCNT. AVX512: F, BW, VL, DQ and VBMI with VBMI2. The first call asks the processor, later ones
// read a number.
enum hp_cpu hp_cpu(void);

const char *hp_cpu_name(enum hp_cpu cpu);

// For tests: from now on the level is at most `cpu`. Not while other threads run.
void hp_cpu_limit(enum hp_cpu cpu);
