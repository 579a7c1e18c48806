/* draws COUNT: seconds for so many draws, by what is drawn; `loop` is the empty loop around them.
 *
 * "seek" goes to an item before each draw, which is what a request's first draw costs: there
 * the generator makes a new block of numbers each time. */
#include "bench.h"
#include "../core/distribution_makers.h"

#include <string.h>

enum { WEIGHTS = 1000 };

typedef struct source {
    mt_random random;
    mt_alias *alias;
    mt_distribution *lognormal, *gamma, *zipf, *mix;
    uint64_t item;
} source;

static double draw_nothing(source *from) {
    return (double)from->item;
}

static double draw_u64(source *from) {
    return (double)(mt_random_u64(&from->random) >> 1);
}

static double draw_seek(source *from) {
    mt_random_seek(&from->random, from->item++);
    return (double)(mt_random_u64(&from->random) >> 1);
}

static double draw_uniform(source *from) {
    return mt_random_uniform(&from->random);
}

static double draw_below(source *from) {
    return (double)mt_random_below(&from->random, 10000);
}

static double draw_exponential(source *from) {
    return mt_draw_exponential(&from->random);
}

static double draw_normal(source *from) {
    return mt_draw_normal(&from->random);
}

static double draw_poisson_small(source *from) {
    return (double)mt_draw_poisson(&from->random, 5);
}

static double draw_poisson_large(source *from) {
    return (double)mt_draw_poisson(&from->random, 60);
}

static double draw_geometric(source *from) {
    return mt_draw_geometric(&from->random, 20);
}

static double draw_alias(source *from) {
    return (double)mt_alias_draw(from->alias, &from->random);
}

static double draw_lognormal(source *from) {
    return mt_distribution_draw(from->lognormal, &from->random, 0);
}

static double draw_gamma(source *from) {
    return mt_distribution_draw(from->gamma, &from->random, 0);
}

static double draw_zipf(source *from) {
    return mt_distribution_draw(from->zipf, &from->random, 0);
}

static double draw_mix(source *from) {
    return mt_distribution_draw(from->mix, &from->random, 0);
}

static const struct {
    const char *name;
    double (*draw)(source *from);
} kinds[] = {
    {"loop", draw_nothing},
    {"u64", draw_u64},
    {"seek", draw_seek},
    {"uniform", draw_uniform},
    {"below", draw_below},
    {"exponential", draw_exponential},
    {"normal", draw_normal},
    {"lognormal", draw_lognormal},
    {"gamma", draw_gamma},
    {"poisson_5", draw_poisson_small},
    {"poisson_60", draw_poisson_large},
    {"geometric", draw_geometric},
    {"zipf", draw_zipf},
    {"alias", draw_alias},
    {"mix", draw_mix},
};

static void open_source(source *from) {
    double weights[WEIGHTS];
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = 1.0 / (i + 1);
    memset(from, 0, sizeof *from);
    mt_random_start(&from->random, mt_random_key_of(1, "bench", 5, "draws", 5));
    from->alias = mt_alias_new(weights, WEIGHTS, NULL);
    from->lognormal = mt_distribution_lognormal(mt_number(2000), mt_number(1.2), NULL);
    from->gamma = mt_distribution_gamma(mt_number(10), mt_number(0.6), NULL);
    from->zipf = mt_distribution_zipf(mt_number(10000), mt_number(1.1), NULL);
    mt_distribution *parts[] = {from->lognormal, from->gamma};
    from->mix = mt_distribution_mix(parts, (const double[]){1, 2}, 2, NULL);
    bench_require(from->alias && from->mix && from->zipf, "draws: out of memory");
}

static void close_source(source *from) {
    mt_alias_free(from->alias);
    mt_distribution_release(from->lognormal);
    mt_distribution_release(from->gamma);
    mt_distribution_release(from->zipf);
    mt_distribution_release(from->mix);
}

int main(int argument_count, char **arguments) {
    source from;
    bench_require(argument_count == 2, "usage: draws COUNT");
    uint64_t count = strtoull(arguments[1], NULL, 10);
    open_source(&from);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        double start = bench_now();
        for (uint64_t i = 0; i < count; i++)
            bench_keep(kinds[kind].draw(&from));
        printf("%s %.9f\n", kinds[kind].name, bench_now() - start);
    }
    close_source(&from);
    return 0;
}
