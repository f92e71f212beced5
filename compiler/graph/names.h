// What the page calls a value.
//
// The elaborator gives values their names as the page binds them, differentiation calls a gradient after what it is the
// gradient of, and whatever rebuilds or merges nodes hands their names on: a node keeps the best of all the names it
// was ever given, and of equally good ones the first. What has no name is called by its operation, in the scope it was
// made in. Names are made one of their own when values get places (value_names.c).
#ifndef GMC_NAMES_H
#define GMC_NAMES_H

#include "graph/graph.h"

// Where names are given: a network applied, a block in it, a draw, an objective.
typedef struct NameScope {
  const char *word;            // q of a network, dense_1 of a block, z of a draw
  const char *argument;        // of a network: what it was applied to, or NULL
  bool network;                // an application of one
  bool hidden;                 // told only where two values would have one name
  const struct NameScope *up;  // that it stands in, or NULL
} NameScope;

// From the least telling.
typedef enum {
  NAME_PART,     // made by a pass, of a value that has a name
  NAME_LIBRARY,  // bound in the library's text
  NAME_CALL,     // what the page calls a function or a block for
  NAME_FORMAL,   // a parameter of a distribution
  NAME_KEYWORD,  // an argument's keyword on the page
  NAME_GIVEN,    // bound on the page
  NAME_DRAWN,    // a variable that is drawn
  NAME_GRADIENT  // the gradient of a tensor
} NameRank;

typedef struct Name {
  NameRank rank;
  int gradients;           // d_ of a gradient, d_d_ of a gradient's
  bool log;                // of a density: log_p
  const NameScope *scope;  // or NULL
  const char *word;        // NULL: that of the scope
} Name;

// The innermost scope that names tell, or NULL.
const NameScope *scope_told(const NameScope *s);

// The words of a constant: `beta1`, `1 - beta1`.
void node_said(Graph *g, Node *constant, const char *words);
bool said_alike(const Name *x, const Name *y);  // of two constants; or NULL

bool node_has_own_name(const Node *n);  // a constant, a tensor, an input
// Names the value, unless it has a better name or needs none.
void node_name(Graph *g, Node *n, Name name);
// Nodes created next in `to` are made where `old` was, and `new` has its names.
void node_made_for(Graph *to, const Node *old);
void node_named_as(Node *new, const Node *old);
// Names `part` after `whole`, of which it is a part or a step towards it: q_h_parts.
void node_name_part(Graph *g, Node *part, const Node *whole, const char *what);
// Names what is joined of n values: by the name that all have (D_dense_1), else by `what` (q_heads), in the scope that
// they have in common, else in `around`.
void node_name_joined(Graph *g, Node *joined, int n, Node *const *of, const NameScope *around, const char *what);
// Names a loop's result after the value that the turns give.
void node_name_result(Graph *g, Node *result);
// Names the gradient of a value.
void node_name_gradient(Graph *g, Node *gradient, const Node *of);

// The name, with the text that tells its scope or "".
const char *name_text(Arena *a, const Name *name, const char *scope);
// The value's name, its scope's word told, or NULL; a tensor's and an input's own.
const char *node_name_text(Arena *a, const Graph *g, const Node *n);
// The last word of a name: h of q_h, W of q/dense_1/W, d_h of the gradient. NULL if there is none.
const char *node_word(Arena *a, const Graph *g, const Node *n);
// The value's name, or else the name of its operation, in its block if it is in one: dense_1_matmul.
const char *node_called(Arena *a, const Graph *g, const Node *n);

#endif
