#include "stats/variation.h"

#include <math.h>

void mt_vary(const mt_keyed *items, size_t count, mt_variation *result) {
    double windows = count > 0 ? items[count - 1].key - items[0].key : 0, sum = 0, squares = 0;
    mt_group group;
    for (size_t i = 0; i < count && items[i].key < items[count - 1].key;) {
        i = mt_next_group(items, count, i, &group);
        sum += group.sum;
        squares += group.sum * group.sum;
    }
    double mean = windows > 0 ? sum / windows : NAN;
    double variance = windows > 1 ? (squares - sum * mean) / (windows - 1) : NAN;
    *result = (mt_variation){
        .windows = (uint64_t)windows,
        .mean = mean,
        .coefficient_of_variation =
            mean > 0 ? sqrt(variance > 0 ? variance : 0 * variance) / mean : NAN,
    };
}
