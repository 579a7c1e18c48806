#include "load/process/service.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

enum { FIRST_TOKEN, PER_TOKEN, PARTS };

static const char *const names[PARTS] = {"ttft", "per_token"};

struct mt_session_service {
    uint64_t references;
    mt_service_part parts[PARTS];
};

mt_session_service *mt_service_new(const mt_service_part *first_token,
                                   const mt_service_part *per_token, mt_error *error) {
    const mt_service_part *parts[PARTS] = {first_token, per_token};
    for (int i = 0; i < PARTS; i++)
        if (parts[i]->seconds && !(mt_distribution_lowest(parts[i]->seconds) >= 0))
            return mt_null(mt_fail(error, MT_ERROR_VALUE,
                                   "service: %s must not be negative: min=0 keeps it there",
                                   names[i]));
    mt_session_service *service = mt_new(sizeof *service, "service", error);
    if (!service)
        return NULL;
    service->references = 1;
    for (int i = 0; i < PARTS; i++) {
        service->parts[i] = *parts[i];
        if (parts[i]->seconds)
            mt_distribution_retain(parts[i]->seconds);
        else
            parts[i]->function.retain(parts[i]->function.context);
    }
    return service;
}

mt_session_service *mt_service_retain(mt_session_service *service) {
    if (service)
        service->references++;
    return service;
}

void mt_service_release(mt_session_service *service) {
    if (!service || --service->references > 0)
        return;
    for (int i = 0; i < PARTS; i++) {
        mt_service_part *part = &service->parts[i];
        mt_distribution_release(part->seconds);
        if (!part->seconds)
            part->function.release(part->function.context);
    }
    mt_free(service);
}

int mt_service_follows_load(const mt_session_service *service) {
    return !service->parts[FIRST_TOKEN].seconds || !service->parts[PER_TOKEN].seconds;
}

int mt_service_follows_time(const mt_session_service *service) {
    int follows = 0;
    for (int i = 0; i < PARTS; i++)
        follows |= service->parts[i].seconds && mt_distribution_varies(service->parts[i].seconds);
    return follows;
}

double mt_service_mean(const mt_session_service *service, double tokens) {
    double seconds[PARTS];
    for (int i = 0; i < PARTS; i++) {
        const mt_distribution *drawn = service->parts[i].seconds;
        seconds[i] = drawn ? mt_distribution_mean(drawn, 0, 0) : 0;
    }
    return seconds[FIRST_TOKEN] + seconds[PER_TOKEN] * tokens;
}

mt_code mt_service_draw(const mt_session_service *service, mt_random *random, double time,
                        uint64_t in_flight, uint64_t tokens, double *seconds, mt_error *error) {
    double taken[PARTS] = {0};
    for (int i = 0; i < PARTS; i++) {
        const mt_service_part *part = &service->parts[i];
        mt_code code = MT_OK;
        if (part->seconds)
            taken[i] = mt_distribution_draw(part->seconds, random, time);
        else
            code = part->function.call(part->function.context, in_flight, &taken[i], error);
        if (code != MT_OK)
            return code;
        if (!(taken[i] >= 0) || isinf(taken[i]))
            return mt_fail(error, MT_ERROR_VALUE, "service: %s of %g s came out at t = %.9g s",
                           names[i], taken[i], time);
    }
    *seconds = taken[FIRST_TOKEN] + taken[PER_TOKEN] * (double)tokens;
    return MT_OK;
}

void mt_service_text(const mt_session_service *service, char *buffer, size_t size) {
    char texts[PARTS][120];
    for (int i = 0; i < PARTS; i++)
        if (service->parts[i].seconds)
            mt_distribution_text(service->parts[i].seconds, texts[i], sizeof texts[i]);
        else
            snprintf(texts[i], sizeof texts[i], "function");
    snprintf(buffer, size, ", service={ttft=%s, per_token=%s}", texts[FIRST_TOKEN],
             texts[PER_TOKEN]);
}
