// What the files of the functions that the compiler knows itself share: their tables, and how they read their
// arguments.
#ifndef GMC_ELABORATE_BUILTIN_H
#define GMC_ELABORATE_BUILTIN_H

#include "elaborate/elaborate.h"

#include <math.h>

typedef struct {
  const char *name;
  int least, most;                                         // positional arguments
  const char *keyword[4];                                  // accepted keywords
  Value (*fn)(Elab *e, const Call *call, Value *keyword);  // keyword[i].kind is NONE when absent
  const char *form, *what;                                 // for `gmc explain`
} Builtin;

extern const Builtin movements[];  // elaborate_move.c
extern const int movements_count;

static inline Value as_tensor(Elab *e, const Call *call, int i) { return to_tensor(e, call->arg[i]); }

// A keyword's whole number in [lo, hi], `absent` if not given; less than all of them after reporting.
static inline int64_t whole(Elab *e, const Call *call, Value v, double lo, double hi, int64_t absent) {
  if (v.kind == V_NONE) return absent;
  if (v.kind == V_NUMBER && floor(v.number) == v.number && v.number >= lo && v.number <= hi) return (int64_t)v.number;
  const char *said = v.kind == V_NUMBER ? arena_format(e->arena, "%g", v.number) : value_text(e, v);
  if (v.kind != V_ERROR) complain(e, E0313, call->span, said, lo, hi);
  return INT64_MIN;
}

// An argument's whole number from 1 on; 0 after reporting.
static inline int64_t count_of(Elab *e, const Call *call, Value v, double most) {
  if (v.kind == V_NONE) return complain(e, E0313, call->span, "none", 1.0, most), 0;
  int64_t n = whole(e, call, v, 1, most, 0);
  if (n < 1 && v.kind == V_NUMBER && v.number == -1)
    report_help(e->sources, "no size is found out here: write it, for instance as size(x) / 28");
  return n < 1 ? 0 : n;
}

static inline int64_t axis_of(Elab *e, const Call *call, Value v, int rank, int64_t absent) {
  int64_t axis = whole(e, call, v, -rank, rank - 1, absent);
  return axis < 0 && axis >= -rank ? axis + rank : axis;
}

// The sizes that the arguments from `first` on give; false after reporting.
static inline bool sizes(Elab *e, const Call *call, int first, Shape *s) {
  int64_t most = 2147483647;  // of elements
  *s = (Shape){0};
  for (int i = first; i < call->n; i++) {
    int64_t n = count_of(e, call, call->arg[i], (double)most);
    if (!n) return false;
    if (s->rank == MAX_RANK) return complain(e, E0304, call->span, MAX_RANK), false;
    s->dim[s->rank++] = n;
    most /= n;
  }
  return true;
}

// A square matrix, or some behind outer axes. Complains of anything else.
bool is_square(Elab *e, const Value *v, Shape s);

#endif
