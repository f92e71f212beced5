// Values that are seen in part: observed(x, m). Part of the elaborator.
//
// Such a value is a tensor with a mask beside it, and no tensor itself: it is the point at which a distribution is
// asked. Of the density the terms of what is seen remain; a draw or a mean is of the rest, given what is seen. Whoever
// asks for a tensor is refused (to_tensor), so that no mask is lost unsaid.
#include "elaborate/elaborate_builtin.h"

Value whole_value(Value v) {
  if (v.kind != V_OBSERVED) return v;
  v.kind = V_TENSOR;
  v.item = NULL;
  v.items = 0;
  v.text = NULL;
  return v;
}

static Value observed(Elab *e, Value x, Value mask) {
  x.kind = V_OBSERVED;
  x.item = NEW(e->arena, Value);
  *x.item = mask;
  x.items = 1;
  x.terms = NULL;
  return x;
}

void refuse_observed(Elab *e, const Value *v) {
  if (v->text) {
    complain(e, E0722, v->span, v->text);
    report_help(e->sources, "write filled(%s, 0), and let a network see known(%s) too", v->text, v->text);
  } else {
    complain(e, E0303, v->span, value_text(e, *v));
    report_help(e->sources, "it stands in log p(observed(x, m) | z), and in draw and mean p(observed(x, m) | z)");
  }
}

// NULL: no column, but written so.
Value column_with_holes(Elab *e, const char *column, Value x, Value known) {
  if (x.kind == V_ERROR || known.kind == V_ERROR) return value_error();
  Value v = observed(e, x, known);
  v.text = column;
  v.span = x.span;
  return v;
}

Value to_point(Elab *e, Value v, Span where) {
  if (v.kind == V_LIST || v.kind == V_TENSOR) return to_tensor(e, v);
  if (v.kind == V_OBSERVED) {
    Value x = to_tensor(e, whole_value(v)), mask = to_tensor(e, *v.item);
    return column_with_holes(e, v.text, x, mask);
  }
  if (v.kind != V_NUMBER && v.kind != V_ERROR) complain(e, E0303, where, value_text(e, v)), v = value_error();
  return v;
}

Value widen_point(Elab *e, Value v, unsigned plates, Shape event) {
  if (v.kind != V_OBSERVED) return widen(e, v, plates, event);
  Value x = widen(e, whole_value(v), plates, event);
  return x.kind == V_ERROR ? x : observed(e, x, *v.item);
}

static Value over_copies(Elab *e, const Dist *d, Value v, int plate) {
  v = widen(e, v, v.kind == V_TENSOR ? v.plates : 0, d->event);
  return v.kind == V_ERROR ? v : event_to_plate(e, v, outer_event(d), plate);
}

Value point_of_copies(Elab *e, const Dist *d, Value point, int plate) {
  if (point.kind != V_OBSERVED) return over_copies(e, d, point, plate);
  Value x = over_copies(e, d, whole_value(point), plate), mask = over_copies(e, d, *point.item, plate);
  return x.kind == V_ERROR || mask.kind == V_ERROR ? value_error() : observed(e, x, mask);
}

// The last axes of an event whose places know of one another: those over which it is joint, or all of what has an
// order.
static int joint_axes(const Dist *d) { return d->ordered ? d->event.rank : d->own; }

bool shows_part(const Dist *d, const Value *point) {
  if (point->kind != V_OBSERVED) return false;
  Shape mask = event_shape(point->item);
  for (int i = 1; i <= joint_axes(d) && i <= mask.rank; i++)
    if (mask.dim[mask.rank - i] != 1) return true;
  return false;
}

// The mask of the independent copies: without the axes over which the distribution is joint.
static Value mask_of_copies(Elab *e, const Dist *d, const Value *point) {
  Shape s = event_shape(point->item);
  for (int i = 0; i < joint_axes(d) && s.rank; i++) s.dim[--s.rank] = 0;
  return reshape_event(e, *point->item, s);
}

Value where_seen(Elab *e, const Dist *d, Value terms, Value point, Span where) {
  if (terms.kind == V_ERROR) return terms;
  Value mask = mask_of_copies(e, d, &point);
  if (mask.kind == V_ERROR) return mask;
  return apply(e, OP_SELECT, where, 3, (Value[]){mask, terms, value_number(0)});
}

Value completed(Elab *e, const Dist *d, Value v) {
  if (!d->given || v.kind == V_ERROR) return v;
  int classes = v.classes;
  Value seen = *d->point.item, whole = whole_value(d->point);
  if (event_rank(&v) > event_rank(&whole)) {  // the chances of classes
    Shape one = event_shape(&seen);
    one.dim[one.rank++] = 1;
    seen = reshape_event(e, seen, one);
    whole = call_library(e, "onehot", d->span, 2, (Value[]){whole, value_number(d->classes)});
  }
  v = apply(e, OP_SELECT, d->span, 3, (Value[]){seen, whole, v});
  v.classes = classes;
  return v;
}

// ---- by Bayes' rule: log probabilities of n cases, up to a number they share, along a last axis

Value sample_place(Elab *e, Value logs, Span where) {
  if (logs.kind == V_ERROR) return logs;
  Call logits = {.span = where, .n = 1, .arg = {logs}, .name = {"logits"}};
  Value place = call_distribution(e, "categorical", &logits);
  if (place.kind != V_ERROR) place = sample_value(e, place.dist);
  if (place.kind != V_ERROR) place.node = node_unary(e->graph, OP_DISCRETE, place.node);
  return place;
}

// A mean lies where what it is the mean of does: said by a limit, for its sum may be off by a rounding.
Value limit_mean(Elab *e, Value mean, double lo, double hi, Span where) {
  if (mean.kind != V_ERROR && lo > mean.node->lo) mean = apply2(e, OP_MAX, where, mean, value_number(lo));
  if (mean.kind != V_ERROR && hi < mean.node->hi) mean = apply2(e, OP_MIN, where, mean, value_number(hi));
  return mean;
}

Value mean_by_shares(Elab *e, Value v, Value logs, Span where) {
  Value shares = logs.kind == V_ERROR ? logs : call_library(e, "softmax", where, 1, &logs);
  if (v.kind == V_ERROR || shares.kind == V_ERROR) return value_error();
  double lo = v.node->lo, hi = v.node->hi;
  v = apply2(e, OP_MUL, where, v, shares);
  if (v.kind == V_ERROR) return v;
  return limit_mean(e, reduce_events(e, OP_SUM, v, 1u << (event_rank(&v) - 1)), lo, hi, where);
}

// ---- the functions that make one, and take it apart

Value call_observed(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value x = call->arg[0], mask = as_tensor(e, call, 1);
  int classes = x.classes;
  x = x.kind == V_OBSERVED ? to_point(e, x, call->span) : to_tensor(e, x);
  if (x.kind == V_ERROR || mask.kind == V_ERROR) return value_error();
  Shape s = event_shape(&x), t = event_shape(&mask), merged;
  if (!broadcast_shapes(s, t, &merged) || !shape_equal(merged, s)) {
    complain(e, E0301, call->span, shape_text(e->arena, s), shape_text(e->arena, t), "observed");
    return value_error();
  }
  x.classes = classes;
  mask.node = node_unary(e->graph, OP_STOP, mask.node);
  if (x.kind != V_OBSERVED) return observed(e, x, mask);
  Value both = apply(e, OP_SELECT, call->span, 3, (Value[]){mask, *x.item, value_number(0)});
  return observed(e, whole_value(x), both);
}

Value call_known(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value x = call->arg[0];
  if (x.kind != V_OBSERVED) {
    x = to_tensor(e, x);
    return x.kind == V_ERROR ? x : value_tensor(node_const(e->graph, 1, event_shape(&x)), 0);
  }
  Value mask = to_tensor(e, *x.item);
  return mask.kind == V_ERROR
             ? mask
             : apply2(e, OP_SUB, call->span, value_number(1), apply2(e, OP_EQUAL, call->span, mask, value_number(0)));
}

// Where nothing is known of a label, `v` may be one of its values, or any other number: then it is a label no more.
Value call_filled(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value x = call->arg[0], v = as_tensor(e, call, 1);
  bool holes = x.kind == V_OBSERVED;
  int classes = x.classes;
  x = holes ? to_point(e, x, call->span) : to_tensor(e, x);
  if (x.kind == V_ERROR || v.kind == V_ERROR) return value_error();
  Shape s = event_shape(&x), t = event_shape(&v), merged;
  if (!broadcast_shapes(s, t, &merged) || !shape_equal(merged, s)) {
    complain(e, E0301, call->span, shape_text(e->arena, s), shape_text(e->arena, t), "filled");
    return value_error();
  }
  bool label = v.node->lo >= 0 && v.node->hi < classes && is_integral(v.node);
  if (holes) x = apply(e, OP_SELECT, call->span, 3, (Value[]){*x.item, whole_value(x), v});
  x.classes = label || !holes ? classes : 0;
  return x;
}
