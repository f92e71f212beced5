// The syntax tree: what was written, nothing more. Made by grammar/gm.y, read by the elaborator.
//
// One uniform node. Lists are linked by `next`. The table says what the fields of each kind mean;
// a field not named is NULL or 0. Names are interned in the arena's tree: compare with strcmp all the same.
#ifndef GMC_AST_H
#define GMC_AST_H

#include "text/source.h"

typedef struct Ast Ast;

// AST(KIND, name in dumps, "fields")
#define AST_KINDS(AST)                                                                             \
  /* items of a file */                                                                            \
  AST(FILE, "file", "a: items")                                                                    \
  AST(MODEL, "model", "name")                                                                      \
  AST(USE, "use", "name: path as written; a: NAME list, what is taken of it, or NULL: all; text: path of its weights, or NULL") \
  AST(PARAM, "param", "name; a: value (one node for each binding)")                                \
  AST(LET, "let", "name; a: value")                                                                \
  AST(DATA, "data", "a: VARIABLE list; b: source expression")                                      \
  AST(PARAMETER, "parameter", "name; a: dims; b: support or NULL; c: initial: DRAW_INIT/expression or NULL (one node each)") \
  AST(PRIOR, "prior", "a: VARIABLE; b: distribution expression; flag 1: all examples share one draw")                 \
  AST(NET, "net", "name; also a statement; text: keyword (encoder, decoder, generator, discriminator, net); a: outputs, NAME list; b: inputs, NAME list; c: BODY; flag 1: autoregressive, 2: over rows, 3: over channels") \
  AST(FUNCTION, "function", "name; a: FORMAL list; b: support of the result or NULL; c: BODY; flag 1: a block, which may own weights") \
  AST(DISTRIBUTION, "distribution", "name; a: FORMAL list; b: support; c: MEMBER list; or b: NULL; c: MEMBER `=`, another distribution")            \
  AST(ESTIMATOR, "estimator", "name; a: FORMAL list; c: BODY of MEMBER alone")                       \
  AST(BIJECTOR, "bijector", "name; a: FORMAL list; b: dims of what it maps; c: BODY of MEMBER, WEIGHT and NET alone") \
  AST(SUPPORT, "support", "name; a: FORMAL list; b: dims of one value, NAME list; c: MEMBER list")       \
  AST(KL, "kl", "a: CALL pattern; b: CALL pattern; c: BODY. Arguments of a pattern are NAMEs to bind") \
  AST(RULE, "rule", "name: marginal, posterior; a: CALL pattern of x, its arguments NAMEs to bind, but one a BINARY A @ z + b; b: CALL pattern of z; c: BODY; text: x") \
  AST(OPTIMIZER, "optimizer", "name; a: FORMAL list; c: BODY")                                     \
  AST(AVERAGE, "average", "name; a: FORMAL list; c: BODY")                                         \
  AST(SOURCE, "source", "name; a: FORMAL list; c: BODY")                                           \
  AST(OBJECTIVE, "objective", "name; a: FORMAL list; c: BODY with MAXIMIZE/MINIMIZE statements")   \
  AST(METRIC, "metric", "name; a: NUMBER, epochs from one measurement to the next, or NULL; c: BODY") \
  AST(EXPECT, "expect", "a: what is to hold; b: after so many epochs, or NULL: at the end")        \
  AST(TRAIN, "train", "a: items: STEP, REPEAT, EVERY, WHEN, SETTING; b: TRAIN of the phase after `then`, or NULL") \
  AST(SHOW, "show", "name; c: BODY; its statements may also be GRID, PRINT, PLOT, SETTING")               \
  /* parts of items */                                                                             \
  AST(VARIABLE, "variable", "name; a: dims; b: support or NULL; flag 1: a class, `y : class(10)`; flag 2: of the data, with holes") \
  AST(FORMAL, "formal", "name; a: default or NULL; text: constraint operator such as \">\", or \"in\", or NULL; b: its bound or support; c: dims of its own, `p[n]`") \
  AST(MEMBER, "member", "name: sample, log, mean, ...; a: NAME of its argument, of logdet also two, or NULL; c: BODY") \
  AST(STEP, "step", "name: objective; a: objective's arguments; b: NAME list after over; c: optimiser call; flag 1: minimize; text: \"em\" for em over ..., which may have no optimiser, or NULL") \
  AST(REPEAT, "repeat", "a: count; b: items")                                                      \
  AST(EVERY, "every", "a: count; b: items")                                                        \
  AST(WHEN, "when", "a: condition; b: items")                                                      \
  AST(SETTING, "setting", "name; a: value")                                                        \
  AST(BODY, "body", "a: statements; b: result expression or NULL")                                 \
  /* statements */                                                                                 \
  AST(ASSIGN, "assign", "a: NAME list; b: value")                                                  \
  AST(DRAW, "draw", "a: VARIABLE list (names, with dims if written); b: distribution expression; c: NAME or CALL of an estimator, or NULL")  \
  AST(UPDATE, "update", "name: state; b: its new value")                                           \
  AST(WEIGHT, "weight", "name; a: dims; b: initial value, or NULL; c: support or NULL; flag 1: drawn with ~ rather than =") \
  AST(STATE, "state", "name; a: dims; b: initial value")                                           \
  AST(MAXIMIZE, "maximize", "a: value")                                                            \
  AST(MINIMIZE, "minimize", "a: value")                                                            \
  AST(GRID, "grid", "a: expressions")                                                              \
  AST(PRINT, "print", "a: expressions")                                                            \
  AST(PLOT, "plot", "a: expressions; name: variable after over, or NULL; b: its range, or NULL")            \
  /* expressions */                                                                                \
  AST(NUMBER, "number", "number")                                                                  \
  AST(STRING, "string", "name: the text, unescaped")                                               \
  AST(NAME, "name", "name; may hold dots: toy.pinwheel")                                           \
  AST(LIST, "list", "a: elements: [a, b, c]; also an interval, where a support is meant; flag 1: the values a body ends in, `a, b`") \
  AST(SET, "set", "a: elements: {0, 1}")                                                           \
  AST(UNARY, "unary", "text: operator - or !; a")                                                  \
  AST(BINARY, "binary", "text: + - * / @ ^ < <= > >= == != ..; a; b")                              \
  AST(PIPE, "pipe", "a |> b")                                                                      \
  AST(IF, "if", "a: condition; b: then; c: else")                                                  \
  AST(CALL, "call", "a: callee (a NAME; KEYWORD prior); b: arguments; c: arguments after |; flag 1: they stand after |; flag 2: after ||") \
  AST(ARGUMENT, "argument", "name: keyword or NULL; a: value")                                     \
  AST(BINDER, "binder", "name; text: in, =, ~; a: what it runs over, begins as, or is distributed as; b: dims, of ~") \
  AST(INDEX, "index", "a: value; b: indices")                                                      \
  AST(RANGE, "range", "a: from, or NULL; b: to, or NULL: an index that is open at an end")         \
  AST(PREFIX, "prefix", "text: log, mean, draw, each; a: operand; b: NULL; or of mean(x, axis: 0) the ARGUMENTs after x") \
  AST(LOOP, "loop", "text: scan, fold; a: BINDERs; c: BODY")                                        \
  AST(AGGREGATE, "aggregate", "text: mean, logmeanexp, sum, array, ...; a: a count of draws, or BINDERs; c: BODY: mean(k) { ... }") \
  AST(MIXTURE, "mixture", "a: BINDERs, of in or one of ~; c: BODY; its result is a distribution") \
  AST(ERROR, "error", "where the parser recovered")

typedef enum {
#define AST(KIND, ...) AST_##KIND,
  AST_KINDS(AST)
#undef AST
  AST_COUNT
} AstKind;

struct Ast {
  AstKind kind;
  int flag;
  int height;  // of the tree from here down; the parser keeps it under 500
  Span span;
  const char *name, *text;
  double number;
  Ast *a, *b, *c, *next;
};

const char *ast_kind_name(AstKind kind);
int ast_length(const Ast *list);
// S-expressions, one item of a list a line, readable; the golden form of --dump=ast.
void ast_print(Text *t, const Ast *node);

// Parses one text of the sources into AST_FILE. Mistakes are reported, and parsing goes on: the tree is then usable,
// with AST_ERROR where something was skipped. Never fails but for memory.
Ast *parse_file(Arena *a, Sources *s, int file);
// The same for one expression (`--data`, `--set`), or one `z ~ expr` (`--prior`, gives AST_PRIOR).
Ast *parse_expression(Arena *a, Sources *s, int file);
Ast *parse_prior(Arena *a, Sources *s, int file);

#endif
