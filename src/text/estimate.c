// estimate.c
#include "text/estimate.h"

size_t hp_estimate_tokens(hp_str piece)
{
    return (piece.len + 3) / 4;
}
