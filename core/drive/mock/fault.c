/* Failures that are wanted. */
#include "drive/mock/state.h"

#include <stdlib.h>

/* What a server can bring about; the others are a client's, or a network's. */
static const int possible[] = {
    MT_FAILURE_REFUSED,          MT_FAILURE_FIRST_TIMEOUT,     MT_FAILURE_GAP_TIMEOUT,
    MT_FAILURE_TOTAL_TIMEOUT,    MT_FAILURE_RESET_BEFORE_BYTE, MT_FAILURE_RESET_IN_HEADER,
    MT_FAILURE_RESET_MID_STREAM, MT_FAILURE_CLOSED_MID_EVENT,  MT_FAILURE_CLOSED_BEFORE_BYTE,
    MT_FAILURE_NOT_HTTP,         MT_FAILURE_BAD_CHUNK,         MT_FAILURE_STATUS,
    MT_FAILURE_OVERLOAD,         MT_FAILURE_ERROR_EVENT,       MT_FAILURE_MALFORMED,
    MT_FAILURE_TRUNCATED,        MT_FAILURE_NO_CONTENT};

static const int64_t reset_after_ns = 20000000; /* so that what was sent is read before */
static const int64_t trickle_ns = 100000000;

int mt_mock_fault_by_name(const char *name, mt_mock_fault *fault) {
    *fault = (mt_mock_fault){0, -1, 500};
    if (strcmp(name, "stall") == 0)
        name = "gap_timeout";
    if (strcmp(name, "no_done") == 0)
        fault->kind = MT_FAULT_NO_DONE;
    else if (strcmp(name, "stale_connection") == 0)
        fault->kind = MT_FAULT_STALE;
    else if (strncmp(name, "status_", 7) == 0 && strlen(name) == 10 &&
             strspn(name + 7, "0123456789") == 3) {
        fault->status = atoi(name + 7);
        fault->kind = fault->status >= 400 && fault->status < 600 ? MT_FAILURE_STATUS : -1;
    } else {
        int failure = mt_failure_by_name(name);
        for (size_t i = 0; i < sizeof possible / sizeof *possible; i++)
            if (possible[i] == failure)
                fault->kind = failure;
    }
    return fault->kind < 0 ? -1 : 0;
}

void mt_fault_draw(const mt_mock *mock, mt_connection *connection) {
    mt_random random;
    connection->fault = MT_FAILURE_NONE;
    connection->has_failed = 0;
    if (mock->options.fault_count == 0)
        return;
    mt_random_start(&random, mock->fault_key);
    mt_random_seek(&random, connection->text.number);
    double drawn = mt_random_uniform(&random);
    for (size_t i = 0; i < mock->options.fault_count; i++) {
        const mt_mock_fault *fault = &mock->options.faults[i];
        if (fault->kind == MT_FAILURE_REFUSED)
            continue; /* the listener's */
        if (drawn < fault->share) {
            connection->fault = fault->kind;
            connection->fault_status = fault->status;
            break;
        }
        drawn -= fault->share;
    }
    int is_stale = connection->fault == MT_FAULT_STALE && connection->served == 0;
    if (is_stale || (connection->fault == MT_FAULT_NO_DONE && !connection->is_stream))
        connection->fault = MT_FAILURE_NONE;
}

/* Nothing more is said, or something at due_ns (MT_NEVER: not); the slot stays taken. */
static void hold(mt_mock *mock, mt_connection *connection, int64_t due_ns) {
    if (connection->state == MT_CONNECTION_READING)
        mock->running++;
    connection->state = MT_CONNECTION_HELD;
    if (due_ns != MT_NEVER)
        mt_connection_wait(mock, connection, due_ns);
}

/* Holds, and sends what is in mock->out: in this order, so that who is gone already is dropped as one that is under
 * way. */
static void send_and_hold(mt_mock *mock, mt_connection *connection, int64_t due_ns) {
    hold(mock, connection, due_ns);
    mt_connection_send(mock, connection);
}

void mt_fault_count(mt_mock *mock, mt_connection *connection) {
    mock->counts.failed++;
    connection->has_failed = 1;
}

int mt_fault_before_answer(mt_mock *mock, mt_connection *connection) {
    int fault = connection->fault;
    int takes_time = fault == MT_FAILURE_FIRST_TIMEOUT || fault == MT_FAILURE_RESET_IN_HEADER;
    if (fault == MT_FAILURE_NONE || fault == MT_FAILURE_NO_CONTENT || fault == MT_FAULT_NO_DONE ||
        mt_fault_is_midway(fault))
        return 0;
    mt_fault_count(mock, connection);
    if (!takes_time) /* else when its connection goes */
        mt_mock_log(mock, connection, "failed", 0);
    switch (fault) {
    case MT_FAILURE_FIRST_TIMEOUT:
        hold(mock, connection, MT_NEVER);
        break;
    case MT_FAILURE_RESET_BEFORE_BYTE:
        mt_connection_close(mock, connection, 1);
        break;
    case MT_FAILURE_CLOSED_BEFORE_BYTE:
    case MT_FAULT_STALE:
        mt_connection_close(mock, connection, 0);
        break;
    case MT_FAILURE_RESET_IN_HEADER:
        mt_bytes_text(&mock->out, "HTTP/1.1 200 OK\r\nserver: moontide\r\ncontent-ty");
        send_and_hold(mock, connection, mock->now_ns + reset_after_ns);
        break;
    case MT_FAILURE_NOT_HTTP:
        mt_bytes_text(&mock->out, "SSH-2.0-OpenSSH_9.2\r\n");
        mt_connection_send_and_close(mock, connection);
        break;
    case MT_FAILURE_STATUS:
        mt_mock_say_error(mock, connection, connection->fault_status,
                          "a failure that was asked for");
        break;
    case MT_FAILURE_OVERLOAD:
        mt_mock_say_error(mock, connection, mock->dialect->overload,
                          "an overload that was asked for");
        break;
    case MT_FAILURE_MALFORMED:
        mock->page.length = 0;
        mt_bytes_text(&mock->page, "<html><body><h1>It works!</h1></body></html>\n");
        mt_mock_put_answer(mock, connection, 200, "text/html", "");
        mt_connection_send(mock, connection);
        if (connection->state != MT_CONNECTION_CLOSED)
            mt_connection_answered(mock, connection);
        break;
    default:
        break;
    }
    return 1;
}

int mt_fault_is_midway(int fault) {
    return fault == MT_FAILURE_GAP_TIMEOUT || fault == MT_FAILURE_TOTAL_TIMEOUT ||
           fault == MT_FAILURE_RESET_MID_STREAM || fault == MT_FAILURE_CLOSED_MID_EVENT ||
           fault == MT_FAILURE_BAD_CHUNK || fault == MT_FAILURE_ERROR_EVENT ||
           fault == MT_FAILURE_TRUNCATED;
}

/* What is common to broken streams and broken whole answers; their halves are in mock->out. */
static void break_off(mt_mock *mock, mt_connection *connection) {
    switch (connection->fault) {
    case MT_FAILURE_GAP_TIMEOUT:
        send_and_hold(mock, connection, MT_NEVER);
        break;
    case MT_FAILURE_TOTAL_TIMEOUT:
        send_and_hold(mock, connection, mock->now_ns + trickle_ns);
        break;
    case MT_FAILURE_RESET_MID_STREAM:
        send_and_hold(mock, connection, mock->now_ns + reset_after_ns);
        break;
    default:
        mt_connection_send_and_close(mock, connection);
    }
}

void mt_fault_in_stream(mt_mock *mock, mt_connection *connection) {
    int is_whole = 0;
    mt_fault_count(mock, connection);
    switch (connection->fault) {
    case MT_FAILURE_CLOSED_MID_EVENT:
        mt_bytes_text(&mock->out, "000100\r\n");
        mt_bytes_text(&mock->out, connection->text.api->before);
        mt_bytes_text(&mock->out, "{\"id\":\"");
        break;
    case MT_FAILURE_BAD_CHUNK:
        mt_bytes_text(&mock->out, "zz\r\ndata: {}\n\n\r\n");
        break;
    case MT_FAILURE_ERROR_EVENT:
        mt_say_error(&mock->out, mock->dialect, connection->text.api, 500,
                     "a failure that was asked for");
        is_whole = 1;
        break;
    case MT_FAILURE_TRUNCATED:
        is_whole = 1;
        break;
    default:
        break;
    }
    if (!is_whole) {
        break_off(mock, connection);
        return;
    }
    mt_say_end(&mock->out);
    mt_connection_send(mock, connection);
    if (connection->state != MT_CONNECTION_RUNNING)
        return;
    mt_flight_over(mock, connection);
    mt_connection_answered(mock, connection);
}

int mt_fault_in_answer(mt_mock *mock, mt_connection *connection) {
    int fault = connection->fault;
    if (fault == MT_FAILURE_ERROR_EVENT) {
        mock->page.length = 0;
        mt_say_error_body(&mock->page, mock->dialect, connection->text.api, 500,
                          "a failure that was asked for");
        return 0;
    }
    if (!mt_fault_is_midway(fault) || fault == MT_FAILURE_TRUNCATED)
        return 0;
    mt_fault_count(mock, connection);
    if (fault == MT_FAILURE_BAD_CHUNK) {
        mt_bytes_text(&mock->out, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                                  "transfer-encoding: chunked\r\n\r\nzz\r\n");
    } else {
        mt_mock_put_answer(mock, connection, 200, "application/json", "");
        mock->out.length -= mock->page.length / 2;
    }
    break_off(mock, connection);
    return 1;
}

void mt_fault_due(mt_mock *mock, mt_connection *connection) {
    if (connection->fault != MT_FAILURE_TOTAL_TIMEOUT) {
        mt_connection_close(mock, connection, 1);
        return;
    }
    if (connection->is_stream)
        mt_say_comment(&mock->out, connection->text.api);
    mt_connection_send(mock, connection);
    if (connection->state == MT_CONNECTION_HELD)
        mt_connection_wait(mock, connection, mock->now_ns + trickle_ns);
}
