/* Sums and sequences as balanced trees: ten thousand spikes added in a loop make a tree fourteen
 * levels deep, not a list of ten thousand. The order of the operands stays. This is the join of AVL
 * trees. */
#include "load/curve/kind.h"

/* Calls make() with the operands in the order that `swapped` says. */
static mt_curve *make_ordered(mt_curve_maker *make, int swapped, mt_curve *a, mt_curve *b,
                              mt_error *error) {
    return swapped ? make(b, a, error) : make(a, b, error);
}

mt_curve *mt_curve_join(const mt_curve_kind *kind, mt_curve_maker *make, mt_curve *a, mt_curve *b,
                        mt_error *error) {
    int swapped = b->depth > a->depth; /* mirrored, the deep one is always on the left */
    mt_curve *deep = swapped ? b : a, *other = swapped ? a : b;
    if (deep->kind != kind || deep->depth <= other->depth + 1)
        return make(a, b, error);
    mt_curve *far = deep->parts[swapped], *near = deep->parts[!swapped];
    mt_curve *merged = swapped ? mt_curve_join(kind, make, other, near, error)
                               : mt_curve_join(kind, make, near, other, error);
    if (!merged)
        return NULL;
    mt_curve *made = NULL;
    if (merged->kind == kind && merged->depth > far->depth + 1) {
        mt_curve *inner = make_ordered(make, swapped, far, merged->parts[swapped], error);
        if (inner)
            made = make_ordered(make, swapped, inner, merged->parts[!swapped], error);
        mt_curve_release(inner);
    } else {
        made = make_ordered(make, swapped, far, merged, error);
    }
    mt_curve_release(merged);
    return made;
}
