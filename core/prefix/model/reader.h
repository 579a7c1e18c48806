/* What the parts of a model's reader share. */
#ifndef MT_PREFIX_MODEL_READER_H
#define MT_PREFIX_MODEL_READER_H

#include "prefix/model/model.h"
#include "prefix/model/scan.h"

typedef struct mt_model_reader {
    mt_model_scan scan;
    mt_model *model;
    size_t description_capacity, run_capacity;
    uint64_t version, requests, runs, instants; /* as the first lines announce them */
    int64_t time_ns;                            /* of the last instant */

    uint32_t shared, returning, unique; /* what the descriptions being read have in common */
    /* For what must hold of all of them; in blocks, which 2^32 descriptions cannot make more than
     * 2^64 of. */
    uint64_t sum_shared, sum_returning, sum_unique, sum_first_return;
    uint64_t farthest; /* distance */
    uint64_t longest;  /* elapsed */
    int begins;        /* is there a request that shares nothing? */
} mt_model_reader;

/* The part with the descriptions and their runs. */
mt_code mt_model_read_descriptions(mt_model_reader *reader);

/* The parts behind it: the gaps. */
mt_code mt_model_read_arrivals(mt_model_reader *reader);

/* And behind these, from version 2 on, the chains. */
mt_code mt_model_read_chains(mt_model_reader *reader);

#endif
