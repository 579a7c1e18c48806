/* The blocks of a conversion's prompts, as keys of the table of ids, and which of them can come
 * back.
 *
 * The second block of a drawn prompt is shared with another one by a rare chance, and where it is
 * not, no later block is. The whole blocks of a session are numbered in the order of the session,
 * so that the ids of those that it has had lie in an array; the block that its prompt ends in comes
 * back only in a turn of equal length. So the beginnings of drawn prompts, and sessions with the
 * lengths of their turns, are noted once before: what was not met twice needs no look-up, no memory
 * and no further draws, its blocks are only numbered. Ids are what they would be otherwise. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/convert/state.h"

#include <string.h>

static uint64_t blocks_of(const mt_conversion *conversion, uint64_t tokens) {
    return (tokens - 1) / conversion->block_size + 1;
}

/* ---- one row --------------------------------------------------------------------------------- */

static void get_row(const mt_conversion *conversion, size_t i, mt_conversion_row *row) {
    mt_columns_get(&conversion->rows, i, &row->request);
    row->blocks = (size_t)blocks_of(conversion, row->request.input_length);
    if (row->request.hash_count > 0) {
        row->kind = MT_PROMPT_OF_CONTENTS;
    } else if (row->request.has & MT_HAS_SESSION) {
        row->kind = MT_PROMPT_OF_SESSION;
        row->session = ((const uint32_t *)conversion->rows.session.data)[i];
        row->whole = row->request.input_length / conversion->block_size;
    } else {
        row->kind = MT_PROMPT_DRAWN;
    }
}

/* The keys of the first two blocks; *random stands before the third. */
static void draw_beginning(const mt_conversion *conversion, const mt_request *request,
                           mt_random *random, mt_key *keys) {
    uint64_t contents = conversion->options.hash_blocks + 1;
    mt_random_start(random, conversion->key);
    mt_random_seek(random, request->line - 1);
    keys[0] = mt_key_number((mt_key){0, 0}, mt_random_below(random, contents));
    keys[1] = mt_key_number(keys[0], mt_random_below(random, contents));
}

/* The key of the block that a session's prompt of this length ends in. */
static mt_key end_key(const mt_conversion_row *row) {
    return mt_key_number((mt_key){row->session, UINT64_MAX}, row->request.input_length);
}

/* Finds the key that says whether the row has blocks that may come back. Is there one? */
static int find_note(const mt_conversion *conversion, mt_conversion_row *row) {
    mt_random random;
    if (row->kind == MT_PROMPT_OF_CONTENTS)
        return 0;
    if (row->kind == MT_PROMPT_OF_SESSION) {
        row->keys[1] = end_key(row);
        return row->blocks > row->whole;
    }
    draw_beginning(conversion, &row->request, &random, row->keys);
    return row->blocks > 1;
}

/* ---- before the first row -------------------------------------------------------------------- */

static mt_code note_rows(mt_conversion *conversion, mt_error *error) {
    enum { GROUP = 64 };
    mt_key noted[GROUP] = {{0, 0}};
    mt_conversion_row row;
    size_t count = 0;
    if (mt_met_twice_make(&conversion->met, conversion->rows.count) != 0)
        return mt_fail_memory(error, "beginnings of prompts");
    for (size_t i = 0; i < conversion->rows.count; i++) {
        get_row(conversion, i, &row);
        if (!find_note(conversion, &row))
            continue;
        mt_met_twice_prefetch(&conversion->met, row.keys[1]);
        noted[count++] = row.keys[1];
        if (count < GROUP)
            continue;
        while (count > 0)
            mt_met_twice_note(&conversion->met, noted[--count]);
        if (mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
    }
    while (count > 0)
        mt_met_twice_note(&conversion->met, noted[--count]);
    return MT_OK;
}

/* Gives every session an array for the ids of its whole blocks, and one more. */
static mt_code make_sessions(mt_conversion *conversion, mt_error *error) {
    size_t count = conversion->rows.sessions.count;
    mt_conversion_row row;
    uint64_t total = 0;
    if (count == 0)
        return MT_OK;
    mt_free(conversion->sessions);
    conversion->sessions = mt_allocate_zero(count, sizeof *conversion->sessions);
    if (!conversion->sessions)
        return mt_fail_memory(error, "sessions");
    for (size_t i = 0; i < conversion->rows.count; i++) {
        get_row(conversion, i, &row);
        if (row.kind == MT_PROMPT_OF_SESSION && row.whole > conversion->sessions[row.session].known)
            conversion->sessions[row.session].known = row.whole;
    }
    for (size_t i = 0; i < count; i++) {
        mt_conversion_session *session = &conversion->sessions[i];
        session->first = total;
        total += session->known + 1;
        session->known = 0;
    }
    if (mt_big_reserve(&conversion->session_ids, total * sizeof(uint64_t)) != 0)
        return mt_fail_memory(error, "blocks of sessions");
    return MT_OK;
}

/* How many blocks are to be remembered: the first ones of drawn prompts, about one in so many of
 * the further ones and of those that sessions' prompts end in; half of known contents. */
static uint64_t expect_blocks(const mt_conversion *conversion) {
    uint64_t first = 0, further = 0, contents = 0;
    mt_conversion_row row;
    for (size_t i = 0; i < conversion->rows.count; i++) {
        get_row(conversion, i, &row);
        if (row.kind == MT_PROMPT_OF_CONTENTS)
            contents += row.blocks;
        first += row.kind == MT_PROMPT_DRAWN;
        further += row.kind == MT_PROMPT_DRAWN ? row.blocks - 1 : 1;
    }
    if (first > conversion->options.hash_blocks)
        first = conversion->options.hash_blocks + 1;
    return first + further / MT_MET_PLACES + contents / 2;
}

mt_code mt_conversion_prepare(mt_conversion *conversion, mt_error *error) {
    static const char name[] = "convert", purpose[] = "blocks";
    if (conversion->ids)
        return MT_OK;
    conversion->key = mt_random_key_of(conversion->options.seed, name, sizeof name - 1, purpose,
                                       sizeof purpose - 1);
    mt_code code = note_rows(conversion, error);
    if (code == MT_OK)
        code = make_sessions(conversion, error);
    if (code != MT_OK)
        return code;
    conversion->ids = mt_ids_new(expect_blocks(conversion), error);
    return conversion->ids ? MT_OK : mt_code_of(error);
}

/* ---- rows that are to be written ------------------------------------------------------------- */

void mt_conversion_get(const mt_conversion *conversion, size_t i, mt_conversion_row *row) {
    get_row(conversion, i, row);
    if (find_note(conversion, row))
        mt_met_twice_prefetch(&conversion->met, row->keys[1]);
}

static size_t keys_of_contents(const mt_request *request, mt_key *keys) {
    static const char name[] = "contents";
    mt_key chain = mt_key_namespace(name, sizeof name - 1);
    for (size_t i = 0; i < request->hash_count; i++)
        keys[i] = chain = mt_key_number(chain, request->hash_ids[i]);
    return request->hash_count;
}

/* Keys only of what the session has not had: whole blocks are new then, and numbered. */
static size_t keys_of_session(mt_conversion *conversion, mt_conversion_row *row, mt_key *keys) {
    mt_conversion_session *session = &conversion->sessions[row->session];
    size_t count = 0;
    row->known = session->known < row->whole ? session->known : row->whole;
    count = (size_t)(row->whole - row->known);
    memset(keys, 0, count * sizeof *keys);
    session->known += count;
    if (row->blocks == row->whole)
        return count;
    keys[count] = mt_met_twice_has(&conversion->met, row->keys[1]) ? row->keys[1] : (mt_key){0, 0};
    return count + 1;
}

static size_t drawn_keys(const mt_conversion *conversion, const mt_conversion_row *row,
                         mt_key *keys) {
    uint64_t contents = conversion->options.hash_blocks + 1;
    mt_random random;
    keys[0] = row->keys[0];
    if (row->blocks == 1)
        return 1;
    if (!mt_met_twice_has(&conversion->met, row->keys[1])) {
        memset(keys + 1, 0, (row->blocks - 1) * sizeof *keys);
        return row->blocks;
    }
    draw_beginning(conversion, &row->request, &random, keys);
    for (size_t i = 2; i < row->blocks; i++)
        keys[i] = mt_key_number(keys[i - 1], mt_random_below(&random, contents));
    return row->blocks;
}

size_t mt_conversion_keys(mt_conversion *conversion, mt_conversion_row *row, mt_key *keys) {
    if (row->kind == MT_PROMPT_OF_CONTENTS)
        return keys_of_contents(&row->request, keys);
    if (row->kind == MT_PROMPT_OF_SESSION)
        return keys_of_session(conversion, row, keys);
    return drawn_keys(conversion, row, keys);
}

size_t mt_conversion_ids(mt_conversion *conversion, mt_conversion_row *row, const uint64_t *ids) {
    mt_request *request = &row->request;
    size_t used = row->blocks;
    request->hash_ids = ids;
    request->hash_count = row->blocks;
    request->has |= MT_HAS_HASH_IDS;
    if (row->kind != MT_PROMPT_OF_SESSION)
        return used;
    uint64_t *own =
        (uint64_t *)conversion->session_ids.data + conversion->sessions[row->session].first;
    size_t count = (size_t)(row->whole - row->known);
    memcpy(own + row->known, ids, count * sizeof *own);
    if (row->blocks > row->whole) {
        /* The last block stands behind the whole ones for as long as the row is written. */
        row->hidden = own[row->whole];
        own[row->whole] = ids[count++];
    }
    request->hash_ids = own;
    return count;
}

void mt_conversion_written(mt_conversion *conversion, const mt_conversion_row *row) {
    if (row->kind == MT_PROMPT_OF_SESSION && row->blocks > row->whole)
        ((uint64_t *)conversion->session_ids.data +
         conversion->sessions[row->session].first)[row->whole] = row->hidden;
}
