// A model, elaborated: graphs and tables, everything but the layout in memory. Made by the elaborator, read by the planner and by
// `gmc explain`.
#ifndef GMC_MODEL_H
#define GMC_MODEL_H

#include "text/ast.h"
#include "graph/graph.h"

// What a user can change without touching the model's text; from the command line and the run file.
typedef struct {
  const char *name, *text;  // text: an expression of the language
  const char *origin;       // where it came from, for messages: "--set latent", "run.yaml:3"
} Setting;
typedef struct {
  const Setting *param;  int params;    // param NAME = text
  const Setting *prior;  int priors;    // text: "z ~ laplace(0, 1)"
  const Setting *data;                  // text: the new `from` clause, or NULL
  const Setting *train;  int trains;    // settings of the train block: batch, epochs, seed
  bool kept;                            // the texts are those of a run's folder, which holds all weights
} Overrides;

// What was decided while a model was elaborated, for `explain`: one line of text each, in order.
typedef struct {
  const char *topic;  // "kl", "objective elbo", "line 1", "gradient", ...
  const char *text;
  Span span;
} Finding;

typedef struct {
  GraphProgram graph;  // graph.graph->input gives the feeds, in the same order
  int64_t batch;
} ModelProgram;

typedef struct Model {
  Arena *arena;
  Sources *sources;
  const char *name, *source;
  const Ast *tree;                     // of the model's own file
  int64_t batch, epochs, shards;
  uint32_t seed;
  Products products;
  PlanSet *set;
  int sets;                            // of data, in the order of their declarations
  TensorInfo *tensor;  int tensors;    // weights first, then states, then slots
  ModelProgram *program;  int programs;
  int init, init_sums, from_values, test, test_after;  // as in Plan
  PlanSeldom *seldom;  int seldoms;
  PlanTurn *turn;  int turns, lines;
  PlanPhase *phase;
  int phases;
  PlanShow *show;  int shows;
  PlanKeep keep;
  int restarts;                        // 0: one start
  PlanExpect *expect;  int expects;
  PlanHealth *health;  int healths;
  PlanFit *fit;  int fits;
  const char **objective;              // name of each line's objective
  Finding *finding;  int findings;
  struct Elab *elab;                   // for programs that are added later
} Model;

// Elaborates the model in text `file` of the sources (already read). What to build beside the training programs:
// the test program and the shows are always built. Mistakes are reported; returns NULL if there were errors.
Model *elaborate(Arena *a, Sources *s, int file, const Overrides *o);

// Is this `param` of one of the texts one that the model has, and that can be set?
bool model_has_param(const Model *m, const Ast *param);

// A further program that draws from the model: n examples of the data column (NULL: the first one that some network
// makes) as the only output; or `whole` records, if no column is named: all columns that networks make, of the same latents, and the
// labels that these are given. `given` are texts like "y=7". Appends it to the model and returns its index, or -1 after reporting.
int elaborate_sample(Model *m, const char *column, bool whole, int64_t n, const Setting *given, int givens, bool mean);
// A program whose only output are n examples of the data: of the column that elaborate_sample draws where none is named.
int elaborate_examples(Model *m, int64_t n);

// Lays a model out: passes, fusion, kernels, memory (compiler/plan/lower.c).
Plan *plan_model(Arena *a, const Model *m);

// "line 1, forward" where the i-th kernel of a training program is the first of that part of the round, else NULL.
const char *section_heading(Arena *a, const PlanProgram *p, int i);

// Stages as text, for --dump: "ast", "graph", "grad", "fused", "plan"; false if there is no such stage.
bool dump_stage(Text *t, const Model *m, const char *stage);

#endif
