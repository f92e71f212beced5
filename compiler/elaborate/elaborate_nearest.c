// Examples of the training data that lie nearest to a value. Part of the elaborator.
#include "elaborate/elaborate_builtin.h"

#include <string.h>

static bool is_standardized(const Elab *e, int column) {
  for (int i = 0; i < e->stages; i++)
    if (e->stage[i].columns >> column & 1 && !strcmp(e->stage[i].callee->name, "standardize")) return true;
  return false;
}

// The column that a value is, by whatever name; -1 if none, or one whose stored numbers are not what the model sees.
static int column_of(const Elab *e, const Value *x) {
  for (int c = 0; x->kind == V_TENSOR && e->column_value && c < e->columns; c++) {
    if (e->column_value[c].kind != V_TENSOR || e->column_value[c].node != x->node) continue;
    bool stored = e->set[e->column[c].set].source->format != DATA_GENERATED && !is_standardized(e, c);
    return stored && !e->column[c].classes && !e->column[c].missing ? c : -1;
  }
  return -1;
}

static bool in_network(const Elab *e) {
  for (const Frame *f = e->frame; f; f = f->up)
    if (f->path) return true;
  return false;
}

Value call_nearest(Elab *e, const Call *call, Value *keyword) {
  Value s = as_tensor(e, call, 0), x = call->arg[1];
  int64_t place = whole(e, call, keyword[0], 1, MOST_NEAREST, 1);
  if (s.kind == V_ERROR || x.kind == V_ERROR || place < 1) return value_error();
  int column = in_network(e) ? -1 : column_of(e, &x);
  if (column < 0) return complain(e, E0642, x.span), value_error();
  Shape shape = e->column[column].shape, own = event_shape(&s);
  if (!shape_equal(shape, own)) {
    const char *name = e->column[column].name;
    complain(e, E0612, s.span, name, shape_text(e->arena, shape), shape_text(e->arena, own));
    return value_error();
  }
  int64_t count = shape_count(shape), rows = shape_count(s.node->shape) / count;
  Value examples = to_tensor(e, value_tensor(feed_node(e, INPUT_EXAMPLES), 0));
  Node *in[] = {node_reshape(e->graph, s.node, shape_of(2, (int64_t[]){rows, count})), examples.node};
  Node *near = graph_node(e->graph, OP_NEAREST, 2, in, &(Attr){.id = column, .flag = (int32_t)place}, NULL);
  near->lo = e->column[column].support.lo;
  near->hi = e->column[column].support.hi;
  return value_tensor(node_reshape(e->graph, near, s.node->shape), s.plates);
}
