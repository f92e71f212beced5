// The graph: what a model computes, in the small operation set of runtime/core/ops.def.
//
// Stands between the elaborator, which builds it from the language, and the planner, which lays it out.
// Shapes are physical: implicit axes (batch, samples) are ordinary leading axes here. Every value is
// float32. The set is closed under differentiation (compiler/graph/gradient.c).
// Invariants: a node's inputs were created before it (id order is a topological order); inputs of an
// elementwise operation have its shape exactly; no dimension is zero.
#ifndef GMC_GRAPH_H
#define GMC_GRAPH_H

#include "core/plan.h"  // MAX_RANK, RandomAddress
#include "text/source.h"           // Span

typedef enum {
#define OP(ID, ...) OP_##ID,
#include "core/ops.def"
  OP_COUNT
} Op;

typedef enum { SOURCE, ELEMENTWISE, MOVEMENT, REDUCTION, CONTRACTION, MARK, CONTROL } OpClass;

typedef struct {
  int rank;
  int64_t dim[MAX_RANK];
} Shape;

// What an operation needs beside its inputs; ops.def says which field means what. Unused fields are zero,
// so that two nodes are equal when operation, inputs, shape and attributes are.
typedef struct {
  double value;
  int64_t a[MAX_RANK], b[MAX_RANK];
  uint32_t axes;
  int32_t flag;
  int32_t id;
  struct GraphLoop *loop;
} Attr;

typedef struct Node {
  Op op;
  int id;  // position in graph->node
  Shape shape;
  int arity;
  struct Node **in;
  Attr attr;
  Span span;       // the source it came from
  Section section;     // the first one that it was made for, no earlier than those of its inputs
  const struct NameScope *scope;  // and what of the page it was made in (names.h), or NULL
  const struct Name *name;        // what the page calls it, or NULL
  double lo, hi;   // bounds on every value, by interval arithmetic; +-INFINITY when unknown. Never NaN.
  bool point;      // what is computed of it is not simplified to what it was computed of (graph_point)
  const struct Node *from;  // of a loop's input that no turn changes: what is read, or a part of it along its first axis
} Node;

// A persistent tensor: a weight, a state of a layer, a slot of an optimiser, or an average of a weight.
typedef struct {
  const char *name;   // path, such as q/dense_1/W
  const char *owner;  // the network or parameter it belongs to: q
  TensorKind kind;
  Shape shape;
  double lo, hi;
  Span span;
  TensorStatistic statistic;  // of this column of the data, which the training loop sets it to
  int column;
  int average;  // of a weight that has one: 1 + that tensor; else 0
  int beside;   // begins by the value of this one: 1 + that tensor; else 0
  const char *support;  // that a parameter's values are held on, in words; NULL: it is its own value
  const char *file;  // of trained weights, that it begins with; NULL: with what the init program makes
} TensorInfo;

// INPUT_KNOWN: of a column that has holes, 1 where it has a value, else 0.
// INPUT_TOTAL and INPUT_REST: the sum of an output of the program before, and what rounding has taken from it.
// INPUT_ROWS: how many examples of the batch count.
// INPUT_OPERAND: in the body of a loop, what it reads of the loop's input of that index.
typedef enum {
  INPUT_COLUMN,
  INPUT_KNOWN,
  INPUT_STEP,
  INPUT_EPOCH,
  INPUT_UPDATE,
  INPUT_EXAMPLES,
  INPUT_ROWS,
  INPUT_TOTAL,
  INPUT_REST,
  INPUT_OPERAND
} InputKind;
static inline bool is_of_examples(InputKind kind) { return kind <= INPUT_KNOWN; }  // [batch, ...]
typedef struct {
  InputKind kind;
  int index;  // column of the data; line of the training round for INPUT_UPDATE; output; input of the loop
  const char *name;
  Shape shape;       // of a whole batch for a column, rank 0 for the others
  double lo, hi;
  int set;  // of data, that a column belongs to
} InputInfo;

typedef struct Graph {
  Arena *arena;
  Node **node;
  int count, room;
  TensorInfo *tensor;  // shared by all graphs of a model: index = attr.id of OP_WEIGHT
  int tensors;
  InputInfo *input;    // of this graph: index = attr.id of OP_INPUT
  int inputs;
  Span span;           // given to the nodes created next
  Section section;         // likewise; in a body of a loop it says nothing
  const struct NameScope *scope;
  const char *said;        // what the page says for the constants created next, or NULL
  const Sources *sources;  // of the spans, for file and line in dumps; NULL if there are none
  Node **slot;         // hash table of all nodes: equal nodes are one node
  int slots;           // a power of two
} Graph;

// How the body of a loop reads an input of the loop: a carried one begins as the input, and is in each further turn
// what `next` gave in the one before; a sliced one is the turn's part along the input's first axis; a fixed one is the
// input.
typedef enum { OPERAND_CARRIED, OPERAND_SLICED, OPERAND_FIXED } OperandKind;

// An OP_LOOP evaluates its body, a graph of its own, once a turn. The body reads input i of the loop as its own input
// i, and no tensors. OP_RESULT k of the loop is the last value of its carried input k for k < inputs, else the values
// of each[k - inputs] in all turns, stacked along a new first axis by the number of the turn.
typedef struct GraphLoop {
  Graph *body;
  int64_t times;  // turns, from 1; they are numbered from 0
  bool reversed;  // from the last to the first
  int inputs, room;
  OperandKind *kind;  // of each input
  Node **outside;     // what each input was made for (loop_input); the loop's node holds the truth from then on
  Node **next;        // of each carried input, else NULL
  Node **each;
  int stacked, stack_room;
  int own_nodes, own_stacked;  // when its node was made: values that are stacked later do not make it another loop
} GraphLoop;

typedef struct {
  Node *target;  // an OP_WEIGHT
  Node *value;   // same shape
} Assign;

typedef struct {
  const char *name;
  Node *value;
  bool per_example;  // leading axis is the batch
  bool coupled;      // examples of the batch meet in it
  bool total;        // it is added up over all examples of a split
  bool summed;       // and has been over the batch
  bool least;        // or rather, where it is least is looked for
  int64_t gathered;  // or rather, it is kept of so many examples, the first ones; 0: it is not
  const char *is;    // what it is to the log density of the data: "lower bound", ...; or NULL
  const char *latents;  // it is what each of these latents costs, and its name the divergence as the page has it; or NULL
} Output;

// One thing to run: outputs to compute, then persistent tensors to replace. All values are those of
// before the assignments, except that line k+1 sees what line k assigned (its nodes read the assigned values).
typedef struct {
  const char *name;
  Graph *graph;
  Output *output;
  int outputs;
  Assign *assign;
  int assigns;
  int64_t batch, shards;  // the batch is cut into so many, each of which is added up by itself; below 2: it is not
} GraphProgram;

Graph *graph_new(Arena *a);

// Builds a node. The shape rule is checked: a violation is a bug of the caller (fail with EXIT_SOFTWARE),
// the elaborator reports users' mistakes before it gets here. `shape` is needed for sources, RESHAPE,
// BROADCAST, SLICE and adjoints of CONV, and computed otherwise (pass NULL).
// Equal nodes are shared, and trivial identities removed (x + 0, x * 1, reshape to the same shape,
// broadcast of a constant, an operation on constants): a graph is simple from birth.
Node *graph_node(Graph *g, Op op, int arity, Node *const *in, const Attr *attr, const Shape *shape);

// n, as a point that a gradient may be taken by: what is computed of it from here on is computed of no node before it.
// Where something was computed of n already it is a double beside it; passes make one of them again.
Node *graph_point(Graph *g, Node *n);

Node *node_const(Graph *g, double value, Shape shape);
Node *node_const_said(Graph *g, double value, Shape shape, const char *said);
Node *node_const_like(Graph *g, const Node *constant, Shape shape);  // the same number, and what is said for it
Node *node_unary(Graph *g, Op op, Node *a);
Node *node_binary(Graph *g, Op op, Node *a, Node *b);      // equal shapes
Node *node_select(Graph *g, Node *c, Node *a, Node *b);
Node *node_weight(Graph *g, int tensor);
Node *node_input(Graph *g, int input);
Node *node_random(Graph *g, uint32_t stream, RandomAddress address, Shape shape);
Node *node_iota(Graph *g, int axis, Shape shape);
Node *node_reshape(Graph *g, Node *a, Shape shape);
Node *node_permute(Graph *g, Node *a, const int *axis);
Node *node_broadcast(Graph *g, Node *a, Shape shape);      // same rank, 1 -> n
Node *node_slice(Graph *g, Node *a, const int64_t *start, Shape shape);
Node *node_pad(Graph *g, Node *a, const int64_t *before, const int64_t *after);
Node *node_concat(Graph *g, int axis, int n, Node *const *in);
Node *node_gather(Graph *g, Node *table, Node *index);
Node *node_scatter(Graph *g, Node *values, Node *index, int64_t rows);
Node *node_reduce(Graph *g, Op op, Node *a, uint32_t axes);  // OP_SUM, OP_MAXIMUM; axes vanish
Node *node_cumsum(Graph *g, Node *a, int axis, bool from_end);
Node *node_matmul(Graph *g, Node *a, Node *b, bool transpose_a, bool transpose_b);
Node *node_solve(Graph *g, Node *l, Node *b, bool transposed);
// OP_CONV, and its adjoints, which take its attributes and give a value of `shape`.
Node *node_conv(Graph *g, Node *x, Node *w, const Attr *attr);
Node *node_conv_input(Graph *g, Node *d, Node *w, const Attr *attr, Shape shape);
Node *node_conv_weight(Graph *g, Node *x, Node *d, const Attr *attr, Shape shape);

// A loop without inputs yet.
GraphLoop *loop_new(Arena *a, int64_t times, bool reversed);
// A further input, whose shape and bounds in the body are given. Its name is made one of its own.
Node *loop_operand(GraphLoop *l, OperandKind kind, const char *name, Shape shape, double lo, double hi);
// What the body reads of a further input; `outside` is of the graph that the loop will stand in.
Node *loop_input(GraphLoop *l, OperandKind kind, Node *outside, const char *name);
// Stacks a value of the body, once; the number of its OP_RESULT. To be called after all of loop_input.
int loop_stack(GraphLoop *l, Node *value);
const Node *loop_value(const Node *result);  // of an OP_RESULT: what the body makes it of
// Needs `next` of every carried input. Equal loops are one node.
Node *node_loop(Graph *g, GraphLoop *l);
Node *node_result(Graph *g, Node *loop, int result);
// The body as a program: its outputs are `next` of the carried inputs, in order, and then `each`.
GraphProgram *loop_program(Arena *a, const GraphLoop *l);

// In order: the lines of a round, of each its forward pass, its backward pass, its update. Below 0: a comes before b.
int section_order(Section a, Section b);

// The places along an axis of `size`, with zeros before and after it, at which a window of taps fits; 0: it does not.
bool conv_tap_is_dead(const Attr *attr, int64_t tap);  // left out of a convolution or its adjoint; taps row by row
int64_t conv_places(int64_t size, int64_t taps, int64_t stride, int64_t dilation, int64_t before, int64_t after);

int64_t shape_count(Shape s);            // number of elements, 1 for rank 0
bool shape_equal(Shape a, Shape b);
Shape shape_of(int rank, const int64_t *dim);
const char *shape_text(Arena *a, Shape s);  // "[28, 28]", "[]" for a scalar

const char *op_name(Op op);
OpClass op_class(Op op);
int op_arity(Op op);
bool op_cheap(Op op);  // no dearer than loading a value

// Reverse-mode differentiation, graph to graph: into[i] becomes d(sum of y) / d(wrt[i]), shaped as wrt[i],
// or NULL when y does not depend on it by a differentiable path. Gradients of nodes that lead to no wrt are
// never built. May be applied to its own results. When a path to a wrt leads through an OP_DISCRETE,
// *blocked (if not NULL) is set to the first such node and the path contributes nothing.
void graph_gradient(Graph *g, Node *y, int n, Node *const *wrt, Node **into, Node **blocked);
// The same for each place of y's first axis by itself: [places, shape of `from`], in the turns of a loop. NULL when y does
// not depend on `from`. (gradient_places.c)
Node *graph_gradient_each(Graph *g, Node *y, Node *from);
bool graph_depends(Graph *g, const Node *y, const Node *on);
bool graph_owns(const Graph *g, const Node *n);
bool permute_keeps_order(const Node *n);  // only axes of size 1 change their place among the others
// A node of the value of `point` that nothing hangs on yet, though there be others of its value; or `point`, where no
// gradient flows into that anyway.
Node *graph_mark(Graph *g, Node *point);
// y, with `point` where it hangs on the mark, and all else it hangs on held still: a gradient flows into the point alone.
Node *graph_hold(Graph *g, Node *y, const Node *mark, Node *point);

// The first node on the way from `at` to y that is not affine in `at` for all that is known of its operation, or NULL:
// then y is a constant and a linear map of `at`; and y of `by`, of at's shape, without the constant. (affine.c)
const Node *graph_not_affine(Graph *g, const Node *y, const Node *at);
Node *graph_linear_part(Graph *g, Node *y, const Node *at, Node *by);

// The first node on the way to y in which the examples of a batch meet, or NULL when every example's y is its own.
// Examples begin at the columns of the data and at what is drawn for each. A batch of one never meets. (coupled.c)
const Node *graph_coupled(Graph *g, const Node *y, int64_t batch);
// The set of data whose examples y is of: that of the columns it hangs on, or of what is drawn for these; of several
// sets, and of none, the first. (sets.c)
int graph_set(const Graph *g, const Node *y);
// The same as graph_coupled for the parts of `from` by its outermost axis, where only gradients count. Elements of y
// belong to one part after another, all of them so many times over; or anyhow, where outer is 0.
const Node *graph_parts_meet(Graph *g, const Node *y, const Node *from, int64_t outer);

// The same for all that is computed of the parts, whether gradients flow or not.
const Node *graph_values_meet(Graph *g, const Node *y, const Node *from);

// What may be told of an order in which the numbers of an input x stand: place[i] is that of its i-th number, from 0.
// The last place that each number of y hangs on by what the operations compute, or -1. (latest.c)
int32_t *graph_latest(Arena *a, const Graph *g, const Node *y, const Node *x, const int32_t *place);
// The nodes by which number `at` of y, which hangs on some, has come to that place: from y back to x. There is room for
// as many in `way` as the graph has nodes; how many they are, without x.
int graph_way(Arena *a, const Graph *g, const Node *y, int64_t at, const Node *x, const int32_t *place,
              const Node **way);

// The taps of weights w[taps, taps, ..] of a convolution at which all is known to be 0, as masks make it, as the
// attributes of a convolution have them; 0 where nothing is left. (latest.c)
int64_t graph_dead_taps(Arena *a, const Graph *g, const Node *w);
// The numbers of y where they follow from constants alone; NULL where one does not. (latest.c)
const float *graph_known(Arena *a, const Graph *g, const Node *y);

// x as a loop of draws makes it, whose body gives `drawn` for all places of x, by a loop over `rows` of them in which each row is
// computed once: in memory x holds rows `inner` numbers at a time, each of `places` places. NULL where the body mixes
// rows otherwise than from one to the next, or adds them up. `signs`: numbers of x are 0, 1 or -1. (by_rows.c)
Node *graph_draw_by_rows(Graph *g, const GraphLoop *l, const Node *x, const Node *drawn, int64_t rows, int64_t places,
                         int64_t inner, bool signs);

// For every node how the examples of a batch lie in it: 1: its outermost axis begins with the batch, of which each
// example has its own block; n: n times over; 0: all examples share it; -1: examples meet, or it cannot be told. In the
// body of a loop `read` says it of what the body reads, else it is NULL. (coupled.c)
int64_t *graph_blocks(Arena *a, const Graph *g, int64_t batch, int reads, const int64_t *read);
// The same of what the body of a loop reads, from that of all nodes around it.
int64_t *graph_loop_blocks(Arena *a, const Node *loop, int64_t batch, const int64_t *outer);

// The bounds of y where every value of `at` is `value`; and of all else what is known otherwise. (range.c)
void graph_range_at(const Graph *g, const Node *y, const Node *at, double value, double *lo, double *hi);

// Are the new values of n tensors the same when all their gradients (NULL: none) are multiplied by one positive number,
// from the first update on? True of Adam, false of gradient descent; false also where it cannot be told. (scale.c)
bool graph_scale_free(const Graph *g, int n, Node *const *gradient, const int *tensor, int assigns,
                      const Assign *assign);

// Text of a program, one node a line, readable back:  %7 = matmul %3 %5 {flag=1} [128, 400]  # cvae.gm:12
// Only what the outputs and assignments need is printed.
void graph_print(Text *t, const GraphProgram *p);
// Reads that text; fails with EXIT_DATA and the line on a mistake. For tests of passes.
GraphProgram *graph_parse(Arena *a, const char *text);
// Fails with EXIT_SOFTWARE when an invariant above does not hold.
void graph_verify(const GraphProgram *p);

#endif
