#include "load/fields.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

typedef struct field {
    char *key;
    char **values; /* one for a constant; NULL: a number */
    size_t count;
    mt_alias *alias; /* NULL: a constant */
    mt_distribution *number;
} field;

struct mt_fields {
    uint64_t references;
    field *items;
    size_t count, capacity;
};

mt_fields *mt_fields_new(mt_error *error) {
    mt_fields *fields = mt_new(sizeof *fields, "fields", error);
    if (fields)
        fields->references = 1;
    return fields;
}

mt_fields *mt_fields_retain(mt_fields *fields) {
    fields->references++;
    return fields;
}

static void free_field(field *item) {
    for (size_t i = 0; item->values && i < item->count; i++)
        mt_free(item->values[i]);
    mt_free(item->values);
    mt_free(item->key);
    mt_alias_free(item->alias);
    mt_distribution_release(item->number);
}

void mt_fields_release(mt_fields *fields) {
    if (!fields || --fields->references > 0)
        return;
    for (size_t i = 0; i < fields->count; i++)
        free_field(&fields->items[i]);
    mt_free(fields->items);
    mt_free(fields);
}

/* A new last field with its key, or NULL. */
static field *add_field(mt_fields *fields, const char *key, mt_error *error) {
    char *copy = mt_copy_text(key, strlen(key));
    if (!copy || MT_GROW(fields->items, fields->capacity, fields->count + 1) != 0) {
        mt_free(copy);
        mt_fail_memory(error, "fields");
        return NULL;
    }
    field *item = &fields->items[fields->count++];
    *item = (field){.key = copy};
    return item;
}

/* A field that could not be filled leaves the list as it was. */
static mt_code drop_field(mt_fields *fields, mt_code code) {
    free_field(&fields->items[--fields->count]);
    return code;
}

static mt_code copy_values(field *item, const char *const *values, size_t count, mt_error *error) {
    item->values = mt_allocate_zero(count, sizeof *item->values);
    if (!item->values)
        return mt_fail_memory(error, "fields");
    item->count = count;
    for (size_t i = 0; i < count; i++) {
        item->values[i] = mt_copy_text(values[i], strlen(values[i]));
        if (!item->values[i])
            return mt_fail_memory(error, "fields");
    }
    return MT_OK;
}

mt_code mt_fields_constant(mt_fields *fields, const char *key, const char *value, mt_error *error) {
    field *item = add_field(fields, key, error);
    if (!item)
        return MT_ERROR_MEMORY;
    mt_code code = copy_values(item, &value, 1, error);
    return code == MT_OK ? MT_OK : drop_field(fields, code);
}

mt_code mt_fields_number(mt_fields *fields, const char *key, mt_distribution *distribution,
                         mt_error *error) {
    field *item = add_field(fields, key, error);
    if (!item)
        return MT_ERROR_MEMORY;
    item->number = mt_distribution_retain(distribution);
    return MT_OK;
}

mt_code mt_fields_choice(mt_fields *fields, const char *key, const char *const *values,
                         const double *weights, size_t count, mt_error *error) {
    field *item = add_field(fields, key, error);
    if (!item)
        return MT_ERROR_MEMORY;
    mt_code code = copy_values(item, values, count, error);
    if (code == MT_OK) {
        item->alias = mt_alias_new(weights, count, error);
        if (!item->alias)
            code = mt_code_of(error);
    }
    return code == MT_OK ? MT_OK : drop_field(fields, code);
}

static int is_hidden(const char *key, const mt_fields *const *over, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; over[i] && k < over[i]->count; k++)
            if (strcmp(over[i]->items[k].key, key) == 0)
                return 1;
    return 0;
}

mt_code mt_fields_draw(const mt_fields *fields, mt_random *random, double time, int compact,
                       int joined, mt_text *text, size_t *model_offset, size_t *model_length,
                       mt_error *error) {
    return mt_fields_draw_beneath(fields, NULL, 0, random, time, compact, joined, text,
                                  model_offset, model_length, error);
}

mt_code mt_fields_draw_beneath(const mt_fields *fields, const mt_fields *const *over, size_t count,
                               mt_random *random, double time, int compact, int joined,
                               mt_text *text, size_t *model_offset, size_t *model_length,
                               mt_error *error) {
    int failed = 0;
    for (size_t i = 0; i < fields->count; i++) {
        const field *item = &fields->items[i];
        char number[MT_NUMBER_ROOM];
        const char *value = number;
        size_t length;
        if (item->number) {
            double drawn = mt_distribution_draw(item->number, random, time);
            if (!isfinite(drawn))
                return mt_fail(error, MT_ERROR_VALUE, "field %s: %g came out at t = %.9g s",
                               item->key, drawn, time);
            length = mt_number_text(drawn, number);
        } else {
            value = item->values[item->alias ? mt_alias_draw(item->alias, random) : 0];
            length = strlen(value);
        }
        if (is_hidden(item->key, over, count))
            continue;
        if (joined)
            failed |= mt_text_add(text, compact ? "," : ", ", compact ? 1 : 2);
        failed |= mt_text_add(text, item->key, strlen(item->key));
        failed |= mt_text_add(text, compact ? ":" : ": ", compact ? 1 : 2);
        if (strcmp(item->key, "\"model\"") == 0) {
            *model_offset = text->length;
            *model_length = length;
        }
        failed |= mt_text_add(text, value, length);
        joined = 1;
    }
    return failed ? mt_fail_memory(error, "fields") : MT_OK;
}
