/* Results of a run between C and Lua, for the bindings of a replay and of a finished run's
 * requests. */
#ifndef MT_LUA_DRIVE_RESULTS_H
#define MT_LUA_DRIVE_RESULTS_H

#include "lua/binding.h"

#include "drive/measure/phases.h"

/* The field `objectives` of the table at `arg`, {{metric, limit}, ...}, as a list that, like the
 * table's own one, is left on the stack: two values. Raises at an unknown metric. */
const mt_objective *mt_lua_objectives(lua_State *L, int arg, size_t *count);

/* Pushes {due =, done =, ..., metrics = {key = {count =, avg =, p50 =, ...}}, failures = {{name =, count =,
 * status =, text =}, ...}, lacking = {key = (how many done ones lack this metric of an objective)}, ended = {done =,
 * good =, output_tokens =, input_tokens =, in_flight = seconds}}; moments that never came are not there. Sorts the
 * samples. */
void mt_lua_push_results(lua_State *L, mt_results *results);

/* The field `phases` of the table at `arg`, the seconds after the start at which each phase ends (math.huge:
 * the last has no end), as nanoseconds in a userdata that is left on the stack. */
const int64_t *mt_lua_phase_ends(lua_State *L, int arg, size_t *count);

/* Pushes {{results =, longest_gap = (ms; nil: there was none), is_recovered = (nil: unknown), recovery =
 * (seconds to it, or that were watched in vain)}, ...}. */
void mt_lua_push_phases(lua_State *L, mt_run_phases *phases);

#endif
