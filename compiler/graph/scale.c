// What a factor on the gradient does to an update: nothing, where the optimiser divides it out again.
//
// Every value has a degree: it is multiplied by c^degree when the gradients are multiplied by c. Those of an
// optimiser's slots follow from what is assigned to them, from zeros at the start; the new weight must have degree 0,
// as the old one.
#include "graph/graph_rules.h"

#include <math.h>

enum { TURNS = 4 };                     // of the slots' degrees; they settle in two
static const double any = INFINITY;     // of zero
static const double unknown = NAN;      // of a sum of unlike ones
static const double negligible = 1e-4;  // what stands beside a gradient to keep a division from 0

static double joined(double a, double b) { return a == any ? b : b == any || a == b ? a : unknown; }

// Degrees of a sum; a bound that is there for safety does not count.
static double sum_degree(const Node *n, const double *in) {
  double degree = joined(in[0], in[1]);
  for (int i = 0; i < 2 && isnan(degree); i++)
    if (in[i] == 0 && n->in[i]->lo >= -negligible && n->in[i]->hi <= negligible) degree = in[1 - i];
  return degree;
}

static double power_degree(const Node *n, const double *in) {
  if (n->in[1]->op == OP_CONST) return in[0] == any ? any : in[0] * n->in[1]->attr.value;
  return in[0] == 0 && in[1] == 0 ? 0 : unknown;
}

// Of a function that no power of c passes through.
static double plain_degree(const Node *n, const double *in) {
  for (int i = 0; i < n->arity; i++)
    if (in[i] != 0 && in[i] != any) return unknown;
  return 0;
}

static double concat_degree(const Node *n, const double *in) {
  double degree = any;
  for (int i = 0; i < n->arity; i++) degree = joined(degree, in[i]);
  return degree;
}

static double degree_of(const Node *n, const double *in) {
  switch (n->op) {
    case OP_CONST: return n->attr.value == 0 ? any : 0;
    case OP_ADD:
    case OP_SUB: return sum_degree(n, in);
    case OP_MAX:
    case OP_MIN: return joined(in[0], in[1]);
    case OP_SELECT: return in[0] == 0 || in[0] == any ? joined(in[1], in[2]) : unknown;
    case OP_LESS:
    case OP_EQUAL: return isnan(joined(in[0], in[1])) ? unknown : 0;
    case OP_SIGN: return isnan(in[0]) ? unknown : 0;
    case OP_MUL:
    case OP_CONV:
    case OP_CONV_INPUT:
    case OP_CONV_WEIGHT:
    case OP_MATMUL: return in[0] == any || in[1] == any ? any : in[0] + in[1];
    case OP_DIV: return in[0] == any ? any : in[1] == any ? unknown : in[0] - in[1];
    case OP_SQRT: return in[0] / 2;
    case OP_POW: return power_degree(n, in);
    case OP_CONCAT: return concat_degree(n, in);
    default: break;
  }
  bool moves = op_class(n->op) != ELEMENTWISE && n->op != OP_LOOP && n->arity == 1;
  bool keeps = n->op == OP_NEG || n->op == OP_ABS || moves;
  return keeps ? in[0] : plain_degree(n, in);
}

typedef struct {
  double *degree;  // of each node
  bool *given;     // a gradient: its degree is 1
  bool *reached;   // hangs on a gradient
  double *slot;    // degree of each tensor
  double *in;      // of one node's inputs
} Degrees;

static Degrees degrees_new(Arena *a, const Graph *g) {
  int most = 1;
  for (int id = 0; id < g->count; id++) most = g->node[id]->arity > most ? g->node[id]->arity : most;
  return (Degrees){NEW_ARRAY(a, double, g->count), NEW_ARRAY(a, bool, g->count), NEW_ARRAY(a, bool, g->count),
                   NEW_ARRAY(a, double, g->tensors), NEW_ARRAY(a, double, most)};
}

static void set_degrees(const Graph *g, const Degrees *d) {
  for (int id = 0; id < g->count; id++) {
    const Node *n = g->node[id];
    d->reached[id] = d->given[id];
    for (int i = 0; i < n->arity; i++) {
      d->in[i] = d->degree[n->in[i]->id];
      d->reached[id] = d->reached[id] || d->reached[n->in[i]->id];
    }
    d->degree[id] = d->given[id] ? 1 : n->op == OP_WEIGHT ? d->slot[n->attr.id] : degree_of(n, d->in);
  }
}

// Gives the slots the degrees of what is assigned to them; false if that changes any.
static bool set_slots(const Graph *g, const Degrees *d, int assigns, const Assign *assign) {
  bool settled = true;
  for (int i = 0; i < assigns; i++) {
    int t = assign[i].target->attr.id;
    double degree = d->degree[assign[i].value->id];
    if (g->tensor[t].kind != TENSOR_SLOT || d->slot[t] == degree) continue;
    d->slot[t] = degree;
    settled = false;
  }
  return settled;
}

bool graph_scale_free(const Graph *g, int n, Node *const *gradient, const int *tensor, int assigns,
                      const Assign *assign) {
  Arena *scratch = arena_open(g->arena);
  Degrees d = degrees_new(scratch, g);
  bool *wanted = NEW_ARRAY(scratch, bool, g->tensors), free = false;
  for (int i = 0; i < n; i++)
    if (gradient[i]) d.given[gradient[i]->id] = wanted[tensor[i]] = true;
  for (int t = 0; t < g->tensors; t++) d.slot[t] = g->tensor[t].kind == TENSOR_SLOT ? any : 0;
  for (int turn = 0; turn < TURNS && !free; turn++) {
    set_degrees(g, &d);
    free = set_slots(g, &d, assigns, assign);
  }
  for (int i = 0; i < assigns; i++) {
    int value = assign[i].value->id;
    if (wanted[assign[i].target->attr.id]) free = free && d.reached[value] && d.degree[value] == 0;
  }
  arena_close(scratch);
  return free;
}
