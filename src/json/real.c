// real.c -- doubles as text and back. Writing gives the shortest decimal that reads back to the
// same double, the nearest to it of those (Raffaello Giulietti, "The Schubfach way to render
// doubles", 2021), laid out as Python's repr does. Reading takes the short way where it is exact
// (Clinger, 1990: mantissa and power of ten are both doubles) and else asks jansson.
#include "json/powers.h"
#include "json/small.h"

// --- writing -------------------------------------------------------------------------------------

struct decimal {
    uint64_t digits;
    int exponent;
};

enum { FRACTION_BITS = 52, BIAS = 1075 };

static int floor_log2_power(int k) // of 10^k
{
    return k * 1741647 >> 19;
}

// floor(log10(2^q)), or of 3/4 of it.
static int floor_log10(int q, bool three_quarters)
{
    return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

__extension__ typedef unsigned __int128 wide;

// factor * power / 2^128, odd where digits behind it were dropped.
static uint64_t round_to_odd(struct hp_power power, uint64_t factor)
{
    wide low = (wide)power.low * factor;
    wide sum = (wide)power.high * factor + (uint64_t)(low >> 64);
    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

// Section 9 of the paper: one digit fewer where exactly one such decimal rounds to c * 2^q, else
// the nearest of those with all digits.
static struct decimal shortest(uint64_t c, int q, bool narrow_below)
{
    int k = floor_log10(q, narrow_below);
    int shift = q + floor_log2_power(-k) + 1;
    struct hp_power power = hp_powers[-k - HP_POWER_FIRST];
    uint64_t open = c & 1; // the interval's ends round to even neighbours
    uint64_t lower = round_to_odd(power, (4 * c - 2 + narrow_below) << shift) + open;
    uint64_t value = round_to_odd(power, 4 * c << shift);
    uint64_t upper = round_to_odd(power, (4 * c + 2) << shift) - open;
    uint64_t all = value / 4, fewer = all / 10;
    if (all >= 10) {
        bool below = lower <= 40 * fewer, above = 40 * fewer + 40 <= upper;
        if (below != above)
            return (struct decimal){ fewer + above, k + 1 };
    }
    bool below = lower <= 4 * all, above = 4 * all + 4 <= upper;
    if (below != above)
        return (struct decimal){ all + above, k };
    uint64_t middle = 4 * all + 2;
    return (struct decimal){ all + (value > middle || (value == middle && (all & 1))), k };
}

static struct decimal decimal_of(uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int exponent = (int)(bits >> FRACTION_BITS & 0x7ff);
    struct decimal decimal = exponent ? shortest(fraction | UINT64_C(1) << FRACTION_BITS,
                                            exponent - BIAS, fraction == 0 && exponent > 1)
                                      : shortest(fraction, 1 - BIAS, false);
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    return decimal;
}

enum { DIGITS_MAX = 20 };

static size_t put_digits(char *to, uint64_t value)
{
    char reversed[DIGITS_MAX];
    size_t count = 0;
    do
        reversed[count++] = (char)('0' + value % 10);
    while (value /= 10);
    for (size_t i = 0; i < count; i++)
        to[i] = reversed[count - 1 - i];
    return count;
}

static void put_zeros(struct hp_buf *out, int count)
{
    while (count-- > 0)
        hp_buf_char(out, '0');
}

// 0.00123 or 12.3 or 1200.0
static void put_plain(struct hp_buf *out, hp_str digits, int point)
{
    if (point <= 0) {
        hp_buf_add(out, HP_S("0."));
        put_zeros(out, -point);
        hp_buf_add(out, digits);
    } else if ((size_t)point >= digits.len) {
        hp_buf_add(out, digits);
        put_zeros(out, point - (int)digits.len);
        hp_buf_add(out, HP_S(".0"));
    } else {
        hp_buf_add(out, (hp_str){ digits.ptr, (size_t)point });
        hp_buf_char(out, '.');
        hp_buf_add(out, (hp_str){ digits.ptr + point, digits.len - (size_t)point });
    }
}

// 1.23e-07
static void put_scientific(struct hp_buf *out, hp_str digits, int point)
{
    hp_buf_char(out, digits.ptr[0]);
    if (digits.len > 1) {
        hp_buf_char(out, '.');
        hp_buf_add(out, (hp_str){ digits.ptr + 1, digits.len - 1 });
    }
    hp_buf_format(out, "e%c%02d", point > 0 ? '+' : '-', point > 0 ? point - 1 : 1 - point);
}

enum { PLAIN_FIRST = -3, PLAIN_LAST = 16 }; // places of the point that repr writes without exponent

void hp_json_put_real(struct hp_buf *buf, double value)
{
    uint64_t bits;
    char digits[DIGITS_MAX];
    memcpy(&bits, &value, sizeof bits);
    if (bits >> 63)
        hp_buf_char(buf, '-');
    if (bits << 1 == 0) {
        hp_buf_add(buf, HP_S("0.0"));
        return;
    }
    struct decimal decimal = decimal_of(bits & ~(UINT64_C(1) << 63));
    hp_str text = { digits, put_digits(digits, decimal.digits) };
    int point = decimal.exponent + (int)text.len;
    if (point >= PLAIN_FIRST && point <= PLAIN_LAST)
        put_plain(buf, text, point);
    else
        put_scientific(buf, text, point);
}

// --- reading -------------------------------------------------------------------------------------

enum { EXACT_DIGITS = 15, EXACT_POWER = 22 };

static const double powers[EXACT_POWER + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

static bool is_digit(hp_str s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

// Reads [-]digits[.digits] of at most EXACT_DIGITS digits; false for anything else, which may be a
// number all the same.
static bool read_short(hp_str s, double *out)
{
    size_t at = s.len && s.ptr[0] == '-', first = at, fraction = 0;
    uint64_t digits = 0;
    if (s.len - at > EXACT_DIGITS + 1 || !is_digit(s, at))
        return false;
    for (; is_digit(s, at); at++)
        digits = digits * 10 + (uint64_t)(s.ptr[at] - '0');
    if (s.ptr[first] == '0' && at > first + 1)
        return false;
    if (at < s.len && s.ptr[at] == '.') {
        size_t point = at++;
        for (; is_digit(s, at); at++)
            digits = digits * 10 + (uint64_t)(s.ptr[at] - '0');
        fraction = at - point - 1;
        if (fraction == 0)
            return false;
    }
    if (at < s.len || at - first - (fraction > 0) > EXACT_DIGITS)
        return false;
    double value = (double)digits / powers[fraction];
    *out = first ? -value : value;
    return true;
}

enum hp_code hp_json_real(const struct hp_json *json, const struct hp_member *member,
    const char *pointer, double *out, struct hp_fault *fault)
{
    HP_DROPPED json_t *value = NULL;
    if (member->kind == HP_JSON_OTHER && read_short((hp_str){ member->value, member->len }, out))
        return HP_OK;
    if (member->kind == HP_JSON_STRING || member->len > HP_JSON_SMALL_MAX)
        return hp_json_bad_type(json, member, pointer, "a number", fault);
    HP_TRY(hp_small_read(member->value, member->len, member->offset, pointer, &value, fault));
    if (!json_is_number(value))
        return hp_fail(fault, HP_BAD_TYPE, pointer, "a number");
    *out = json_number_value(value);
    return HP_OK;
}
