/* arrivals COUNT: seconds for so many Poisson arrivals, one at a time, by rate curve.
 *
 *   naive      t -= log(1 - drand48()) / rate
 *   constant   mt.poisson(100)
 *   steps      10 000 steps of 50 to 150 a second, which the arrivals just cover
 *   sine       mean 100, amplitude 50, ten periods over the whole */
#include "bench.h"
#include "load/process/process.h"

#include <math.h>

enum { STEPS = 10000, RATE = 100 };

static void run_naive(uint64_t count) {
    double time = 0, start = bench_now();
    srand48(1);
    for (uint64_t i = 0; i < count; i++) {
        time -= log(1 - drand48()) / RATE;
        bench_keep(time);
    }
    printf("naive %.9f\n", bench_now() - start);
}

/* Takes over curve. */
static void run_process(const char *name, mt_curve *curve, uint64_t count) {
    mt_error error;
    mt_event event;
    bench_require(curve != NULL, "arrivals: no curve");
    mt_process *process = mt_process_poisson(curve, &error);
    mt_process_context context = {.seed = 1, .name = name, .factor = 1, .end = INFINITY};
    double start = bench_now();
    mt_process_state *state = process ? mt_process_open(process, &context, &error) : NULL;
    bench_require(state != NULL, "arrivals: the process does not open");
    uint64_t made = 0;
    while (made < count && mt_process_next(state, &event, &error) == 1) {
        bench_keep(event.time);
        made++;
    }
    double seconds = bench_now() - start;
    bench_require(made == count, "arrivals: the process ended early");
    printf("%s %.9f\n", name, seconds);
    mt_process_close(state);
    mt_process_release(process);
    mt_curve_release(curve);
}

/* So long that the last of `count` arrivals comes near the end; the last step holds on. */
static mt_curve *steps(uint64_t count) {
    double rates[STEPS], durations[STEPS];
    srand48(2);
    for (int i = 0; i < STEPS; i++) {
        rates[i] = RATE * (0.5 + drand48());
        durations[i] = (double)count / RATE / STEPS;
    }
    durations[STEPS - 1] = INFINITY;
    return mt_curve_steps(rates, durations, STEPS, NULL);
}

int main(int argument_count, char **arguments) {
    bench_require(argument_count == 2, "usage: arrivals COUNT");
    uint64_t count = strtoull(arguments[1], NULL, 10);
    double period = (double)count / RATE / 10;
    run_naive(count);
    run_process("constant", mt_curve_constant(RATE, INFINITY, NULL), count);
    run_process("steps", steps(count), count);
    run_process("sine", mt_curve_sine(RATE, 0.5 * RATE, period, 0, NULL), count);
    return 0;
}
