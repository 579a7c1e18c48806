/* Values counted in bins between given edges, which need not be equally wide. */
#ifndef MT_STATS_HISTOGRAM_H
#define MT_STATS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* What mt_histogram_bin gives for a value outside of all bins (NaN is). */
#define MT_NO_BIN SIZE_MAX

/* The bin of a value: i where edges[i] <= value < edges[i + 1]; the last bin has its upper edge
 * too. `edges` has bins + 1 numbers (bins >= 1), increasing. O(log bins). */
size_t mt_histogram_bin(const double *edges, size_t bins, double value);

#endif
