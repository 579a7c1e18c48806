/* What was counted on a sample as an estimate, with its standard error. */
#include "prefix/analysis/sampled_state.h"

#include <math.h>

enum { GROUPS = MT_SAMPLE_GROUPS, CONTROLS = MT_SAMPLE_CONTROLS, PARTS = MT_SAMPLE_PARTS };

/* The value of a group: place 0..CONTROLS-1 the controls, CONTROLS the policy's own. */
static double value_of(const mt_sample_tally *one, int place, int m) {
    return place < CONTROLS ? one->controls[place].of[m] : one->own.of[m];
}

/* Products of the groups' deviations: of each control with each, and with the policy's own. */
static void find_products(const mt_sample_counts *counts, int m, const double *mean,
                          double products[CONTROLS][CONTROLS + 1]) {
    for (int i = 0; i < CONTROLS; i++)
        for (int j = 0; j <= CONTROLS; j++) {
            products[i][j] = 0;
            for (int g = 0; g < GROUPS; g++)
                products[i][j] += (value_of(&counts->groups[g], i, m) - mean[i]) *
                                  (value_of(&counts->groups[g], j, m) - mean[j]);
        }
}

/* Least squares by Gauss and Jordan; the slope of a control that says nothing beyond those before it is
 * 0. Gives how many say something. */
static int find_slopes(double products[CONTROLS][CONTROLS + 1], double *slopes) {
    double least[CONTROLS];
    int used[CONTROLS] = {0}, count = 0;
    for (int i = 0; i < CONTROLS; i++)
        least[i] = 1e-6 * products[i][i];
    for (int k = 0; k < CONTROLS; k++) {
        if (!(products[k][k] > least[k]))
            continue;
        used[k] = 1;
        count++;
        for (int i = 0; i < CONTROLS; i++) {
            double factor = i == k ? 0 : products[i][k] / products[k][k];
            for (int j = 0; j <= CONTROLS; j++)
                products[i][j] -= factor * products[k][j];
        }
    }
    for (int k = 0; k < CONTROLS; k++)
        slopes[k] = used[k] ? products[k][CONTROLS] / products[k][k] : 0;
    return count;
}

/* What the size of the sample itself does: a cache of a quarter of it, a part's, hits so much more of the
 * same blocks. How much of that is left from the sample to the whole depends on how it falls with the size,
 * by its square root (as much again) or by the size (a third): half of it is taken off, as far as the parts
 * agree (James, Stein, "Estimation with quadratic loss", 1961), and stays in doubt. So does what they
 * differ by, which is what chance does to a cache beyond the choice of families. */
static double excess_of_parts(const mt_sample_counts *counts, int m, double *doubt) {
    double mean = 0, squares = 0;
    for (int part = 0; part < PARTS; part++)
        mean += counts->parts[part].of[m] / PARTS;
    for (int part = 0; part < PARTS; part++)
        squares += (counts->parts[part].of[m] - mean) * (counts->parts[part].of[m] - mean);
    double variance = squares / (PARTS - 1) / PARTS;
    *doubt = mean * mean / 4 + 1.5 * variance; /* t with 3 degrees of freedom is that much wider */
    return mean * mean > variance ? mean / 2 * (1 - variance / (mean * mean)) : 0;
}

double mt_sample_estimate(const mt_sample_counts *counts, int m, const double whole[CONTROLS],
                          double *sum) {
    double mean[CONTROLS + 1] = {0}, products[CONTROLS][CONTROLS + 1], slopes[CONTROLS];
    for (int i = 0; i <= CONTROLS; i++)
        for (int g = 0; g < GROUPS; g++)
            mean[i] += value_of(&counts->groups[g], i, m) / GROUPS;
    find_products(counts, m, mean, products);
    int count = find_slopes(products, slopes);
    double doubt, excess = excess_of_parts(counts, m, &doubt);
    *sum = counts->all.own.of[m] - excess;
    for (int k = 0; k < CONTROLS; k++)
        *sum += slopes[k] * (whole[k] - counts->all.controls[k].of[m]);
    double squares = 0, off = 0;
    for (int g = 0; g < GROUPS; g++) {
        double rest = value_of(&counts->groups[g], CONTROLS, m) - mean[CONTROLS];
        for (int k = 0; k < CONTROLS; k++)
            rest -= slopes[k] * (value_of(&counts->groups[g], k, m) - mean[k]);
        squares += rest * rest;
    }
    for (int k = 0; k < 2; k++)
        off += counts->off[k].of[m] * counts->off[k].of[m];
    return sqrt(squares * GROUPS / (GROUPS - 1 - count) + off / 2 + doubt);
}
