/* Sessions of kv-cache-tester: objects of JSON, in a file or in the files of a folder. One session
 * is in memory at a time. Where its sessions begin nobody knows: options.start says it. */
#include "base/memory.h"
#include "hash/ids.h"
#include "random/generator.h"
#include "text/foreign_data.h"
#include "text/json_list.h"
#include "text/texts.h"
#include "trace/log/agent.h"
#include "trace/log/weka_session.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct weka_log {
    mt_log base;
    /* The files of a folder, by name; none: base.input is the file. */
    char **paths;
    size_t path_count, path_capacity, next_path;
    mt_input *input; /* that is open; NULL: none of the folder's */
    mt_json_list list;
    uint64_t in_file; /* sessions of it so far */
    /* The session that is given out. */
    mt_weka_session session;
    size_t next_request;
    mt_key key; /* of its own ids */
    int64_t start_ns;
    mt_texts ids_met; /* of all sessions */
    /* When sessions begin. */
    mt_random random;
    int64_t poisson_ns;
    /* The request that is given out. */
    uint64_t *ids;
    size_t id_capacity, model_capacity;
    mt_text members;
    char *model;
} weka_log;

static void close_file(weka_log *self) {
    mt_json_list_free(&self->list);
    self->list = (mt_json_list){0};
    mt_input_close(self->input);
    self->input = NULL;
}

static void weka_close(mt_log *log) {
    weka_log *self = (weka_log *)log;
    close_file(self);
    for (size_t i = 0; i < self->path_count; i++)
        mt_free(self->paths[i]);
    mt_free((void *)self->paths);
    mt_weka_free(&self->session);
    mt_texts_free(&self->ids_met);
    mt_free(self->ids);
    mt_free(self->members.bytes);
    mt_free(self->model);
}

/* ---- the folder ---- */

/* Does the name say that there are sessions in it? */
static int has_sessions(const char *name) {
    static const char *const endings[] = {".json",  ".json.gz",  ".json.zst",
                                          ".jsonl", ".jsonl.gz", ".jsonl.zst"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(name + length - ending, endings[i]) == 0)
            return 1;
    }
    return 0;
}

static mt_code add_path(weka_log *self, const char *folder, const char *name, mt_error *error) {
    size_t length = strlen(folder), more = strlen(name);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
    if (MT_GROW(self->paths, self->path_capacity, self->path_count + 1) != 0)
        return mt_fail_memory(error, "files of a folder");
    char *path = mt_allocate(length + more + 2, 1);
    if (!path)
        return mt_fail_memory(error, "files of a folder");
    while (length > 1 && folder[length - 1] == '/')
        length--;
    memcpy(path, folder, length);
    path[length] = '/';
    memcpy(path + length + 1, name, more);
    path[length + 1 + more] = '\0';
    self->paths[self->path_count++] = path;
    return MT_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static mt_code read_folder(weka_log *self, mt_error *error) {
    const char *folder = self->base.name;
    const struct dirent *entry;
    mt_code code = MT_OK;
    DIR *open = opendir(folder);
    if (!open)
        return mt_fail_errno(error, folder, "cannot open the folder", errno);
    while (code == MT_OK && (entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (has_sessions(entry->d_name))
            code = add_path(self, folder, entry->d_name, error);
        else
            self->base.passed_over++;
    }
    closedir(open);
    if (code == MT_OK && self->path_count == 0)
        return mt_fail_at(
            error, MT_ERROR_INPUT, folder, 0, 0,
            "no session is in this folder: no file of it is called *.json or *.jsonl");
    if (self->path_count > 1)
        qsort((void *)self->paths, self->path_count, sizeof *self->paths, by_text);
    return code;
}

/* ---- the next session ---- */

/* Opens the next file: 1, 0 when there is none, -1. */
static int next_file(weka_log *self, mt_error *error) {
    mt_log *log = &self->base;
    if (self->input && self->in_file == 0 && self->path_count > 0) {
        mt_log_bad_row(log, 0, 0, error, "the file is empty");
        close_file(self);
        return -1;
    }
    if (log->input) { /* the one file, whose name is the log's */
        int is_first = self->list.input == NULL;
        self->list.input = log->input;
        self->list.what = "session";
        return is_first;
    }
    close_file(self);
    self->in_file = 0;
    if (self->next_path == self->path_count)
        return 0;
    log->name = self->paths[self->next_path++];
    self->input = mt_input_open(log->name, error);
    if (!self->input || mt_check_text(self->input, error) != MT_OK)
        return -1;
    self->list = (mt_json_list){.input = self->input, .what = "session"};
    return 1;
}

/* The file cannot be read on: where it is one of several the others can. */
static int lose_file(weka_log *self, const mt_error *error) {
    self->base.bad_row = self->path_count > 0 && error->code == MT_ERROR_INPUT;
    self->in_file = 1;
    if (self->base.bad_row)
        close_file(self);
    return -1;
}

static int bad_session(void *context, const char *at, mt_error *error, const char *message) {
    weka_log *self = context;
    uint64_t line, column;
    mt_json_list_locate(&self->list, at, &line, &column);
    return mt_log_bad_row(&self->base, line, column, error, "%s", message);
}

/* When session `number`, from 0, begins. */
static int64_t start_of(weka_log *self, uint64_t number) {
    const mt_log_start *start = &self->base.options.start;
    if (start->law == MT_LOG_START_TOGETHER)
        return 0;
    mt_random_seek(&self->random, number);
    if (start->law == MT_LOG_START_UNIFORM)
        return (int64_t)(mt_random_uniform(&self->random) * start->value * 1e9);
    double gap = -log(mt_random_positive(&self->random)) / start->value * 1e9;
    self->poisson_ns = gap < (double)(INT64_MAX / 8 - self->poisson_ns)
                           ? self->poisson_ns + (int64_t)gap
                           : INT64_MAX / 8;
    return self->poisson_ns;
}

/* Checks what only all sessions together say. 0 or -1. */
static int join_others(weka_log *self, mt_error *error) {
    mt_weka_session *session = &self->session;
    mt_log_options *options = &self->base.options;
    char message[MT_ERROR_MESSAGE_SIZE];
    const mt_weka_agent *own = &session->agents[0];
    const char *name = session->names.bytes + own->name;
    size_t known = self->ids_met.count;
    uint32_t number;
    if (mt_texts_intern(&self->ids_met, name, own->name_length, &number) != 0)
        return mt_failed(mt_fail_memory(error, "sessions"));
    if (number != known) {
        snprintf(message, sizeof message, "the session %.*s was there before",
                 (int)(own->name_length < 100 ? own->name_length : 100), name);
        return bad_session(self, self->list.text, error, message);
    }
    if (options->block_size == 0)
        options->block_size = session->block_size;
    if (options->block_size != session->block_size) {
        snprintf(
            message, sizeof message,
            "block_size is %" PRIu64 ", and %" PRIu64
            " is asked for, or that of the sessions before (cat --reblock makes blocks larger)",
            session->block_size, options->block_size);
        return bad_session(self, self->list.text, error, message);
    }
    self->key = mt_key_namespace(name, own->name_length);
    self->start_ns = start_of(self, number);
    return 0;
}

/* Reads the next session that has requests: 1, 0 at the end, -1. */
static int next_session(weka_log *self, mt_error *error) {
    do {
        int status = self->list.input ? mt_json_list_next(&self->list, error) : 0;
        if (status < 0)
            return lose_file(self, error);
        self->next_request = self->session.request_count = 0;
        if (status == 0) {
            if ((status = next_file(self, error)) <= 0)
                return status;
            continue;
        }
        self->in_file++;
        mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
        if (mt_weka_read(&self->session, &json, bad_session, self, error) != 0 ||
            join_others(self, error) != 0) {
            self->session.request_count = 0;
            return -1;
        }
    } while (self->session.request_count == 0);
    return 1;
}

/* ---- requests ---- */

/* The ids of its blocks: the session's own, unless they are everybody's; the incomplete block at
 * the prompt's end has one of its own where the session counts whole ones only. */
static int give_ids(weka_log *self, const mt_weka_request *from, mt_request *request,
                    mt_error *error) {
    uint64_t size = self->base.options.block_size, id;
    mt_json json = {self->list.text, self->list.text + self->list.text_length, error};
    mt_json_items items;
    mt_json_item item;
    char message[MT_ERROR_MESSAGE_SIZE];
    size_t count = 0;
    if (from->ids.length == 0)
        return 0;
    if (mt_json_items_begin(&items, &json, from->ids.text, '[', "a list of ids ('[')") != 0)
        return -1; /* it has been looked at */
    while (mt_json_items_next(&items, &item) > 0) {
        if (MT_GROW(self->ids, self->id_capacity, count + 2) != 0)
            return mt_lines_no_memory(error);
        if (mt_json_count(item.value, &id) != 0)
            return bad_session(self, item.value.text, error,
                               "an id of hash_ids must be a whole number of at least 0");
        self->ids[count++] = self->session.ids_are_global ? id : mt_key_number(self->key, id).low;
    }
    uint64_t whole = from->input / size, all = mt_blocks_of(from->input, size);
    if (count != whole && count != all) {
        snprintf(message, sizeof message,
                 "hash_ids has %zu ids, but %" PRIu64 " tokens (in) are %" PRIu64
                 " whole blocks of %" PRIu64,
                 count, from->input, whole, size);
        return bad_session(self, from->at, error, message);
    }
    if (count < all) {
        if (MT_GROW(self->ids, self->id_capacity, count + 1) != 0)
            return mt_lines_no_memory(error);
        mt_key rest = mt_key_number(self->key, UINT64_MAX);
        self->ids[count++] = mt_key_number(rest, self->next_request).low;
    }
    request->hash_ids = self->ids;
    request->hash_count = count;
    request->has |= MT_HAS_HASH_IDS;
    return 0;
}

static int add_turn(weka_log *self, int64_t number) {
    const mt_weka_request *request = &self->session.requests[number];
    const mt_weka_agent *agent = &self->session.agents[request->agent];
    return mt_agent_turn(&self->members,
                         (mt_span){self->session.names.bytes + agent->name, agent->name_length},
                         request->turn);
}

/* Adds a list of turns, each leading to the next. */
static int add_list(weka_log *self, const char *name, int64_t first, int64_t also, int is_started) {
    mt_text *members = &self->members;
    const mt_weka_request *all = self->session.requests;
    int failed = mt_agent_member(members, name) || mt_text_add(members, "[", 1);
    if (!failed && also != MT_WEKA_NONE)
        failed = add_turn(self, also);
    for (int64_t i = first; !failed && i != MT_WEKA_NONE;
         i = is_started ? all[i].next_started : all[i].next_joined)
        failed = ((i != first || also != MT_WEKA_NONE) && mt_text_add(members, ", ", 2)) ||
                 add_turn(self, i);
    return failed || mt_text_add(members, "]", 1);
}

/* What the request says of others; nothing where the session has no sub-agents. */
static int say_waits(weka_log *self, const mt_weka_request *from, mt_request *request,
                     mt_error *error) {
    int failed = 0;
    self->members.length = 0;
    if (self->session.agent_count == 1)
        return 0;
    failed = mt_agent_member(&self->members, "request_id") ||
             add_turn(self, (int64_t)self->next_request);
    if (!failed && (from->before != MT_WEKA_NONE || from->joined != MT_WEKA_NONE))
        failed = add_list(self, "wait_for", from->joined, from->before, 0);
    if (!failed && from->started != MT_WEKA_NONE)
        failed = add_list(self, "branches", from->started, MT_WEKA_NONE, 1);
    if (!failed && from->agent > 0 && from->turn == 0)
        failed = mt_agent_member(&self->members, "prefix_reset") ||
                 mt_text_add(&self->members, "true", 4);
    if (failed)
        return mt_lines_no_memory(error);
    request->extra = (mt_span){self->members.bytes, self->members.length};
    return 0;
}

/* How long it waits after the last of those that it waits for, as far as the session says it. */
static void say_delay(weka_log *self, const mt_weka_request *from, mt_request *request) {
    const mt_weka_request *all = self->session.requests;
    int64_t end;
    if (from->before == MT_WEKA_NONE)
        return;
    if (from->think_ns != INT64_MIN && from->turn > 0 && from->joined == MT_WEKA_NONE) {
        request->delay_ns = from->think_ns;
    } else {
        if ((end = all[from->before].end_ns) == INT64_MIN)
            return;
        for (int64_t i = from->joined; i != MT_WEKA_NONE; i = all[i].next_joined) {
            if (all[i].end_ns == INT64_MIN)
                return;
            end = all[i].end_ns > end ? all[i].end_ns : end;
        }
        request->delay_ns = from->begin_ns > end ? from->begin_ns - end : 0;
    }
    request->has |= MT_HAS_DELAY;
}

static int weka_next(mt_log *log, mt_log_row *row, mt_error *error) {
    weka_log *self = (weka_log *)log;
    mt_request *request = &row->request;
    if (self->next_request == self->session.request_count) {
        int status = next_session(self, error);
        if (status <= 0)
            return status;
    }
    const mt_weka_request *from = &self->session.requests[self->next_request];
    const mt_weka_agent *agent = &self->session.agents[from->agent];
    request->line = self->list.text_line + from->line;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_SESSION;
    request->time_ns = self->start_ns + from->begin_ns;
    request->input_length = from->input;
    request->output_length = from->output;
    request->session = (mt_span){self->session.names.bytes + agent->name, agent->name_length};
    int failed =
        mt_log_check_prompt(log, from->input, "in", request->line, error) != 0 ||
        give_ids(self, from, request, error) != 0 || say_waits(self, from, request, error) != 0 ||
        mt_lines_text(from->model, &self->model, &self->model_capacity, &row->model, error) != 0;
    say_delay(self, from, request);
    self->next_request++;
    if (failed)
        return -1;
    return 1;
}

/* ---- opening ---- */

/* The first session says how large blocks are. */
static mt_code weka_open(mt_log *log, mt_error *error) {
    weka_log *self = (weka_log *)log;
    mt_error problem, *report = error ? error : &problem;
    log->has_model = 1;
    mt_random_begin(&self->random, log->options.start.seed, "convert", "starts");
    if (!log->input && read_folder(self, error) != MT_OK)
        return mt_code_of(error);
    while (next_session(self, report) < 0)
        if (!mt_log_passes_over(log, report))
            return mt_log_fails_later(log, report);
    return MT_OK;
}

static mt_code weka_check(const mt_log_options *options, mt_error *error) {
    return options->time_digits < 0
               ? MT_OK
               : mt_fail(error, MT_ERROR_VALUE,
                         "a weka log's times are in seconds: it has no other unit");
}

static int weka_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"requests\"") &&
           mt_log_has_word(text, length, "\"block_size\"");
}

const mt_log_kind mt_log_weka = {.format = {.name = "weka", .title = "kv-cache-tester"},
                                 .starts_unknown = 1,
                                 .has_waits = 1,
                                 .takes_folder = 1,
                                 .size = sizeof(weka_log),
                                 .recognises = weka_recognises,
                                 .member = "requests and block_size",
                                 .check = weka_check,
                                 .open = weka_open,
                                 .next = weka_next,
                                 .close = weka_close};
