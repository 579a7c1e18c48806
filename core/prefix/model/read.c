#include "prefix/model/text.h"

#include "base/memory.h"
#include "prefix/model/reader.h"

static mt_code refuse_foreign(mt_model_scan *scan) {
    char text[40];
    const char *name = mt_input_name(scan->input);
    int status = mt_input_line(scan->input, &scan->line, scan->error);
    if (status < 0)
        return mt_code_of(scan->error);
    if (status == 0)
        return mt_fail_at(scan->error, MT_ERROR_INPUT, name, 0, 0, "this is no model: it is empty");
    return mt_fail_at(scan->error, MT_ERROR_INPUT, name, 1, 0,
                      "this is no model: it begins with '%s'%s",
                      mt_quote(scan->line.text, scan->line.length, text, sizeof text),
                      scan->line.length > 0 && scan->line.text[0] == '{'
                          ? " (of a trace 'moontide learn TRACE -o NAME.model' makes one)"
                          : "");
}

static mt_code read_version(mt_model_scan *scan, uint64_t *known) {
    int status = mt_input_begins(scan->input, MT_MODEL_MAGIC, scan->error);
    if (status < 0)
        return scan->code = mt_code_of(scan->error);
    if (status == 0)
        return scan->code = refuse_foreign(scan);
    mt_model_next_line(scan, "the version");
    mt_model_take(scan, MT_MODEL_MAGIC);
    uint64_t version = mt_model_next_number(scan, "the version", 1, UINT64_MAX);
    *known = version;
    if (version > MT_MODEL_VERSION)
        return mt_model_fail_line(
            scan,
            "a model of version %llu: this moontide reads version %d, a newer "
            "one is needed",
            (unsigned long long)version, MT_MODEL_VERSION);
    return mt_model_line_end(scan);
}

/* A line of a name and a number. */
static uint64_t read_named(mt_model_scan *scan, const char *name, uint64_t least, uint64_t most) {
    mt_model_next_line(scan, name);
    if (!mt_model_take(scan, name))
        mt_model_fail(scan, "a line with %s should stand here", name);
    uint64_t value = mt_model_next_number(scan, name, least, most);
    mt_model_line_end(scan);
    return value;
}

static mt_code read_order(mt_model_reader *r) {
    mt_model_next_line(&r->scan, "order");
    if (mt_model_take(&r->scan, "order kept"))
        r->model->gaps_in_order = 1;
    else if (!mt_model_take(&r->scan, "order left_out"))
        mt_model_fail(&r->scan, "a line 'order kept' or 'order left_out' should stand here");
    return mt_model_line_end(&r->scan);
}

static mt_code read_model(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    read_version(scan, &r->version);
    r->model->block_size = read_named(scan, "block_size", 1, INT64_MAX);
    r->requests = read_named(scan, "requests", 1, UINT64_MAX);
    r->runs = read_named(scan, "runs", 0, UINT64_MAX);
    r->instants = read_named(scan, "instants", 1, r->requests);
    read_order(r);
    mt_model_read_descriptions(r);
    mt_model_read_arrivals(r);
    if (r->version > 1)
        mt_model_read_chains(r);
    return mt_model_expect_end(scan);
}

mt_model *mt_model_read(mt_input *input, mt_error *error) {
    mt_model_reader reader = {.scan = {.input = input, .error = error}};
    if (!(reader.model = mt_new(sizeof *reader.model, "model", error)))
        return NULL;
    reader.model->references = 1;
    if (read_model(&reader) != MT_OK) {
        mt_model_release(reader.model);
        return NULL;
    }
    return reader.model;
}
