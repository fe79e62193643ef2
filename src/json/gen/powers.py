#!/usr/bin/env python3
"""Writes src/json/powers_data.c: 128 bits of every power of ten that a double can need, rounded up, the top bit set.

    python3 src/json/gen/powers.py > src/json/powers_data.c
"""
FIRST, LAST = -292, 324  # HP_POWER_FIRST and HP_POWER_LAST of powers.h


def bits(k):
    top, bottom = (10 ** k, 1) if k >= 0 else (1, 10 ** -k)
    shift = 127 - (top.bit_length() - bottom.bit_length())
    for shift in (shift, shift + 1):
        scaled_top, scaled_bottom = (top << shift, bottom) if shift >= 0 else (top, bottom << -shift)
        value = scaled_top // scaled_bottom
        if value.bit_length() == 128:
            return value + (value * scaled_bottom != scaled_top)
    raise AssertionError(k)


print("// powers_data.c -- made by src/json/gen/powers.py; not to be edited.\n// clang-format off\n"
      "#include \"json/powers.h\"\n\nconst struct hp_power hp_powers[] = {")
for k in range(FIRST, LAST + 1):
    print(f"    {{ 0x{bits(k) >> 64:016x}, 0x{bits(k) & (1 << 64) - 1:016x} }},")
print("};")
