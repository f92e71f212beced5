// The graph as text, and back: for --dump, and for tests of passes, whose input and output are such texts.
//
//   program "train 1"
//   tensor weight "q/dense_1/W" of "q" [784, 400]
//   input column 0 "x" [128, 784] in 0 .. 1
//   %0 = input "x" [128, 784]
//   %1 = weight "q/dense_1/W" [784, 400]
//   %2 = matmul %0 %1 [128, 400]  # cvae.gm:12
//   %3 = sum %2 {axes=1} [128]
//   body of 28                                the body of the loop that follows; `of 28 reversed`: from the last turn
//     input carried "h" [64]
//     %0 = input "h" [64]
//     next %0                                 what each carried input is in the turn after, in order
//     each %0                                 what is stacked
//   end
//   %4 = loop %3 []
//   output "loss" %3 per_example
//   assign "q/dense_1/W" %1
//
// Nodes are numbered anew, densely, so that printing what was read gives the same text. Invariant: graph_parse builds
// by graph_node, so that what it returns holds every invariant of the graph, or it fails with the line.
#include "graph/graph_rules.h"
#include "graph/names.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {[TENSOR_WEIGHT] = "weight", [TENSOR_STATE] = "state", [TENSOR_SLOT] = "slot", [TENSOR_AVERAGE] = "average"};
static const char *const input_names[] = {
    [INPUT_COLUMN] = "column", [INPUT_KNOWN] = "known",       [INPUT_STEP] = "step", [INPUT_EPOCH] = "epoch",
    [INPUT_UPDATE] = "update", [INPUT_EXAMPLES] = "examples", [INPUT_ROWS] = "rows", [INPUT_TOTAL] = "total",
    [INPUT_REST] = "rest"};
static const char *const operand_names[] = {
    [OPERAND_CARRIED] = "carried", [OPERAND_SLICED] = "sliced", [OPERAND_FIXED] = "fixed"};

// ---- printing

// The shortest decimal that reads back as the same number (the same float, if `single`).
static void print_number(Text *t, double value, bool single) {
  char digits[40];
  for (int precision = 1; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, value);
    double back = strtod(digits, NULL);
    if (back == value || (single && (float)back == (float)value) || isnan(value)) break;
  }
  text_add(t, "%s", digits);
}

static void print_string(Text *t, const char *s) {
  text_add(t, "\"");
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    text_add(t, c < 32 || c == '"' || c == '\\' || c == 127 ? "\\x%02x" : "%c", c);
  }
  text_add(t, "\"");
}

static void print_range(Text *t, double lo, double hi) {
  if (lo == -INFINITY && hi == INFINITY) return;
  text_add(t, " in ");
  print_number(t, lo, false);
  text_add(t, " .. ");
  print_number(t, hi, false);
}

static void print_list(Text *t, const char *name, const int64_t *list) {
  int n = MAX_RANK;
  while (n > 0 && list[n - 1] == 0) n--;
  for (int i = 0; i < n; i++) text_add(t, "%s%lld", i ? "," : name, (long long)list[i]);
}

static void print_attr(Text *t, const Attr *attr) {
  Text inside = text_new(t->arena);
  print_list(&inside, " a=", attr->a);
  print_list(&inside, " b=", attr->b);
  if (attr->axes) text_add(&inside, " axes=%u", attr->axes);
  if (attr->flag) text_add(&inside, " flag=%d", attr->flag);
  if (attr->id) text_add(&inside, " id=%d", attr->id);
  if (inside.length) text_add(t, " {%s}", inside.data + 1);
}

// What a node needs beside its inputs.
static void print_detail(Text *t, const Graph *g, const Node *n) {
  switch (n->op) {
    case OP_CONST:
      text_add(t, " ");
      print_number(t, n->attr.value, true);
      break;
    case OP_WEIGHT:
    case OP_INPUT:
      text_add(t, " ");
      print_string(t, n->op == OP_WEIGHT ? g->tensor[n->attr.id].name : g->input[n->attr.id].name);
      break;
    default: print_attr(t, &n->attr);
  }
}

// Numbers the nodes that the program needs from 0, the others -1.
static int *number_nodes(Arena *a, const GraphProgram *p) {
  const Graph *g = p->graph;
  int *number = NEW_ARRAY(a, int, g->count + 1);
  for (int i = 0; i < p->outputs; i++) number[p->output[i].value->id] = 1;
  for (int i = 0; i < p->assigns; i++) number[p->assign[i].value->id] = 1;
  for (int id = g->count - 1; id >= 0; id--) {
    for (int i = 0; number[id] && i < g->node[id]->arity; i++) number[g->node[id]->in[i]->id] = 1;
  }
  int next = 0;
  for (int id = 0; id < g->count; id++) number[id] = number[id] ? next++ : -1;
  return number;
}

static void indent(Text *t, int depth) { text_add(t, "%*s", 2 * depth, ""); }

static void print_body(Text *t, const Graph *g, const GraphLoop *l, int depth);

static void print_node(Text *t, const Graph *g, const Node *n, const int *number, int depth) {
  if (n->attr.loop) print_body(t, g, n->attr.loop, depth);
  indent(t, depth);
  text_add(t, "%%%d = %s", number[n->id], op_name(n->op));
  for (int i = 0; i < n->arity; i++) text_add(t, " %%%d", number[n->in[i]->id]);
  print_detail(t, g, n);
  text_add(t, " %s", shape_text(t->arena, n->shape));
  if (g->sources && n->span.file >= 0) {
    text_add(t, "  # %s:%d", sources_text(g->sources, n->span.file)->name, span_line(g->sources, n->span));
    if (n->name) text_add(t, ": %s", node_name_text(t->arena, g, n));
  }
  text_add(t, "\n");
}

// `outer` has the sources that places are told by.
static void print_body(Text *t, const Graph *outer, const GraphLoop *l, int depth) {
  GraphProgram *p = loop_program(t->arena, l);
  int *number = number_nodes(t->arena, p);
  Graph body = *l->body;
  body.sources = outer->sources;
  indent(t, depth);
  text_add(t, "body of %lld%s\n", (long long)l->times, l->reversed ? " reversed" : "");
  for (int i = 0; i < l->inputs; i++) {
    const InputInfo *in = &body.input[i];
    indent(t, depth + 1);
    text_add(t, "input %s ", operand_names[l->kind[i]]);
    print_string(t, in->name);
    text_add(t, " %s", shape_text(t->arena, in->shape));
    print_range(t, in->lo, in->hi);
    text_add(t, "\n");
  }
  for (int id = 0; id < body.count; id++)
    if (number[id] >= 0) print_node(t, &body, body.node[id], number, depth + 1);
  for (int i = 0; i < p->outputs; i++) {
    indent(t, depth + 1);
    text_add(t, "%s %%%d\n", i < p->outputs - l->stacked ? "next" : "each", number[p->output[i].value->id]);
  }
  indent(t, depth);
  text_add(t, "end\n");
}

static void print_tensors(Text *t, const GraphProgram *p, const int *number) {
  const Graph *g = p->graph;
  bool *needed = NEW_ARRAY(t->arena, bool, g->tensors + 1);
  for (int id = 0; id < g->count; id++) {
    if (number[id] >= 0 && g->node[id]->op == OP_WEIGHT) needed[g->node[id]->attr.id] = true;
  }
  for (int i = 0; i < p->assigns; i++) needed[p->assign[i].target->attr.id] = true;
  for (int i = 0; i < g->tensors; i++) {
    const TensorInfo *tensor = &g->tensor[i];
    if (!needed[i]) continue;
    text_add(t, "tensor %s ", kind_names[tensor->kind]);
    print_string(t, tensor->name);
    text_add(t, " of ");
    print_string(t, tensor->owner ? tensor->owner : "");
    text_add(t, " %s", shape_text(t->arena, tensor->shape));
    print_range(t, tensor->lo, tensor->hi);
    text_add(t, "\n");
  }
}

static void print_inputs(Text *t, const Graph *g) {
  for (int i = 0; i < g->inputs; i++) {
    const InputInfo *input = &g->input[i];
    text_add(t, "input %s %d ", input_names[input->kind], input->index);
    print_string(t, input->name);
    text_add(t, " %s", shape_text(t->arena, input->shape));
    print_range(t, input->lo, input->hi);
    text_add(t, "\n");
  }
}

void graph_print(Text *t, const GraphProgram *p) {
  const Graph *g = p->graph;
  int *number = number_nodes(t->arena, p);
  text_add(t, "program ");
  print_string(t, p->name);
  text_add(t, "\n");
  print_tensors(t, p, number);
  print_inputs(t, g);
  for (int id = 0; id < g->count; id++) {
    if (number[id] >= 0) print_node(t, g, g->node[id], number, 0);
  }
  for (int i = 0; i < p->outputs; i++) {
    text_add(t, "output ");
    print_string(t, p->output[i].name);
    const Output *o = &p->output[i];
    text_add(t, " %%%d%s%s%s%s%s", number[o->value->id], o->per_example ? " per_example" : "",
             o->coupled ? " coupled" : "", o->total ? " total" : "", o->summed ? " summed" : "", o->least ? " least" : "");
    if (o->gathered) text_add(t, " gathered %lld", (long long)o->gathered);
    text_add(t, "\n");
  }
  for (int i = 0; i < p->assigns; i++) {
    text_add(t, "assign ");
    print_string(t, g->tensor[p->assign[i].target->attr.id].name);
    text_add(t, " %%%d\n", number[p->assign[i].value->id]);
  }
}

// ---- parsing

// A program, or the body of a loop in it.
typedef struct Reading {
  Graph *graph;
  Node **node;  // as numbered in the text
  int nodes;
  GraphLoop *loop;  // whose body it is, or NULL
  int nexts;        // carried inputs that have theirs
  GraphLoop *done;  // the last body within that has ended and has no node yet
  struct Reading *up;
} Reading;

typedef struct {
  Arena *arena;
  const char *at;  // next character
  int line, lines;
  GraphProgram *program;
  Reading *in;
} Reader;

static _Noreturn void mistake(Reader *r, const char *what) {
  fail(r->arena, EXIT_DATA, "graph text, line %d: %s", r->line, what);
}

static bool accept(Reader *r, const char *token) {
  size_t length = strlen(token);
  while (*r->at == ' ') r->at++;
  if (strncmp(r->at, token, length) != 0) return false;
  bool word = isalnum((unsigned char)token[length - 1]);
  if (word && (isalnum((unsigned char)r->at[length]) || r->at[length] == '_')) return false;
  r->at += length;
  return true;
}

static void expect(Reader *r, const char *token) {
  if (!accept(r, token)) mistake(r, arena_format(r->arena, "expected `%s`", token));
}

static void skip_spaces(Reader *r) {
  while (*r->at == ' ') r->at++;
  if (isspace((unsigned char)*r->at)) mistake(r, "the line ends too soon");
}

static int64_t read_integer(Reader *r, int64_t most) {
  char *end;
  skip_spaces(r);
  errno = 0;
  long long value = strtoll(r->at, &end, 10);
  if (end == r->at) mistake(r, "expected a whole number");
  if (errno || value > most || value < -most - 1) mistake(r, "the number is out of range");
  r->at = end;
  return value;
}

static double read_number(Reader *r) {
  char *end;
  skip_spaces(r);
  double value = strtod(r->at, &end);
  if (end == r->at) mistake(r, "expected a number");
  r->at = end;
  return value;
}

// The character of \xNN, after the backslash.
static char read_escape(Reader *r) {
  const char *x = r->at;
  if (x[0] != 'x' || !isxdigit((unsigned char)x[1]) || !isxdigit((unsigned char)x[2])) mistake(r, "\\ needs xNN");
  char c = (char)strtol((char[]){x[1], x[2], 0}, NULL, 16);
  if (c == 0) mistake(r, "a name cannot hold \\x00");
  r->at += 3;
  return c;
}

static const char *read_string(Reader *r) {
  expect(r, "\"");
  Text t = text_new(r->arena);
  while (*r->at != '"') {
    char c = *r->at++;
    if (c == 0 || c == '\n') mistake(r, "a name without its closing quote");
    if (c == '\\') c = read_escape(r);
    text_append(&t, &c, 1);
  }
  r->at++;
  return t.data;
}

static Shape read_shape(Reader *r) {
  Shape s = {0};
  expect(r, "[");
  if (accept(r, "]")) return s;
  do {
    if (s.rank == MAX_RANK) mistake(r, "too many axes");
    s.dim[s.rank++] = read_integer(r, INT64_MAX / 2);
  } while (accept(r, ","));
  expect(r, "]");
  const char *wrong = graph_shape(r->in->graph, &(Node){.op = OP_CONST, .shape = s}, &s);
  if (wrong) mistake(r, wrong);
  return s;
}

static void read_range(Reader *r, double *lo, double *hi) {
  *lo = -INFINITY, *hi = INFINITY;
  if (!accept(r, "in")) return;
  *lo = read_number(r);
  expect(r, "..");
  *hi = read_number(r);
  if (!(*lo <= *hi)) mistake(r, "the bounds are empty");
}

static int read_choice(Reader *r, int n, const char *const *name) {
  for (int i = 0; i < n; i++) {
    if (accept(r, name[i])) return i;
  }
  Text known = text_new(r->arena);
  for (int i = 0; i < n; i++) text_add(&known, "%s%s", i ? ", " : "", name[i]);
  mistake(r, arena_format(r->arena, "expected one of %s", known.data));
}

static Node *read_node_number(Reader *r) {
  expect(r, "%");
  int64_t k = read_integer(r, INT32_MAX);
  if (k < 0 || k >= r->in->nodes) mistake(r, "there is no such node yet");
  return r->in->node[k];
}

static int read_tensor_name(Reader *r) {
  const char *name = read_string(r);
  for (int i = 0; i < r->in->graph->tensors; i++) {
    if (strcmp(r->in->graph->tensor[i].name, name) == 0) return i;
  }
  mistake(r, arena_format(r->arena, "there is no tensor %s", printable(r->arena, name)));
}

static int read_input_name(Reader *r) {
  const char *name = read_string(r);
  for (int i = 0; i < r->in->graph->inputs; i++) {
    if (strcmp(r->in->graph->input[i].name, name) == 0) return i;
  }
  mistake(r, arena_format(r->arena, "there is no input %s", printable(r->arena, name)));
}

static void read_list(Reader *r, int64_t *list) {
  int n = 0;
  do {
    if (n == MAX_RANK) mistake(r, "too many axes");
    list[n++] = read_integer(r, INT64_MAX / 4);
  } while (accept(r, ","));
}

static void read_attr(Reader *r, Attr *attr) {
  if (!accept(r, "{")) return;
  while (!accept(r, "}")) {
    static const char *const fields[] = {"a=", "b=", "axes=", "flag=", "id="};
    switch (read_choice(r, 5, fields)) {
      case 0: read_list(r, attr->a); break;
      case 1: read_list(r, attr->b); break;
      case 2: attr->axes = (uint32_t)read_integer(r, (1 << MAX_RANK) - 1); break;
      case 3: attr->flag = (int32_t)read_integer(r, INT32_MAX); break;
      default: attr->id = (int32_t)read_integer(r, INT32_MAX);
    }
  }
}

static Op read_op(Reader *r) {
  for (int op = 0; op < OP_COUNT; op++) {
    if (accept(r, op_name((Op)op))) return (Op)op;
  }
  mistake(r, "unknown operation");
}

static void read_node(Reader *r) {
  if (read_integer(r, INT32_MAX) != r->in->nodes) mistake(r, "nodes must be numbered from 0 in order");
  expect(r, "=");
  Node draft = {.op = read_op(r)};
  draft.in = NEW_ARRAY(r->arena, Node *, strlen(r->at) + 1);
  while (accept(r, "%")) {
    r->at--;
    draft.in[draft.arity++] = read_node_number(r);
  }
  switch (draft.op) {
    case OP_CONST: draft.attr.value = read_number(r); break;
    case OP_WEIGHT: draft.attr.id = read_tensor_name(r); break;
    case OP_INPUT: draft.attr.id = read_input_name(r); break;
    case OP_LOOP:
      draft.attr.loop = r->in->done;
      r->in->done = NULL;
      break;
    default: read_attr(r, &draft.attr);
  }
  Shape written = read_shape(r), shape;
  draft.shape = written;
  const char *wrong = graph_shape(r->in->graph, &draft, &shape);
  if (wrong) mistake(r, wrong);
  if (!shape_equal(shape, written)) {
    mistake(r, arena_format(r->arena, "the shape is %s", shape_text(r->arena, shape)));
  }
  r->in->node[r->in->nodes++] = graph_node(r->in->graph, draft.op, draft.arity, draft.in, &draft.attr, &written);
}

static void read_tensor(Reader *r) {
  TensorInfo *tensor = &r->in->graph->tensor[r->in->graph->tensors];
  tensor->kind = (TensorKind)read_choice(r, TENSOR_AVERAGE + 1, kind_names);
  tensor->name = read_string(r);
  expect(r, "of");
  tensor->owner = read_string(r);
  tensor->shape = read_shape(r);
  read_range(r, &tensor->lo, &tensor->hi);
  tensor->span.file = -1;
  r->in->graph->tensors++;
}

static void read_operand(Reader *r) {
  OperandKind kind = (OperandKind)read_choice(r, OPERAND_FIXED + 1, operand_names);
  const char *name = read_string(r);
  Shape shape = read_shape(r);
  double lo, hi;
  read_range(r, &lo, &hi);
  loop_operand(r->in->loop, kind, name, shape, lo, hi);
  if (strcmp(r->in->graph->input[r->in->graph->inputs - 1].name, name)) mistake(r, "a second input of this name");
}

static void read_input(Reader *r) {
  if (r->in->loop) {
    read_operand(r);
    return;
  }
  InputInfo *input = &r->in->graph->input[r->in->graph->inputs];
  input->kind = (InputKind)read_choice(r, INPUT_OPERAND, input_names);
  input->index = (int)read_integer(r, INT32_MAX);
  input->name = read_string(r);
  input->shape = read_shape(r);
  read_range(r, &input->lo, &input->hi);
  r->in->graph->inputs++;
}

static void read_output(Reader *r) {
  Output *output = &r->program->output[r->program->outputs];
  output->name = read_string(r);
  output->value = read_node_number(r);
  output->per_example = accept(r, "per_example");
  if (output->per_example && output->value->shape.rank == 0) mistake(r, "a scalar has no examples");
  output->coupled = accept(r, "coupled");
  output->total = accept(r, "total");
  output->summed = accept(r, "summed");
  output->least = accept(r, "least");
  if (accept(r, "gathered")) output->gathered = read_integer(r, INT32_MAX);
  r->program->outputs++;
}

static void read_assign(Reader *r) {
  Assign *assign = &r->program->assign[r->program->assigns];
  assign->target = node_weight(r->in->graph, read_tensor_name(r));
  assign->value = read_node_number(r);
  if (!shape_equal(assign->target->shape, assign->value->shape)) mistake(r, "not the shape of the tensor");
  r->program->assigns++;
}

static Reading *reading_new(Reader *r, Graph *g, GraphLoop *l) {
  Reading *in = NEW(r->arena, Reading);
  *in = (Reading){.graph = g, .node = NEW_ARRAY(r->arena, Node *, r->lines), .loop = l, .up = r->in};
  return in;
}

static void read_body(Reader *r) {
  expect(r, "of");
  int64_t times = read_integer(r, INT32_MAX);
  GraphLoop *l = loop_new(r->arena, times, accept(r, "reversed"));
  r->in = reading_new(r, l->body, l);
}

static void read_next(Reader *r) {
  GraphLoop *l = r->in->loop;
  int i = r->in->nexts;
  while (l && i < l->inputs && l->kind[i] != OPERAND_CARRIED) i++;
  if (!l || i == l->inputs) mistake(r, "nothing more is carried");
  l->next[i] = read_node_number(r);
  r->in->nexts = i + 1;
}

static void read_each(Reader *r) {
  if (!r->in->loop) mistake(r, "only a body stacks values");
  loop_stack(r->in->loop, read_node_number(r));
}

static void read_end(Reader *r) {
  GraphLoop *l = r->in->loop;
  if (!l) mistake(r, "no body ends here");
  l->own_nodes = l->body->count;
  l->own_stacked = l->stacked;
  r->in = r->in->up;
  r->in->done = l;
}

static void read_program(Reader *r) { r->program->name = read_string(r); }

static void read_line(Reader *r) {
  static const struct {
    const char *begin;
    void (*read)(Reader *r);
    bool outside;  // of bodies only
  } lines[] = {{"%", read_node, false},      {"program", read_program, true}, {"tensor", read_tensor, true},
               {"input", read_input, false}, {"output", read_output, true},   {"assign", read_assign, true},
               {"body", read_body, false},   {"next", read_next, false},      {"each", read_each, false},
               {"end", read_end, false}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (!accept(r, lines[i].begin)) continue;
    if (r->in->loop && lines[i].outside) mistake(r, "this has no place in a body");
    lines[i].read(r);
    break;
  }
  if (accept(r, "#")) r->at += strcspn(r->at, "\n");
  if (*r->at != '\n' && *r->at != 0) mistake(r, "cannot read this");
}

GraphProgram *graph_parse(Arena *a, const char *text) {
  int lines = 2;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  GraphProgram *p = NEW(a, GraphProgram);
  Graph *g = graph_new(a);
  *p = (GraphProgram){.name = "", .graph = g};
  p->output = NEW_ARRAY(a, Output, lines);
  p->assign = NEW_ARRAY(a, Assign, lines);
  g->tensor = NEW_ARRAY(a, TensorInfo, lines);
  g->input = NEW_ARRAY(a, InputInfo, lines);
  Reader r = {.arena = a, .at = text, .line = 1, .lines = lines, .program = p};
  r.in = reading_new(&r, g, NULL);
  for (; *r.at; r.line++) {
    read_line(&r);
    if (*r.at == '\n') r.at++;
  }
  if (r.in->loop) mistake(&r, "a body does not end");
  return p;
}

// ---- verifying

static _Noreturn void broken(const Graph *g, const char *where, int index, const char *what) {
  fail(g->arena, EXIT_SOFTWARE, "graph: %s %d: %s", where, index, what);
}

static void verify_body(const GraphLoop *l);

static void verify_node(const Graph *g, int id) {
  const Node *n = g->node[id];
  Shape shape;
  if (n->id != id) broken(g, "node", id, "its id is not its place");
  for (int i = 0; i < n->arity; i++) {
    int in = n->in[i]->id;
    if (in < 0 || in >= id || g->node[in] != n->in[i]) broken(g, "node", id, "an input does not come before it");
  }
  const char *wrong = graph_shape(g, n, &shape);
  if (wrong) broken(g, "node", id, wrong);
  if (!shape_equal(shape, n->shape)) broken(g, "node", id, "its shape does not follow from its inputs");
  if (isnan(n->lo) || isnan(n->hi)) broken(g, "node", id, "its bounds are not numbers");
  if (n->attr.loop && n->op != OP_LOOP) broken(g, "node", id, "only loops have bodies");
  if (n->op == OP_LOOP) verify_body(n->attr.loop);
}

static bool belongs(const Graph *g, const Node *n) {
  return n && n->id >= 0 && n->id < g->count && g->node[n->id] == n;
}

static void verify_body(const GraphLoop *l) {
  const Graph *g = l->body;
  for (int id = 0; id < g->count; id++) {
    verify_node(g, id);
    if (g->node[id]->op == OP_WEIGHT) broken(g, "node", id, "a body reads no tensors");
  }
  for (int i = 0; i < l->inputs; i++)
    if ((l->kind[i] == OPERAND_CARRIED) != (l->next[i] && belongs(g, l->next[i])))
      broken(g, "input", i, "what is carried needs a next value, and nothing else has one");
  for (int k = 0; k < l->stacked; k++)
    if (!belongs(g, l->each[k])) broken(g, "result", k, "its value is not of this body");
}

void graph_verify(const GraphProgram *p) {
  const Graph *g = p->graph;
  for (int id = 0; id < g->count; id++) verify_node(g, id);
  for (int i = 0; i < p->outputs; i++) {
    const Node *value = p->output[i].value;
    if (!belongs(g, value)) broken(g, "output", i, "its value is not of this graph");
    if (p->output[i].per_example && value->shape.rank == 0) broken(g, "output", i, "a scalar has no examples");
  }
  for (int i = 0; i < p->assigns; i++) {
    const Node *target = p->assign[i].target, *value = p->assign[i].value;
    if (!belongs(g, target) || !belongs(g, value)) broken(g, "assignment", i, "a node is not of this graph");
    if (target->op != OP_WEIGHT) broken(g, "assignment", i, "its target is no tensor");
    if (!shape_equal(target->shape, value->shape)) broken(g, "assignment", i, "the shapes differ");
  }
}
