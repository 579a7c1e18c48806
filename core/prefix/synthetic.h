/* What every way of synthesising a trace has in common: the options, and one request that was made
 * and has no time yet. */
#ifndef MT_PREFIX_SYNTHETIC_H
#define MT_PREFIX_SYNTHETIC_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mt_synthesis_options {
    uint64_t seed;
    uint64_t block_size;             /* tokens a block, >= 1 */
    double prefix_len_multiplier;    /* > 0: stretches what requests share */
    double prompt_len_multiplier;    /* > 0: stretches what no other request has */
    double osl_multiplier;           /* > 0 */
    uint64_t prefix_root_multiplier; /* >= 1: independent populations that share nothing */
    uint64_t min_isl, max_isl;       /* requests outside are not made; 0, UINT64_MAX: any */
    uint64_t requests;               /* that will be asked for: fewer than the source has are made
                                        after the part of it most like the whole; 0: not known */
    int resample;                    /* chains begin at times drawn anew, not at the source's */
    uint64_t min_osl, max_osl;       /* an OSL outside is moved to the bound; 0, UINT64_MAX: any */
} mt_synthesis_options;

/* Nothing stretched and no bounds, in an initialiser: {.seed = 1, .block_size = 512,
 * MT_SYNTHESIS_PLAIN}. */
#define MT_SYNTHESIS_PLAIN                                                                         \
    .prefix_len_multiplier = 1, .prompt_len_multiplier = 1, .osl_multiplier = 1,                   \
    .prefix_root_multiplier = 1, .max_isl = UINT64_MAX, .max_osl = UINT64_MAX

/* A request that was made. Zero it before first use; free hash_ids with mt_free. */
typedef struct mt_synthetic {
    uint64_t input_length, output_length; /* tokens */
    int has_output;
    uint64_t *hash_ids; /* prefix ids, 0, 1, 2, ... by first appearance */
    size_t hash_count, hash_capacity;
    int knows_blocks;      /* 0: made after a request without hash_ids, and has none */
    size_t context_blocks; /* leading blocks that the source's requests shared */
    size_t lasting_blocks; /* leading blocks that may come back; those after them never do */
    int has_session;       /* 0: it is not known who continues whom, and there is no time either */
    uint64_t session;      /* 0, 1, 2, ... by first appearance */
    int64_t time_ns;       /* since the first request */
    int has_delay;         /* 0: it is its session's first */
    int64_t delay_ns;      /* from the answer to its session's last request on, if that took as long
                              as MT_SYNTHESIS_FIRST_NS and MT_SYNTHESIS_TOKEN_NS say; or 0 */
} mt_synthetic;

/* How long an answer takes, where only requests' times are known: to its first token, and for
 * each. */
#define MT_SYNTHESIS_FIRST_NS INT64_C(200000000)
#define MT_SYNTHESIS_TOKEN_NS INT64_C(20000000)

/* So many draws in a row outside [min_isl, max_isl] are an error. */
#define MT_SYNTHESIS_DRAWS 10000

/* Fills error with MT_ERROR_VALUE for a filter that nothing passes, naming the bounds; returns the
 * code. */
mt_code mt_synthesis_nothing_passes(const mt_synthesis_options *options, mt_error *error);

/* MT_ERROR_VALUE where a multiplier is not a positive finite number, a count is 0, or a lower bound
 * lies above its upper one. */
mt_code mt_synthesis_check(const mt_synthesis_options *options, mt_error *error);

/* A length of one or more, stretched: max(1, round(length * multiplier)), a half to the even
 * neighbour; at most 2^53. */
uint64_t mt_synthesis_stretch(uint64_t length, double multiplier);

/* The OSL to write for one of the source's: multiplied, rounded as above but down to 0, moved into
 * the bounds. */
uint64_t mt_synthesis_output(const mt_synthesis_options *options, uint64_t output_length);

#endif
