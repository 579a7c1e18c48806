/* What the parts of a model's reader share. */
#ifndef MT_PREFIX_MODEL_READER_H
#define MT_PREFIX_MODEL_READER_H

#include "prefix/model/model.h"
#include "prefix/model/scan.h"

typedef struct mt_model_reader {
    mt_model_scan scan;
    mt_model *model;
    size_t description_capacity, run_capacity;
    uint64_t requests, runs, instants; /* as the first lines announce them */
    int64_t time_ns;                   /* of the last instant */
} mt_model_reader;

/* The part with the descriptions and their runs. */
mt_code mt_model_read_descriptions(mt_model_reader *reader);

/* The parts behind it: the gaps. */
mt_code mt_model_read_arrivals(mt_model_reader *reader);

#endif
