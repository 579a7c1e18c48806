/* Groups of a column's numbers by those of another. */
#include "lua/trace/column.h"

#include "stats/groups.h"

#include <math.h>

static void push_group(lua_State *L, const mt_group *group) {
    const struct {
        const char *name;
        double value;
    } members[] = {{"key", group->key},
                   {"sum", group->sum},
                   {"mean", group->sum / (double)group->count},
                   {"min", group->min},
                   {"max", group->max}};
    lua_createtable(L, 0, 6);
    mt_lua_set_count(L, "count", group->count);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        mt_lua_push_computed(L, members[i].value);
        lua_setfield(L, -2, members[i].name);
    }
}

/* What is grouped: values and their keys. */
typedef struct grouped {
    mt_lua_operand values, keys;
    size_t length;
} grouped;

/* A block of them from `first` on. */
typedef struct pair_block {
    double key_room[MT_LUA_COLUMN_BLOCK], value_room[MT_LUA_COLUMN_BLOCK];
    const double *keys, *values;
    size_t count;
} pair_block;

static void read_block(const grouped *self, size_t first, pair_block *block) {
    size_t left = self->length - first;
    block->count = left < MT_LUA_COLUMN_BLOCK ? left : MT_LUA_COLUMN_BLOCK;
    block->keys = mt_lua_operand_numbers(&self->keys, first, block->count, block->key_room);
    block->values = mt_lua_operand_numbers(&self->values, first, block->count, block->value_room);
}

/* The owner of a table, which a call of Lua's may leave. */
static int release_table(lua_State *L) {
    mt_group_table_free(lua_touserdata(L, 1));
    return 0;
}

static const char table_type[] = "moontide.groups";

/* Pushes the groups: 1. Nothing, and 0, where they have to be sorted. */
static int push_groups_by_place(lua_State *L, const grouped *self) {
    pair_block block;
    mt_group_table *table = mt_lua_new_owner(L, sizeof *table, table_type);
    for (size_t first = 0; first < self->length; first += block.count) {
        read_block(self, first, &block);
        int status = mt_group_table_add(table, block.keys, block.values, block.count);
        if (status < 0)
            return luaL_error(L, "out of memory (groups)");
        if (status == 0) {
            mt_group_table_free(table);
            lua_pop(L, 1);
            return 0;
        }
    }
    lua_Integer count = 0;
    lua_newtable(L);
    for (size_t i = 0; i < table->places; i++)
        if (table->groups[i].count > 0) {
            push_group(L, &table->groups[i]);
            lua_rawseti(L, -2, ++count);
        }
    mt_group_table_free(table);
    return 1;
}

static void push_groups_by_order(lua_State *L, const grouped *self) {
    pair_block block;
    size_t count = 0;
    mt_keyed *items = lua_newuserdatauv(L, self->length * sizeof *items, 0);
    for (size_t first = 0; first < self->length; first += block.count) {
        read_block(self, first, &block);
        for (size_t i = 0; i < block.count; i++)
            if (!isnan(block.keys[i]) && !isnan(block.values[i]))
                items[count++] = (mt_keyed){block.keys[i], block.values[i]};
    }
    mt_sort_keyed(items, count);
    lua_newtable(L);
    mt_group group;
    lua_Integer groups = 0;
    for (size_t i = 0; i < count; lua_rawseti(L, -2, ++groups)) {
        i = mt_next_group(items, count, i, &group);
        push_group(L, &group);
    }
}

/* column:group_by(keys) -> list of {key, count, sum, mean, min, max}, by key; what has no key or no
 * value is in no group */
static int group_by(lua_State *L) {
    grouped self = {.values = {mt_lua_check_column(L, 1), 0},
                    .keys = mt_lua_check_operand(L, 2, "group_by")};
    self.length = mt_lua_common_length(L, &self.values, &self.keys, "group_by");
    if (!push_groups_by_place(L, &self))
        push_groups_by_order(L, &self);
    return 1;
}

void mt_lua_register_column_groups(lua_State *L, int methods) {
    mt_lua_new_type(L, table_type, NULL, release_table, NULL);
    lua_pop(L, 1);
    lua_pushcfunction(L, group_by);
    lua_setfield(L, methods, "group_by");
}
