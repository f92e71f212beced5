// The planner: from a model's graphs to a plan. Private to its own files; model.h has its public face.
//
//   passes.c, pass_*.c   graph program -> simpler graph program
//   fuse.c               -> groups: the nodes that one kernel computes
//   store.c              -> where each value in memory lies: buffers, slices of buffers, persistent tensors
//   lower.c, lower_region.c, lower_loop.c  -> steps: kernels whose offsets count from the beginning of buffers
//   value_names.c        names for what is stored
//   label.c              what a step computes, as formulas
//   schedule.c           -> the order of the steps
//   place.c              -> offsets of the buffers in the one memory
//   plan_code.c          what the kernels of all programs compute, each once
//   planner.c            all of it in order, and the tables of the plan
//   plan_text.c          every stage as text
#ifndef GMC_PLANNER_H
#define GMC_PLANNER_H

#include "graph/model.h"
#include "graph/passes.h"
#include "graph/view.h"

// ---- groups (fuse.c)

typedef enum {
  GROUP_REGION,  // elementwise nodes and reductions over one iteration space
  GROUP_KERNEL,  // one node with a kernel of its own
  GROUP_JOIN     // a concat: no kernel; complete when all its pieces are
} GroupKind;

// A value read from another group. Hard: from memory only, so that the two can never become one.
typedef struct Edge {
  int from;
  bool hard;
  struct Edge *next;
} Edge;

typedef struct {
  GroupKind kind;
  int into;               // the group it was merged into, or itself
  Node **node;            // in id order
  int nodes, size;        // size counts while groups still merge
  Section section;        // of its first node
  Shape space;            // iteration space, without axes of size 1
  int64_t length, inner;  // reductions run over the middle of [outer, length, inner]; length 0: none
  Edge *edges;
} Group;

// Node ids index the arrays. The base of a node is what it is a reshape of; its owner what it is a view of.
typedef struct {
  Arena *arena;
  const GraphProgram *program;
  bool *live;
  Node **base, **owner;
  int *of;       // group of a node that some kernel computes, else -1; ask group_of
  bool *stored;  // must be in memory; an elementwise node that is not is computed by each region that reads it
  Group *group;
  int groups;
  uint64_t *reach;  // a bit for each group that a group depends on
  int words;
} Fusion;

Fusion *fuse(Arena *a, const GraphProgram *p);
int group_of(const Fusion *f, const Node *n);
// Demands that group `first` runs before `second`. False, and nothing demanded, when that cannot be.
bool fuse_order(Fusion *f, int first, int second);

// ---- buffers and steps

typedef struct {
  const char *name; // of the value that it holds
  Shape shape;
  int64_t count;    // floats
  int tensor;       // it is a value of this persistent tensor, or -1
  int input;        // fed before the program runs, or -1
  int over;         // buffer whose memory this one takes over, or -1
  int within;       // buffer of the concat of which this one is a piece, or -1; it shares that one's offset
  bool keep;        // read after the program has run
  bool fixed;       // its place is not the planner's to choose: a tensor's, or, in a loop, something outside
  bool carried;     // the loop that reads the buffer under it for the last time writes it, and orders the two itself
  int first, last;  // order of the steps between which it is live, inclusive; place.c
  int64_t at;
} Buffer;

typedef struct {
  int buffer;
  View view;  // offsets from the beginning of the buffer
} Place;

// A kernel whose operands' offsets count from the beginning of buffers, until these have places.
typedef struct {
  Kernel kernel;
  bool still;           // it makes the same of all batches of a pass, and is run for the first
  int *buffer;          // of each operand
  struct Inner *inner;  // operands of the kernels within a loop
} Step;

typedef struct Inner {
  Operand *operand;
  int buffer;
  bool work;  // a part of the loop's working memory
  struct Inner *next;
} Inner;

// A further place where a value is wanted: a piece of a concat, a tensor it is assigned to.
typedef struct Target {
  Place place;
  struct Target *next;
} Target;

// A value still to be copied somewhere.
typedef struct Copy {
  Node *from;
  Place to;
  struct Copy *next;
} Copy;

// What a program is for.
typedef struct {
  int64_t batch;    // examples
  int64_t *blocks;  // of each node by id, how they lie in it (graph_blocks)
} Examples;

typedef struct Layout {
  int depth;               // loops around it
  Arena *arena;            // of the plan: kernels and labels
  Arena *scratch;          // of the planning
  const Sources *sources;  // or NULL
  const GraphProgram *program;
  Fusion *fusion;
  const char **name;       // of each stored value by id, else NULL
  Examples examples;
  Buffer *buffer;
  int buffers, buffer_room;
  Step **step;  // in the order in which they run, once scheduled
  int steps, step_room;
  bool passes;   // the program is run for many batches, between which nothing moves
  int still;     // steps that stand still, the first ones
  Place *place;     // of each node by id; buffer -1 while unknown
  Place *rows;      // of its copy row after row, likewise
  int **turns;      // of each loop by id: the buffer of each carried value that lies turn by turn, or -1
  Target **target;  // of each node by id: where its kernel stores it; the first is its place
  int *tensor;      // buffer of each tensor's value before the program, or -1
  int *input;       // buffer of each input, or -1
  Place *output;    // of each output
  Copy *copies;     // what no kernel stores at its place directly
} Layout;

// Decides where every stored value lies.
void store_values(Layout *l);
void add_target(Layout *l, const Node *n, Place to);
Place place_within(Layout *l, Shape s, const char *name, int whole, int64_t at);  // row after row, in another buffer
int buffer_whole(const Layout *l, int buffer);  // the outermost one that it lies within
Place place_rows(Layout *l, Shape s, const char *name);  // a new buffer, row after row
// Where n's elements lie; a value of which n is a view that no strides express is copied first. Not for a value that
// only exists inside its region.
Place place_of(Layout *l, Node *n);
// The same, row after row.
Place rows_of(Layout *l, Node *n);

// The row of the kernel that an operation has of its own, or NULL.
const KernelRow *kernel_of(Op op);
// All steps of a program, or of what a loop within `depth` others does in a turn, in no order yet. p has been through
// the passes.
Layout *lower(Arena *arena, Arena *scratch, const Sources *sources, const GraphProgram *p, Examples examples, int depth);
// Lets the step do the blocks of the examples alone, where all its results, of these nodes, lie so.
void step_by_example(const Layout *l, Step *s, Node *const *result, int results);
void lower_loop(Layout *l, Node *n);
void store_turns(Layout *l, Node *n);  // decides where a loop's results lie that are its carried values, turn by turn
void lower_region(Layout *l, const Group *g);
void lower_copy(Layout *l, Node *n, Place to);  // the step that copies a value in memory, or fills with a constant
// A step that computes the results; its kernel is yet to be set.
Step *step_new(Layout *l, Node *const *result, int results);
void step_kernel(const Layout *l, Step *s, Kernel k, int *buffer);
int even_pieces(double work, double unit, int64_t limit);

void schedule(Layout *l);

// Gives all buffers their offsets that have none yet, from `begin` on; checks that no two live buffers overlap; returns
// the end.
int64_t place_buffers(Layout *l, int64_t begin);
// Adds the offsets of the buffers to those of the operands, whose homes they are.
void place_operands(Layout *l);

// ---- codes (plan_code.c)

typedef struct Codes Codes;
Codes *codes_new(Arena *a, Arena *scratch);
// Gives kernels their codes, those of loops too; they stay where they are as long as the plan.
void codes_add(Codes *c, Kernel *kernel, int kernels);
void codes_end(Codes *c, Plan *plan);  // the plan's table
bool code_alike(Arena *a, const Kernel *x, const Kernel *y);  // are they of one code?

// ---- text

// By id the name of each value that is stored, else NULL; all differ. `outputs`: those of the program are called what it
// calls them.
const char **value_names(Arena *a, const Fusion *f, bool outputs);
const char *formula_of(const Layout *l, const Node *n);  // "max(q_dense_1 + q/dense_1/b, 0)"
const char *name_of(const Layout *l, const Node *n);     // q_h; of a part q_heads[:, 16:32], of a constant its number

// Checks a finished plan: views in bounds, everything read was written, pieces positive. Fails with EXIT_SOFTWARE.
void plan_verify(Arena *a, const Plan *plan);
void plan_print(Text *t, const Plan *plan);

#endif
