/* What inference servers say of themselves at /metrics (Prometheus' text format), by meaning rather than by
 * name: vLLM, SGLang, TensorRT-LLM, Triton (also with TensorRT-LLM in it), llama.cpp, TGI, Dynamo,
 * LMDeploy. Their names: the table in server_metrics.c.
 *
 * A series that is not there yet is not 0: servers make one when it is first used. */
#ifndef MT_DRIVE_SERVER_METRICS_H
#define MT_DRIVE_SERVER_METRICS_H

#include "base/span.h"

typedef enum mt_server_metric {
    MT_SERVER_RUNNING,  /* requests */
    MT_SERVER_WAITING,  /* requests */
    MT_SERVER_KV_USE,   /* 0..1: of the KV cache; the mean over engines */
    MT_SERVER_HIT_RATE, /* 0..1: of the prefix cache, in the last batch only (SGLang); likewise */
    /* Counters: */
    MT_SERVER_PREFIX_QUERIES, /* tokens (vLLM before 2025: blocks) looked up in the prefix cache */
    MT_SERVER_PREFIX_HITS,    /* and found there */
    MT_SERVER_PROMPT_TOKENS,
    MT_SERVER_CACHED_TOKENS, /* of prompts */
    MT_SERVER_OUTPUT_TOKENS,
    MT_SERVER_PREEMPTIONS,
    MT_SERVER_REQUESTS, /* answered well */
    MT_SERVER_FAILED,   /* requests that were not */
    MT_SERVER_METRICS
} mt_server_metric;

/* "running", "waiting", "kv_use", "prefix_queries", ...: names in results. */
extern const char *const mt_server_metric_names[MT_SERVER_METRICS];

/* Does it only grow, while the server runs? */
int mt_server_metric_is_counter(mt_server_metric metric);

/* values[metric]: the sum over all label sets (of a ratio the mean), NaN for what the text does not have.
 * Gives how many of the metrics it has. Lines that are no samples are passed over. */
int mt_server_metrics_read(mt_span text, double values[MT_SERVER_METRICS]);

#endif
