// histogram.c -- the buckets. Those of time are about 1.65x apart and have the default deadline of
// a route (250 ms) and the default largest one (10 s) as bounds of their own, so that the share of
// requests within them is a count and no estimate.
#include "telemetry/histogram.h"

#define US 1000u
#define MS 1000000u
#define S 1000000000u

const struct hp_bound hp_bounds_ns[] = {
    { 25 * US, "2.5e-05" },
    { 40 * US, "4e-05" },
    { 65 * US, "6.5e-05" },
    { 110 * US, "0.00011" },
    { 180 * US, "0.00018" },
    { 300 * US, "0.0003" },
    { 500 * US, "0.0005" },
    { 850 * US, "0.00085" },
    { 1400 * US, "0.0014" },
    { 2400 * US, "0.0024" },
    { 4 * MS, "0.004" },
    { 6500 * US, "0.0065" },
    { 11 * MS, "0.011" },
    { 18 * MS, "0.018" },
    { 30 * MS, "0.03" },
    { 50 * MS, "0.05" },
    { 85 * MS, "0.085" },
    { 150 * MS, "0.15" },
    { 250 * MS, "0.25" },
    { 400 * MS, "0.4" },
    { 700 * MS, "0.7" },
    { 1200 * MS, "1.2" },
    { 2000 * MS, "2.0" },
    { 3500 * (uint64_t)MS, "3.5" },
    { 6 * (uint64_t)S, "6.0" },
    { 10 * (uint64_t)S, "10.0" },
    { 0, NULL },
};

// Powers of 4 up to the memory that all requests share by default.
const struct hp_bound hp_bounds_bytes[] = {
    { 1u << 6, "64.0" },
    { 1u << 8, "256.0" },
    { 1u << 10, "1024.0" },
    { 1u << 12, "4096.0" },
    { 1u << 14, "16384.0" },
    { 1u << 16, "65536.0" },
    { 1u << 18, "262144.0" },
    { 1u << 20, "1048576.0" },
    { 1u << 22, "4194304.0" },
    { 1u << 24, "16777216.0" },
    { 1u << 26, "67108864.0" },
    { 1u << 28, "268435456.0" },
    { 1u << 30, "1073741824.0" },
    { 0, NULL },
};

size_t hp_histogram_count(
    struct hp_histogram *histogram, const struct hp_bound *bounds, uint64_t value)
{
    size_t i = 0;
    while (bounds[i].text && value > bounds[i].max)
        i++;
    atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
    return i;
}
