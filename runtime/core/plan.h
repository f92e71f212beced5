// The plan: the one thing that compiler and runtime share. Tables of constants, all offsets and sizes known.
//
// The compiler makes a Plan; `gmc run` walks its kernels (runtime/engine/exec.c), and `gmc emit` prints the same
// tables and the same kernels as C. The training loop (runtime/train/train.c) reads only this header and calls
// Run.execute, so that it serves both.
// Everything lives in one memory of floats: persistent tensors first, in table order and each
// beginning at a multiple of 16 floats, then the temporaries of whichever program runs.
#ifndef GMC_PLAN_H
#define GMC_PLAN_H

#include "core/base.h"

enum { MAX_RANK = 8, ALIGN = 16, MAX_LOOPS = 4, MOST_SHARDS = 1024, MOST_NEAREST = 16 };  // MAX_LOOPS: within one another

// A weight is trained; a state is kept by a layer (a running mean); a slot is kept by an optimiser; an average is of a
// weight, and read in its place where nothing is trained.
typedef enum { TENSOR_WEIGHT, TENSOR_STATE, TENSOR_SLOT, TENSOR_AVERAGE } TensorKind;

// What of a column's values, place by place over the training split, a state begins with.
typedef enum {
  STATISTIC_NONE,
  STATISTIC_MEAN,
  STATISTIC_DEVIATION,
  STATISTIC_CENTRE,  // what is taken off before the coordinates along principal axes are,
  STATISTIC_AXES     // and these, in rows
} TensorStatistic;

typedef struct {
  const char *name;  // path, such as q/dense_1/W; the key in weights.safetensors
  TensorKind kind;
  int rank;
  int64_t dim[MAX_RANK];
  int64_t count;  // elements
  int64_t at;     // offset in floats
  TensorStatistic statistic;
  int column;  // of it, counted through all sets of data
  int beside;  // 1 + the tensor by whose value it begins; 0: none
  const char *support;  // that the values are held on, in words, of which it holds the free numbers; NULL: these are the values
  const char *file;  // of weights that another run has trained, which it begins with, as they stand there; NULL: none
} PlanTensor;

// How the numbers of a random stream are addressed; see runtime/core/philox.h for the counter.
typedef enum {
  RANDOM_STEP,     // fresh at every step: (step, position in the batch, element)
  RANDOM_EXAMPLE,  // fixed for an example: (its index in the split, element)
  RANDOM_ONCE      // fixed for the run: (element); weights' initial values
} RandomAddress;
enum { RANDOM_ADDRESSES = 4 };  // of examples of the s-th set of data, from 0: RANDOM_EXAMPLE + s * RANDOM_ADDRESSES

// What a run is doing when it draws; kept apart in the counter so that measuring never disturbs training.
typedef enum {
  PURPOSE_TRAIN,
  PURPOSE_TEST,
  PURPOSE_SHOW,
  PURPOSE_INIT,
  PURPOSE_SHUFFLE,
  PURPOSE_DATA,
  PURPOSE_PASS
} Purpose;

// What a column is made of, where the model chooses: a name in the files, or without one a place from 0.
typedef struct {
  const char *name;
  int64_t place;
} PlanPick;

// A column of the data, as the files have it: the shape of one example.
typedef struct {
  const char *name;
  int rank;
  int64_t dim[MAX_RANK];
  int64_t count;
  int classes;           // labels 0 .. classes-1, or 0 for real values
  float lo, hi;          // values outside are refused when the data is read; -INFINITY, INFINITY if free
  bool whole;            // so are values that are no whole numbers
  const float *member;   // and all but these, from the least
  int members;           // 0: no list
  bool simplex;          // so are examples whose values along the last axis do not add up to 1
  bool levels;           // whole numbers of 0 .. 255 that do not lie in [lo, hi] are levels, stretched to it
  bool missing;          // NaN, and an empty cell of a csv file, is a hole
  int64_t principal;     // so many coordinates along principal axes are what the model sees of it; 0: its values
  const PlanPick *pick;  // none: what has the column's name, or in files without names the next
  int picks;
  const char *test_pick;  // NPZ: the name in the files of the test split; NULL: as pick says
} PlanColumn;

// Where the data comes from. Each file holds one array (idx, npy), or all columns (npz, csv).
typedef enum {
  DATA_NONE,
  DATA_IDX,
  DATA_NPY,
  DATA_NPZ,
  DATA_CSV,
  DATA_IMAGES,
  DATA_CIFAR10,
  DATA_TEXT,
  DATA_GENERATED
} DataFormat;
typedef enum { HEADER_LOOK, HEADER_YES, HEADER_NO } DataHeader;
typedef struct {
  DataFormat format;
  int files;                 // for each split
  const char *const *train;  // paths, as resolved
  const char *const *test;   // NULL: `holdout` of the examples are the test split
  double holdout;            // fraction
  bool holdout_last;         // the last ones, rather than drawn
  DataHeader header;         // CSV: is the first line one?
  char separator;            // CSV: of fields; 0: as the first line looks
  bool lines;                // TEXT: a line is an example, and not as many characters as the column holds
  int64_t generated_train, generated_test;  // DATA_GENERATED: examples in each split; they are drawn in the graph
  int64_t kept;                             // so many of the training split are trained on, the first ones; 0: all
  int balanced_by;                          // 1 + the column of labels of which these are as many each; 0: none
  const char *clause;                       // the `from` clause as written, for messages and the run record
  const char *file;                         // the .gm file and line of that clause
  int line;
} PlanData;

// A further set of data, none of whose examples belongs to one of another set.
typedef struct {
  PlanData data;
  const PlanColumn *column;
  int columns;
} PlanSet;

// Which part of a step something belongs to: the line of the round, from 0, and what is done for it there.
typedef enum { PHASE_FORWARD, PHASE_BACKWARD, PHASE_UPDATE } Phase;
typedef struct {
  int line;
  Phase phase;
} Section;

// The sum of an output over the examples of a split is kept in double precision: TOTAL is it, rounded, and REST what
// rounding has taken from it, rounded too. ROWS: how many examples of the batch count; copies fill it up. KNOWN: of a
// column, 1 where it has a value, 0 in a hole.
typedef enum {
  FEED_COLUMN,
  FEED_KNOWN,
  FEED_STEP,
  FEED_EPOCH,
  FEED_UPDATE,
  FEED_EXAMPLES,
  FEED_ROWS,
  FEED_TOTAL,
  FEED_REST
} FeedKind;
// A value the training loop puts into memory before a program runs.
typedef struct {
  FeedKind kind;
  int index;   // column, of both, counted through all sets of data; line of the round whose updates are counted; output
               // that was added up or gathered
  int64_t at;  // offset in floats
  int64_t count;  // floats: of one example for a column, of the output that was added up, otherwise 1
} PlanFeed;
static inline bool feed_is_of_examples(const PlanFeed *f) { return f->kind <= FEED_KNOWN; }

// A value a program leaves in memory.
typedef struct {
  const char *name;
  bool per_example;  // [batch, dim...]; otherwise [dim...]
  int rank;          // of dim: one example's (or the whole) shape
  int64_t dim[MAX_RANK];
  int64_t count;  // product of dim
  int64_t at;
  bool coupled;    // examples of the batch meet in it: it is told of whole batches only
  bool total;      // it is added up over all examples, and told to the program that comes after
  const char *is;  // of a measure: what it is to the log density of the data, "lower bound"; NULL: nothing
  bool least;      // or rather, the examples of which it is least are what the program after sees, up to LEAST of them
  bool summed;     // and is the sum over the examples of the batch that count (FEED_ROWS)
  int64_t gathered;  // or rather, what is told is its value of the first so many examples of the split; 0: the sum
  const char *
      latents;  // and is what each of these latents costs, in nats, by the divergence that is its name; NULL: it is not
  int set;      // of data, whose examples it is told of: 0 the plan's own, else that of `other` before it
} PlanOutput;

typedef struct Kernel Kernel;  // runtime/engine/kernel.h
typedef struct Code Code;

typedef struct {
  const char *name;  // "init", "train 1", "test", "show digits", "sample"
  int64_t batch;     // examples at a time
  const PlanFeed *feed;
  int feeds;
  const PlanOutput *output;
  int outputs;
  const Kernel *kernel;  // NULL in an emitted program
  int kernels;
  int still;     // of these, the first ones, make what no example changes: nothing of it is overwritten by the others
  int64_t end;   // floats of memory it needs, persistent part included
  double flops;  // of one execution, multiply and add counted apart, contractions only
} PlanProgram;

// A round of training is a list of turns; each runs one program once, where it is due. Lines count from 0 in the order
// of the text. The program that keeps averages is a turn without lines.
// A pass is a turn that runs its program over all examples of the training split, batch by batch, adds up the outputs
// that say so, and runs another program once, which is fed the sums. Its line's objective is such an output. A round
// that is nothing but passes is an epoch.
enum { EACH_EPOCH = -1, LEAST = 64 };
typedef struct {
  int program;
  int after;  // of a pass: that other program, which stands behind the first one; 0: this is no pass
  int turn;   // which repetition of its `repeat`, from 0; mixed into the random streams
  int lines;  // lines of the round that this program performs: first_line .. first_line + lines - 1
  int first_line;
  int64_t every;  // due in each of so many rounds of the phase, in the last of them; 0: in all; EACH_EPOCH
  int reborn;     // of a pass: this output of the other program, counted from 1, is how many parameters begin anew; 0:
                  // none
  int fell;       // and this one by how much its line's objective has fallen where it may not; 0: none
  bool own_rule;  // a rule of the page is to blame: the training ends
  int when;       // and only where this output of the phase's conditions, counted from 1, is not 0; 0: always
} PlanTurn;

// Training is a list of phases, each with a round of its own.
typedef struct {
  int first_turn, turns;
  int64_t batch;
  int64_t epochs;  // at most; 0: as many as it takes until its condition holds
  int conditions;  // program that runs before every round, on the round's first batch; -1: none
  int until;       // the phase is over where this output of it, counted from 1, is not 0; 0: after its epochs
} PlanPhase;

// Who makes matrix products and factorisations.
typedef enum { PRODUCTS_OWN, PRODUCTS_OPENBLAS } Products;

typedef enum { SHOW_GRID, SHOW_PLOT, SHOW_TEXT, SHOW_CURVES } ShowKind;  // CURVES: of what the run has measured
typedef enum {
  ITEM_IMAGE,    // value [h, w] or [h, w, 3] (or [n] drawn as one row), once per cell of the grid
  ITEM_POINTS,   // values [2]: a cloud
  ITEM_DENSITY,  // scalar values whose density is drawn
  ITEM_CURVE,    // scalar values over the axis t
  ITEM_TEXT      // labels or numbers, [n] or one, in a line of text
} ItemKind;
typedef struct {
  ItemKind kind;
  int output;         // of the show's program
  int columns;        // GRID: pictures side by side in a row: 1, or the number of columns. CURVE: values over t
  const char *label;  // the expression as written
  float lo, hi;       // black and white, for images
  int words;          // TEXT: 1 + a column of the data whose files may have words for these labels; 0: none
} PlanItem;
// What the rows or the columns of a grid stand for.
typedef struct {
  const char *name;         // of what the texts are values of, or NULL
  const char *const *text;  // for each place, or NULL
  int words;                // 1 + a column of the data whose files may have words for these labels; 0: none
} PlanAxis;
typedef struct {
  const char *name;
  ShowKind kind;
  int program;  // CURVES: none, -1
  int rows,
      columns;  // of cells. When `across`, the batch runs over the rows only and an item may hold `columns` pictures
  bool across;
  const PlanItem *item;
  int items;
  float t_lo, t_hi;      // CURVE: the axis
  bool epochs;           // CURVES: over epochs, and not steps; the label of an item is the measure's name
  PlanAxis down, along;  // GRID: of the rows, and of the columns of items that hold several pictures in a row
} PlanShow;

// Which epochs' weights a run keeps beside the last ones.
typedef struct {
  const char *measure;  // output of the test program; NULL: none
  bool largest;         // is its best value, or else the smallest
  int64_t every;        // and every so many epochs, all of them; 0: none
} PlanKeep;

// Measures that are taken after some epochs only, and at the end: those of a program of their own.
typedef struct {
  int64_t every;       // after epochs that this divides; > 1
  int program, after;  // as Plan's test and test_after
} PlanSeldom;

// What a measure of the held-out data is to be.
typedef struct {
  const char *measure;  // output of a test program
  bool at_least;        // or else at most
  double bound;
  int64_t epoch;  // after so many; 0: at the end
  const char *instead;  // what the command line says otherwise than the text, which is not held to it then; or NULL
} PlanExpect;

// A game: one network judges what another makes, and how it goes is measured at intervals.
typedef enum {
  AILMENT_COPIES,
  AILMENT_STRONG,
  AILMENT_SILENT,
  AILMENT_COLLAPSE,
  AILMENT_WEAK,
  AILMENT_SWINGS,
  AILMENTS
} Ailment;
// What game_health of grammar/std/health.gm gives.
typedef enum {
  HEALTH_RANKED,   // how often the judge gives a datum the higher score
  HEALTH_TOLD,     // how often the nearest other example is of one's own kind, data and samples
  HEALTH_REACHED,  // data that are the nearest of some sample
  HEALTH_SPREAD,   // of samples, in that of data
  HEALTH_COPIED,   // samples that lie close to an example of the training data
  HEALTH_KNOWN,    // held-out data that do
  HEALTH_FIGURES
} HealthFigure;
typedef struct {
  const char *judge, *maker;
  int held_out, trained;         // programs that gather from the two splits
  int figures;                   // is fed all that they have gathered, in this order, and makes the figures
  const char *remedy[AILMENTS];  // what to try, as a line of the text
} PlanHealth;

// A line's objective that is a log density of the data, or a bound of it: it is to grow on held-out data too.
typedef struct {
  const char *measure;
  bool larger;         // is better
  const char *remedy;  // what to try, as a line of the text; NULL where the model has it
} PlanFit;

typedef struct {
  const char *model;   // name
  const char *source;  // the model file's name
  int64_t batch;       // of the first phase, and of what is measured
  int64_t shards;      // parts in which a batch is added up, 1: in one
  int64_t epochs;      // of all phases; 0: as many as it takes
  uint32_t seed;       // default; the run's is in Run
  Products products;
  PlanData data;  // an epoch is one of these
  const PlanColumn *column;
  int columns;
  const PlanSet *other;  // further sets of data
  int others;
  const PlanTensor *tensor;
  int tensors;
  int64_t persistent;  // floats of all tensors
  int64_t peak;        // floats of memory the run allocates: persistent + largest program
  const PlanProgram *program;
  int programs;
  const Code *code;  // what the kernels of all programs compute, each once; NULL in an emitted program
  int codes;
  int init, test;   // program indices; test -1 if nothing is measured
  int init_sums;    // over the training split, which `init` is fed; -1: none
  int from_values;  // 1 + the program for starts from outside: of values that stand in the tensors it makes what
                    // tensors hold, and what begins by them; its outputs, named like tensors, are the values that come
                    // of it. 0: none
  int test_after;  // is fed the sums of `test`, behind which it stands; its outputs are measures too; 0: none
  const PlanSeldom *seldom;
  int seldoms;  // 0 if nothing is measured
  const PlanTurn *turn;
  int turns, lines;
  const PlanPhase *phase;
  int phases;
  const PlanShow *show;
  int shows;
  const char *const *objective;  // outputs of the training programs: a name of its own for each line
  PlanKeep keep;
  int restarts;  // starts of the run, of which `keep` finds the best; 0: one
  const PlanExpect *expect;
  int expects;
  const PlanHealth *health;
  int healths;
  const PlanFit *fit;
  int fits;
} Plan;

// A column, counted through all sets of data.
static inline const PlanColumn *plan_column(const Plan *p, int column) {
  if (column < p->columns) return &p->column[column];
  const PlanSet *set = p->other;
  for (column -= p->columns; column >= set->columns; set++) column -= set->columns;
  return &set->column[column];
}

#endif
