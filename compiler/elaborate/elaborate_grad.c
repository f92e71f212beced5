// grad(y, x): each example's own gradient, and each place's. Part of the elaborator.
//
// Where x has a plate that y has too, all places are differentiated at once, for y at a place hangs on x at that place
// alone; that it does is checked. Where x is the same at all places of a plate of y, each place is differentiated by
// itself, in the turns of a loop. What all examples share is the exception: a gradient by it adds up those of the
// examples, as training does.
#include "elaborate/elaborate.h"

#include <string.h>

static const char *argument_text(Elab *e, const Call *call, int i) {
  return call->ast[i] ? expression_text(e, call->ast[i]) : i ? "x" : "y";
}

static int64_t size_of_plates(const Elab *e, unsigned plates) {
  return shape_count(physical_shape(e, plates, (Shape){0}));
}

// Does y at one place of x's first plate hang on x at another? Says so.
static bool places_meet(Elab *e, const Call *call, const Value *y, const Value *x) {
  if (!x->plates) return false;
  int first = __builtin_ctz(x->plates);
  unsigned bit = plate_bit(first);
  int64_t outer = y->plates & bit ? size_of_plates(e, y->plates & (bit - 1)) : 0;
  const Node *meet = graph_parts_meet(e->graph, y->node, x->node, outer);
  if (!meet) return false;
  bool examples = bit & (e->others | PLATE_BATCH);
  complain(e, E0701, call->span, examples ? "examples" : "places", argument_text(e, call, 0),
           examples ? "example" : "place", argument_text(e, call, 1));
  report_note(e->sources, user_span(e, meet->span), "they meet here");
  if (examples)
    report_help(
        e->sources,
        "`layer_norm` in place of `batch_norm` keeps to each example; `stop(...)` holds what comes of the batch still");
  return true;
}

// The plates in the mask become the outermost axis of the node, and its others follow.
static Node *plates_first(Elab *e, const Value *v, unsigned mask) {
  int axis[MAX_RANK], n = 0, rank = v->node->shape.rank;
  for (int pass = 0; pass < 2; pass++)
    for (int p = 0, at = 0; p < MAX_PLATES; p++) {
      if (!(v->plates & plate_bit(p))) continue;
      if (((mask & plate_bit(p)) != 0) == (pass == 0)) axis[n++] = at;
      at++;
    }
  for (; n < rank; n++) axis[n] = n;
  Node *moved = node_permute(e->graph, v->node, axis);
  Shape s = {.rank = 1, .dim = {size_of_plates(e, mask)}};
  for (int i = __builtin_popcount(mask); i < rank; i++) s.dim[s.rank++] = moved->shape.dim[i];
  return node_reshape(e->graph, moved, s);
}

// The other way round, for a node [places, physical shape of x].
static Value plates_back(Elab *e, Node *n, const Value *x, unsigned mask) {
  Shape s = physical_shape(e, mask, (Shape){0});
  int axis[MAX_RANK], k = 0;
  if (s.rank + x->node->shape.rank > MAX_RANK) return complain(e, E0304, x->span, MAX_RANK), value_error();
  for (int i = 0; i < x->node->shape.rank; i++) s.dim[s.rank + i] = x->node->shape.dim[i];
  s.rank += x->node->shape.rank;
  int outer = 0, inner = s.rank - x->node->shape.rank;
  for (int p = 0; p < MAX_PLATES; p++) {
    if (mask & plate_bit(p)) axis[k++] = outer++;
    if (x->plates & plate_bit(p)) axis[k++] = inner++;
  }
  for (; k < s.rank; k++) axis[k] = k;
  return value_tensor(node_permute(e->graph, node_reshape(e->graph, n, s), axis), x->plates | mask);
}

Value call_grad(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value y = to_tensor(e, call->arg[0]), x = to_tensor(e, call->arg[1]);
  if (y.kind == V_ERROR || x.kind == V_ERROR) return value_error();
  if (event_rank(&y)) return complain(e, E0505, call->span, shape_text(e->arena, event_shape(&y))), value_error();
  if (places_meet(e, call, &y, &x)) return value_error();
  unsigned apart = y.plates & ~x.plates & (x.plates ? ~0u : ~(unsigned)PLATE_BATCH);
  int64_t places = size_of_plates(e, apart);
  Node *into = NULL;
  if (places > 1 && loops_around(e) == MAX_LOOPS) return complain(e, E0746, call->span, MAX_LOOPS), value_error();
  if (places > 1)
    into = graph_gradient_each(e->graph, plates_first(e, &y, apart), x.node);
  else
    graph_gradient(e->graph, y.node, 1, &x.node, &into, NULL);
  if (!into) return complain(e, E0506, call->span), value_error();
  if (places > 1)
    finding(e, "grad", call->span, "grad(%s, %s): %lld gradients, one for each place", argument_text(e, call, 0),
            argument_text(e, call, 1), (long long)places);
  return plates_back(e, into, &x, apart);
}
