// What the tensors begin with: the init program. Part of the elaborator.
//
// A start may speak of the training data: of the first examples in an order of chance, which are the init program's
// batch, and of sums over all of them, which a pass before it adds up. How many examples are asked for is known once
// the starts are evaluated; then they are evaluated again, with as many.
#include <string.h>

#include "elaborate/elaborate.h"
#include "elaborate/elaborate_builtin.h"

// The first value of what is kept beside a weight may speak of the weight's.
static Scope *start_scope(Elab *e, const TensorStart *start) {
  if (!start->beside) return start->scope;
  Scope *scope = scope_new(e, start->scope);
  bind_name(e, scope, "value", value_tensor(tensor_value(e, start->beside - 1), 0));
  return scope;
}

// ERROR after reporting.
static Value start_value(Elab *e, const TensorInfo *info, const TensorStart *start) {
  Span where = start->init ? start->init->span : info->span;
  Value v = start->init ? eval(e, start_scope(e, start), start->init) : free_beginning(e, &start->support);
  if (v.kind == V_DIST)
    v = draw(e, v, info->name, &info->shape, info->span);
  else if (start->drawn && v.kind != V_ERROR)
    complain(e, E0407, where, value_text(e, v)), v = value_error();
  v = to_tensor(e, v);
  if (v.kind == V_ERROR) return v;
  Shape own = event_shape(&v), merged;
  if (!broadcast_shapes(info->shape, own, &merged) || !shape_equal(merged, info->shape)) {
    complain(e, E0526, where, info->name, shape_text(e->arena, info->shape), shape_text(e->arena, own));
    return value_error();
  }
  if (v.plates) {
    complain(e, E0325, where);
    report_help(
        e->sources,
        "sample(x, n) gives some examples of the data, kmeans(x, n) centres of them, data_mean(x) the mean of all");
    return value_error();
  }
  v = widen(e, v, 0, info->shape);
  return start->init && v.kind != V_ERROR ? free_start(e, &start->support, info->name, v, where) : v;
}

void start_tensor(Elab *e, int t) {
  const TensorInfo info = e->model->tensor[t];
  const TensorStart start = e->start[t];
  if (e->started[t] == STARTING) complain(e, E0208, info.span, info.name);
  if (e->started[t] != UNSTARTED) return;
  if (info.file || info.statistic != STATISTIC_NONE) {  // its values stand there before the program runs
    e->started[t] = STARTED;
    return;
  }
  Outside loops = leave_loops(e);  // another tensor's start may ask for it in one
  Drawing outer = e->drawing;
  e->started[t] = STARTING;
  e->graph->span = info.span;
  e->drawing = (Drawing){.path = info.name, .event = info.shape, .active = !start.drawn};
  Value v = start_value(e, &info, &start);
  e->drawing = outer;
  e->started[t] = STARTED;
  if (v.kind != V_ERROR) tensor_assign(e, t, v.node);
  enter_loops(e, loops);
}

Value call_sample(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = to_tensor(e, call->arg[0]), n = call->arg[1];
  if (v.kind == V_ERROR) return v;
  if (!e->started) {
    complain(e, E0532, call->span, "sample(x, n)", "in the start of a parameter");
    return value_error();
  }
  if (v.plates != PLATE_BATCH) return complain(e, E0554, call->span, "sample(x, n)"), value_error();
  int64_t start[MAX_RANK] = {0}, rows = whole(e, call, n, 1, MAX_BATCH, 0);
  if (rows < 1) return value_error();
  Shape s = v.node->shape;
  s.dim[0] = rows;
  if (rows > e->start_rows) e->start_rows = rows;
  Node *some = rows > e->plate[0] ? node_const(e->graph, 0, s) : node_slice(e->graph, v.node, start, s);
  Value out = value_tensor(some, 0);
  out.classes = v.classes;
  return out;
}

// Evaluates all starts in a program of its own.
static void evaluate_starts(Elab *e) {
  begin_program(e, e->start_rows, false);
  e->plates = 0;
  e->started = NEW_ARRAY(e->arena, Started, e->tensors + 1);
  for (int t = 0; t < e->tensors; t++) start_tensor(e, t);
  e->started = NULL;
}

// Starts from outside the text: see Plan.from_values.
static void elaborate_from_values(Elab *e) {
  Outputs out = {0};
  bool any = false;
  begin_program(e, 1, true);
  e->plates = 0;
  for (int t = 0; t < e->tensors; t++) {
    Value v, back;
    if (!e->start[t].support.decl) continue;
    v = free_numbers(e, t, value_tensor(tensor_value(e, t), 0), &back);
    if (v.kind == V_ERROR || back.kind == V_ERROR) return;
    tensor_assign(e, t, v.node);
    add_output(e, &out, (Output){.name = e->model->tensor[t].name, .value = back.node});
    any = true;
  }
  for (int t = 0; t < e->tensors; t++) {
    const TensorStart *start = &e->start[t];
    if (!start->beside || !start->init || !mentions(start->init, "value")) continue;
    Value v = start_value(e, &e->model->tensor[t], start);
    if (v.kind == V_ERROR) return;
    e->model->tensor[t].beside = start->beside;
    tensor_assign(e, t, v.node);
    any = true;
  }
  if (any) e->model->from_values = 1 + end_program(e, "starts from outside", 1, out.of, out.n);
}

void elaborate_init(Elab *e) {
  Outputs out = {0};
  Totals totals = {.outputs = &out};
  int64_t rows = 0;
  e->unfinished = true;
  e->start_rows = 1;
  e->totals = &totals;
  while (rows != e->start_rows && !diagnostics_errors(e->sources)) {
    rows = e->start_rows;
    out = (Outputs){0};
    totals = (Totals){.outputs = &out};
    evaluate_starts(e);
  }
  e->model->init_sums = -1;
  if (totals.n && !diagnostics_errors(e->sources)) {
    e->assigns = 0;
    e->model->init_sums = end_program(e, "what starts add up", rows, out.of, out.n);
    totals.after = true;
    evaluate_starts(e);
  }
  e->totals = NULL;
  e->model->init = end_program(e, "init", rows, NULL, 0);
  if (!diagnostics_errors(e->sources)) elaborate_from_values(e);
  e->unfinished = false;
}
