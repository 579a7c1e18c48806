/* A model as a text that can be handed on: what it says is all that it gives away.
 *
 * Numbers only: no ids, texts or dates, and no order of requests. The lines, in this order:
 *
 *     moontide model 3             2 where chains do not begin at instants, 1 without chains
 *     block_size N                 tokens
 *     requests N
 *     runs N                       of all requests
 *     instants N                   at which requests came
 *     order kept|left_out          of the gaps between them
 *     # a comment; it may stand between any two lines
 *     descriptions
 *     SHARED RETURNING UNIQUE:     blocks; holds for the lines up to the next of its kind
 *     TOKENS OUTPUT                a request that shares nothing
 *     TOKENS OUTPUT VISITS DISTANCE ELAPSED BEYOND RETURN [END:DISTANCE ...]
 *
 * A line a request, with the names of prefix/model/model.h. OUTPUT is - where it is not known.
 * DISTANCE is that of the deepest run, which ends where the shared blocks do; the runs before it
 * follow at the line's end, from the first block on. RETURN is `previous`, or `first_return` where
 * VISITS is 1: the other one is 0 then. After the descriptions either (order kept)
 *
 *     arrivals
 *     GAP [REQUESTS]               milliseconds from the instant before (0 for the first), and how
 *                                  many requests came (1)
 *
 *     answers GAP GAP              (version 3, and only where it is known) how long an answer took
 *                                  to its first token, and for each
 *     chains N                     (version 2) who continues whom: prefix/model/chains.h
 *     BEGIN TURN [GAP TURN ...]    a line a chain: when it begins, after the chain before, in
 *                                  instants (version 2: milliseconds); then milliseconds since the
 *                                  turn before; TURN is DESCRIPTION[:ORIGIN]
 *
 * DESCRIPTION counts the descriptions' lines from 0, ORIGIN the turns here from 0; a turn that
 * shares something and says no ORIGIN has it on the path of the turn before. Or (order left_out) what is known of both without their order, each ascending:
 *
 *     batches
 *     REQUESTS [INSTANTS]          so many instants had so many requests (1)
 *     gaps
 *     GAP [TIMES]
 *
 * The writer sorts the descriptions as the model has them; the reader takes any order. Numbers are
 * decimal digits, gaps with up to six decimals. A version is for readers that do not know what came
 * later: whoever changes what a line means counts it up. */
#ifndef MT_PREFIX_MODEL_TEXT_H
#define MT_PREFIX_MODEL_TEXT_H

#include "base/file/input.h"
#include "base/file/output.h"
#include "prefix/model/model.h"

#define MT_MODEL_VERSION 3

/* What the first line begins with; the version follows. */
#define MT_MODEL_MAGIC "moontide model"

/* Writes the model, without the order of its gaps unless keep_order. */
mt_code mt_model_write(const mt_model *model, int keep_order, mt_output *output, mt_error *error);

/* Reads a model to the end of its file: exactly the one that was written, with one reference. NULL
 * on failure: MT_ERROR_INPUT with file and line for what is no model, a newer version, a file that
 * is cut, numbers that are none, out of range or contradict each other. Memory is taken as lines
 * come, whatever they announce. */
mt_model *mt_model_read(mt_input *input, mt_error *error);

#endif
