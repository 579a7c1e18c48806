#include "prefix/reuse.h"
#include "base/memory.h"
#include "random/generator.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#define GRID 48
static double P_e0 = 0.0005, P_choose = 8, P_swap = 1, P_lost = 30, P_block = 16, P_small = 128, P_ratio = 1.02, P_rank = 1, P_elapsed = 1, P_virtual = 1, P_relax = 0, P_bonus = 2, P_share = 0;
#define NONE UINT32_MAX

typedef struct node {
    uint64_t first_id;
    uint32_t parent, begin, end; /* depths [begin, end) */
    uint32_t owner, visits;
} node;

typedef struct slot {
    uint32_t end_node; /* deepest core node, NONE */
    uint32_t top_node; /* node that ends at lo */
    uint32_t lo, core, len, pending;
    uint32_t description;
} slot;

typedef struct waiting {
    uint64_t wake;
    uint32_t description;
    uint32_t tries;
} waiting;

typedef struct class { uint32_t depth, visits; uint32_t begin, count, left; uint32_t supply_begin, supplies, supplies_left; } class;
typedef struct event { uint64_t due; uint32_t node, description, tries, slot; } event;

struct mt_reuse {
    const mt_model *model;
    mt_synthesis_options options;
    mt_random random;
    uint64_t next_id;
    double sizes[GRID];
    float weight[GRID];
    uint32_t position[GRID]; /* first slot with distance <= size */
    double sum[GRID];        /* its distance */
    float error[GRID];
    float first_error;
    float norm, e0;
    float *wanted; /* GRID per description */
    uint8_t *run_grid;

    node *nodes; uint32_t node_count; size_t node_capacity;
    slot *slots; uint32_t slot_count; size_t slot_capacity;
    uint32_t *deck; uint32_t deck_left;
    waiting *heap; uint32_t heap_count; size_t heap_capacity;
    uint32_t *ev_node, *ev_slot; uint64_t n_swap; uint64_t step; uint64_t *groups; uint32_t *group_size; double *estimate; int estimated;
    uint64_t touched, lap_touched, lap_begin; double distinct;
    uint64_t *sums; size_t sum_capacity; /* Fenwick, 1-based over slots */
    uint64_t total;
    uint8_t *state; /* by description: 0 free, 1 reserved, 2 placed, 3 waiting */
    struct class *classes; uint32_t class_count; uint32_t *class_slots; uint32_t class_mask;
    uint32_t *demand; /* class of the description as demand, NONE */
    uint32_t *supply; /* class of its slot */
    uint32_t *members, *suppliers; uint32_t *child; double *head, *span, *ticks; uint32_t *core_class; struct class *cores; double lap; uint32_t core_count;
    double h[4096]; double dt[4097]; double hmax;
    struct event *events; uint32_t event_count; size_t event_capacity;
    float *keys;
    uint64_t n_due, n_near, n_fall, n_rewait, n_giveup, n_forced_event, n_infeasible, n_left;
    /* stats */
    uint64_t forced, placed, deferred, degraded;
    double cost_sum, scanned, queue;
};

static double P_threshold = 0.3; static double P_diff = 8; static double P_first = 0.5; static int P_K = 32; static int P_tries = 12; static double P_beyond = 0.5; static double P_wait = 300; static int P_scan = 1000000; static double P_vis=0;
static double env(const char *n, double d) { const char *s = getenv(n); return s ? atof(s) : d; }

static double P_own = 0.1, P_window = 0.2, P_low = 1, P_late = 100, P_half = 0.5, P_v = 8, P_least = 150, P_early = 0.9, P_near = 0, P_boost = 1, P_tol = 0.0, P_lpt = 1, P_giveup = 4;
static uint32_t class_of(mt_reuse *r, uint32_t depth, uint32_t visits, int add) {

    uint32_t h = (depth * 2654435761u + visits * 40503u * 65537u) ;
    h ^= h >> 15;
    for (;; h++) {
        uint32_t c = r->class_slots[h & r->class_mask];
        if (c == NONE) {
            if (!add) return NONE;
            r->class_slots[h & r->class_mask] = r->class_count;
            r->classes[r->class_count] = (class){.depth = depth, .visits = visits};
            return r->class_count++;
        }
        if (r->classes[c].depth == depth && r->classes[c].visits == visits) return c;
    }
}
static double last_distance(const mt_reuse *r, uint32_t i) { const mt_description *d = &r->model->descriptions[i]; return r->model->runs[d->run_begin + d->run_count - 1].distance; }
static int is_far(const mt_reuse *r, const mt_description *d) { return d->shared > 0 && (d->visits < P_v || r->model->runs[d->run_begin + d->run_count - 1].distance > P_near); }
static const mt_reuse *sorting;

static int by_class(const void *a, const void *b) {
    const class *x = &sorting->classes[*(const uint32_t *)a], *y = &sorting->classes[*(const uint32_t *)b];
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    return x->visits < y->visits ? -1 : x->visits > y->visits;
}
static int by_span(const void *a, const void *b) { /* descending */
    double x = sorting->span[*(const uint32_t *)a] + sorting->ticks[*(const uint32_t *)a], y = sorting->span[*(const uint32_t *)b] + sorting->ticks[*(const uint32_t *)b];
    return x > y ? -1 : x < y;
}
static int by_head(const void *a, const void *b) {
    double x = sorting->head[*(const uint32_t *)a], y = sorting->head[*(const uint32_t *)b];
    return x < y ? -1 : x > y;
}
/* touches until distance D: integral of 1/miss ratio */
static double ticks_of(const mt_reuse *r, double D) {
    double x = D / r->hmax * 4096; if (x >= 4096) return r->dt[4096]; int k = (int)x; return r->dt[k] + (r->dt[k + 1] - r->dt[k]) * (x - k);
}
static void build_classes(mt_reuse *r) {
    size_t n = r->model->count;
    uint32_t slots = 16; while (slots < 8 * n) slots *= 2;
    r->class_slots = mt_allocate(slots, 4); memset(r->class_slots, 0xff, slots * 4); r->class_mask = slots - 1;
    r->classes = mt_allocate(4 * n + 1, sizeof(class));
    r->demand = mt_allocate(n, 4); r->supply = mt_allocate(n, 4); r->members = mt_allocate(n, 4); r->state = mt_allocate_zero(n, 1);
    r->suppliers = mt_allocate(n, 4); r->child = mt_allocate(n, 4); r->head = mt_allocate_zero(n, 8); r->span = mt_allocate_zero(n, 8); r->ticks = mt_allocate_zero(n, 8);
    /* miss ratio */
    r->hmax = 1; r->lap = 0;
    for (size_t i = 0; i < n; i++) { const mt_description *d = &r->model->descriptions[i]; r->lap += d->shared + d->returning + d->unique; if (d->run_count) { double D = last_distance(r, (uint32_t)i); if (D > r->hmax) r->hmax = D; } }
    r->hmax *= 1.0001;
    for (size_t i = 0; i < n; i++) { const mt_description *d = &r->model->descriptions[i]; uint32_t b = 0; for (uint32_t k = 0; k < d->run_count; k++) { const mt_model_run *u = &r->model->runs[d->run_begin + k]; r->h[(int)(u->distance / r->hmax * 4096)] += u->end - b; b = u->end; } }
    double hits = 0; r->dt[0] = 0;
    for (int k = 0; k < 4096; k++) { double before = hits; hits += r->h[k]; double mr = 1 - (before + hits) / 2 / r->lap; if (mr < 0.01) mr = 0.01; r->dt[k + 1] = r->dt[k] + r->hmax / 4096 / mr; }
    for (size_t i = 0; i < n; i++) {
        const mt_description *d = &r->model->descriptions[i];
        r->demand[i] = NONE; r->supply[i] = NONE;
        if (d->run_count) r->ticks[i] = P_elapsed ? (double)d->elapsed : ticks_of(r, last_distance(r, (uint32_t)i));
        if (is_far(r, d) && d->beyond == 0) class_of(r, d->shared, d->visits, 1);
        if (d->returning > 0) class_of(r, d->shared + d->returning, 1, 1);
        else if (d->shared > 0) class_of(r, d->shared, d->visits + 1, 1);
    }
}
static uint64_t group_of(const mt_reuse *r, uint32_t i) {
    const mt_description *d = &r->model->descriptions[i];
    if (d->shared == 0) return 0;
    uint32_t v = 31u - (uint32_t)__builtin_clz(d->visits | 1);
    return (uint64_t)d->shared << 32 | v << 16 | (d->returning > 0) << 1 | (d->beyond > 0);
}
static int by_group(const void *a, const void *b) {
    uint64_t p = sorting->groups[*(const uint32_t *)a], q = sorting->groups[*(const uint32_t *)b];
    if (p != q) return p < q ? -1 : 1;
    if (p == 0) return 0;
    double f = last_distance(sorting, *(const uint32_t *)a), g = last_distance(sorting, *(const uint32_t *)b);
    return f < g ? -1 : f > g;
}
static int by_keys(const void *a, const void *b) {
    float f = sorting->keys[*(const uint32_t *)a], g = sorting->keys[*(const uint32_t *)b];
    return f < g ? -1 : f > g;
}
static int by_previous(const void *a, const void *b) {
    uint32_t x = sorting->model->descriptions[*(const uint32_t *)a].previous, y = sorting->model->descriptions[*(const uint32_t *)b].previous;
    if (x != y) return x < y ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}
static int by_distance(const void *a, const void *b) {
    double x = last_distance(sorting, *(const uint32_t *)a), y = last_distance(sorting, *(const uint32_t *)b);
    if (x != y) return x < y ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}
static int by_u32(const void *a, const void *b) { uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b; return x < y ? -1 : x > y; }
static void assign(mt_reuse *r) {
    size_t n = r->model->count;
    uint32_t *order = mt_allocate(n, 4), *visits = mt_allocate(n, 4), *vs = mt_allocate(n, 4);
    for (size_t i = 0; i < n; i++) { order[i] = (uint32_t)i; visits[i] = r->model->descriptions[i].visits; double span = r->estimate[i] < 0.99 * r->lap ? r->estimate[i] : 0.99 * r->lap; r->keys[i] = (float)(mt_random_uniform(&r->random) * (1 - P_lpt * span / r->lap)); }
    if (!r->groups) { r->groups = mt_allocate(n, 8); for (size_t i = 0; i < n; i++) r->groups[i] = group_of(r, (uint32_t)i); }
    sorting = r; qsort(order, n, 4, by_group);
    if (!r->group_size) { r->group_size = mt_allocate(n, 4); for (size_t i = 0; i < n;) { size_t k = i; while (k < n && r->groups[order[k]] == r->groups[order[i]]) k++; for (size_t q = i; q < k; q++) r->group_size[order[q]] = (uint32_t)(k - i); i = k; } }
    for (size_t i = 0; i < n;) {
        const mt_description *x = &r->model->descriptions[order[i]];
        size_t k = i;
        while (k < n && r->groups[order[k]] == r->groups[order[i]]) k++;
        if (k - i >= 2 * (size_t)P_block) k = i + (size_t)P_block;
        if (x->shared > 0 && r->group_size[order[i]] < P_small) { size_t m = i + 1; while (m < k && last_distance(r, order[m]) <= P_ratio * last_distance(r, order[i])) m++; k = m; }
        qsort(order + i, k - i, 4, by_keys);
        if (x->shared > 0 && x->visits > 1) {
            for (size_t q = i; q < k; q++) vs[q] = r->model->descriptions[order[q]].visits;
            qsort(vs + i, k - i, 4, by_u32);
            for (size_t q = i; q < k; q++) visits[order[q]] = vs[q];
        }
        i = k;
    }
    for (uint32_t c = 0; c < r->class_count; c++) r->classes[c].count = r->classes[c].supplies = 0;
    for (size_t i = 0; i < n; i++) {
        const mt_description *d = &r->model->descriptions[i];
        r->demand[i] = r->supply[i] = NONE;
        if (is_far(r, d) && d->beyond == 0) { r->demand[i] = class_of(r, d->shared, visits[i], 1); r->classes[r->demand[i]].count++; }
        if (d->returning > 0) r->supply[i] = class_of(r, d->shared + d->returning, 1, 1);
        else if (d->shared > 0) r->supply[i] = class_of(r, d->shared, visits[i] + 1, 1);
        if (r->supply[i] != NONE) r->classes[r->supply[i]].supplies++;
    }
    uint32_t at = 0, sat = 0;
    for (uint32_t c = 0; c < r->class_count; c++) { class *x = &r->classes[c]; x->begin = at; at += x->count; x->left = 0; x->supply_begin = sat; sat += x->supplies; x->supplies_left = 0; }
    for (size_t i = 0; i < n; i++) {
        if (r->demand[i] != NONE) { class *c = &r->classes[r->demand[i]]; r->members[c->begin + c->left++] = (uint32_t)i; }
        if (r->supply[i] != NONE) { class *c = &r->classes[r->supply[i]]; r->suppliers[c->supply_begin + c->supplies_left++] = (uint32_t)i; }
    }
    mt_free(order); mt_free(visits); mt_free(vs);
}
/* matches demands with supplies of their class, at random as far as time allows */
static void match(mt_reuse *r) {
    size_t n = r->model->count;
    assign(r);
    uint32_t *order = mt_allocate(r->class_count + 1, 4), *pool = mt_allocate(n + 1, 4);
    for (uint32_t c = 0; c < r->class_count; c++) order[c] = c;
    sorting = r; qsort(order, r->class_count, 4, by_class);
    for (size_t i = 0; i < n; i++) { r->child[i] = NONE; r->head[i] = 0; r->span[i] = 0; }
    /* mean spans from below */
    double *mean = mt_allocate_zero(r->class_count + 1, 8);
    for (uint32_t k = r->class_count; k-- > 0;) {
        class *c = &r->classes[order[k]]; double sum = 0;
        for (uint32_t m = 0; m < c->count; m++) { uint32_t i = r->members[c->begin + m]; r->span[i] = r->supply[i] != NONE ? mean[r->supply[i]] : 0; sum += r->span[i] + r->ticks[i]; }
        mean[order[k]] = c->supplies ? sum / c->supplies : 0;
    }
    if (!r->estimated) { for (size_t i = 0; i < n; i++) r->estimate[i] = r->model->descriptions[i].returning && r->supply[i] != NONE ? mean[r->supply[i]] : 0; r->estimated = 1; mt_free(order); mt_free(pool); mt_free(mean); match(r); return; }
    uint64_t bad = 0, unmatched = 0;
    for (uint32_t k = 0; k < r->class_count; k++) {
        class *c = &r->classes[order[k]];
        uint32_t *m = &r->members[c->begin], *sup = &r->suppliers[c->supply_begin];
        for (uint32_t i = c->count; i > 1; i--) { uint32_t q = (uint32_t)mt_random_below(&r->random, i); uint32_t t = m[i - 1]; m[i - 1] = m[q]; m[q] = t; }
        if (c->visits > 1 && P_rank > 0) {
            qsort(m, c->count, 4, by_previous); qsort(sup, c->supplies, 4, by_distance);
            uint32_t q = 0;
            for (uint32_t i = 0; i < c->count; i++) {
                double want = r->model->descriptions[m[i]].previous;
                while (q < c->supplies && c->supplies - q > c->count - i && q + 1 < c->supplies && fabs(last_distance(r, sup[q + 1]) - want) <= fabs(last_distance(r, sup[q]) - want)) q++;
                if (q >= c->supplies) { unmatched++; continue; }
                uint32_t p = sup[q++];
                r->child[p] = m[i]; r->state[m[i]] = 1; r->head[m[i]] = r->head[p] + r->ticks[m[i]];
                if (r->head[m[i]] + r->span[m[i]] > r->lap) bad++;
            }
            continue;
        }
        qsort(m, c->count, 4, by_span); qsort(sup, c->supplies, 4, by_head);
        uint32_t next = 0, have = 0;
        for (uint32_t i = 0; i < c->count; i++) {
            double latest = r->lap - r->span[m[i]] - r->ticks[m[i]];
            while (next < c->supplies && r->head[sup[next]] <= latest) pool[have++] = sup[next++];
            uint32_t p;
            if (have > 0) { uint32_t q = (uint32_t)mt_random_below(&r->random, have); p = pool[q]; pool[q] = pool[--have]; }
            else if (next < c->supplies) { p = sup[next++]; bad++; }
            else { unmatched++; continue; }
            r->child[p] = m[i]; r->state[m[i]] = 1;
            r->head[m[i]] = r->head[p] + r->ticks[m[i]];
        }
    }
    /* exact spans */
    for (size_t i = 0; i < n; i++) r->span[i] = -1;
    for (size_t i = 0; i < n; i++) {
        uint32_t top = 0; uint32_t at = (uint32_t)i;
        while (r->span[at] < 0) { if (r->child[at] == NONE) { r->span[at] = 0; break; } pool[top++] = at; at = r->child[at]; }
        double sum = r->span[at];
        while (top > 0) { sum += r->ticks[at]; at = pool[--top]; r->span[at] = sum; }
    }
    if (getenv("P_STATS")) fprintf(stderr, "matched: bad %lu unmatched %lu lap %g hmax %g ticks %g\n", bad, unmatched, r->lap, r->hmax, r->dt[4096]);
    mt_free(order); mt_free(pool); mt_free(mean);
}
static int by_key(const void *a, const void *b) {
    float x = sorting->keys[*(const uint32_t *)a], y = sorting->keys[*(const uint32_t *)b];
    return x < y ? -1 : x > y;
}
static void begin_lap(mt_reuse *r) {
    uint32_t n = (uint32_t)r->model->count, k = 0;
    memset(r->state, 0, n);
    match(r);
    for (uint32_t i = 0; i < n; i++) {
        if (r->state[i]) continue;
        double span = r->span[i];
        if (span > 0.99 * r->lap) span = 0.99 * r->lap;
        double low = is_far(r, &r->model->descriptions[i]) ? P_low * r->ticks[i] / r->lap : 0, high = 1 - P_lpt * span / r->lap;
        if (low > high) low = high;
        r->keys[i] = (float)(low + mt_random_uniform(&r->random) * (high - low));
        r->deck[k++] = i;
    }
    sorting = r; qsort(r->deck, k, 4, by_key);
    for (uint32_t i = 0; i < k / 2; i++) { uint32_t t = r->deck[i]; r->deck[i] = r->deck[k - 1 - i]; r->deck[k - 1 - i] = t; }
    r->deck_left = k;
    r->lap_begin = r->touched;
}

static void shuffle(mt_reuse *r) {
    for (uint32_t i = 0; i < r->model->count; i++) r->deck[i] = i;
    for (uint32_t i = (uint32_t)r->model->count; i > 1; i--) {
        uint32_t k = (uint32_t)mt_random_below(&r->random, i);
        uint32_t t = r->deck[i - 1]; r->deck[i - 1] = r->deck[k]; r->deck[k] = t;
    }
    r->deck_left = (uint32_t)r->model->count;
}

static int by_double(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return x < y ? -1 : x > y; }
mt_reuse *mt_reuse_new(mt_model *model, const mt_synthesis_options *options, mt_error *error) {
    (void)error;
    P_threshold = env("P_THRESHOLD", P_threshold); P_diff = env("P_DIFF", P_diff); P_first = env("P_FIRST", P_first);
    P_K = (int)env("P_K", P_K); P_tries = (int)env("P_TRIES", P_tries); P_beyond = env("P_BEYOND", P_beyond); P_wait = env("P_WAIT", P_wait); P_scan = (int)env("P_SCAN", P_scan);
    mt_reuse *r = mt_allocate_zero(1, sizeof *r);
    r->model = model;
    r->options = *options;
    mt_random_start(&r->random, mt_random_key_of(options->seed, "synthesize", 10, "order", 5));
    r->deck = mt_allocate(model->count, sizeof *r->deck);
    double most = 1, sq = 0, n = 0;
    for (size_t i = 0; i < model->run_count; i++) if (model->runs[i].distance > most) most = model->runs[i].distance;
    double least = env("P_LEAST", P_least);
    if (most < least * 2) most = least * 2;
    {
        int logs = (int)env("P_LOGS", GRID / 2);
        double *mass = mt_allocate_zero(model->run_count + 1, 16); size_t mn = 0; double all = 0;
        for (size_t i = 0; i < model->count; i++) { const mt_description *d = &model->descriptions[i]; uint32_t b = 0; for (uint32_t k = 0; k < d->run_count; k++) { const mt_model_run *u = &model->runs[d->run_begin + k]; if (u->distance > least) { mass[2 * mn] = u->distance; mass[2 * mn + 1] = u->end - b; all += u->end - b; mn++; } b = u->end; } }
        qsort(mass, mn, 16, by_double);
        for (int j = 0; j < logs; j++) r->sizes[j] = floor(least * pow(most / least, j / (double)(logs - 1)) + 0.5);
        int j = logs; double sum = 0;
        for (size_t i = 0; i < mn && j < GRID; i++) { sum += mass[2 * i + 1]; while (j < GRID && sum >= all * (j - logs + 0.5) / (GRID - logs)) r->sizes[j++] = mass[2 * i]; }
        while (j < GRID) r->sizes[j++] = most;
        qsort(r->sizes, GRID, 8, by_double);
        for (j = 0; j < GRID; j++) { double lo = j > 0 ? r->sizes[j - 1] : r->sizes[0], hi = j < GRID - 1 ? r->sizes[j + 1] : r->sizes[j]; r->weight[j] = (float)(log(hi / lo) / 2); }
        mt_free(mass);
    }
    r->wanted = mt_allocate_zero(model->count * GRID, sizeof(float));
    r->run_grid = mt_allocate(model->run_count + 1, 1);
    for (size_t i = 0; i < model->run_count; i++) {
        int j = 0;
        while (j < GRID && r->sizes[j] < model->runs[i].distance) j++;
        r->run_grid[i] = (uint8_t)j;
    }
    for (size_t i = 0; i < model->count; i++) {
        const mt_description *d = &model->descriptions[i];
        if (d->shared) { sq += (double)d->shared * d->shared; n++; }
        for (uint32_t k = 0; k < d->run_count; k++)
            for (int j = r->run_grid[d->run_begin + k]; j < GRID; j++)
                r->wanted[i * GRID + j] = (float)model->runs[d->run_begin + k].end;
    }
    r->norm = n > 0 ? (float)(sq / n) : 1;
    P_v = env("P_V", P_v); P_half = env("P_HALF", P_half); P_virtual = env("P_VIRTUAL", P_virtual); P_relax = env("P_RELAX", P_relax); P_elapsed = env("P_ELAPSED", P_elapsed); P_lost = env("P_LOST", P_lost); P_swap = env("P_SWAP", P_swap); P_block = env("P_BLOCK", P_block); P_small = env("P_SMALL", P_small); P_ratio = env("P_RATIO", P_ratio); P_rank = env("P_RANK", P_rank); P_choose = env("P_CHOOSE", P_choose); P_share = env("P_SHARE", P_share); P_bonus = env("P_BONUS", P_bonus); P_e0 = env("P_E0", P_e0); P_own = env("P_OWN", P_own); P_window = env("P_WINDOW", P_window); P_low = env("P_LOW", P_low); P_late = env("P_LATE", P_late); P_least = env("P_LEAST", P_least); P_near = env("P_NEAR", P_near); P_early = env("P_EARLY", P_early); P_boost = env("P_BOOST", P_boost); P_tol = env("P_TOL", P_tol); P_lpt = env("P_LPT", P_lpt); P_giveup = env("P_GIVEUP", P_giveup);
    r->keys = mt_allocate(model->count, sizeof(float)); r->ev_node = mt_allocate(model->count, 4); r->ev_slot = mt_allocate(model->count, 4); r->estimate = mt_allocate_zero(model->count, 8);
    for (size_t i = 0; i < model->count; i++) { const mt_description *d = &model->descriptions[i]; r->lap_touched += d->shared + d->returning + d->unique; r->distinct += d->returning + d->unique; }
    if (P_near < 0) P_near = -P_near * r->lap_touched / (double)model->count;
    build_classes(r);
    { double mean = r->lap / (double)model->count; double e0 = r->lap * P_e0; r->e0 = (float)(e0 > mean ? e0 : mean); }
    begin_lap(r);
    return r;
}

void mt_reuse_free(mt_reuse *r) {
    if (!r) return;
    if (getenv("P_STATS")) {
        fprintf(stderr, "swaps %lu queue %g due %lu near %lu fall %lu rewait %lu giveup %lu forced_event %lu infeasible %lu left %lu classes %u\n", r->n_swap, r->queue / (double)r->placed, r->n_due, r->n_near, r->n_fall, r->n_rewait, r->n_giveup, r->n_forced_event, r->n_infeasible, r->n_left, r->class_count); fprintf(stderr, "placed %lu deferred %lu forced %lu degraded %lu mean cost %g scanned %g nodes %u slots %u\n", r->placed, r->deferred, r->forced, r->degraded, r->cost_sum / (double)r->placed, r->scanned / (double)r->placed, r->node_count, r->slot_count);
        if (atoi(getenv("P_STATS"))>1) for (int j = 0; j < GRID; j++) fprintf(stderr, "  %8.0f %8.0f\n", r->sizes[j], r->error[j]);
    }
    mt_free(r->deck); mt_free(r->wanted); mt_free(r->run_grid); mt_free(r->nodes); mt_free(r->slots); mt_free(r->heap); mt_free(r);
}

/* candidate's hits vector */
static void profile(const mt_reuse *r, uint32_t s, uint32_t depth, float *hits) {
    uint32_t owner = s, end = depth;
    int from = GRID; /* sizes from here on are filled */
    for (;;) {
        /* sizes j with position[j] <= owner hit all up to end */
        int j = from;
        while (j > 0 && r->position[j - 1] <= owner) j--;
        for (int k = j; k < from; k++) hits[k] = (float)end;
        from = j;
        uint32_t top = r->slots[owner].top_node;
        if (from == 0) break;
        if (top == NONE || r->slots[owner].lo == 0) { for (int k = 0; k < from; k++) hits[k] = 0; break; }
        end = r->slots[owner].lo;
        owner = r->nodes[top].owner;
    }
}

static uint32_t node_at(const mt_reuse *r, uint32_t s, uint32_t depth) {
    uint32_t n = r->slots[s].end_node;
    while (r->nodes[n].begin >= depth) n = r->nodes[n].parent;
    return n;
}

static float cost_of(const mt_reuse *r, uint32_t d, uint32_t at) {
    const mt_description *desc = &r->model->descriptions[d];
    const float *want = &r->wanted[(size_t)d * GRID];
    uint32_t L = desc->shared; const slot *s = &r->slots[at];
            float hits[GRID];
            profile(r, at, L, hits);
            float area = 0, diff = 0;
            for (int k = 0; k < GRID; k++) {
                float delta = hits[k] - want[k];
                area += r->weight[k] * fabsf(delta);
                diff += (2 * r->error[k] + delta) * delta;
            }
            float c = area / (float)L;
            c += (float)P_diff * diff / GRID / (r->e0 * (float)L);
            c += (float)P_beyond * fabsf(logf((1 + (float)(s->core - L)) / (1 + (float)desc->beyond)));
            if (P_first > 0) {
                uint32_t n = node_at(r, at, L); float first = 0;
                for (uint32_t q = n; q != NONE && r->nodes[q].visits == 1; q = r->nodes[q].parent)
                    first += (float)((r->nodes[q].end < L ? r->nodes[q].end : L) - r->nodes[q].begin);
                float delta = first - (float)desc->first_return;
                c += (float)P_first * (2 * r->first_error + delta) * delta / (r->e0 * (float)L);
            }
    return c;
}
/* best candidate; cost */
static uint32_t search(mt_reuse *r, uint32_t d, float *cost) {
    const mt_description *desc = &r->model->descriptions[d];
    uint32_t L = desc->shared;
    /* target position: interpolate */
    const mt_model_run *last = &r->model->runs[desc->run_begin + desc->run_count - 1];
    int j = r->run_grid[desc->run_begin + desc->run_count - 1];
    double D = last->distance;
    double hiS = j < GRID ? r->sizes[j] : r->sizes[GRID - 1], loS = j > 0 ? r->sizes[j - 1] : 0;
    double hiP = j < GRID ? r->position[j] : 0, loP = j > 0 ? r->position[j - 1] : r->slot_count;
    double f = hiS > loS ? (D - loS) / (hiS - loS) : 1;
    double p = loP + (hiP - loP) * f;
    int64_t target = (int64_t)p;
    if (target >= r->slot_count) target = (int64_t)r->slot_count - 1;
    if (r->slot_count == 0) { *cost = 1e30f; return NONE; }
    if (target < 0) target = 0;
    int64_t left = target, right = target + 1;
    int found = 0; long scan = 0;
    uint32_t best = NONE; *cost = 1e30f;
    while (found < P_K && (left >= 0 || right < r->slot_count) && scan < P_scan) {
        for (int side = 0; side < 2; side++) {
            int64_t at;
            if (side == 0) { if (left < 0) continue; at = left--; } else { if (right >= r->slot_count) continue; at = right++; }
            scan++;
            const slot *s = &r->slots[at];
            if (!(s->lo < L && L <= s->core)) continue;
            found++;
            float c = cost_of(r, d, (uint32_t)at);
            if (c < *cost) { *cost = c; best = (uint32_t)at; }
        }
    }
    r->scanned += (double)scan;
    return best;
}

static uint32_t new_node(mt_reuse *r, node n) {
    mt_reserve((void **)&r->nodes, &r->node_capacity, r->node_count + 1u, sizeof(node));
    r->nodes[r->node_count] = n;
    return r->node_count++;
}

/* subtract count blocks at owner from the sums, add fresh at the end */
static void take(mt_reuse *r, uint32_t owner, uint32_t count) {
    for (int j = 0; j < GRID; j++) if (owner >= r->position[j]) r->sum[j] -= count;
    for (uint32_t at = owner + 1; at <= r->slot_count; at += at & -at) r->sums[at] -= count;
    r->total -= count;
}

static void push(mt_reuse *r, waiting w);
static waiting pop(mt_reuse *r);
static uint64_t distance_of(const mt_reuse *r, uint32_t slot_) {
    uint64_t sum = 0;
    for (uint32_t at = slot_; at > 0; at &= at - 1) sum += r->sums[at];
    return r->total - sum;
}
typedef struct heap_ { event *e; uint32_t n; size_t cap; } heap_;
static void hpush(heap_ *h, event w) {
    mt_reserve((void **)&h->e, &h->cap, h->n + 1u, sizeof(event));
    uint32_t i = h->n++;
    while (i > 0 && h->e[(i - 1) / 2].due > w.due) { h->e[i] = h->e[(i - 1) / 2]; i = (i - 1) / 2; }
    h->e[i] = w;
}
static event hpop(heap_ *h) {
    event top = h->e[0], w = h->e[--h->n];
    uint32_t i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= h->n) break;
        if (c + 1 < h->n && h->e[c + 1].due < h->e[c].due) c++;
        if (h->e[c].due >= w.due) break;
        h->e[i] = h->e[c]; i = c;
    }
    h->e[i] = w;
    return top;
}
static heap_ H_due, H_ready;
static void push_event(mt_reuse *r, event w) { (void)r; hpush(&H_due, w); }
/* the slot of description d was made, its core ends at node */
static void reserve(mt_reuse *r, uint32_t d, uint32_t node_) {
    uint32_t i = r->child[d];
    if (i != NONE && r->state[i] == 1) { r->ev_node[i] = node_; r->ev_slot[i] = r->slot_count - 1; r->slots[r->slot_count - 1].pending = i; }
    if (i != NONE && r->state[i] == 1) push_event(r, (event){.due = r->touched + (uint64_t)(r->ticks[i] * P_early), .node = node_, .description = i, .slot = r->slot_count - 1});
}

static void place(mt_reuse *r, uint32_t d, uint32_t cand, mt_synthetic *made) {
    const mt_description *desc = &r->model->descriptions[d];
    uint32_t L = desc->shared, at = NONE;
    uint32_t me = r->slot_count;
    if (L > 0 && cand == NONE) { uint32_t mc = 0; for (uint32_t i = 0; i < r->slot_count; i++) if (r->slots[i].core > mc) mc = r->slots[i].core; if (getenv("P_STATS")) fprintf(stderr, "degraded: L %u ret %u uni %u max core %u slots %u\n", L, desc->returning, desc->unique, mc, r->slot_count); L = 0; r->degraded++; }
    if (L > 0) {
        float hits[GRID]; profile(r, cand, L, hits);
        const float *want = &r->wanted[(size_t)d * GRID];
        for (int k = 0; k < GRID; k++) r->error[k] += hits[k] - want[k];
        at = node_at(r, cand, L);
        /* split */
        node *n = &r->nodes[at];
        if (n->end > L) {
            node up = *n; up.end = L;
            uint32_t u = new_node(r, up);
            n = &r->nodes[at];
            n->first_id += L - n->begin; n->begin = L; n->parent = u;
            at = u;
        }
        float first = 0;
        for (uint32_t q = at; q != NONE && r->nodes[q].visits == 1; q = r->nodes[q].parent) first += (float)(r->nodes[q].end - r->nodes[q].begin);
        r->first_error += first - (float)desc->first_return;
        /* runs */
        uint32_t end = L, q = at;
        while (q != NONE) {
            uint32_t owner = r->nodes[q].owner;
            slot *s = &r->slots[owner];
            take(r, owner, end - s->lo);
            uint32_t next = s->top_node, nextend = s->lo;
            s->lo = end; s->top_node = q;
            end = nextend; q = next;
        }
        for (q = at; q != NONE; q = r->nodes[q].parent) { r->nodes[q].owner = me; r->nodes[q].visits++; }
    } else if (desc->shared) {
        const float *want = &r->wanted[(size_t)d * GRID];
        for (int k = 0; k < GRID; k++) r->error[k] -= want[k];
    }
    uint32_t ret = desc->returning, uni = desc->unique + (desc->shared - L);
    uint32_t len = L + ret + uni;
    made->input_length = desc->tokens + (uint64_t)(len ? len - 1 : 0) * r->options.block_size;
    made->knows_blocks = len > 0;
    made->context_blocks = L;
    made->hash_count = len;
    mt_reserve((void **)&made->hash_ids, &made->hash_capacity, len, sizeof(uint64_t));
    for (uint32_t q = at; q != NONE; q = r->nodes[q].parent)
        for (uint32_t k = r->nodes[q].begin; k < r->nodes[q].end; k++) made->hash_ids[k] = r->nodes[q].first_id + (k - r->nodes[q].begin);
    for (uint32_t k = L; k < len; k++) made->hash_ids[k] = r->next_id++;
    if (ret > 0) at = new_node(r, (node){.first_id = made->hash_ids[L], .parent = at, .begin = L, .end = L + ret, .owner = me, .visits = 1});
    mt_reserve((void **)&r->slots, &r->slot_capacity, r->slot_count + 1u, sizeof(slot));
    r->slots[r->slot_count++] = (slot){.end_node = at, .top_node = NONE, .lo = 0, .core = L + ret, .len = len, .pending = NONE, .description = d};
    {
        mt_reserve((void **)&r->sums, &r->sum_capacity, r->slot_count + 1u, sizeof(uint64_t));
        uint32_t pos = r->slot_count; uint64_t sum = len;
        for (uint32_t step = 1; (pos & step) == 0; step *= 2) sum += r->sums[pos - step];
        r->sums[pos] = sum; r->total += len; r->touched += len;
    }
    reserve(r, d, at);
    for (int j = 0; j < GRID; j++) {
        r->sum[j] += len;
        while (r->sum[j] > r->sizes[j]) {
            const slot *s = &r->slots[r->position[j]];
            r->sum[j] -= s->len - s->lo;
            r->position[j]++;
        }
    }
    r->placed++;
    if (getenv("P_TRACE") && r->placed % 1000 == 0) fprintf(stderr, "%6lu deck %6u heap %6u deferred %8lu forced %5lu err@500 %6.0f @2500 %6.0f @10000 %6.0f @40000 %6.0f first %6.0f\n", r->placed, r->deck_left, r->heap_count, r->deferred, r->forced, r->error[11], r->error[19], r->error[26], r->error[33], r->first_error);
}

static void push(mt_reuse *r, waiting w) {
    mt_reserve((void **)&r->heap, &r->heap_capacity, r->heap_count + 1u, sizeof(waiting));
    uint32_t i = r->heap_count++;
    while (i > 0 && r->heap[(i - 1) / 2].wake > w.wake) { r->heap[i] = r->heap[(i - 1) / 2]; i = (i - 1) / 2; }
    r->heap[i] = w;
}
static waiting pop(mt_reuse *r) {
    waiting top = r->heap[0], w = r->heap[--r->heap_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= r->heap_count) break;
        if (c + 1 < r->heap_count && r->heap[c + 1].wake < r->heap[c].wake) c++;
        if (r->heap[c].wake >= w.wake) break;
        r->heap[i] = r->heap[c]; i = c;
    }
    r->heap[i] = w;
    return top;
}


static uint32_t event_slot(const mt_reuse *r, const event *e, uint32_t depth) {
    uint32_t n = r->ev_node[e->description];
    while (r->nodes[n].begin >= depth) n = r->nodes[n].parent;
    return r->nodes[n].owner;
}
mt_code mt_reuse_next(mt_reuse *r, mt_synthetic *made, mt_error *error) {
    (void)error;
    for (;;) {
        uint32_t d = NONE, cand = NONE;
        while (H_due.n > 0 && H_due.e[0].due <= r->touched) { event e = hpop(&H_due); e.due += (uint64_t)(P_window * r->ticks[e.description]); hpush(&H_ready, e); }
        if (H_ready.n > 0 || (H_due.n > 0 && r->deck_left == 0 && r->heap_count == 0)) {
            event e; int forced = 0;
            if (H_ready.n > 0) { e = hpop(&H_ready); e.due = r->touched; } else {
                event some[256]; int n = 0, best = 0; double least = 1e300;
                while (n < P_choose && H_due.n > 0) {
                    some[n] = hpop(&H_due);
                    double P = (double)distance_of(r, event_slot(r, &some[n], r->model->descriptions[some[n].description].shared)) + P_half * r->lap / (double)r->model->count, D = last_distance(r, some[n].description);
                    double c = log((D > P_least ? D : P_least) / (P > P_least ? P : P_least));
                    if (c < least) { least = c; best = n; }
                    n++;
                }
                e = some[best];
                for (int k = 0; k < n; k++) if (k != best) hpush(&H_due, some[k]);
                forced = 1; if (P_virtual && e.due > r->touched) r->touched = e.due; }
            r->queue += H_ready.n;
            d = e.description;
            uint32_t L = r->model->descriptions[d].shared;
            cand = event_slot(r, &e, L);
            e.slot = r->ev_slot[d]; e.node = r->ev_node[d];
            double P = (double)distance_of(r, cand), D = last_distance(r, d);
            int early = P + r->lap / (double)r->model->count * P_half < D;
            if (early && cand == e.slot && !forced && !(P_relax && r->deck_left == 0)) { r->n_rewait++; e.due = r->touched + (uint64_t)(D - P) + 1; push_event(r, e); continue; }
            float own = (early && (cand != e.slot || (P < D * P_share && !(P_relax && r->deck_left == 0)))) || P > D * P_late ? 1e30f : cost_of(r, d, cand);
            float worst_e = 0; for (int k = 0; k < GRID; k++) if (fabsf(r->error[k]) > worst_e) worst_e = fabsf(r->error[k]);
            if (own > P_own && !(own < 1e29f && worst_e > P_lost * r->e0)) {
                float cost; uint32_t other = search(r, d, &cost);
                if (own < cost + P_bonus) { other = cand; cost = own < P_threshold ? own : P_threshold; }
                if (cost > P_threshold && early && !forced && e.tries < P_giveup) {
                    e.tries++; r->n_giveup++; e.due = r->touched + 1 + (uint64_t)((0.05 + 0.1 * mt_random_uniform(&r->random)) * r->ticks[d]); push_event(r, e); continue;
                }
                if (other != NONE && P_swap && cand == e.slot && other != cand) {
                    uint32_t theirs = r->slots[other].pending;
                    if (theirs != NONE && theirs != d && r->state[theirs] == 1 && r->model->descriptions[theirs].shared <= r->slots[cand].core && r->ev_slot[theirs] == other) {
                        r->ev_slot[theirs] = cand; r->ev_node[theirs] = r->slots[cand].end_node; r->slots[cand].pending = theirs; r->n_swap++;
                    }
                }
                if (other != NONE) cand = other;
                r->n_fall++;
            }
            r->slots[r->ev_slot[d]].pending = r->slots[r->ev_slot[d]].pending == d ? NONE : r->slots[r->ev_slot[d]].pending;
            if (forced && getenv("P_FORCED")) fprintf(stderr, "F L %u b %u V %u D %.0f P %.0f tries %u due-touched %.0f ticks %.0f placed %lu\n", L, r->model->descriptions[d].beyond, r->model->descriptions[d].visits, D, P, e.tries, (double)e.due - (double)r->touched, r->ticks[d], r->placed);
            if (forced) r->n_forced_event++; else r->n_due++;
        } else if (r->heap_count > 0 && (r->heap[0].wake <= r->placed || r->deck_left == 0)) {
            waiting w = pop(r);
            float cost; d = w.description;
            cand = search(r, d, &cost);
            if (cand == NONE || (cost > P_threshold && (int)w.tries < P_tries)) {
                w.tries++; r->deferred++;
                w.wake = r->placed + 1 + (uint64_t)(mt_random_uniform(&r->random) * P_wait);
                push(r, w); continue;
            }
            if (cost > P_threshold) r->forced++;
            r->n_fall++;
        } else {
            if (r->deck_left == 0) {
                uint32_t left = 0;
                for (uint32_t i = 0; i < r->model->count; i++) if (r->state[i] == 0) { left++; r->state[i] = 3; push(r, (waiting){.wake = r->placed, .description = i}); }
                r->n_left += left;
                if (left == 0) begin_lap(r);
                continue;
            }
            if (r->slot_count == 0) for (uint32_t i = r->deck_left; i-- > 0;) if (r->model->descriptions[r->deck[i]].shared == 0) { uint32_t t = r->deck[i]; r->deck[i] = r->deck[r->deck_left - 1]; r->deck[r->deck_left - 1] = t; break; }
            d = r->deck[--r->deck_left];
            if (r->state[d] != 0) continue;
            const mt_description *desc = &r->model->descriptions[d];
            if (desc->shared > 0) {
                float cost;
                cand = search(r, d, &cost);
                if (cand == NONE || cost > P_threshold) {
                    r->state[d] = 3; r->deferred++;
                    push(r, (waiting){.wake = r->placed + 1 + (uint64_t)(mt_random_uniform(&r->random) * P_wait), .description = d});
                    continue;
                }
                r->n_near++;
            }
        }
        r->state[d] = 2;
        place(r, d, cand, made);
        const mt_description *desc = &r->model->descriptions[d];
        made->has_output = desc->output != MT_MODEL_NO_OUTPUT;
        made->output_length = desc->output;
        return MT_OK;
    }
}
