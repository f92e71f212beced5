// One program of all rows of op_cases.c; see op_program.h.
#include "op_program.h"

#include <math.h>

#include "op_cases.h"

enum { MOST = 4 };  // outputs of a row, and tensors

static void add_output(GraphProgram *p, const char *name, Node *value) {
  p->output[p->outputs++] = (Output){.name = name, .value = value};
}

static void add_case(GraphProgram *p, const OpCase *c, const double **value) {
  Graph *g = p->graph;
  Node *in[3], *into[3];
  int first = g->tensors;
  const char *name = arena_format(g->arena, "%s row %d", op_name(c->op), (int)(c - op_cases));
  for (int i = 0; i < (c->op == OP_WEIGHT ? 1 : c->arity); i++) {
    value[g->tensors] = c->value[i];
    g->tensor[g->tensors++] = (TensorInfo){.name = arena_format(g->arena, "%s, input %d", name, i),
                                           .owner = name,
                                           .shape = c->in[i],
                                           .lo = -INFINITY,
                                           .hi = INFINITY,
                                           .span = {.file = -1}};
  }
  for (int i = 0; i < c->arity; i++) in[i] = node_weight(g, first + i);
  Node *y = c->op == OP_WEIGHT ? node_weight(g, first) : graph_node(g, c->op, c->arity, in, &c->attr, &c->given);
  add_output(p, name, y);
  if (!c->derivatives || !c->arity) return;
  graph_gradient(g, node_binary(g, OP_MUL, y, y), c->arity, in, into, NULL);
  for (int i = 0; i < c->arity; i++)
    if (into[i]) add_output(p, arena_format(g->arena, "%s, gradient %d", name, i), into[i]);
}

Data op_training(Arena *a) {
  enum { COUNT = 2 };
  float *value = NEW_ARRAY(a, float, COUNT *OP_EXAMPLES);
  Array *column = NEW(a, Array);
  for (int i = 0; i < COUNT * OP_EXAMPLES; i++) value[i] = (float)op_examples[i];
  *column = (Array){.examples = OP_EXAMPLES, .count = COUNT, .value = value, .scale = 1};
  return (Data){.examples = OP_EXAMPLES, .column = column};
}

GraphProgram *op_program(Arena *a, const double *const **tensor) {
  const double **value = NEW_ARRAY(a, const double *, MOST *op_case_count);
  GraphProgram *p = NEW(a, GraphProgram);
  *p = (GraphProgram){.name = "operations", .graph = graph_new(a)};
  p->graph->tensor = NEW_ARRAY(a, TensorInfo, MOST * op_case_count);
  p->output = NEW_ARRAY(a, Output, MOST * op_case_count);
  for (int k = 0; k < op_case_count; k++)
    if (op_cases[k].op != OP_INPUT) add_case(p, &op_cases[k], value);
  *tensor = value;
  return p;
}
