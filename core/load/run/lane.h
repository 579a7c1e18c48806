/* A stream while it runs: its process, lengths and prompt sources opened, its random numbers, and
 * the time of its next event. For the files of the run. */
#ifndef MT_LOAD_RUN_LANE_H
#define MT_LOAD_RUN_LANE_H

#include "load/run/run.h"

/* What a lane draws for, with random numbers of its own. */
typedef enum mt_lane_purpose {
    MT_LANE_LENGTHS,
    MT_LANE_PROMPTS,
    MT_LANE_FIELDS,    /* where records have further members */
    MT_LANE_SUMMARIES, /* of sessions */
    MT_LANE_BLOCKS,    /* of a live run: ids of blocks that cannot come back */
    MT_LANE_PURPOSES
} mt_lane_purpose;

/* What sub-agents of one level draw from. */
typedef struct mt_lane_level {
    mt_lengths_state *lengths;
    mt_prompt_state *prompts; /* NULL: as what started them */
} mt_lane_level;

/* A prompt source that requests brought. */
typedef struct mt_lane_given {
    mt_prompt *prompt;
    mt_prompt_state *state;
} mt_lane_given;

/* There may be thousands: what few lanes have is allocated where they have it. */
typedef struct mt_lane {
    const mt_stream *stream; /* the plan's */
    uint64_t block_size, seed;
    size_t rank; /* by name, among all */
    size_t classes;
    mt_process_state *process;
    mt_lengths_state *lengths, *first; /* first may be NULL */
    mt_prompt_state **prompts;         /* one a class, then the stream's own, for first turns */
    mt_prompt_state *few_prompts[2];   /* theirs where there is one class */
    mt_lane_level *levels;             /* of sub-agents */
    size_t level_count;
    mt_lane_given *given;
    size_t given_count, given_capacity;
    mt_key answers; /* the namespace of answers that several prompts carry */
    mt_random_key keys[MT_LANE_PURPOSES];
    char *tag; /* the name as a JSON string; NULL: neither tags nor sessions need it */
    size_t tag_length;
    double time;           /* of its next event; for lanes.h */
    const mt_event *event; /* the one taken last */
    int is_over;           /* its prompt source has no more prompts */
    int has_fields;        /* records have further members: else mt_lane_fields adds none */
    int wants_answers;     /* else its events need not be settled */
} mt_lane;

/* Fills a zeroed lane, whose stream and rank are set; mt_lane_close also after a failure. */
mt_code mt_lane_open(mt_lane *lane, uint64_t block_size, const mt_run_options *options,
                     mt_error *error);

/* A mistake in the plan (MT_ERROR_VALUE) is told with the stream it is in; the functions here have
 * done so themselves. Returns code. */
mt_code mt_lane_failure(const mt_lane *lane, mt_code code, mt_error *error);

/* Has *random stand at the lane's first draw of an item. */
static inline void mt_lane_draws(const mt_lane *lane, mt_lane_purpose purpose, uint64_t item,
                                 mt_random *random) {
    random->key = lane->keys[purpose];
    mt_random_seek(random, item);
}

/* Fills lane->time with that of the next event: 1, 0 when there is none, -1 on failure. */
int mt_lane_look(mt_lane *lane, mt_error *error);

/* Fills *event, which stays the caller's, with the next one, which there is, and makes it the lane's. */
mt_code mt_lane_take(mt_lane *lane, mt_event *event, mt_error *error);

/* Draws the event's lengths, after so many tokens of its session; *class_index becomes what the next two functions take. */
mt_code mt_lane_draw(mt_lane *lane, uint64_t history, mt_length_draw *lengths, size_t *class_index,
                     mt_error *error);

/* Appends the event's further members to text, and puts the model's place into wish. The text's
 * bytes must not move before the prompt is made. */
mt_code mt_lane_fields(mt_lane *lane, size_t class_index, int compact, mt_text *text,
                       mt_prompt_wish *wish, mt_error *error);

/* Does the event begin a sub-agent whose prompt begins as that of its parent does? */
int mt_lane_follows_parent(const mt_lane *lane);

/* Makes the prompt of an event that is no later turn of a session, and follows no parent. */
mt_code mt_lane_prompt(mt_lane *lane, size_t class_index, const mt_prompt_wish *wish,
                       mt_key_list *keys, mt_prompt_made *made, mt_error *error);

void mt_lane_close(mt_lane *lane);

#endif
