// clean_chars.c -- the passes that judge a character by itself: line endings, controls, spaces,
// ligatures. Each is a rule: the first bytes of the characters it knows, and what becomes of the
// one that stands there.
#include "text/passes.h"

#include "text/scan.h"
#include "text/unicode.h"
#include "text/utf8.h"

struct rule {
    hp_str first_bytes;
    // How many bytes from `at` on become `with`, which is empty beforehand; 0: they stay.
    size_t (*match)(hp_str s, size_t at, hp_str *with);
};

static enum hp_code apply(struct hp_rewrite *rewrite, const struct rule *rule)
{
    const struct hp_bytes set = hp_bytes_of(rule->first_bytes);
    hp_str in = rewrite->in;
    for (size_t at = 0; at < in.len;) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        at = hp_scan((hp_str){ in.ptr, stop }, at, &set);
        if (at == stop)
            continue;
        hp_str with = { "", 0 };
        size_t len = rule->match(in, at, &with);
        if (len)
            HP_TRY(hp_rewrite_put(rewrite, at, len, with));
        at += len ? len : 1;
    }
    return HP_OK;
}

// CRLF loses its CR; CR, VT, NEL, LS and PS become LF. FF stays: it is a page break.
static size_t match_line_ending(hp_str s, size_t at, hp_str *with)
{
    size_t len;
    uint32_t cp = hp_utf8_at(s, at, &len);
    bool pair = cp == '\r' && at + 1 < s.len && s.ptr[at + 1] == '\n';
    if (cp != '\r' && cp != '\v' && cp != 0x85 && cp != 0x2028 && cp != 0x2029)
        return 0;
    if (!pair)
        *with = HP_S("\n");
    return len;
}

// C0 and C1, BOM, noncharacters and terminal escapes go. Tab and every line end stay, NEL among
// them: line ends are another switch.
static size_t match_control(hp_str s, size_t at, hp_str *with)
{
    (void)with;
    size_t len;
    uint32_t cp = hp_utf8_at(s, at, &len);
    if (cp == 0x1b)
        return hp_escape_len(s, at);
    bool control =
        cp < 0x20 || (cp >= 0x7f && cp < 0xa0 && cp != 0x85); // \t \n \v \f \r never come here
    return control || cp == 0xfeff || hp_unicode_noncharacter(cp) ? len : 0;
}

// Every Space_Separator becomes a space; zero-width space and soft hyphen go. ZWJ and ZWNJ carry
// meaning.
static size_t match_space(hp_str s, size_t at, hp_str *with)
{
    size_t len;
    uint32_t cp = hp_utf8_at(s, at, &len);
    if (cp == 0xad || cp == 0x200b)
        return len;
    if (!hp_unicode_blank(cp) || cp == 0x85 || cp == 0x2028 || cp == 0x2029)
        return 0;
    *with = HP_S(" ");
    return len;
}

static const struct {
    uint32_t cp;
    hp_str letters;
} ligatures[] = { { 0x132, HP_STR("IJ") }, { 0x133, HP_STR("ij") }, { 0x149, HP_STR("\u02bcn") },
    { 0x1c4, HP_STR("D\u017d") }, { 0x1c5, HP_STR("D\u017e") }, { 0x1c6, HP_STR("d\u017e") },
    { 0x1c7, HP_STR("LJ") }, { 0x1c8, HP_STR("Lj") }, { 0x1c9, HP_STR("lj") },
    { 0x1ca, HP_STR("NJ") }, { 0x1cb, HP_STR("Nj") }, { 0x1cc, HP_STR("nj") },
    { 0x1f1, HP_STR("DZ") }, { 0x1f2, HP_STR("Dz") }, { 0x1f3, HP_STR("dz") },
    { 0xfb00, HP_STR("ff") }, { 0xfb01, HP_STR("fi") }, { 0xfb02, HP_STR("fl") },
    { 0xfb03, HP_STR("ffi") }, { 0xfb04, HP_STR("ffl") }, { 0xfb05, HP_STR("\u017ft") },
    { 0xfb06, HP_STR("st") } };

static size_t match_ligature(hp_str s, size_t at, hp_str *with)
{
    size_t len;
    uint32_t cp = hp_utf8_at(s, at, &len);
    for (size_t i = 0; i < sizeof ligatures / sizeof *ligatures; i++) {
        if (ligatures[i].cp == cp) {
            *with = ligatures[i].letters;
            return len;
        }
    }
    return 0;
}

enum hp_code hp_fix_line_endings(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)options;
    return apply(rewrite, &(struct rule){ HP_STR("\v\r\xc2\xe2"), match_line_ending });
}

enum hp_code hp_fix_controls(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)options;
    return apply(rewrite,
        &(struct rule){
            HP_STR("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16"
                   "\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xc2\xef\xf0\xf1\xf2\xf3\xf4"),
            match_control });
}

enum hp_code hp_fix_spaces(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)options;
    return apply(rewrite, &(struct rule){ HP_STR("\xc2\xe1\xe2\xe3"), match_space });
}

enum hp_code hp_fix_ligatures(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)options;
    return apply(rewrite, &(struct rule){ HP_STR("\xc4\xc5\xc7\xef"), match_ligature });
}
