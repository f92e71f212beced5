// The model's own bijectors, tried out: does inverse undo forward, and is logdet the log of the determinant of the
// Jacobian? Part of the elaborator.
//
// A bijector is evaluated in double precision at random points, with the weights as they begin, each moved a little, so
// that one that begins as no map at all is seen too; what it is given as arguments is random within what is known of
// it. The Jacobian is taken by central differences. Where these do not settle, as at a kink, nothing is said.
#include "elaborate/elaborate.h"
#include "graph/reference.h"

#include <math.h>
#include <string.h>

enum {
  POINTS = 3,
  POINTS_OF_NUMBERS = 12,  // of a map of one number, which may have pieces
  FEW = 8,                 // numbers of a value: the Jacobian is taken at all points, of more at one
  MOST = 64,               // and of more than these at none
  SHOWN = 4                // of them are told
};
static const double STEP = 1e-6, TOLERANCE = 1e-4;
static const char point_stream[] = "a point of a probe";

typedef struct Probe {
  const Dist *flow;
  struct Probe *next;
} Probe;

typedef struct {
  const Dist *flow;
  Shape shape;  // of one value
  int64_t count;
  int points, jacobians;  // rows of x: the points, then for each of those with a Jacobian, of each number both sides
  double step;
  const Graph *graph;
  Node *y_node, *back_node, *logdet_node;  // back: NULL without an inverse
  const double **tensor;
  double *x, *y, *back, *logdet;
} Trial;

static int64_t rows_of(const Trial *t) { return t->points + 2 * t->count * t->jacobians; }

// ---- what there is to try

static bool alike(const Value *a, const Value *b) {
  if (a->kind != V_TENSOR || b->kind != V_TENSOR) return same_value(a, b);
  return shape_equal(event_shape(a), event_shape(b));
}

static Shape shape_of_map(const Dist *flow) {
  Dist map = *flow;
  map.own = ast_length(flow->decl->b);
  return own_event(&map);
}

void remember_bijector(Elab *e, const Dist *flow) {
  if (sources_text(e->sources, flow->decl->span.file)->library) return;
  Probe **end = &e->probes;
  for (; *end; end = &(*end)->next) {
    const Probe *p = *end;
    bool same = p->flow->decl == flow->decl && shape_equal(shape_of_map(p->flow), shape_of_map(flow));
    for (int i = 0; same && i < flow->params; i++) same = alike(&p->flow->param[i], &flow->param[i]);
    if (same) return;
  }
  *end = NEW(e->arena, Probe);
  (*end)->flow = flow;
}

// ---- random numbers

// A number between two bounds, which may be infinite, for u uniform on (0, 1).
static double between(double lo, double hi, double u) {
  bool from = lo > -1e6, to = hi < 1e6;
  if (from && to) return lo + (hi - lo) * u;
  if (from) return lo - log(u);
  return to ? hi + log(u) : log(u / (1 - u)) / 1.7;  // nearly normal
}

static double random_number(void *self, const Node *n, int64_t row, int64_t element) {
  const Trial *t = self;
  if ((uint32_t)n->attr.id == path_hash(point_stream)) return t->x[row * t->count + element];
  return between(n->lo, n->hi, reference_random(NULL, n, row, element));
}

static void choose_points(Trial *t) {
  const Support *s = &t->flow->base->support;
  Node n = {.attr = {.id = (int32_t)path_hash(point_stream)}};
  for (int64_t i = 0; i < t->points * t->count; i++)
    t->x[i] = between(s->lo, s->hi, reference_random(NULL, &n, i / t->count, i % t->count));
  double *row = t->x + t->points * t->count;
  for (int k = 0; k < t->jacobians; k++)
    for (int64_t i = 0; i < 2 * t->count; i++, row += t->count) {
      memcpy(row, t->x + k * t->count, (size_t)t->count * sizeof *row);
      row[i / 2] += i % 2 ? -t->step : t->step;
    }
}

// ---- the graph of it

// The flow over one value, with arguments of which the bounds are known and no more.
static Dist *bare_flow(Elab *e, const Trial *t) {
  Dist *d = NEW(e->arena, Dist);
  *d = *t->flow;
  d->event = t->shape;
  d->scope = scope_new(e, d->scope);
  int i = 0;
  for (const Ast *f = d->formals; f; f = f->next, i++) {
    Value v = d->param[i];
    if (v.kind != V_TENSOR) continue;
    uint32_t stream = path_hash(arena_format(e->arena, "argument %d of a probe", i));
    Shape whole = event_shape(&v), shape = {.rank = ast_length(f->c)};
    for (int k = 0; k < shape.rank; k++) shape.dim[k] = whole.dim[whole.rank - shape.rank + k];
    Node *n = node_random(e->graph, stream, RANDOM_ONCE, t->shape.rank && !f->c ? whole : shape);
    n->lo = v.node->lo, n->hi = v.node->hi;
    bind_name(e, d->scope, f->name, value_tensor(n, 0));
  }
  return d;
}

// False after reporting.
static bool build_trial(Elab *e, Trial *t) {
  Span where = t->flow->span;
  Dist *d = bare_flow(e, t);
  Node *points = node_random(e->graph, path_hash(point_stream), RANDOM_STEP, physical_shape(e, PLATE_BATCH, t->shape));
  points->lo = d->base->support.lo, points->hi = d->base->support.hi;
  Value at[2] = {value_tensor(points, PLATE_BATCH)};
  at[1] = map_member(e, d, "forward", at, where);
  if (at[1].kind != V_ERROR) at[1] = widen(e, at[1], PLATE_BATCH, t->shape);
  if (at[1].kind == V_ERROR) return false;
  Value back = map_member(e, d, "inverse", &at[1], where), logdet = map_member(e, d, "logdet", at, where);
  if (back.kind != V_ERROR && back.kind != V_NONE) back = widen(e, back, PLATE_BATCH, t->shape);
  if (logdet.kind != V_ERROR) logdet = widen(e, logdet, PLATE_BATCH, (Shape){0});
  t->graph = e->graph;
  t->y_node = at[1].node, t->back_node = back.kind == V_NONE ? NULL : back.node, t->logdet_node = logdet.node;
  return back.kind != V_ERROR && logdet.kind != V_ERROR;
}

// The values that tensors of the graph begin with, the weights moved a little; NULL for tensors that it does not read.
static const double **start_values(Elab *e, Arena *a, const Graph *g) {
  const double **value = NEW_ARRAY(a, const double *, e->tensors + 1);
  begin_program(e, 1, false);
  e->plates = 0;
  e->started = NEW_ARRAY(a, Started, e->tensors + 1);
  for (int i = 0; i < g->count; i++)
    if (g->node[i]->op == OP_WEIGHT) start_tensor(e, g->node[i]->attr.id);
  e->started = NULL;
  const double many = 1000, **input = NEW_ARRAY(a, const double *, e->graph->inputs + 1);  // the number of examples
  for (int i = 0; i < e->graph->inputs; i++) input[i] = &many;
  Trial none = {0};
  ReferenceInputs in = {.input = input, .random = random_number, .self = &none};
  Node **wanted = NEW_ARRAY(a, Node *, e->assigns + 1);
  double **into = NEW_ARRAY(a, double *, e->assigns + 1);
  for (int i = 0; i < e->assigns; i++) wanted[i] = e->assign[i].value;
  reference_eval_many(a, e->graph, &in, e->assigns, wanted, into);
  for (int i = 0; i < e->assigns; i++) {
    int t = e->assign[i].target->attr.id;
    bool moves = e->model->tensor[t].kind == TENSOR_WEIGHT;
    int64_t n = shape_count(wanted[i]->shape);
    double *own = NEW_ARRAY(a, double, n);  // two weights may begin as one value
    for (int64_t k = 0; k < n; k++)
      own[k] = into[i][k] + (moves ? 0.2 * (reference_random(NULL, e->assign[i].target, 0, k) - 0.5) : 0);
    value[t] = own;
  }
  return value;
}

// ---- what comes of it

static void evaluate_trial(Arena *a, Trial *t) {
  ReferenceInputs in = {.tensor = t->tensor, .random = random_number, .self = t};
  Node *wanted[3] = {t->y_node, t->logdet_node, t->back_node};
  double *value[3] = {0};
  t->x = NEW_ARRAY(a, double, rows_of(t) * t->count);
  choose_points(t);
  reference_eval_many(a, t->graph, &in, t->back_node ? 3 : 2, wanted, value);
  t->y = value[0], t->logdet = value[1], t->back = value[2];
}

// log |det| of the Jacobian at point k, from the rows around it.
static double log_determinant(Arena *a, const Trial *t, int k) {
  int64_t n = t->count;
  const double *row = t->y + (t->points + 2 * n * k) * n;
  double *j = NEW_ARRAY(a, double, n *n), sum = 0;
  for (int64_t c = 0; c < n; c++)
    for (int64_t r = 0; r < n; r++) j[r * n + c] = (row[2 * c * n + r] - row[(2 * c + 1) * n + r]) / (2 * t->step);
  for (int64_t c = 0; c < n; c++) {  // elimination, by the greatest pivot
    int64_t pivot = c;
    for (int64_t r = c + 1; r < n; r++) pivot = fabs(j[r * n + c]) > fabs(j[pivot * n + c]) ? r : pivot;
    sum += log(fabs(j[pivot * n + c]));
    for (int64_t i = 0; i < n && pivot != c; i++) {
      double swap = j[c * n + i];
      j[c * n + i] = j[pivot * n + i], j[pivot * n + i] = swap;
    }
    for (int64_t r = c + 1; r < n; r++) {
      double by = j[r * n + c] / j[c * n + c];
      for (int64_t i = c; i < n; i++) j[r * n + i] -= by * j[c * n + i];
    }
  }
  return sum;
}

static bool near(double a, double b) { return fabs(a - b) <= TOLERANCE * (1 + fabs(b)); }

static const char *point_text(Elab *e, const Trial *t, int k) {
  if (t->count > SHOWN) return "a random point";
  Text text = text_new(e->arena);
  text_add(&text, "x = %s", t->shape.rank ? "[" : "");
  for (int64_t i = 0; i < t->count; i++) text_add(&text, "%s%.3g", i ? ", " : "", t->x[k * t->count + i]);
  text_add(&text, "%s", t->shape.rank ? "]" : "");
  return text.data;
}

static void judge_inverse(Elab *e, const Trial *t) {
  for (int k = 0; k < t->points; k++) {
    double apart = 0;
    bool finite = true;
    for (int64_t i = k * t->count; i < (k + 1) * t->count; i++) {
      apart = fmax(apart, fabs(t->back[i] - t->x[i]) / (1 + fabs(t->x[i])));
      finite = finite && isfinite(t->y[i]) && isfinite(t->back[i]);
    }
    if (!finite || apart <= TOLERANCE) continue;
    complain(e, E0753, bijector_member(t->flow->decl, "inverse")->span, t->flow->decl->name, apart,
             point_text(e, t, k));
    report_note(e->sources, user_span(e, t->flow->span), "applied here");
    return;
  }
}

// Where the two differ, the differences are taken once more, at half the distance: they must agree.
static void judge_logdet(Elab *e, Arena *a, const Trial *t) {
  Trial again = *t;
  again.step = t->step / 2;
  again.y = NULL;
  for (int k = 0; k < t->jacobians; k++) {
    double wanted = log_determinant(a, t, k);
    if (!isfinite(wanted) || !isfinite(t->logdet[k]) || near(t->logdet[k], wanted)) continue;
    if (!again.y) evaluate_trial(a, &again);
    if (!near(log_determinant(a, &again, k), wanted)) continue;
    const Ast *logdet = bijector_member(t->flow->decl, "logdet");
    complain(e, E0754, logdet->span, t->flow->decl->name, t->logdet[k], wanted, point_text(e, t, k));
    report_note(e->sources, user_span(e, t->flow->span), "applied here");
    return;
  }
}

static void try_bijector(Elab *e, const Dist *flow) {
  Trial t = {.flow = flow, .shape = shape_of_map(flow), .step = STEP};
  t.count = shape_count(t.shape);
  t.points = t.shape.rank ? POINTS : POINTS_OF_NUMBERS;
  t.jacobians = t.count <= FEW ? t.points : t.count <= MOST;
  int tensors = e->tensors, errors = diagnostics_errors(e->sources);
  begin_program(e, rows_of(&t), false);
  if (!build_trial(e, &t)) return;
  Arena *scratch = arena_open(e->arena);
  t.tensor = start_values(e, scratch, t.graph);
  e->tensors = e->model->tensors = tensors;  // those of a declaration that nothing uses are forgotten
  if (diagnostics_errors(e->sources) == errors) {
    evaluate_trial(scratch, &t);
    if (t.back) judge_inverse(e, &t);
    judge_logdet(e, scratch, &t);
  }
  arena_close(scratch);
}

void try_bijectors(Elab *e) {
  for (const Probe *p = e->probes; p; p = p->next) try_bijector(e, p->flow);
}
