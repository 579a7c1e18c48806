#ifndef MT_PREFIX_REUSE_H
#define MT_PREFIX_REUSE_H

#include "base/error.h"
#include "prefix/model.h"
#include "prefix/synthetic.h"

typedef struct mt_reuse mt_reuse;

mt_reuse *mt_reuse_new(mt_model *model, const mt_synthesis_options *options, mt_error *error);
mt_code mt_reuse_next(mt_reuse *reuse, mt_synthetic *made, mt_error *error);
void mt_reuse_free(mt_reuse *reuse);

#endif
