// The elaborator: from the syntax tree to graphs. Private to compiler/elaborate*.c; model.h is its public face.
//
// It evaluates the page as a program whose values are tensors of the graph, numbers known at once, distributions and
// functions. Networks, blocks and library functions are expanded where they are applied, so every shape is known
// while the graph grows, and a mistake is reported at the user's own line.
//
//   elaborate.c        entry, declarations, params, the order of the whole
//   elaborate_use.c    other files, whole or by chosen names
//   elaborate_trained.c  weights that another run has trained
//   elaborate_value.c  tensors: implicit axes, broadcasting, arithmetic; numbers known at once by number.c
//   elaborate_fact.c   what is known of values beyond their bounds
//   elaborate_expr.c   expressions, statements, calls of functions and blocks
//   elaborate_asked.c  log, mean, draw, each, kl
//   elaborate_binder.c  aggregates: what their binders run over, and their blocks
//   elaborate_batch.c  other examples of the batch
//   elaborate_builtin.c  the functions the compiler knows itself
//   elaborate_index.c  indices
//   elaborate_move.c   functions that move numbers
//   elaborate_grad.c   grad(y, x)
//   elaborate_point.c  the x of it, before anything is computed of it
//   elaborate_loop.c   scan and fold
//   elaborate_support.c  where values may lie
//   elaborate_dist.c   distributions: densities, draws, KL
//   elaborate_formula.c  those of the library
//   elaborate_observed.c  values that are seen in part
//   elaborate_mixture.c  mixtures
//   elaborate_flow.c   distributions sent through bijectors
//   elaborate_probe.c  bijectors tried out
//   elaborate_estimator.c  draws whose gradient is estimated
//   elaborate_names.c  the names in texts that nothing has applied
//   elaborate_naming.c  the names that values are given, for all who speak of them later
//   elaborate_net.c    networks, weights, states, parameters
//   elaborate_factor.c  networks as distributions
//   elaborate_rule.c   rules about a pair of distributions: marginals and posteriors
//   elaborate_chain.c  joint, marginal and posterior distributions of a model's factors
//   elaborate_order.c  autoregressive networks
//   elaborate_parameter.c  parameters, held on supports
//   elaborate_data.c   data columns and sources
//   elaborate_principal.c  columns seen along principal axes
//   elaborate_train.c  objectives and rounds; the test program
//   elaborate_start.c  what the tensors begin with
//   elaborate_optimize.c  optimisers and averages: what is kept beside the weights
//   elaborate_phases.c  phases of training: their settings, and the conditions of their turns
//   elaborate_keep.c   which epoch's weights a run keeps, and of how many starts
//   elaborate_expect.c  what a run is expected to measure
//   elaborate_em.c     parameters moved by the rules beside distributions
//   elaborate_nearest.c  examples of the training data that lie nearest to a value
//   elaborate_total.c  sums over all examples of a split, and what conditions measure
//   elaborate_terms.c  what a value is the sum of: densities and divergences, with their coefficients
//   elaborate_reach.c  which columns, draws and noise a value hangs on
//   elaborate_ledger.c  what an objective or a metric is to log p(what is observed)
//   elaborate_claim.c  what aggregates make of that, and how it is said
//   elaborate_choice.c  which sides of an `if` were taken
//   elaborate_words.c  warnings about objectives and metrics that are not what they seem
//   elaborate_latents.c  what each latent costs, for whoever tells that latents are not used
//   elaborate_rounds.c  warnings about lines that undo one another
//   elaborate_axis.c   what rows and columns of a grid stand for
//   elaborate_show.c   shows, and programs that draw samples
//
// Implicit axes are called plates. Plate 0 is the batch, plate 1 of a show what runs across it, and plate 2 of one with
// curves the draws of what all examples share; others are opened by aggregates, mixtures and independent copies. The
// physical shape of a tensor is the sizes of its plates in order, then its event shape.
#ifndef GMC_ELABORATE_H
#define GMC_ELABORATE_H

#include <string.h>

#include "graph/model.h"
#include "graph/names.h"

enum {
  MAX_PLATES = MAX_RANK,  // each is an axis
  MAX_ARGS = 24,
  MAX_CALL_DEPTH = 120,
  MAX_USES = 16,      // of files inside one another
  MAX_TURNS = 10000,  // of a round
  MAX_BATCH = 1048576,
  MAX_NESTING = 600,   // expressions being evaluated inside one another: bounds the stack
  MAX_WORK = 1000000,  // expressions evaluated in all: bounds the time
  MAX_RESTARTS = 10000,
  MAX_LOOP_TURNS = 1000000,
  MAX_DRAWS = 100000000,  // of aggregates within one another, for one example
  MAX_COMPLAINTS = 500    // repeated ones counted: what has so many mistakes is looked at no further
};

enum { PLATE_BATCH = 1u << 0, PLATE_ACROSS = 1u << 1, PLATE_CURVES = 1u << 2 };
static inline unsigned plate_bit(int plate) { return 1u << plate; }

typedef enum {
  V_ERROR,
  V_NONE,
  V_NUMBER,
  V_TEXT,
  V_TENSOR,
  V_OBSERVED,  // a tensor that is seen in part: it stands where a distribution is asked at a point, and nowhere else
  V_LIST,
  V_DIST,
  V_CALLABLE,
  V_SOURCE,
  V_OPTIMIZER
} ValueKind;

typedef struct Value {
  ValueKind kind;
  Span span;           // the expression it comes from
  double number;       // NUMBER; true is 1
  const char *said;    // NUMBER: what the page says for it: beta1, 1 - beta1; or NULL
  const char *text;    // TEXT; LIST: ".." of a range; OBSERVED: the column with holes that it is, or NULL: as written
  Node *node;          // TENSOR, OBSERVED
  unsigned plates;     // TENSOR, OBSERVED: which plates it has
  int classes;         // TENSOR, OBSERVED, NUMBER: labels 0 .. classes-1, if it is one
  struct Value *item;  // LIST; OBSERVED: one tensor, not 0 where it is seen
  int items;
  bool apart;  // LIST: the values that a body ends in, `a, b`, which are no tensor together
  struct Dist *dist;          // DIST
  struct Decl *decl;          // CALLABLE
  struct DataSource *source;  // SOURCE
  const struct Optimizer *optimizer;  // OPTIMIZER
  const struct Terms *terms;  // TENSOR: what it is the sum of, or NULL if that is not followed
  struct Scope *example;      // TENSOR: it is the place of another example, of whose values these names speak; or NULL
} Value;

// A value as a sum, as far as it can be followed through sums, differences, factors, names and functions: log densities,
// divergences, entropies, what is known of an aggregate as a whole, and the rest as it stands. The sum of a tensor is
// that over its event.
typedef enum { TERM_DENSITY, TERM_KL, TERM_ENTROPY, TERM_CLAIM, TERM_BATCH, TERM_OTHER } TermKind;
typedef struct {
  TermKind kind;
  const struct Dist *dist, *other;   // the density's, the entropy's; KL(dist || other)
  Value value;                       // the term itself
  Value point;                       // DENSITY, BATCH: where it is taken; of a sampled KL the draw
  bool sampled;                      // KL: at a draw
  const struct Drawn *enumerated;    // what the blocks around run over
  const struct Claim *claim;         // CLAIM
  const struct Terms *of;            // CLAIM: what the aggregate's block was the sum of, or NULL
  double lo, hi;                     // OTHER: bounds on it
} Term;
typedef struct Terms {
  double lo, hi;  // bounds on the constants among them
  int n;
  struct Weighed {
    const Term *term;
    double lo, hi;   // bounds on its coefficient
    bool uneven;     // which differs between places or draws
    bool share;      // in units of 1 / examples
    const Node *by;  // the value that it is, but for its sign, or NULL
  } of[];
} Terms;

typedef struct Binding {
  const char *name;
  Value value;
  struct Binding *next;
  int tensor;  // of a weight or a state 1 + which: `value` is what it is by now
} Binding;
// `of` and `sees_data` are those of the declaration whose text is evaluated: a body sees the columns of the data only
// where it is an objective, a metric or a show.
typedef struct Scope {
  struct Scope *up;
  Binding *first;
  const Ast *of;  // NULL: sizes and settings
  bool sees_data;
} Scope;

// What a name at the top level of a file stands for.
typedef struct Decl {
  const char *name;
  const Ast *ast;
  bool library;
  int group;          // of the texts that it was declared in: 0 for the model and the files that it uses whole
  unsigned seen;      // bit g: by the texts of group g
  struct Decl *next;  // in its bucket
  bool busy;          // being evaluated: to find circles
  int walk;           // the last of e->walks that came by its text
  bool known;         // value is computed (params; lets of the current program)
  int program;        // for which program, and for which set of draws if it holds one
  int context;
  int moves;          // tensors assigned before, if it holds what one of them is
  const Graph *graph;  // its nodes belong to
  bool holds_data, holds_draw, holds_tensor;
  bool holds_place;  // a word of the tensor that is optimised
  Value value;
  bool used;            // a network that was applied
  bool being_proved;    // an autoregressive network whose order is being looked at: its body cannot apply it
  int better;           // of a metric: 1, its largest value is the best; -1, its smallest; 0, it is not known which
  const char *path;     // of a network's weights: q, or q.z where there are several of the name
  struct Proof *proofs;  // of an autoregressive network: that it keeps its order
  struct Decl *factor;  // the network of the same name declared before, another factor of the model
  const char *owner;    // whose its weights are: itself, or of a body's own network whose the body's are
  Scope *around;        // of a body's own network: the names above it, which it sees; NULL at the top level
  const Ast *trained;   // AST_USE: its weights begin with those of this one's file; or NULL
} Decl;

typedef enum { SUPPORT_REAL, SUPPORT_INTERVAL, SUPPORT_SET, SUPPORT_CLASS, SUPPORT_DECLARED } SupportKind;
// Where values may lie. `rank` axes of each value belong together (real[2]: 1). One that a text declares for single
// numbers is known by its bounds, and of a kind of those above; SUPPORT_DECLARED is one of vectors or matrices.
typedef struct {
  SupportKind kind;
  double lo,
      hi;  // bounds; of the set's members; 0 and n-1 for a class. Where they are computed, the widest they can be
  const double *member;     // of a set
  int members;              // how many; 0 where they are not known
  bool computed;            // they are, and
  double sure_lo, sure_hi;  // these are the narrowest they can be
  int rank;
  int64_t dim[MAX_RANK];
  const Decl *decl;  // AST_SUPPORT, which has the maps; or NULL
  Scope *scope;      // its arguments
  int axes;          // of one of its values, as declared: 2 of spd[n, n]
} Support;

// What is asked of a kind of distribution. A new kind is a row of these, and whoever makes distributions of it.
// Densities, draws and members are those of one copy: an event without outer axes, in which parameters that differ from
// copy to copy do so over a plate, where the kind is apart; else of all copies at once.
// The outputs of a program, while they are being found.
typedef struct {
  Output *of;
  int n, room;
} Outputs;

// total(e) and gathered(e, n) of a text that is evaluated for two programs: what the first adds up or keeps, and the
// second is fed.
typedef struct {
  int output;  // of the first program
  Shape shape;
  double lo, hi;
  bool spoken;  // e hangs on a log density or a divergence
} Sum;
typedef struct Totals {
  Outputs *outputs;  // of the first program
  Sum *sum;          // in the order in which they are met
  int n, room;
  bool after;   // the second program is being built
  int next;     // in it: the sum met next
  bool inside;  // what is to be added up is being evaluated
} Totals;

typedef struct Elab Elab;
typedef struct Dist Dist;
typedef struct Chain Chain;
typedef struct Ordered Ordered;
typedef struct {
  const char *(*name)(const Dist *d);                          // for messages
  bool (*is_apart)(const Dist *d);                             // it speaks of one value: copies get a plate of their own
  bool (*is_same)(const Dist *a, const Dist *b);               // two of one declaration and one event
  bool (*knows)(const Dist *d, const char *what);              // sample, log, mean, entropy? part, rest: see `given`
  Value (*sample)(Elab *e, const Dist *one);                   // in the draw that is being made
  Value (*log)(Elab *e, const Dist *one, Value point, Span where);  // the log density, term by term
  Value (*member)(Elab *e, const Dist *one, const char *what);  // mean, or entropy term by term: where it is known
  void (*explain)(Elab *e, const Dist *d);                     // what `gmc explain` says beyond the rule of a divergence
  bool (*settle)(Elab *e, Dist *d, Span where);  // its event is now known; false after reporting. NULL: nothing hangs on it
  // Each value that its density is made with beside the point, `of` NULL; and those that it is the density of beside the
  // point, with what they are drawn from.
  void (*parts)(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to);
} DistKind;

struct Dist {
  const DistKind *kind;
  const Ast *decl;     // AST_DISTRIBUTION, AST_MIXTURE or AST_BIJECTOR
  const Ast *formals;  // of its parameters; NULL: it has none
  Scope *scope;        // its parameters; for a mixture the scope it was written in
  Value *param;
  int params;
  const Dist *component;  // of a mixture or marginal: all of them on plates that are closed
  Value chances;          // and the logs of their probabilities
  struct Frame *frame;    // of a mixture: the text around it, when it was written
  Chain *chain;           // of a marginal
  Ordered *ordered;       // of an autoregressive network
  const Dist *base;       // of a flow: what its bijector is applied to,
  const char *path, *owner;  // and the bijector's weights; NULL where there may be none
  bool owns;                 // there are some
  const char *label;      // what it is called, or NULL: by its kind
  const struct Dist *alias;  // the distribution that is defined by `=` to be this one: its declaration and parameters
  bool shaped;           // event is known
  Shape event;           // shape of one draw
  int own;               // the last axes of it, over which it is joint: the others are independent copies
  unsigned plates;       // of the parameters
  const char *variable;  // what it is a distribution of, or NULL
  const Ast *net;        // the network that made it, or NULL
  const NameScope *names;  // the application of it
  bool has_point;
  Value point;      // p(x | z): x
  // Draws and means are of what the point, OBSERVED, leaves open, given what it shows. Of a kind that is joint over
  // places of which some are seen, `log` is that of a part where the kind knows "part", `sample` and `mean` are the
  // rest's where it knows "rest"; what they give at places that are seen does not matter.
  bool given;
  Support support;  // where draws lie
  Support domain;   // where log is defined
  int classes;
  bool draws;      // of a marginal: its factors draw, so that its density is a mean over these draws
  bool posterior;  // it is that of a latent, by the model itself
  bool held;  // by stop(...): no gradient flows into its parameters
  bool shared;  // all examples have one draw
  Span span;
};

// A density, entropy or divergence is a sum over the event, or its terms, one at each place over which none of the
// distributions is joint.
typedef enum { WHOLE, EACH } Extent;

// What is being expanded: for the names of weights, random streams and messages.
typedef struct Frame {
  struct Frame *up;
  const Ast *ast;     // NET, FUNCTION, OBJECTIVE, ...
  const char *path;   // of weights; NULL outside of networks
  const char *owner;  // network whose weights these are
  Binding *counts;    // applications of each block so far
  Span call;          // where it was applied
  NameScope *scope;        // of the names of its values, or NULL
  const NameScope *outer;  // that around it
} Frame;

// A network applied to given inputs: kept, so that the same application is the same values. One that draws is the same
// within one set of draws only: each aggregate has its own.
typedef struct Application {
  const Decl *net;
  Node *argument[MAX_ARGS];
  unsigned plates[MAX_ARGS];  // of the arguments
  Node *mask[MAX_ARGS];       // of those that are seen in part; else NULL
  const Graph *graph;  // its nodes belong to
  int context;
  bool holds_draw;
  Value result;  // one value, or a list of them in the order of the outputs
  struct Application *next;
} Application;

typedef struct DataSource {
  DataFormat format;
  int files;
  const char **train, **test;
  double holdout;
  bool last;              // what is held out is the last of the examples
  bool grey;              // its first column is levels of grey
  DataHeader header;      // of csv, as in PlanData
  char separator;
  bool lines;             // of a text
  Value columns, test_columns;  // what each column is made of; V_ERROR: not given
  const Decl *generator;  // DATA_GENERATED: the source of the library
  Scope *scope;           // its arguments
  int64_t examples;
} DataSource;

typedef struct {
  const char *name;
  const Ast *variable;
  Support support;
  bool declared;  // the support was written
  bool missing;   // it has holes
  Shape shape;
  int classes;
  int set;  // of data, that it belongs to
  Span span;
  int64_t principal;  // it holds so many coordinates along principal axes; 0: what the files hold
  const Ast *of;      // of examples of this shape; NULL: as the files say
  Shape stored;       // which is this one
  Span turned;        // where that is said
} Column;

// A stage after a source, `|> binarize(x)`: what it is applied to, and the call as written.
typedef struct {
  const Ast *callee, *arguments;
  Span span;
  unsigned columns;  // a bit for each
} Stage;

// A `data` declaration: examples with a source, splits and an order of their own.
enum { MAX_SETS = 4, MAX_STAGES = 8 };
typedef struct {
  const Ast *ast, *clause;  // the declaration, and what stands after `from`, or was given in its place
  DataSource *source;       // once it is known
  int first, columns;       // of all columns
  int64_t kept;             // examples of the training split, the first ones; 0: all
  int balanced_by;          // 1 + the column of labels of which these are as many each; 0: none
} DataSet;

// How a tensor begins.
typedef struct {
  const Ast *init;  // expression, or NULL for zero
  Scope *scope;
  bool drawn;
  int beside;       // 1 + the weight that `value` is in it, or 0
  Support support;  // that the value is held on: the tensor itself is unconstrained
  uint32_t hash;    // of the tensor's name; set by tensor_declare
} TensorStart;

typedef enum { UNSTARTED, STARTING, STARTED } Started;

// A value that was drawn, or all values that a block runs over, and what they come from.
typedef struct Drawn {
  const Node *node;
  unsigned plates;
  const Dist *dist;  // NULL: what a block runs over, all as likely
  Value base;        // of a flow: what its bijector was applied to; else NONE
  int context;       // the set of draws it belongs to
  bool all;          // all values, each with its weight
  Span where;
  const struct Drawn *enumerated;  // where it was made
  bool relaxed;                    // weights stand for it
  const struct Drawn *stands_for;  // it is the weights of that one, or NULL
  struct Drawn *next;
} Drawn;

// What a value hangs on.
enum { MAX_FROM = 24 };
typedef enum { FROM_COLUMN, FROM_NOISE, FROM_DRAW } FromKind;
typedef struct Reach {
  int n;
  bool hidden;  // there is more than can be said
  struct From {
    FromKind kind;
    const Node *node;
    const Drawn *drawn;
  } of[MAX_FROM];
} Reach;

// A node whose values were declared to lie on a support of vectors or matrices.
typedef struct Fact {
  const Node *node;
  const Decl *support;
  struct Fact *next;
} Fact;

// A draw being made: what random() gives.
typedef struct {
  bool active;
  bool in_data;  // draws are fixed for an example
  int set;       // of this set of data
  Shape event;
  unsigned plates;
  const char *path;  // of the stream, with the count of random() so far; NULL: that of the network applied
  int count;
} Drawing;

// A value that a loop carries from turn to turn.
typedef struct Carried {
  const char *name;
  int input;  // of the loop
  Shape shape;
  struct Carried *next;
} Carried;

// A loop whose body is being evaluated.
typedef struct Build {
  Graph *around;  // where the loop will stand
  GraphLoop *loop;
  Carried *carried;
  unsigned plates;     // of what is carried
  unsigned missing;    // and of what is to be carried, beside these
  const Frame *frame;  // the body's statements are evaluated in
  bool ordered;        // a draw place by place: random numbers are the same in all turns
  struct Build *up;
} Build;

// What an objective maximizes or minimizes.
typedef struct {
  bool given, minimized;
  Value value;
  const Build *around;  // the loop it is evaluated in, or NULL
} Pursuit;

// An objective or a metric applied as a value: of the same arguments it is one value within one set of draws.
typedef struct Pursued {
  const struct Decl *decl;
  Binding *arguments;  // in the scope of its body
  int context;
  Value value;
  struct Pursued *next;
} Pursued;

// A scope that is being copied for another example of the batch.
typedef struct Renaming {
  const Scope *scope;
  Scope *copy;
  const struct Renaming *around;
} Renaming;

struct Elab {
  Arena *arena;
  Sources *sources;
  const Overrides *overrides;
  Model *model;
  struct Word *said;         // warnings given
  struct Judgement *judged;  // what the lines of the round ask of networks
  Decl *bucket[256];
  Decl **decl;  // in order
  int decls, decl_room;
  int file;        // the model's own
  int given;       // texts registered beforehand: a run's folder hands over what `use` would read
  bool *declared;  // for each of these
  int group, groups;     // of the file being declared; how many there are beside the model's own
  struct UsedFile *used_files;
  Scope *global;   // empty: the scope above all bodies; names of files are Decls

  // the data
  Column column[16];
  int columns;
  DataSet set[MAX_SETS];
  int sets;
  const Ast *train;
  const Ast **step;             // lines of training, of all phases
  int *phase_of;                // each of these
  struct Condition *condition;  // blocks of the phase being elaborated that have one
  struct Em *em;                // the line of em being elaborated, or NULL
  const Ast *likelihood;        // what such lines maximize, once it is known
  Totals *totals;               // where total(e) has a meaning, else NULL
  struct Asked *asked;          // what the phase's conditions ask, or NULL
  Stage stage[MAX_SETS * MAX_STAGES];  // after the sources, first to last
  int stages;

  // tensors of all programs
  TensorStart *start;
  int64_t start_rows;  // examples of the data that starts ask for
  Started *started;  // of each tensor, in the program that starts them; else NULL
  int tensors, tensor_room;

  // the program being built
  Graph *graph;  // where nodes are made: the program's own, or the body of the innermost loop
  Build *build;  // that loop, or NULL
  int program;   // to keep values of one out of another
  int programs;  // begun so far
  bool training;
  const char *const *learning;  // owners that learn in the current line
  int learners;
  unsigned plates;  // of the context: where a draw is made afresh
  unsigned others;  // that run over other examples of the batch
  double draws;     // sets of draws that the aggregates around make for one example
  int64_t plate[MAX_PLATES];
  int plate_count;
  Node **current;  // value of each tensor in this program, once read or assigned
  int current_room;
  Assign *assign;
  int assigns, assign_room;
  Application *applications;
  Drawn *drawn;
  struct Weights *weights;  // that stand for labels, and
  struct Scored *scored;    // draws that surrogates are to be added for, of all programs so far
  struct Probe *probes;  // bijectors that are to be tried
  struct Looked *looked;  // networks of values whose order has been looked at
  const Drawn *enumerated;  // of the blocks around
  struct Spoken *spoken;    // terms made in this program
  Fact *facts;
  struct Points *points;  // of the texts read so far
  Value *column_value;   // of this program, once used
  Binding *draw_counts;  // how often each name was drawn in this line
  int line;
  const char *noise;      // what tells the nameless draws of this line from those of the lines before; "" in the first
  int frees;              // values that stand for any value, made so far
  int walks;              // through texts, so far: see Decl.walk
  int context, contexts;  // sets of draws: one for each line and each aggregate; how many there were
  int randoms, reads;     // random numbers made and columns read so far
  int modes;              // how often it was asked whether this is training
  int places;             // counts of updates read so far
  int looks, moves;       // tensors read and assigned so far
  struct Choice *choices;  // that were made, on the page
  Frame *frame;
  int depth;    // of calls
  int nesting;  // of expressions
  int work;     // expressions evaluated so far
  int complaints;
  const Ast *giving;  // the last statement met that gives names values
  bool unfinished;  // a program could not be built; somebody has said why

  Drawing drawing;
  int staging;  // the column whose stages are being applied, or -1

  Pursuit pursuit;     // of the objective being evaluated
  const Renaming *renaming;  // the innermost, or NULL
  Pursued *pursued;    // those applied as values, in this program or another
  // optimiser being evaluated
  int optimizing;                      // tensor, or -1
  const char *keeper;                  // in whose name it keeps its states: line_2, or a let that several lines share
  bool counts;                         // its updates are counted for each tensor, not for the line
  Node *update;                        // the count, once it is asked for
  int shadow;                          // the average that is being kept, or -1
  Node *gradient_norm, *const *gradient_of;  // of all weights of the line
  int gradients;
  // show being elaborated
  bool in_show;
  int64_t rows, cols;
  bool across;
  bool curves;  // it is a plot over an axis
};

// --- elaborate.c
Decl *find_decl(const Elab *e, const char *name);  // as the model's own text sees it
Decl *find_seen(const Elab *e, const char *name, int group);
void declare_file(Elab *e, int file, bool library, int depth);
Decl *find_decl_at(const Elab *e, const char *name, Span where);
Decl *find_metric(const Elab *e, const char *name, Span where);
void complain(Elab *e, DiagnosticCode code, Span where, ...);  // report() at the user's line nearest to `where`
Span user_span(const Elab *e, Span where);
void unknown_name(Elab *e, const Scope *scope, const char *name, Span where);
bool is_word(const Scope *scope, const char *name);  // true, step, row, ...: one that has a meaning in this text
// Says that a column of the data, or a let that holds one, is none of this text's names.
void not_seen(Elab *e, const Scope *scope, const char *name, Span where);
void finding(Elab *e, const char *topic, Span where, const char *format, ...) PRINTF_LIKE(4, 5);
Value lookup(Elab *e, const Scope *scope, const Ast *name);
void unknown_setting(Elab *e, const Ast *setting, int n, const char *const *known);
uint32_t path_hash(const char *path);  // of a tensor, or a stream of random numbers
bool name_in(const char *name, int n, const char *const *list);

// strcmp, called where the first letters agree: most names of a list differ there.
static inline bool same_name(const char *a, const char *b) { return *a == *b && !strcmp(a, b); }
// A setting's value; `absent` after reporting, and without one.
double whole_number(Elab *e, const Ast *ast, const char *what, double absent, double lo, double hi);
double train_setting(Elab *e, const Ast *phase, const char *name, double absent, double lo, double hi);
const Setting *find_setting(const Setting *list, int n, const char *name);

// --- elaborate_use.c
bool is_seen(const Decl *d, int group);  // by the texts of a group
int group_at(const Elab *e, Span where);
void use_file(Elab *e, const Ast *use, int depth);  // declares what it takes
// After all files: what nothing speaks of, of those that names were taken from, is no part of the model.
void drop_unused_names(Elab *e);

// --- elaborate_trained.c
bool may_be_trained(const Decl *d);  // may weights be its own?
// Of a tensor that is being declared: the file that it begins with, or NULL.
const char *trained_file(Elab *e, const char *name, const char *owner, TensorKind kind);
void check_trained(Elab *e);  // holds the files against the tensors of the model

// --- elaborate_naming.c
// From here on values are made and named in a scope of their own, until the outer one is returned to.
NameScope *open_names(Elab *e, const char *word, bool hidden);
const NameScope *names_here(const Elab *e);
void close_names(Elab *e, const NameScope *outer);
bool on_page(const Elab *e, const Ast *ast);  // not in the library
void name_bound(Elab *e, const Ast *where, const char *word, const Value *v);  // word = v
void name_declared(Elab *e, const Ast *declaration, Value *v);  // of a parameter, a let, a param
void name_formal(const Ast *declaration, const Ast *formal, Value *v);  // of a number handed to an optimiser
void name_keyword(Elab *e, const Ast *argument, const Value *v);
void name_application(Elab *e, const char *word, const Value *v);  // what a block or function gives
void name_called(Elab *e, const Ast *ast, const Value *v);         // what an expression of the page gives
void name_drawn(Elab *e, const NameScope *variable, const Value *v);
void name_parameters(Elab *e, const NameScope *variable, const Dist *d);
void name_density(Elab *e, const Dist *d, const Value *v);
const char *words_for(const Elab *e, Op op, int n, const Value *args);  // of numbers, if something is said for one of them
const char *argument_word(const Elab *e, const Value *v);  // by which applications to it and others are told apart

// --- elaborate_value.c
Value value_error(void);
Value value_number(double x);
Value value_tensor(Node *n, unsigned plates);
const char *value_text(Elab *e, Value v);  // "tensor [28, 28]", "a distribution": for messages
bool same_value(const Value *a, const Value *b);  // for sure
int event_rank(const Value *v);
Shape event_shape(const Value *v);  // [] for a number
Shape physical_shape(const Elab *e, unsigned plates, Shape event);
Value to_tensor(Elab *e, Value v);             // numbers become constants, lists are stacked; else an error
bool list_shape(const Value *list, Shape *s);  // of the tensor that a list of numbers stands for; false if it is none
Value widen(Elab *e, Value v, unsigned plates, Shape event);  // repeats it along the axes it lacks
bool broadcast_shapes(Shape s, Shape t, Shape *out);          // false when they do not fit
const char *op_sign(Op op);                   // as the language writes it: + for add, the name if it has no sign
Value apply(Elab *e, Op op, Span where, int n, const Value *args);  // an elementwise operation of the table
Value apply1(Elab *e, Op op, Span where, Value a);
Value apply2(Elab *e, Op op, Span where, Value a, Value b);
Value reduce_events(Elab *e, Op op, Value v, unsigned event_axes);
Value plate_to_event(Elab *e, Value v, int plate);  // the plate becomes the last event axis; v repeated if it lacks it
// The first axes of the event, `outer`, become the newest plate, whose size is their product, and back. No number
// moves.
Value event_to_plate(Elab *e, Value v, Shape outer, int plate);
Value plate_to_outer(Elab *e, Value v, Shape outer, int plate);
Value reshape_event(Elab *e, Value v, Shape event);
bool is_integral(const Node *n);

// --- elaborate_fact.c
void assert_fact(Elab *e, const Node *n, const Decl *support);  // takes it that the last axes of n lie there
const Decl *library_support(const Elab *e, const char *name);
void assert_library_fact(Elab *e, const Node *n, const char *support);
bool assert_support(Elab *e, Value *v, const Support *support);  // takes it that v lies there; false if it cannot
bool has_fact(Elab *e, const Value *v, const Support *support);  // is it known to lie there?
bool has_facts_of(Elab *e, const Value *v, const Node *of);  // all that are handed on to that node
void hand_on_facts(Elab *e, const Value *from, int axis, const Node *to);  // of places picked along an axis
void hand_on_to_mean(Elab *e, const Value *from, const Node *to);          // over the first axis
bool constants_outside(const Node *n, const Support *support);  // of a node of constants: they do not lie there
typedef struct {
  const char *place, *demand, *mend;  // "the simplex"; "add up to 1"; "wrap it in softmax(...)" or NULL
} FactWords;
FactWords fact_words(Elab *e, const Support *support);
bool is_greater(const Value *a, const Value *b);  // for sure, at every place

// --- elaborate_expr.c
Value eval(Elab *e, Scope *scope, const Ast *ast);
Value eval_body(Elab *e, Scope *scope, const Ast *body);
double eval_number(Elab *e, Scope *scope, const Ast *ast, const char *what);  // NAN after reporting
bool eval_dims(Elab *e, Scope *scope, const Ast *dims, Shape *out);
Scope *scope_new(Elab *e, Scope *up);
Scope *scope_for(Elab *e, const Ast *declaration);  // of a body: it sees nothing but the file's names
void bind_name(Elab *e, Scope *scope, const char *name, Value v);
Binding *own_binding(const Scope *scope, const char *name);   // without the scopes around it
Binding *find_binding(const Scope *scope, const char *name);
bool fresh_name(Elab *e, Scope *scope, const char *name, Span where);  // false after reporting that it has a value
void unknown_keyword(Elab *e, const char *name, const Ast *formals, Span where, const char *keyword);
typedef struct {
  Span span;
  int n;
  Value arg[MAX_ARGS];
  const char *name[MAX_ARGS];  // keyword or NULL
  const Ast *ast[MAX_ARGS];    // as written, or NULL
} Call;
bool eval_arguments(Elab *e, Scope *scope, const Ast *args, Call *call);
// Binds a call to the formals of a declaration in a new scope; reports what does not fit and returns NULL.
Scope *bind_formals(Elab *e, const Ast *declaration, const Call *call);
Value call_function(Elab *e, const Decl *d, const Call *call);
Value call_value(Elab *e, Value callee, const Call *call);
Value call_library(Elab *e, const char *name, Span where, int n, const Value *args);
// The name of this application of a block, among those of the network or block it is applied in.
const char *block_path(Elab *e, const char *name);
Frame *push_frame(Elab *e, const Ast *ast, Span call);
void pop_frame(Elab *e);
const char *expression_text(Elab *e, const Ast *ast);  // the source text of an expression

// --- elaborate_asked.c
Value eval_prefix(Elab *e, Scope *scope, const Ast *ast);
bool is_divergence_call(const Ast *ast);  // kl(f || g)
Value eval_divergence(Elab *e, Scope *scope, const Ast *call, Extent extent);
bool is_joint(const Value *v);  // the distributions of a network with several outputs?

// --- elaborate_builtin.c
bool is_builtin(const char *name);
Value call_builtin(Elab *e, const char *name, const Call *call);
const char *arguments_text(Elab *e, int least, int most);  // "1 to 3 arguments"
const char *const *builtin_names(Arena *a, int *n);
// How a function is written, and what it is; all NULL when there is none of that name.
typedef struct {
  const char *name, *form, *what;
} Description;
Description builtin_describe(Arena *a, const char *name);

// --- elaborate_binder.c
Value eval_aggregate(Elab *e, Scope *scope, const Ast *ast);
// What `v in x` runs over, along the first axis of a value: the whole numbers of a range, or the parts of a tensor.
bool eval_run(Elab *e, Scope *scope, const Ast *binder, int64_t *n, Value *v);
// What `y ~ f` runs over: all values of the distribution, likewise.
bool eval_values(Elab *e, Scope *scope, const Ast *binder, int64_t *n, Value *v, Value *dist);
int64_t support_members(const Support *s);       // how many a set or a class has; 0 where that is not known
Value members_of(Elab *e, const Support *s);      // [support_members]
bool values_of(Elab *e, const Dist *d, const char *name, Span where, int64_t *n, Value *v);  // [n, event]

// --- elaborate_batch.c
// The same, seen from a plate `to` in place of `from`: no number moves unless other plates stand between.
Value rename_plate(Elab *e, Value v, int from, int to);
Dist *rename_distribution(Elab *e, const Dist *d, int from, int to);
Value call_neighbour(Elab *e, const Call *call, Value *keyword);
Value call_convolve(Elab *e, const Call *call, Value *keyword);
Value call_convolve_back(Elab *e, const Call *call, Value *keyword);
// After a complaint that n's shape is not the one wanted: which layers made it an image of other sizes, and what would do.
void help_layers(Elab *e, const Node *n, Shape wanted);
// `other.x`, x of another example; NONE if the name is none of that kind.
Value example_value(Elab *e, const Scope *scope, const Ast *name);

// --- elaborate_index.c
Value eval_index(Elab *e, Scope *scope, const Ast *ast);
Value index_value(Elab *e, Scope *scope, Value tensor, const Ast *indices);
// The places of an axis of the event that `at` holds, rounded down and kept within it: its axes stand there instead.
Value pick_places(Elab *e, Value v, int axis, Value at, Span where);
Value range_value(Elab *e, Value lo, Value hi);  // a list of the two, which is known for a range

// --- elaborate_grad.c
Value call_grad(Elab *e, const Call *call, Value *keyword);

// --- elaborate_point.c
// v, as it gets this name: a point of the graph, where the text takes gradients by the name.
Value as_point(Elab *e, const Scope *scope, const char *name, Value v);

// --- elaborate_loop.c
Value eval_loop(Elab *e, Scope *scope, const Ast *ast);
// Evaluates `part`, a tensor or a list of some, in each turn of a loop, and joins them along their first axes in the
// order of the turns. There are fewer than MAX_LOOPS loops around.
Value eval_in_turns(Elab *e, int64_t turns, Value (*part)(Elab *e, void *what), void *what);
bool update_carried(Elab *e, Scope *scope, const Ast *statement);  // false when it carries no such value
Graph *program_graph(const Elab *e);
int loops_around(const Elab *e);  // what is evaluated now
// Is the value one of the present graph, or of one around it? Of these it becomes an input of the loops between.
bool belongs_here(Elab *e, Value *v);
bool is_around(const Elab *e, const Graph *g);  // the present graph, or one around it
// Between the two, nodes are made in the program's own graph.
typedef struct {
  Graph *graph;
  Build *build;
} Outside;
Outside leave_loops(Elab *e);
void enter_loops(Elab *e, Outside o);
// How far random numbers move on in the turns of the loops around, where a row has `count` of them.
void set_random_steps(const Elab *e, Attr *attr, int64_t count);

// --- elaborate_support.c
bool eval_support(Elab *e, Scope *scope, const Ast *ast, Support *out);
bool is_library_support(const Support *s, const char *name);
const Ast *member_of(const Ast *decl, const char *name);  // of a distribution or a support, or NULL
void check_members(Elab *e, const Ast *decl);              // reports those that neither has
const char *support_text(Elab *e, const Support *s);
bool support_discrete(const Support *s);
bool support_counts(const Support *s);  // the whole numbers from 0 on
bool support_within(const Support *inner, const Support *outer);
// Are all numbers of a tensor known, as those of a mask are, and lie closer together than its bounds? These are then theirs.
bool bound_by_numbers(const Elab *e, const Value *v);
bool point_within(const Value *v, const Support *s);  // by what is known of its values: a number's or a tensor's
bool lies_within(const Elab *e, const Value *v, const Support *s);  // likewise, by its numbers where they are known

// --- elaborate_formula.c, elaborate_mixture.c
Scope *formula_scope(Elab *e, const Dist *one);  // the parameters as the formula of one copy sees them
extern const DistKind formula_kind, mixture_kind, marginal_kind, flow_kind;
Value make_distribution(Elab *e, const Decl *d, const Call *call);
Value call_distribution(Elab *e, const char *name, const Call *call);  // of the library
Value make_mixture(Elab *e, Scope *scope, const Ast *ast);

// Their common shape: of parameters that have axes of their own, without these, into d->event, and of the others into
// `places`; and d->param, d->plates. Of a distribution of vectors the others are seen whole.
bool join_parameters(Elab *e, Dist *d, const char *name, bool vectors, Shape *places);

// --- elaborate_flow.c
Decl *find_bijector(const Elab *e, const char *name, Span where);
bool is_flow_call(const Elab *e, const Scope *scope, const Ast *callee, const Call *call);
Value make_flow(Elab *e, const Decl *bijector, const Call *call);  // of the call's first argument, a distribution
bool same_map(const Dist *a, const Dist *b);  // of two flows
void check_bijector(Elab *e, const Ast *bijector);                  // its members
const Ast *bijector_member(const Ast *bijector, const char *name);  // forward, inverse, logdet; NULL if it has none
// A member of the flow's bijector at `at`: x, or y of the inverse, and of logdet y too. Of the whole event, logdet one
// number for each copy; NONE if there is no such member.
Value map_member(Elab *e, const Dist *flow, const char *member, const Value *at, Span where);

// --- elaborate_estimator.c
void check_estimator(Elab *e, const Ast *estimator);     // its members
Decl *find_estimator(const Elab *e, const Ast *by);      // that stands after `by`; NULL if it is none
void unknown_estimator(Elab *e, const Ast *by);
Value draw_by(Elab *e, Scope *around, Value dist, const char *variable, const Shape *declared, const Ast *by, Span where);
bool by_enumeration(const Elab *e, const Ast *by);
// What a body ends in from a draw by enumeration on: its result, or its objective, as a mean over all values. NULL after
// reporting.
const Ast *enumerated_rest(Elab *e, const Ast *statement, const Ast *body);
Value weights_of(const Elab *e, const Value *label);  // that stand for it, NONE if there are none
Value weighed_places(Elab *e, Value v, int axis, Value weights, Span where);  // the sum of the places of an axis by these
void check_relaxed(Elab *e);  // reports what is made of labels for which weights stand, in the program being built
Value with_surrogates(Elab *e, Value objective);  // whose gradient is to be taken
Value call_log_chances(Elab *e, const Call *call, Value *keyword);

// --- elaborate_probe.c
void remember_bijector(Elab *e, const Dist *flow);  // one that has been applied
void try_bijectors(Elab *e);                        // those of the model's own; reports what they are not

// --- elaborate_dist.c
const char *dist_name(const Dist *d);  // for messages
// The distribution of one copy, over a newly opened plate; NULL after reporting. A parameter that differs from copy to
// copy does so over the plate.
Dist *open_copies(Elab *e, const Dist *d, int *plate, Span where);
Value close_copies(Elab *e, Shape outer, Value v, int plate);
// One number at each place of `outer`, the first axes of an event, or all of them added up. The terms, one at each place
// of `from`, may be finer, or a number, which has `plates`.
Value gather_terms(Elab *e, Value terms, Shape from, Shape outer, Extent extent, unsigned plates);
Value settled(Elab *e, Value dist, Span where);  // one whose event nobody has declared
unsigned draw_plates(const Elab *e, const Dist *d);
Drawing begin_drawing(Elab *e, const Dist *d, const char *variable);  // a draw of that name; what was drawn before
void end_drawing(Elab *e, Drawing outer);
void remember_stand_in(Elab *e, Value v, Value weights, const Dist *from, bool relaxed, Span where);
void remember_draw(Elab *e, const Node *node, const Dist *from, Value base, Span where);
Value shape_distribution(Elab *e, Value dist, Shape event, Span where);  // the same with a declared event shape
Value draw(Elab *e, Value dist, const char *variable, const Shape *declared, Span where);
Value log_density(Elab *e, Value dist, Value point, Extent extent, Span where);
Value held_still(Elab *e, const Dist *d, Value v);  // what is made of a parameter of one that is held still
Value dist_member(Elab *e, Value dist, const char *member, Extent extent, Span where);  // mean: an event; entropy
Value kl_divergence(Elab *e, Value f, Value g, Extent extent, Span where);
// The rule of that head, kl, marginal or posterior, about the two; NULL if there is none. The names of a pattern are
// given the parameters that it names; but not those of the affine one.
const Ast *find_rule(const Elab *e, const char *head, const Dist *f, const Dist *g);
void bind_pattern(Elab *e, Scope *scope, const Ast *pattern, const Dist *d);
bool same_distribution(const Dist *a, const Dist *b);
Shape outer_event(const Dist *d);  // of its independent copies: the event without the axes over which it is joint
Shape own_event(const Dist *d);    // of one copy: those axes
int open_plate(Elab *e, int64_t n, Span where);  // -1 after reporting
Value sample_value(Elab *e, const Dist *d);      // a draw of the whole event, in the draw that is being made
Value log_terms(Elab *e, const Dist *d, Value point, Span where);  // of each independent copy, before they are added up
Value sum_over_event(Elab *e, const Dist *d, Value terms, unsigned plates);  // `plates` of terms that are a number
// The distribution of the places that indices pick, of one whose places are independent.
Value index_distribution(Elab *e, Scope *scope, Value dist, const Ast *indices, Span where);
// That whose density is in proportion to the product of both, as their kind says.
Value product_of(Elab *e, Value f, Value g, Span where);
Value quantile_of(Elab *e, Value dist, Value u, Span where);  // where its cumulative function is u, at each place
Value prior_of(Elab *e, const char *variable, Span where);
bool is_shared(const Elab *e, const char *variable);  // does it have a shared prior?
// d is a distribution of that variable: if examples share it, d's draws are shared. False after reporting.
bool share_draw(Elab *e, Dist *d, const char *variable, Span where);

// --- elaborate_observed.c
Value call_observed(Elab *e, const Call *call, Value *keyword);
Value call_known(Elab *e, const Call *call, Value *keyword);
Value call_filled(Elab *e, const Call *call, Value *keyword);
Value column_with_holes(Elab *e, const char *column, Value x, Value known);
void refuse_observed(Elab *e, const Value *v);  // that it is no tensor
Value whole_value(Value v);        // of what is seen in part, the tensor; anything else as it is
Value to_point(Elab *e, Value v, Span where);  // a number, a tensor, or one that is seen in part; ERROR after reporting
Value widen_point(Elab *e, Value point, unsigned plates, Shape event);
Value point_of_copies(Elab *e, const Dist *d, Value point, int plate);  // one copy's: the copies become the plate
bool shows_part(const Dist *d, const Value *point);  // of places over which the distribution is joint
Value where_seen(Elab *e, const Dist *d, Value terms, Value point, Span where);  // 0 for copies that are not seen
Value completed(Elab *e, const Dist *d, Value v);  // a draw or a mean: what is seen is the point's
Value sample_place(Elab *e, Value logs, Span where);  // one of n cases, in the draw that is being made
Value mean_by_shares(Elab *e, Value v, Value logs, Span where);  // of v[..., n]; of its cases, by these
Value limit_mean(Elab *e, Value mean, double lo, double hi, Span where);  // of values from lo to hi

// --- elaborate_factor.c
Value apply_net(Elab *e, Scope *scope, Decl *d, const Ast *call_ast);
// Of a name like `D.f`, the network and the place of its output f; NULL if it is none.
Decl *find_network(const Elab *e, const Scope *scope, const char *name, Span where);  // NULL if it is none
Decl *find_output(Elab *e, const Scope *scope, const char *name, Span where, int *place);
Value apply_output(Elab *e, Scope *scope, Decl *d, int place, const Ast *call_ast);
Decl *find_factor(Decl *d, const char *output);  // of this network and the factors behind it, or NULL
bool takes_input(const Decl *d, const char *input);  // one of these factors
const char *named_in(const Ast *argument);  // x, also of x: value and observed(x, m); NULL for another expression
// What an argument says; NONE where that is the name of what it is said of, which has no value here.
Value value_in_call(Elab *e, Scope *scope, const Ast *argument, const char *of);
Value with_point(Elab *e, Value dist, Value point);  // asked at the point, or given what that shows

// --- elaborate_rule.c
extern const DistKind arranged_kind;  // of vectors whose numbers lie in another shape
// The same distribution as one of vectors; of independent vectors there is none, and it is returned as it is. NULL after
// reporting.
const Dist *flat_distribution(Elab *e, const Dist *d);
// How a distribution of x hangs on z.
typedef struct {
  const char *z;
  const Dist *f;    // at z = 0, of vectors,
  Shape event;      // and the event as it is
  int place;        // of the parameter that hangs on z; -1: none does
  Value at_zero;    // where nothing is laid out flat
  Value matrix;     // the linear part of that one, [n, k] of n numbers by the k of z; NONE: it is no vector
  const char *why;  // why no rule can be applied, or NULL: this stands
  Span where;       // here
} Affine;
// The distribution of x, given a value of z; ERROR after reporting.
typedef Value (*Given)(Elab *e, void *what, Value z);
// False after reporting. Why the distribution is not affine in z is told in `a`.
bool find_affine(Elab *e, Given given, void *what, Shape z, const char *name, Span where, Affine *a);
// By the rule of that head the distribution of x, where z is summed out; or of z, where x is known. NONE: there is no
// such rule, and `a` says why not; ERROR after reporting.
Value apply_rule(Elab *e, const char *head, Affine *a, const Dist *z, const Value *x, Span where);

// --- elaborate_chain.c
// Does a call without a bar name outputs of the model's factors, and variables with priors, and nothing else? Then it is
// their joint distribution, or a marginal of it: a distribution at each of the points, or one. So it is, given what
// stands behind a bar, where that is not all that the outputs are made of.
bool is_density_call(const Elab *e, Decl *model, const Ast *call);
Value joint_density(Elab *e, Scope *scope, Decl *model, const Ast *call);
// p(k | x), where no factor makes k and one makes x.
bool draws_output(const Decl *factor, const char *output);  // an output written with `~`
bool is_posterior(const Elab *e, Decl *model, const Ast *call);
Value posterior(Elab *e, Scope *scope, Decl *model, const Ast *call);
Chain *rename_chain(Elab *e, const Chain *c, int from, int to);  // as rename_plate

// --- elaborate_order.c
extern const DistKind ordered_kind;
// Is the network marked autoregressive, and reads what it explains? Else it makes values in the order of its first input.
bool explains_itself(const Ast *net);
// The distribution of what it explains, given its other inputs. Proves its order, once.
Value apply_ordered(Elab *e, Decl *d, int n, const Value *input, Span where);
// Is each place of the values that it makes made of those places of the first input alone that stand before it? False
// after reporting.
bool keeps_places(Elab *e, Decl *net, int n, const Value *input, Span where);
Ordered *rename_ordered(Elab *e, const Ordered *o, int from, int to);  // as rename_plate

// --- elaborate_names.c
void check_names(Elab *e, const Ast *declaration);

// --- elaborate_net.c
Value apply_net_values(Elab *e, Decl *d, int n, Value *inputs, Span where);
// What its body makes of tensors of the right shapes; of an autoregressive network the last is what it explains.
Value expand_net(Elab *e, Decl *d, int n, const Value *input, Span where);  // afresh
Value apply_to_values(Elab *e, Decl *d, int n, const Value *inputs, Span where);
const char *name_at(const Ast *list, int i);              // "" past its end
int place_of_name(const Ast *list, const char *name);     // -1 if it is not there
void declare_weights(Elab *e, Scope *scope, const Ast *statement);  // weight, state
void declare_network(Elab *e, Scope *scope, const Ast *net);         // a body's own
void update_state(Elab *e, Scope *scope, const Ast *statement);
int tensor_find(const Elab *e, const char *name);
int tensor_declare(Elab *e, const char *name, const char *owner, TensorKind kind, Shape shape, Span where,
                   TensorStart start);
Node *tensor_value(Elab *e, int tensor);
void start_tensor(Elab *e, int tensor);  // in elaborate_start.c: its first value, in the program that gives those
void tensor_assign(Elab *e, int tensor, Node *value);

// --- elaborate_parameter.c
Value parameter_value(Elab *e, const Decl *d);
// Where a parameter or a weight is held, `on` NULL: anywhere; with its maps. False after reporting.
bool held_support(Elab *e, Scope *scope, const Ast *on, Support *s);
Value held_value(Elab *e, int t, const Support *s, const char *name, Span where);  // of tensor t, held there; ERROR after reporting
// Where the free numbers of a parameter begin, for it to begin at `start`; ERROR after reporting.
Value free_start(Elab *e, const Support *support, const char *name, Value start, Span where);
// v with its numbers moved into the support's bounds, by as little as single precision can.
Value held_within(Elab *e, const Support *support, Value v, Span where);
// The free numbers that make tensor t's values v, whatever they are, and in *back the values that these make: v, but
// for rounding, if it lies on the support.
Value free_numbers(Elab *e, int t, Value v, Value *back);
Value free_beginning(Elab *e, const Support *support);  // and where no start is written

// --- elaborate_data.c
void declare_data(Elab *e);
Value column_value(Elab *e, int column);
int find_column(const Elab *e, const char *name);
// A file that `text` names: the first that exists, beside that text, in the working folder, beside the models that came
// with gmc; else the first.
const char *find_beside(Elab *e, const char *text, const char *path);
bool has_source(const Elab *e, int column);  // it has been declared without a mistake
Value call_standardize(Elab *e, const Call *call, Value *keyword);
Value standardized(Elab *e, int column, Value v, bool back, Span where);  // if a stage says so: as a network sees it, or back
Value call_reader(Elab *e, const char *name, const Call *call);  // idx, npy, csv
bool variable_of(Elab *e, const char *name, Shape *shape, Support *support,
                 int *classes);  // data column or prior variable

bool aim_stage(Elab *e, const DataSet *set, Stage *stage);     // finds the columns that it is applied to
const Stage *first_stage(const Elab *e, int column);           // NULL: none

// --- elaborate_principal.c
bool is_principal(const Elab *e, const Ast *stage);
bool declare_principal(Elab *e, const DataSet *set, const Ast *stage);
bool principal_shape(Elab *e, int column);  // of what the files hold, once the source is known
Shape input_shape(const Elab *e, int column);  // of what a program is fed of a column
void keep_axes(Elab *e, int column);           // with the weights
// v, of the files, along the axes; or back.
Value along_axes(Elab *e, int column, Value v, bool back, Span where);

// --- elaborate_train.c
int most_inputs(const Elab *e);                        // of a program, beside sums
Decl *find_measured(const Elab *e, const char *name);  // an objective or a metric, or another declaration of that name
// What is measured under the name of a declaration: an objective's or a metric's value, of each example or one in all,
// with draws of its own. ERROR after reporting.
Value measure_value(Elab *e, Decl *d, Span where);
Value batch_average(Elab *e, Value v, Span where);
bool minimizes(const Decl *objective);
void begin_program(Elab *e, int64_t batch, bool training);
Value line_value(Elab *e, const Ast *step);  // of a line's objective, for each example or in all; ERROR after reporting
void begin_draws(Elab *e, const char *noise);                                            // of a line or a metric
int end_program(Elab *e, const char *name, int64_t batch, Output *output, int outputs);  // index of the program
void elaborate_training(Elab *e);
void add_last_turn(Elab *e, PlanTurn turn);  // to the round of every phase
// No objective and no metric is called as the records call something else.
void check_measured_names(Elab *e);
void check_objective(Elab *e, const Decl *d);  // one that no line names
// Its value as written, whether that is maximized or minimized; ERROR after reporting.
Value apply_objective(Elab *e, const Scope *scope, Decl *d, const Call *call);
Value apply_metric(Elab *e, const Scope *scope, Decl *d, Span where);
void elaborate_test(Elab *e);
// The node of a value that the training loop feeds: one for each program, and for updates one for each line.
Node *feed_node(Elab *e, InputKind kind);

// --- elaborate_start.c
void elaborate_init(Elab *e);
Value call_nearest(Elab *e, const Call *call, Value *keyword);  // elaborate_nearest.c
Value call_sample(Elab *e, const Call *call, Value *keyword);

// --- elaborate_optimize.c
typedef struct Optimizer {
  const Decl *decl;
  Call call;
  const char *shared;  // the let that names it: lines that say so share what it keeps; NULL: each line has its own
} Optimizer;
Value optimizer_value(Elab *e, const Decl *d, const Call *call);
Value optimizer_named(Elab *e, const Decl *let, Value v);  // what the let stands for is shared by those who name it
void check_optimizer(Elab *e, Value v);
// Applies the optimiser that `with` says to n weights and their gradients (NULL: none).
void move_weights(Elab *e, const Ast *with, int n, const int *tensor, Node *const *gradient);
const char *slot_path(Elab *e, const char *state);  // of a state beside the tensor that is optimised
Value gradient_norm(Elab *e);
Value update_count(Elab *e);
// The averages that the train block asks for, as a last turn of the round.
void elaborate_averages(Elab *e);
// The let that a line's optimiser is named by, or NULL.
const char *shared_optimizer(const Elab *e, const Ast *with);

// --- elaborate_phases.c
bool is_block(const Ast *item);                                // lines in braces: repeat, every, when
const Ast *phase_setting(const Ast *phase, const char *name);  // its value, or NULL
void check_phases(Elab *e);                                    // settings that nothing obeys
// Before the round of a phase: its settings, and the program of its conditions.
void elaborate_phase(Elab *e, const Ast *phase, PlanPhase *into);
const char *phase_name(Elab *e, const char *what);  // of a program, told apart from those of other phases
int condition_of(const Elab *e, const Ast *when);  // its output, as PlanTurn.when has it

// --- elaborate_keep.c
void elaborate_keep(Elab *e);  // after the test program
// Where a measure is taken: after every so many epochs, in a program that is fed the sums of another.
typedef struct {
  int64_t every;
  const GraphProgram *program, *test;  // the same, if it is no measure of sums
  const Output *output;                // NULL: it is none of these
} MeasurePlace;
MeasurePlace find_measure(const Elab *e, const char *name);
const Ast *line_of(const Elab *e, const char *name);  // whose objective is measured under this name, or NULL

// --- elaborate_expect.c
void elaborate_expectations(Elab *e);  // after the test program

// --- elaborate_em.c
bool is_em(const Ast *item);  // a line of em, which maximizes log p of the data
bool has_em(const Ast *phase);
Span em_span(const Elab *e);
Value em_likelihood(Elab *e, const Ast *step);  // that, of each example; ERROR after reporting
void em_met(Elab *e, const Dist *d, Value point, Value v);  // a log density, which log p may be made of
bool is_fit_word(const char *name);  // total, share, moved
bool in_fit(const Elab *e);          // a distribution's rule is being evaluated
Value eval_fit_word(Elab *e, Scope *scope, const Ast *call);
bool fit_arrow(Elab *e, Scope *scope, const Ast *statement);  // false where no such rule is being evaluated
// The line as a pass; `after` is 0 where it moves nothing. What has no closed form is listed.
PlanTurn elaborate_em(Elab *e, const Ast *step, const Ast *phase, int64_t batch, const Ast **others);

// --- elaborate_total.c
// Sums of a text that is evaluated for two programs: v, which has added up its batch, becomes an output of the first one;
// in the second it is the sum met next, over `plates`.
Value total_first(Elab *e, Value v, const char *name);
Value total_next(Elab *e, unsigned plates);
Value total_fed(Elab *e, int output, bool rest);  // in the second, of a number: the sum, or what rounding has taken from it
Value value_gathered(Elab *e, int output, const Output *o);  // in a second program: what was gathered of it, all examples alike
bool is_own(Elab *e, Value v, const char *what, Span where);  // of each example; false after reporting
// Does what is to be added up hang on another sum, which is known after the pass alone? Then that is reported of `call`, said as `form`.
bool hangs_on_sum(Elab *e, Value v, const Ast *call, const char *form);
void add_output(Elab *e, Outputs *to, Output output);
bool is_of_sums(Elab *e, Value v, Span where);  // false after reporting
bool is_measure_word(const char *name);         // recent, change, best, total, gathered
bool mentions_measure_word(const Ast *ast);
Value eval_measure_word(Elab *e, Scope *scope, const Ast *call);
// Around the conditions of a phase; and then the pass that they ask for, as a turn. `after` is 0 where they ask for
// none.
void begin_asking(Elab *e, int phase);
void end_asking(Elab *e, Span where);
PlanTurn elaborate_pass(Elab *e, const Ast *phase, int64_t batch);

// --- elaborate_terms.c
Value density_term(Elab *e, Value v, const Dist *d, Value point);
Value entropy_term(Elab *e, Value v, const Dist *d);
Value kl_term(Elab *e, Value v, const Dist *f, const Dist *g, const Value *draw, Span where);
const Terms *claim_term(Elab *e, Value v, const struct Claim *c, const Terms *of);
const Terms *batch_term(Elab *e, Value v, const Term *density);
// The terms of an elementwise operation's result v. Warns where a density meets a tensor of its event's shape.
const Terms *combine_terms(Elab *e, Op op, Value v, int n, const Value *args);
const Terms *sum_terms(Elab *e, const Terms *a, const Terms *b);                      // either may be NULL: nothing
const Terms *joined_terms(Elab *e, const Terms *a);  // each log density and divergence once; without those that cancel
const Terms *scale_terms(Elab *e, const Terms *a, double lo, double hi);
const Terms *one_term(Elab *e, Term t);
const Terms *weighed_term(Elab *e, const struct Weighed *w);
double bounded_product(double a, double b);  // 0 times infinity is 0
bool speaks(const Terms *t);        // of more than other values
bool was_spoken(const Elab *e, const Value *v);  // does it hang on a log density or a divergence?
void note_spoken(Elab *e, const Value *v);        // it does
const char *term_text(Elab *e, const Term *t);  // as it was written

// --- elaborate_reach.c
void reach_value(Elab *e, const Value *v, const Drawn *enumerated, Reach *r);
void reach_parts(Elab *e, const Dist *d, const Drawn *enumerated, Reach *r);  // of its density, but for the point
void reach_join(Reach *into, const Reach *other);
const Node *plain_node(const Elab *e, const Node *n, const Drawn *enumerated);
const Drawn *draw_at(const Elab *e, const Value *v, const Drawn *enumerated);  // how the value was drawn, or NULL

// --- elaborate_ledger.c
// What a value is to the log density of what is observed.
typedef enum { CLAIM_NOTHING, CLAIM_EXACT, CLAIM_BOUND, CLAIM_ESTIMATE, CLAIM_NONE, CLAIM_UNKNOWN } ClaimKind;
typedef struct Claim {
  ClaimKind kind;
  bool negative;         // to its negative
  bool weight;           // the mean of its exponential is no more than the density
  const char *why;       // NONE, UNKNOWN: what stands against more
  const char *looser;    // BOUND: what makes it looser, or NULL
  const Term *weighed;   // NONE, and a weight is why: of this term, in [lo, hi]
  double lo, hi;
  double from;           // and the epoch from which on that is no longer so, or 0
  bool logarithm;        // of means of exponentials
  bool whole;            // of all examples together, a part for each
  double draws;          // how many of a log of a mean, or 0
  int pieces;            // log densities that are added
  const struct Piece *piece;
} Claim;
const char *weight_text(Arena *a, double lo, double hi);

// --- elaborate_claim.c
// Of the mean over a block's places, or the log of the mean of exponentials. Terms that are the same at all of them stay as
// they are, unless they are computed in turns.
typedef struct {
  Value v;  // the block's
  int plate;
  double places;
  bool logarithm, in_turns;
} Block;
const Terms *block_terms(Elab *e, const Block *b);
const Terms *batch_terms(Elab *e, const Block *b);
Claim claim_about(Elab *e, Value v);
// Which value is the best: 1, the largest, or -1, the smallest; 0 where that does not follow.
int better_by(const Claim *c);
// Has `gmc explain` say it of an objective or a metric; what the records say, or NULL.
const char *declare_claim(Elab *e, const char *name, const Claim *c, Span where);

// --- elaborate_choice.c
void choice_made(Elab *e, const Ast *of, bool holds);  // the condition of an `if` is a number
// Does the name stand in the text of a line's objective, or of what it applies, behind such choices alone?
bool chosen_out(Elab *e, const Ast *step, const char *name);

// --- elaborate_words.c
// Is this warning new here? What is evaluated again is not said again.
bool word_is_new(Elab *e, DiagnosticCode code, Span where);
#define warn_once(e, code, where, ...) \
  (word_is_new((e), (code), (where)) && (complain((e), (code), (where), __VA_ARGS__), true))

// Of an objective or a metric; what the records say of it, or NULL.
const Terms *opened_terms(Elab *e, const Terms *t);  // those of aggregates' blocks beside the others
// elaborate_latents.c: further outputs of the test program, what each latent of an objective costs.
void add_latent_costs(Elab *e, Value objective, Outputs *out);
const char *check_words(Elab *e, const char *name, Value v, Span where);

// --- elaborate_rounds.c
// A line whose gradients are taken and whose weights have moved.
void judge_line(Elab *e, const Ast *step, Value objective);
void judge_factor(Elab *e, const Ast *step, Value objective, int n, const int *tensor, Node *const *gradient);
void judge_program(Elab *e);  // before the program of the lines just judged ends
void judge_round(Elab *e);    // all lines held against one another
// At values at which it can be told, does the line want the first score larger and the second smaller (1), or the other way round (-1)?
int wanted_apart(Elab *e, const Ast *step, Node *goal, Node *first, Node *second);
// The first network other than `judge` whose weights the values hang on, or NULL.
const char *hangs_on(Elab *e, int n, Node *const *value, const char *judge);

// --- elaborate_health.c
void elaborate_health(Elab *e);  // after all other programs but the starts'

// --- elaborate_axis.c
// The setting of that name in a show's body, or NULL.
const Ast *axis_setting(const Ast *body, const char *setting);
// How many rows or columns a show has: the number written, or what a binder runs over. `absent` after reporting too.
int64_t axis_length(Elab *e, const Ast *show, const char *setting, int64_t absent);
// Gives the name of a binder, `rows y in 0 .. 10`, its value at each place; of any other setting nothing.
void axis_bind(Elab *e, Scope *scope, const Ast *setting);
// What stands beside the rows and above the columns of a grid whose program is done.
void label_axes(Elab *e, const Ast *show, PlanShow *to);

// --- elaborate_show.c
void elaborate_shows(Elab *e);
int64_t whole_setting(Elab *e, const Ast *body, const char *name, int64_t absent, int64_t most);
bool mentions(const Ast *list, const char *name);
Value show_place(Elab *e, const char *name);  // `row` or `column`

#endif
