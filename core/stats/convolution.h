/* Convolution: what a course over time becomes when each unit of it goes on for a while. */
#ifndef MT_STATS_CONVOLUTION_H
#define MT_STATS_CONVOLUTION_H

#include <stddef.h>

/* Adds to each sum[i], i < count, the sum over j of values[j] * kernel[i - j]: where values[j] units
 * begin in step j, and a unit brings kernel[k] in the k-th step from its own on, that is all they bring
 * in step i. Short ones are summed up; long ones go by the fast Fourier transform (Cooley & Tukey
 * 1965), right to about 1e-14 of the largest value. 0, or -1 when out of memory: nothing was added. */
int mt_convolve(const double *values, size_t value_count, const double *kernel, size_t kernel_count,
                double *sum, size_t count);

#endif
