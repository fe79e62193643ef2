// cp1252.h -- windows-1252 from 0x80 to 0x9f, as WHATWG's encoding standard has it: the five bytes
// that Microsoft left undefined are the C1 controls of the same number. From 0xa0 on it is Latin-1.
#pragma once

#include <stdint.h>

extern const uint16_t hp_cp1252[32];
