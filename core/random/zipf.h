/* Zipf's law with its constants made once. */
#ifndef MT_RANDOM_ZIPF_H
#define MT_RANDOM_ZIPF_H

#include "random/generator.h"

typedef struct mt_zipf {
    double n, s;
    double low, high; /* the hat's area at 3/2 (less the weight of 1) and at n + 1/2 */
    double squeeze;   /* accepted at once when k - x is not above this */
} mt_zipf;

/* n >= 1 whole, s >= 0. */
void mt_zipf_prepare(mt_zipf *zipf, double n, double s);

/* 1..n with weight k^-s. */
double mt_zipf_draw(const mt_zipf *zipf, mt_random *random);

#endif
