#include "prefix/cache/policy.h"

#include <string.h>

static const mt_policy *const policies[] = {
    &mt_policy_lru,     &mt_policy_fifo, &mt_policy_clock,  &mt_policy_sieve,
    &mt_policy_s3_fifo, &mt_policy_lfu,  &mt_policy_random, &mt_policy_optimum,
};

enum { POLICIES = sizeof policies / sizeof(const mt_policy *) }; // NOLINT

const mt_policy *const *mt_policies(size_t *count) {
    *count = POLICIES;
    return policies;
}

const mt_policy *mt_policy_named(const char *name) {
    for (size_t i = 0; i < POLICIES; i++)
        if (strcmp(policies[i]->name, name) == 0)
            return policies[i];
    return NULL;
}
