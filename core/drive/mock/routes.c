/* What is asked for by which path. */
#include "drive/mock/state.h"

#include <stdio.h>

void mt_mock_put_answer(mt_mock *mock, const mt_connection *connection, int status,
                        const char *content_type, const char *more_head) {
    mt_say_head(&mock->out, status, content_type, mock->page.length, connection->closes, more_head);
    if (connection->http.method != MT_HTTP_METHOD_HEAD)
        mt_bytes_put(&mock->out, mock->page.data, mock->page.length);
}

/* Sends mock->page as the answer. */
static void answer(mt_mock *mock, mt_connection *connection, int status, const char *content_type,
                   const char *more_head) {
    mt_mock_put_answer(mock, connection, status, content_type, more_head);
    mt_connection_send(mock, connection);
    if (connection->state != MT_CONNECTION_CLOSED)
        mt_connection_answered(mock, connection);
}

void mt_mock_say_error(mt_mock *mock, mt_connection *connection, int status, const char *message) {
    int is_overload = status == 429 || status == 503 || status == 529;
    mock->page.length = 0;
    mt_say_error_body(&mock->page, mock->dialect, connection->text.api, status, message);
    answer(mock, connection, status, "application/json", is_overload ? "retry-after: 1\r\n" : "");
}

void mt_mock_refuse(mt_mock *mock, mt_connection *connection, int status, const char *message) {
    mock->counts.refused++;
    mt_mock_log(mock, connection, "refused", 0);
    mt_mock_say_error(mock, connection, status, message);
}

/* --- the model ---------------------------------------------------------------------------------- */

/* At most `rate_limit` requests in any second; of less than one, one in the time for it. */
static int is_over_rate(mt_mock *mock) {
    if (mock->let_most == 0)
        return 0;
    int64_t *oldest = &mock->let_ns[mock->next_let];
    if (*oldest != MT_NEVER && mock->now_ns - *oldest < mock->rate_window_ns)
        return 1;
    *oldest = mock->now_ns;
    mock->next_let = (mock->next_let + 1) % mock->let_most;
    return 0;
}

/* What this server would not take; 0: it takes it. Else the status, with a message. */
static int objection(const mt_mock *mock, const mt_api *api, const mt_ask *ask, char *message,
                     size_t size) {
    const mt_dialect *dialect = mock->dialect;
    const char *model = mock->options.model;
    int names_model = !api->dialect || ask->model.length > 0; /* not all of the others do */
    if (model && names_model &&
        (ask->model.length != strlen(model) ||
         memcmp(ask->model.text, model, ask->model.length) != 0)) {
        snprintf(message, size, "The model `%.*s` does not exist.",
                 (int)(ask->model.length < 100 ? ask->model.length : 100), ask->model.text);
        return 404;
    }
    if (ask->model.length >= sizeof((mt_connection *)0)->model) {
        snprintf(message, size, "the model's name is too long");
        return 400;
    }
    mt_span refused = dialect->refuses_forcing && ask->forcing.length > 0 ? ask->forcing
                      : dialect->refuses_unknown                          ? ask->unknown
                                                                          : (mt_span){"", 0};
    if (refused.length > 0 && !api->dialect) {
        snprintf(message, size, "Unrecognized request argument supplied: %.*s",
                 (int)(refused.length < 100 ? refused.length : 100), refused.text);
        return 400;
    }
    if (ask->has_ids && dialect->needs_text) {
        snprintf(message, size, "prompt must be a text");
        return 400;
    }
    uint64_t most = mock->options.most_tokens;
    if (most > 0 && ask->prompt_tokens + ask->most_tokens > most) {
        snprintf(message, size,
                 "This model's maximum context length is %llu tokens. However, you requested %llu "
                 "output tokens and your prompt contains %llu input tokens.",
                 (unsigned long long)most, (unsigned long long)ask->most_tokens,
                 (unsigned long long)ask->prompt_tokens);
        return dialect->too_long;
    }
    return 0;
}

/* A request for an answer of the model; `model` is the path's, where it has one. */
static void complete(mt_mock *mock, mt_connection *connection, mt_span body, mt_span model) {
    mt_ask ask;
    mt_error error = {0};
    char message[320];
    connection->received_ns = mock->now_ns;
    connection->text.number = mock->counts.requests++;
    mt_mock_log(mock, connection, "received", 0);
    if (is_over_rate(mock)) {
        mt_mock_refuse(mock, connection, 429, "rate limit reached");
        return;
    }
    mt_code code = mt_ask_read(body, connection->text.api, &ask, &mock->tokens, &error);
    if (code == MT_ERROR_MEMORY) {
        mock->error = error;
        mock->fails = 1;
    } else if (code != MT_OK) {
        mt_mock_refuse(mock, connection, 400, error.message);
    } else {
        ask.model = model.length > 0 ? model : ask.model;
        int status = objection(mock, connection->text.api, &ask, message, sizeof message);
        if (status)
            mt_mock_refuse(mock, connection, status, message);
        else
            mt_flight_begin(mock, connection, &ask);
    }
}

/* --- the rest ----------------------------------------------------------------------------------- */

static void say_health(mt_mock *mock, mt_connection *connection, mt_span body) {
    (void)body;
    mock->page.length = 0;
    answer(mock, connection, 200, "text/plain", "");
}

static void say_models(mt_mock *mock, mt_connection *connection, mt_span body) {
    (void)body;
    mock->page.length = 0;
    mt_bytes_format(&mock->page,
                    "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\","
                    "\"created\":%lld,\"owned_by\":\"%s\"}]}",
                    mock->options.model ? mock->options.model : "mock", (long long)mock->now_s,
                    mock->dialect->owner);
    answer(mock, connection, 200, "application/json", "");
}

static void say_metrics(mt_mock *mock, mt_connection *connection, mt_span body) {
    (void)body;
    mt_mock_metrics(mock);
    answer(mock, connection, 200, "text/plain; version=0.0.4; charset=utf-8", "");
}

/* SGLang's will not while anything runs; vLLM's says yes, whatever it does. */
static void reset_cache(mt_mock *mock, mt_connection *connection, mt_span body) {
    if (strcmp(mock->dialect->cache_reset, "/flush_cache") == 0 && mock->running > 0) {
        mt_mock_say_error(mock, connection, 400, "Flush cache failed.");
        return;
    }
    if (mock->cache)
        mt_mock_cache_clear(mock->cache);
    say_health(mock, connection, body);
}

static void tokenize(mt_mock *mock, mt_connection *connection, mt_span body) {
    mt_ask ask;
    mt_error error = {0}, chat_error = {0};
    mt_code code = mt_ask_read(body, &mt_api_completions, &ask, &mock->tokens, &error);
    if (code == MT_ERROR_INPUT &&
        mt_ask_read(body, &mt_api_chat, &ask, &mock->tokens, &chat_error) == MT_OK)
        code = MT_OK;
    if (code != MT_OK) {
        mt_mock_say_error(mock, connection, 400, error.message);
        return;
    }
    mt_bytes *page = &mock->page;
    page->length = 0;
    mt_bytes_format(page, "{\"count\":%zu,\"max_model_len\":%llu,\"tokens\":[", mock->tokens.count,
                    (unsigned long long)mock->options.most_tokens);
    for (size_t i = 0; i < mock->tokens.count; i++) {
        if (i > 0)
            mt_bytes_text(page, ",");
        mt_bytes_number(page, mock->tokens.items[i]);
    }
    mt_bytes_text(page, "]}");
    answer(mock, connection, 200, "application/json", "");
}

typedef struct route {
    const char *path;
    mt_http_method method;
    void (*serve)(mt_mock *mock, mt_connection *connection, mt_span body);
} route;

static const route routes[] = {
    {"/tokenize", MT_HTTP_METHOD_POST, tokenize},
    {"/reset_prefix_cache", MT_HTTP_METHOD_POST, reset_cache},
    {"/flush_cache", MT_HTTP_METHOD_POST, reset_cache},
    {"/health", MT_HTTP_METHOD_GET, say_health},
    {"/v2/health/ready", MT_HTTP_METHOD_GET, say_health},
    {"/ping", MT_HTTP_METHOD_GET, say_health},
    {"/v1/models", MT_HTTP_METHOD_GET, say_models},
    {"/metrics", MT_HTTP_METHOD_GET, say_metrics},
};

void mt_mock_route(mt_mock *mock, mt_connection *connection, mt_span body) {
    const char *target = connection->http.target;
    int is_head = connection->http.method == MT_HTTP_METHOD_HEAD;
    int method = is_head ? MT_HTTP_METHOD_GET : connection->http.method;
    size_t length = strcspn(target, "?");
    int status = 404;
    mt_span model;
    connection->text.api = mt_api_at(mock->dialect, (mt_span){target, length}, &model);
    if (connection->text.api && method == MT_HTTP_METHOD_POST) {
        complete(mock, connection, body, model);
        return;
    }
    if (connection->text.api)
        status = 405;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strlen(routes[i].path) != length || memcmp(routes[i].path, target, length) != 0)
            continue;
        const char *reset = mock->dialect->cache_reset;
        if (routes[i].serve == reset_cache && (!reset || strcmp(reset, routes[i].path) != 0))
            continue;
        if ((int)routes[i].method == method) {
            routes[i].serve(mock, connection, body);
            return;
        }
        status = 405;
    }
    mt_mock_say_error(mock, connection, status, status == 404 ? "Not Found" : "Method Not Allowed");
}
