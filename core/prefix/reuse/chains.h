/* Requests made from a model's chains (prefix/model/chains.h): what comes next in a chain, and
 * when, is the source's; which chain goes on with what, and which begins when, is drawn. Private to
 * the reuse method (prefix/reuse/reuse.h).
 *
 * A lap makes every description once, so lengths are the source's exactly after whole laps.
 *
 * - Starts. Families (prefix/model/families.h) of one sort are dealt to their starts anew within
 *   each stretch of the trace; within a family, members that share the same are dealt to theirs. So
 *   the rate, the lengths, the mix and the warm-up keep their course, and single turns the counts
 *   per window. Where eight or more run at once, families that begin near each other change places
 *   whatever their sort; where stretches are short, those that last move a little beside that, the
 *   less the fewer there are at once. Readers of what many go on from move by a part of the time
 *   between them (chains_members.c), children with the turn that they hang on.
 * - Arrivals. Where it is asked for (options->resample), all that was dealt is placed along another
 *   realisation of the source's arrivals, and where dealing lost their bunching, along the source's own
 *   (chains_arrivals.c).
 * - Choice. Where stretches are short and fewer than eight run at once, the first lap is dealt
 *   up to eight times, and the one whose hit ratios are most like the source's is made (chains_deal.c).
 * - Gaps. Of the gaps of a chain, those near each other in it and alike (a tenth more or less)
 *   change places, where that leaves time for the answers.
 * - Joints. Where two chains share equally much of equally long prompts at a turn, at about the
 *   same time, with gaps since the turns before (a quarter more or less, and time for the answers)
 *   and turns to come (a tenth) that are alike, one goes on as the other would have, every second
 *   time. So sessions are
 *   joined of pieces, and no request changes its time or its lengths.
 * - Prefixes. A request's path is its origin's up to the shared depth; then come blocks of its own.
 *   Whoever comes first makes a block, so a chain may begin before the one that it branches off.
 *   Blocks that chains of every part of the trace begin with last over all laps; others are made
 *   anew in each.
 * - Clock. Where the source's clock ticks, requests come at its ticks.
 * - Parts. A trace shorter than its source is made after the part most like the whole: a window of
 *   its time, cells of it with whole sessions, or stretches laid end to end over which sessions go on
 *   (chains_part.c, chains_stretches.c). A turn may then come after one that it did not come after, with
 *   all that grew between them. Where nearly all come by themselves, in bursts, their order is found so,
 *   and a stretch of the lap has their times (chains_arrivals_part.c).
 *
 * Memory: about 200 bytes a description; 60 more while arrivals are placed anew, and some 150 while parts are
 * judged (chains_judge.h). Random numbers: (seed, "synthesize" or "synthesize/n", "chains"); the items are laps. */
#ifndef MT_PREFIX_REUSE_CHAINS_H
#define MT_PREFIX_REUSE_CHAINS_H

#include "base/error.h"
#include "prefix/reuse/items.h"
#include "prefix/synthetic.h"

typedef struct mt_reuse_chains mt_reuse_chains;

/* Population `number` of the options' populations: it goes as much slower as there are of them. The
 * model, which has chains, and the items made of it must live longer. NULL on failure. */
mt_reuse_chains *mt_reuse_chains_open(const mt_model *model, const mt_reuse_items *items,
                                      const mt_synthesis_options *options, uint64_t number,
                                      mt_error *error);

/* From now on times are spread over the ticks of the source's clock (stats/grid.h), if it has
 * one. */
void mt_reuse_chains_spread(mt_reuse_chains *chains);

/* When the next request comes, ns; the times never decrease. MT_ERROR_VALUE beyond 292 years. */
mt_code mt_reuse_chains_peek(mt_reuse_chains *chains, int64_t *time_ns, mt_error *error);

/* The next request. New blocks are numbered from *next_id on, sessions from *next_session on. */
mt_code mt_reuse_chains_next(mt_reuse_chains *chains, uint64_t *next_id, uint64_t *next_session,
                             mt_synthetic *made, mt_error *error);

void mt_reuse_chains_free(mt_reuse_chains *chains); /* NULL is allowed */

#endif
