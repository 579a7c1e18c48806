/* Which part of a source a shorter trace is made after: what the judge counts, against a plain count of
 * every block, and the pieces that are chosen. */
#include "prefix/reuse/chains_search.h"

#include "reuse_support.h"

enum { REQUESTS = 600, SHORTER = 250, MOST_BLOCKS = 200000 };

typedef struct opened {
    mt_model *model;
    mt_reuse_items items;
    mt_reuse_chains *chains;
    uint64_t own[REQUESTS]; /* number of each turn's first own block */
    uint64_t next;
} opened;

static void open_chains(opened *all, source_kind kind, uint64_t seed, size_t requests) {
    mt_error error = {0};
    mt_synthesis_options options = plain_options;
    options.seed = seed;
    options.requests = requests;
    *all = (opened){.model = model_of_kind(kind, REQUESTS, seed)};
    assert_int_equal(mt_reuse_items_choose(&all->items, all->model, &options, &error), MT_OK);
    all->chains = mt_reuse_chains_open(all->model, &all->items, &options, 0, &error);
    assert_non_null(all->chains);
    for (uint32_t t = 0; t < REQUESTS; t++) {
        all->own[t] = all->next;
        all->next += all->model->descriptions[all->model->turns[t].description].returning;
    }
}

static void close_chains(opened *all) {
    mt_reuse_chains_free(all->chains);
    mt_reuse_items_free(&all->items);
    mt_model_release(all->model);
}

static const mt_description *description_of(const opened *all, uint32_t turn) {
    return &all->model->descriptions[all->model->turns[turn].description];
}

/* The prompt of a turn, block by block. */
static size_t fill(opened *all, uint32_t turn, uint64_t *ids) {
    const mt_description *from = description_of(all, turn);
    size_t core = (size_t)from->shared + from->returning;
    for (size_t d = core; d-- > 0;) {
        uint32_t maker = turn;
        while (description_of(all, maker)->shared > d)
            maker = all->chains->origin[maker];
        ids[d] = all->own[maker] + d - description_of(all, maker)->shared;
    }
    for (uint32_t i = 0; i < from->unique; i++)
        ids[core + i] = all->next++;
    return core + from->unique;
}

/* A FIFO of that size, block by block. */
static void touch_fifo(uint64_t *came, uint64_t *count, uint64_t size, const uint64_t *ids,
                       size_t blocks, double *hits) {
    int is_hit = 1;
    for (size_t i = 0; i < blocks; i++) {
        assert_true(ids[i] < MOST_BLOCKS);
        if (came[ids[i]] > 0 && *count - came[ids[i]] < size) {
            *hits += is_hit;
            continue;
        }
        is_hit = 0;
        came[ids[i]] = ++*count;
    }
}

/* Sessions of the requests, by the rule of the analysis, block by block. */
static double count_sessions(opened *all, const mt_reuse_judge *judge, size_t count) {
    static uint32_t owner[MOST_BLOCKS], session_of[MOST_BLOCKS], session[REQUESTS],
        shared[REQUESTS];
    static uint8_t has_several[MOST_BLOCKS];
    uint32_t sessions = 0;
    memset(owner, 0, sizeof owner);
    memset(has_several, 0, sizeof has_several);
    for (uint32_t r = 0; r < count; r++) {
        uint64_t ids[2 * SOURCE_BLOCKS];
        uint32_t turn = judge->events[r].turn;
        size_t blocks = fill(all, turn, ids), known = 0;
        while (known < blocks && owner[ids[known]] > 0)
            known++;
        session[r] = UINT32_MAX;
        if (known > 0) {
            uint32_t before = owner[ids[known - 1]] - 1, other = judge->events[before].turn;
            size_t beyond = (size_t)mt_description_blocks(description_of(all, other)) - known;
            if (beyond <= (judge->inputs[other] % all->model->block_size != 0) &&
                judge->inputs[turn] > judge->inputs[other] && shared[before] < known)
                session[r] = session[before];
        }
        if (session[r] == UINT32_MAX)
            session[r] = sessions++;
        for (size_t i = 0; i < blocks; i++) {
            if (owner[ids[i]] > 0 && session_of[ids[i]] != session[r])
                has_several[ids[i]] = 1;
            owner[ids[i]] = r + 1;
            session_of[ids[i]] = session[r];
        }
        for (shared[r] = 0; shared[r] < blocks && has_several[ids[shared[r]]];)
            shared[r]++;
    }
    return sessions;
}

static void count_plainly(opened *all, const mt_reuse_judge *judge, size_t count,
                          mt_reuse_block_hits *hits) {
    static const double ages_s[MT_REUSE_AGES] = {1, 5, 30, 300};
    static uint64_t came[MT_REUSE_FIFOS][MOST_BLOCKS], count_of[MT_REUSE_FIFOS];
    static int64_t last[MOST_BLOCKS];
    caches plain;
    memset(came, 0, sizeof came);
    memset(count_of, 0, sizeof count_of);
    memset(last, 0xff, sizeof last);
    open_caches(&plain);
    for (size_t r = 0; r < count; r++) {
        uint64_t ids[2 * SOURCE_BLOCKS];
        size_t blocks = fill(all, judge->events[r].turn, ids), known = 0;
        mt_touch touch;
        assert_int_equal(MT_GROW(plain.path, plain.path_capacity, blocks), 0);
        assert_int_equal(
            mt_prefix_tree_add(plain.tree, ids, blocks, plain.path, &plain.known, NULL), MT_OK);
        assert_int_equal(
            mt_history_touch(plain.history, plain.path, blocks, plain.known, &touch, NULL), MT_OK);
        for (size_t k = 0; k < touch.run_count; known = touch.runs[k++].end)
            hits->lru[mt_reuse_distance_bin(&judge->caches, touch.runs[k].distance)] +=
                (double)(touch.runs[k].end - known);
        hits->known += (double)known;
        hits->all += (double)blocks;
        for (size_t i = 0; i < blocks; i++) {
            double age = (double)(judge->events[r].time_ns - last[ids[i]]) / 1e9;
            for (size_t k = 0; k < MT_REUSE_AGES && i < known; k++)
                hits->kept[k] += age <= ages_s[k];
        }
        for (size_t i = 0; i < blocks; i++)
            last[ids[i]] = judge->events[r].time_ns;
        for (size_t k = 0; k < MT_REUSE_FIFOS; k++)
            touch_fifo(came[k], &count_of[k], judge->caches.sizes[k], ids, blocks, &hits->fifo[k]);
    }
    close_caches(&plain);
}

static void assert_same(const mt_reuse_block_hits *one, const mt_reuse_block_hits *other) {
    assert_true(one->all > 0 && one->known > 0);
    assert_true(one->all == other->all && one->known == other->known);
    for (size_t b = 0; b < MT_REUSE_DISTANCES; b++)
        assert_true(one->lru[b] == other->lru[b]);
    for (size_t k = 0; k < MT_REUSE_AGES; k++)
        assert_true(one->kept[k] == other->kept[k]);
    for (size_t k = 0; k < MT_REUSE_FIFOS; k++)
        assert_true(one->fifo[k] > 0 && one->fifo[k] == other->fifo[k]);
}

enum { SKIPS = 8 };

/* Skips drawn anyhow, the first list being none. */
static void draw_skips(mt_reuse_chains *chains, uint64_t *random) {
    chains->skips = mt_allocate(SKIPS, sizeof *chains->skips);
    for (size_t k = 0; k < SKIPS; k++) {
        int64_t after = 0;
        chains->skips[k] = mt_reuse_no_skips();
        for (size_t i = 0; i < k && i < MT_REUSE_SKIPS; i++) {
            after += (int64_t)below(random, REQUESTS / 4);
            int64_t again = after + 2 + (int64_t)below(random, REQUESTS / 8);
            chains->skips[k].all[i] = (mt_reuse_skip){after, again, again - after - 1};
            after = again;
        }
    }
}

/* Pieces drawn anyhow: some units are left out, some moved, some cut, some have skips. */
static void draw_pieces(const mt_reuse_chains *chains, mt_reuse_piece *pieces, uint64_t seed) {
    uint64_t random = seed;
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        pieces[c] = mt_reuse_whole_piece();
        if (below(&random, 5) == 0)
            pieces[c].earlier_ns = MT_REUSE_DROPPED;
        else if (below(&random, 3) == 0)
            pieces[c].earlier_ns = (int64_t)below(&random, REQUESTS / 4);
        if (below(&random, 6) == 0)
            pieces[c].from = (int64_t)below(&random, REQUESTS);
        if (below(&random, 3) == 0)
            pieces[c].skips = (uint32_t)below(&random, SKIPS);
    }
}

/* A source whose units are its families, at its own times. */
static mt_reuse_chains *open_units(opened *all, source_kind kind) {
    open_chains(all, kind, 5, 0);
    mt_reuse_chains *chains = all->chains;
    chains->units = mt_allocate(all->model->chain_count, sizeof *chains->units);
    memcpy(chains->units, chains->families, all->model->chain_count * sizeof *chains->units);
    memcpy(chains->when, chains->times, REQUESTS * sizeof *chains->when);
    uint64_t random = 7;
    draw_skips(chains, &random);
    return chains;
}

static int by_time_and_turn(const void *a, const void *b) {
    const mt_reuse_judged *one = a, *other = b;
    if (one->time_ns != other->time_ns)
        return one->time_ns < other->time_ns ? -1 : 1;
    return one->turn < other->turn ? -1 : 1;
}

/* The judge's requests are those of the pieces, listed plainly, in order of time. */
static void assert_listed(const mt_reuse_judge *judge, const mt_reuse_piece *pieces,
                          int64_t phase) {
    static mt_reuse_judged plain[REQUESTS];
    const mt_reuse_chains *chains = judge->chains;
    size_t count = 0;
    for (uint32_t t = 0; t < REQUESTS; t++) {
        const mt_reuse_piece *piece = &pieces[chains->units[chains->chain_of[t]]];
        int64_t time = mt_reuse_time_in_piece(chains, piece, chains->when[t]);
        if (time >= phase && time < MT_REUSE_DROPPED)
            plain[count++] = (mt_reuse_judged){time - phase, t};
    }
    qsort(plain, count, sizeof *plain, by_time_and_turn);
    assert_int_equal(judge->event_count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(judge->events[i].time_ns == plain[i].time_ns &&
                    judge->events[i].turn == plain[i].turn);
}

static void test_judge(void **state) {
    (void)state;
    static mt_reuse_piece pieces[REQUESTS];
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_error error = {0};
        opened all;
        mt_reuse_chains *chains = open_units(&all, (source_kind)kind);
        mt_reuse_judge judge = {0};
        assert_int_equal(mt_reuse_judge_open(&judge, chains, SHORTER, &error), MT_OK);
        mt_reuse_block_hits plain = {0};
        count_plainly(&all, &judge, REQUESTS, &plain);
        assert_same(&judge.whole.hits, &plain);
        assert_true(judge.whole.sessions == count_sessions(&all, &judge, REQUESTS));
        for (uint64_t seed = 1; seed <= 3; seed++) {
            double unlike, again;
            draw_pieces(chains, pieces, seed);
            assert_int_equal(mt_reuse_judge_part(&judge, pieces, 20, INFINITY, &unlike, &error),
                             MT_OK);
            assert_true(isfinite(unlike) && unlike > 0 && judge.part.turns == SHORTER);
            assert_listed(&judge, pieces, 20);
            plain = (mt_reuse_block_hits){0};
            count_plainly(&all, &judge, SHORTER, &plain);
            assert_same(&judge.part.hits, &plain);
            double sessions = count_sessions(&all, &judge, SHORTER);
            assert_true(judge.part.sessions == sessions);
            const double *pauses = judge.part.pauses;
            assert_true(pauses[MT_PAUSE_SHORT] + pauses[MT_PAUSE_LIKE] + pauses[MT_PAUSE_LONG] ==
                        SHORTER - sessions);
            /* A limit changes only how far one looks. */
            assert_int_equal(mt_reuse_judge_part(&judge, pieces, 20, unlike / 2, &again, &error),
                             MT_OK);
            assert_true(again >= unlike / 2 && again <= unlike);
        }
        double unlike;
        for (uint32_t t = 0; t < REQUESTS; t++) /* another lap */
            chains->when[t] = 3 * chains->when[t] / 2;
        mt_reuse_listed_forget(&judge.listed);
        assert_int_equal(mt_reuse_judge_part(&judge, pieces, 5, INFINITY, &unlike, &error), MT_OK);
        assert_listed(&judge, pieces, 5);
        for (size_t c = 0; c < all.model->chain_count; c++)
            pieces[c].earlier_ns = MT_REUSE_DROPPED;
        assert_int_equal(mt_reuse_judge_part(&judge, pieces, 0, INFINITY, &unlike, &error), MT_OK);
        assert_true(isinf(unlike));
        mt_reuse_judge_free(&judge);
        close_chains(&all);
    }
}

/* What leaves the sums of a guess and comes in again changes nothing; they are the judge's. */
static void test_guess(void **state) {
    (void)state;
    static mt_reuse_piece pieces[REQUESTS];
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_error error = {0};
        opened all;
        mt_reuse_chains *chains = open_units(&all, (source_kind)kind);
        draw_pieces(chains, pieces, 1);
        mt_reuse_judge judge = {0};
        mt_reuse_guess guess = {0};
        double unlike;
        assert_int_equal(mt_reuse_judge_open(&judge, chains, SHORTER, &error), MT_OK);
        assert_int_equal(mt_reuse_guess_open(&guess, &judge, &error), MT_OK);
        assert_int_equal(mt_reuse_judge_part(&judge, pieces, 20, INFINITY, &unlike, &error), MT_OK);
        assert_int_equal(mt_reuse_guess_begin(&guess, 20, &error), MT_OK);
        double begun = mt_reuse_guess_unlike(&guess, INFINITY), known = 0, left = 0;
        assert_true(isfinite(begun) && guess.sums.turns == SHORTER);
        assert_true(guess.sums.hits.all == judge.part.hits.all);
        for (size_t b = 0; b < MT_GUESS_DISTANCES; b++)
            known += guess.lru[b];
        assert_true(known == judge.part.hits.known);
        double known_of_tenths = 0, blocks = 0;
        for (size_t k = 0; k < MT_JUDGE_TENTHS; k++) {
            known_of_tenths += guess.known[k];
            blocks += guess.blocks[k];
            assert_true(fabs(guess.sums.tenths[k] - judge.part.tenths[k]) < 0.1);
        }
        assert_true(known_of_tenths == judge.part.hits.known && blocks == judge.part.hits.all);
        for (uint32_t c = 0; c < all.model->chain_count; c++) {
            if (chains->units[c] != c)
                continue;
            double before = guess.sums.turns;
            mt_reuse_guess_count(&guess, c, &pieces[c], -1);
            left += before - guess.sums.turns;
            mt_reuse_guess_count(&guess, c, &pieces[c], 1);
        }
        assert_true(left >= SHORTER);
        assert_true(mt_reuse_guess_unlike(&guess, INFINITY) == begun);
        assert_true(mt_reuse_guess_mark(&guess) == begun);
        size_t cut_short = 0;
        for (uint32_t c = 0; c < all.model->chain_count; c++) {
            if (chains->units[c] != c)
                continue;
            mt_reuse_guess_count(&guess, c, &pieces[c], -1);
            double exact = mt_reuse_guess_unlike(&guess, INFINITY),
                   limited = mt_reuse_guess_unlike(&guess, begun);
            assert_true(exact <= begun ? limited == exact : limited > begun && limited <= exact);
            cut_short += limited < exact;
            mt_reuse_guess_count(&guess, c, &pieces[c], 1);
            guess.moved = 0;
        }
        assert_true(cut_short > 0);
        mt_reuse_guess_free(&guess);
        mt_reuse_judge_free(&judge);
        close_chains(&all);
    }
}

/* Requests per window, counted plainly: the variance over the mean; the last window is left out. */
static double bunching_of(const mt_reuse_judge *judge, int64_t window) {
    static int counts[REQUESTS];
    size_t windows = (size_t)(judge->events[SHORTER - 1].time_ns / window);
    double mean = 0, squares = 0;
    assert_true(windows > 1 && windows < REQUESTS);
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < SHORTER; i++)
        counts[judge->events[i].time_ns / window]++;
    for (size_t w = 0; w < windows; w++)
        mean += counts[w] / (double)windows;
    for (size_t w = 0; w < windows; w++)
        squares += (counts[w] - mean) * (counts[w] - mean);
    return squares / (double)(windows - 1) / mean;
}

/* A judge and its guess see how requests bunch; it is what a part of other times is less alike for. */
static void test_bunching(void **state) {
    (void)state;
    static mt_reuse_piece pieces[REQUESTS];
    const int64_t second = 1000000000;
    mt_error error = {0};
    opened all;
    mt_reuse_chains *chains = open_units(&all, SOURCE_SESSIONS);
    for (size_t c = 0; c < all.model->chain_count; c++)
        pieces[c] = mt_reuse_whole_piece();
    for (uint32_t t = 0; t < REQUESTS; t++) /* five at once, every 12 s, in the first part */
        chains->when[t] = chains->times[t] = chains->times[t] / 5 * 12 * second;
    mt_reuse_judge judge = {0};
    mt_reuse_guess guess = {0};
    double unlike;
    assert_int_equal(mt_reuse_judge_open(&judge, chains, SHORTER, &error), MT_OK);
    assert_int_equal(mt_reuse_guess_open(&guess, &judge, &error), MT_OK);
    assert_int_equal(mt_reuse_judge_part(&judge, pieces, 0, INFINITY, &unlike, &error), MT_OK);
    assert_int_equal(mt_reuse_guess_begin(&guess, 0, &error), MT_OK);
    mt_reuse_guess_unlike(&guess, INFINITY);
    assert_true(judge.events[0].time_ns == 0);
    for (size_t k = 0; k < 2; k++) { /* of 300 s there are too few */
        double plain = bunching_of(&judge, (k == 0 ? 10 : 60) * second);
        assert_true(fabs(judge.part.bunching[k] - plain) < 1e-9 * plain);
        assert_true(fabs(guess.sums.bunching[k] - plain) < 1e-9 * plain);
    }
    mt_reuse_tally other = judge.part;
    double before = mt_reuse_unlike_clock(&judge, &other);
    other.bunching[0] = 3 * judge.whole.bunching[0];
    judge.weights.bunching = 0.5;
    assert_true(mt_reuse_unlike_clock(&judge, &other) > before + 0.5);
    mt_reuse_guess_free(&guess);
    mt_reuse_judge_free(&judge);
    close_chains(&all);
}

/* The part's requests come at other times than its pieces say: first few, then many. */
static void take_other_times(mt_reuse_chains *chains) {
    mt_reuse_arrivals *all = chains->arrivals = mt_allocate_zero(1, sizeof *all);
    all->times = mt_allocate(SHORTER, sizeof *all->times);
    all->after = mt_allocate(REQUESTS, sizeof *all->after);
    all->placed = mt_allocate(REQUESTS, sizeof *all->placed);
    for (int64_t i = 0; i < SHORTER; i++)
        all->times[i] = i < SHORTER / 5 ? 100 * i : 100 * SHORTER / 5 + i;
    for (uint32_t t = 0; t < REQUESTS; t++)
        all->after[t] = MT_NO_TURN;
    chains->part_requests = SHORTER;
}

/* Then too all that a guess began with leaves by tenths as it came: the last one may have more, which came
 * with the last request. */
static void test_guess_of_arrivals(void **state) {
    (void)state;
    static mt_reuse_piece pieces[REQUESTS];
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_error error = {0};
        opened all;
        mt_reuse_chains *chains = open_units(&all, (source_kind)kind);
        draw_pieces(chains, pieces, 1);
        take_other_times(chains);
        mt_reuse_judge judge = {0};
        mt_reuse_guess guess = {0};
        double unlike;
        assert_int_equal(mt_reuse_judge_open(&judge, chains, SHORTER, &error), MT_OK);
        assert_int_equal(mt_reuse_guess_open(&guess, &judge, &error), MT_OK);
        assert_int_equal(mt_reuse_judge_part(&judge, pieces, 20, INFINITY, &unlike, &error), MT_OK);
        assert_int_equal(mt_reuse_guess_begin(&guess, 20, &error), MT_OK);
        for (uint32_t c = 0; c < all.model->chain_count; c++)
            if (chains->units[c] == c)
                mt_reuse_guess_count(&guess, c, &pieces[c], -1);
        for (size_t k = 0; k + 1 < MT_JUDGE_TENTHS; k++)
            assert_true(guess.blocks[k] == 0);
        mt_reuse_guess_free(&guess);
        mt_reuse_judge_free(&judge);
        close_chains(&all);
    }
}

/* Where a turn of a piece comes: what is left out in its middle brings what follows nearer. */
static void test_skips(void **state) {
    (void)state;
    mt_reuse_skips skips[2] = {mt_reuse_no_skips(), mt_reuse_no_skips()};
    skips[1].all[0] = (mt_reuse_skip){100, 200, 90};
    skips[1].all[1] = (mt_reuse_skip){300, 500, 180};
    mt_reuse_chains chains = {.skips = skips};
    mt_reuse_piece piece = mt_reuse_whole_piece();
    assert_int_equal(mt_reuse_time_in_piece(&chains, &piece, 150), 150);
    piece = (mt_reuse_piece){.earlier_ns = 10, .from = 50, .until = 600, .skips = 1};
    static const int64_t times[][2] = {{49, MT_REUSE_DROPPED},
                                       {50, 40},
                                       {100, 90},
                                       {101, MT_REUSE_DROPPED},
                                       {199, MT_REUSE_DROPPED},
                                       {200, 100},
                                       {300, 200},
                                       {499, MT_REUSE_DROPPED},
                                       {500, 220},
                                       {600, 320},
                                       {601, MT_REUSE_DROPPED}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_int_equal(mt_reuse_time_in_piece(&chains, &piece, times[i][0]), times[i][1]);
    piece.earlier_ns = MT_REUSE_DROPPED;
    assert_int_equal(mt_reuse_time_in_piece(&chains, &piece, 100), MT_REUSE_DROPPED);
}

/* A step of the search keeps the lists that pieces name, and only those. */
static void test_keep_skips(void **state) {
    (void)state;
    enum { UNITS = 3 };
    mt_error error = {0};
    mt_reuse_chains chains = {0};
    mt_reuse_unit units[UNITS] = {{.chain = 0}, {.chain = 1}, {.chain = 2}};
    mt_reuse_piece here[UNITS] = {0}, now[UNITS] = {0}, best[UNITS] = {0};
    mt_reuse_search search = {.chains = &chains,
                              .units = units,
                              .unit_count = UNITS,
                              .here = here,
                              .now = now,
                              .best = best};
    assert_int_equal(mt_reuse_open_skips(&search, &error), MT_OK);
    mt_reuse_skips list = mt_reuse_no_skips();
    assert_int_equal(mt_reuse_add_skips(&search, &list), 0);
    uint32_t most = 0;
    for (int64_t i = 0; i < 20000; i++) {
        list.all[0] = (mt_reuse_skip){i, i + 2, 1};
        mt_reuse_keep_skips(&search);
        uint32_t place = mt_reuse_add_skips(&search, &list);
        assert_true(place > 0);
        most = place > most ? place : most;
        if (i % 1000 == 0)
            best[1].skips = here[2].skips = place;
        now[0].skips = place;
        assert_int_equal(chains.skips[best[1].skips].all[0].after, i / 1000 * 1000);
        assert_int_equal(chains.skips[here[2].skips].all[0].after, i / 1000 * 1000);
        assert_int_equal(chains.skips[now[0].skips].all[0].after, i);
        assert_int_equal(now[1].skips, 0);
    }
    assert_true(most < 10000);
    mt_free(chains.skips);
    mt_free(search.spare_skips);
}

/* All of the source is like the source in everything. */
static void test_whole(void **state) {
    (void)state;
    static mt_reuse_piece pieces[REQUESTS];
    mt_error error = {0};
    opened all;
    open_chains(&all, SOURCE_SESSIONS, 2, 0);
    mt_reuse_chains *chains = all.chains;
    chains->units = mt_allocate(all.model->chain_count, sizeof *chains->units);
    memcpy(chains->units, chains->families, all.model->chain_count * sizeof *chains->units);
    memcpy(chains->when, chains->times, REQUESTS * sizeof *chains->when);
    for (size_t c = 0; c < all.model->chain_count; c++)
        pieces[c] = mt_reuse_whole_piece();
    mt_reuse_judge judge = {0};
    double unlike;
    assert_int_equal(mt_reuse_judge_open(&judge, chains, REQUESTS, &error), MT_OK);
    assert_int_equal(mt_reuse_judge_part(&judge, pieces, 0, INFINITY, &unlike, &error), MT_OK);
    assert_true(unlike == 0);
    mt_reuse_judge_free(&judge);
    close_chains(&all);
}

/* The part that is found has enough requests, all of units that are in it, at their times; it is a
 * seed's own, and less unlike than the source's first requests. */
static void test_pieces(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        opened all, same;
        int64_t time;
        mt_error error = {0};
        open_chains(&all, (source_kind)kind, 3, SHORTER);
        open_chains(&same, (source_kind)kind, 3, SHORTER);
        assert_int_equal(mt_reuse_chains_peek(all.chains, &time, &error), MT_OK);
        assert_int_equal(mt_reuse_chains_peek(same.chains, &time, &error), MT_OK);
        const mt_reuse_chains *chains = all.chains;
        assert_non_null(chains->pieces);
        assert_true(chains->event_count >= SHORTER);
        for (size_t i = 0; i < chains->event_count; i++) {
            assert_true(chains->events[i].time >= 0 && chains->events[i].time <= chains->part_end);
            assert_int_equal(chains->events[i].turn, same.chains->events[i].turn);
        }
        for (size_t c = 0; c < all.model->chain_count; c++)
            if (chains->pieces[chains->units[c]].earlier_ns == MT_REUSE_DROPPED)
                assert_true(chains->when[all.model->chains[c].first] >= MT_REUSE_DROPPED);
        close_chains(&all);
        close_chains(&same);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_guess),
        cmocka_unit_test(test_guess_of_arrivals),
        cmocka_unit_test(test_bunching),
        cmocka_unit_test(test_skips),
        cmocka_unit_test(test_keep_skips),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests_name("reuse part", tests, NULL, NULL);
}
