#include "prefix/synthetic.h"

#include <math.h>

static mt_code check_bounds(const char *name, uint64_t min, uint64_t max, mt_error *error) {
    if (min <= max)
        return MT_OK;
    return mt_fail(error, MT_ERROR_VALUE, "the smallest %s, %llu, is above the largest, %llu", name,
                   (unsigned long long)min, (unsigned long long)max);
}

mt_code mt_synthesis_check(const mt_synthesis_options *options, mt_error *error) {
    const struct {
        const char *name;
        double value;
    } multipliers[] = {{"prefix length multiplier", options->prefix_len_multiplier},
                       {"prompt length multiplier", options->prompt_len_multiplier},
                       {"OSL multiplier", options->osl_multiplier}};
    if (options->block_size == 0)
        return mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1");
    if (options->prefix_root_multiplier == 0)
        return mt_fail(error, MT_ERROR_VALUE, "prefix root multiplier must be at least 1");
    for (size_t i = 0; i < sizeof multipliers / sizeof *multipliers; i++)
        if (!(multipliers[i].value > 0) || !isfinite(multipliers[i].value))
            return mt_fail(error, MT_ERROR_VALUE, "%s must be a positive number, not %.17g",
                           multipliers[i].name, multipliers[i].value);
    mt_code code = check_bounds("ISL", options->min_isl, options->max_isl, error);
    return code ? code : check_bounds("OSL", options->min_osl, options->max_osl, error);
}

mt_code mt_synthesis_nothing_passes(const mt_synthesis_options *options, mt_error *error) {
    if (options->max_isl == UINT64_MAX)
        return mt_fail(error, MT_ERROR_VALUE,
                       "no request has an ISL of %llu or more (min_isl): %d draws in a row",
                       (unsigned long long)options->min_isl, MT_SYNTHESIS_DRAWS);
    return mt_fail(error, MT_ERROR_VALUE,
                   "no request has an ISL from %llu (min_isl) to %llu (max_isl): %d draws in a row",
                   (unsigned long long)options->min_isl, (unsigned long long)options->max_isl,
                   MT_SYNTHESIS_DRAWS);
}

/* A half goes to the even neighbour. */
static uint64_t multiplied(uint64_t length, double multiplier) {
    if (multiplier == 1)
        return length;
    double product = rint((double)length * multiplier);
    return product < 0x1p53 ? (uint64_t)product : (uint64_t)1 << 53;
}

uint64_t mt_synthesis_stretch(uint64_t length, double multiplier) {
    uint64_t stretched = multiplied(length, multiplier);
    return stretched > 0 ? stretched : 1;
}

uint64_t mt_synthesis_output(const mt_synthesis_options *options, uint64_t output_length) {
    uint64_t length = multiplied(output_length, options->osl_multiplier);
    if (length < options->min_osl)
        return options->min_osl;
    return length > options->max_osl ? options->max_osl : length;
}
