// What the lexer (grammar/gm.l), the grammar (grammar/gm.y) and the parser's own files share; nobody else includes it.
//
//   gm.l --Token--> token.c (brackets, calls, resynchronising) --> gm.y --> parse.c (builds the tree)
//                                                                    \----> mistake.c (words for syntax errors)
#ifndef GMC_PARSE_H
#define GMC_PARSE_H

#include "text/ast.h"

enum {
  BRACKET_LIMIT = 200,  // brackets open at once
  HEIGHT_LIMIT = 500,   // of the tree: readers of the tree recurse
  ERROR_LIMIT = 100,    // after so many the parse gives up: few are shown
  STACK_LIMIT = 5000    // entries of bison's stacks, which are fixed arrays
};

typedef struct {
  Ast *first, *last;
} AstList;

typedef struct {
  int kind;  // bison's number
  Span where;
  bool first;        // the first token of its line
  const char *name;  // of NAME and STRING
  double number;     // of NUMBER
} Token;

typedef struct {
  char kind;   // ( [ { or s for the brace of a set
  bool block;  // the next { inside opens a block: after repeat, every, when, mixture, distribution
  bool lines;  // of training stand in it
  Span where;
} Bracket;

typedef struct Parser {
  Arena *arena;
  Sources *sources;
  int file;
  const char *text;
  uint32_t offset;   // where the lexer stands
  bool line_begins;  // nothing but space since the line began
  void *scanner;
  int start;      // first token to hand out: what kind of text this is, or 0
  Token back[4];  // raw tokens put back, last in first out
  int backs;
  Token last, before;                  // the last two tokens handed to the grammar
  Bracket bracket[BRACKET_LIMIT + 1];  // bracket[0] is the text itself; those above depth are stale, not cleared
  int depth;
  bool panic;        // a syntax error was met; skip to where parsing can go on
  bool closing;      // hand out what closes the open brackets
  bool stopped;      // too deep, or too many errors: no more messages, the parse ends
  uint32_t synced;   // where parsing went on last; not there again
  uint32_t dropped;  // where the lexer last left something out
  AstList items;
  Ast *result;
} Parser;

// gm.l
int gm_scan(Token *token, void *yyscanner);

// token.c: mistakes inside a word. What stands in for the word is left in the token.
bool token_foreign(Parser *p, Token *t, const char *text, int length);  // false: nothing stands in for it
void token_unknown(Parser *p, Token *t, const char *text);
void token_letters(Parser *p, Token *t, const char *text, int length);
const char *token_string(Parser *p, Token *t, const char *text, int length);
const char *token_unclosed(Parser *p, Token *t, const char *text);
const char *token_quoted(Parser *p, Token *t, const char *text);
double token_number(Parser *p, Token *t, const char *text);

// mistake.c: a syntax error at the last token, `found`; `expected` could have come. Names are bison's.
// False: give up. It was said already why.
bool mistake_syntax(Parser *p, const char *found, int n, const char *const *expected);
void mistake_deep(Parser *p, Span where);
bool mistake_word(Parser *p, const char *name, Span where);  // is it a word of another language? Then says so.

// parse.c: building the tree
Ast *parser_tree(Parser *p, Ast fields);
AstList ast_list(Ast *one);
AstList ast_append(AstList list, Ast *one);
AstList ast_join(AstList list, AstList more);
AstList ast_retag(AstList list, AstKind kind);
AstList ast_flag(AstList list, int flag);
void parser_items(Parser *p, AstList list);
const char *parser_plain(Parser *p, const char *name, Span where);  // refuses dots
// What was parsed as expressions, seen for what it is when `=`, `~`, `<-` or a value follows.
Ast *parser_names(Parser *p, AstList list);
Ast *parser_variables(Parser *p, AstList list);
const char *parser_name(Parser *p, const Ast *expression);
const char *parser_setting(Parser *p, const Ast *expression, const Ast *value);
AstList parser_axis(Parser *p, const Ast *setting, const Ast *name, Ast *over, Span where);  // rows y in ...
Ast *parser_em(Parser *p, const char *name, Ast *over, Ast *with, Span where);  // em over ... (with ...)
const char *parser_every(Parser *p, const char *name);  // of a setting: `keep every`
void parser_after(Parser *p, const char *after, Span at, const char *unit, Span where);  // `after 20 epochs`
int parser_order(Parser *p, const char *name, Span where);  // of an autoregressive network: over rows, over channels
void parser_colon(Parser *p, const char *name, Span equals);  // `=` where `:` belongs
Ast *parser_stage(Parser *p, Ast *expression);                // right of |>
Ast *parser_call(Parser *p, Ast *callee, AstList arguments, Span where);
Ast *parser_pattern(Parser *p, Ast *call, DiagnosticCode otherwise);  // of a rule: its arguments are names
// A rule about x ~ a over z ~ b: checks its patterns.
Ast *parser_pair(Parser *p, Ast *rule, const char *x, const char *z);
Ast *parser_result(Parser *p, AstList values, Span where);  // what a body ends in
Ast *parser_aggregate(Parser *p, Ast *call, Ast *body, Span where);  // or a loop
Ast *parser_bound(Parser *p, const char *name, AstList binders, Ast *body, Span where);
Ast *parser_draw(Parser *p, Ast *variable, Ast *distribution, Span where);  // a binder
// A call without a body, or its arguments: binders are refused.
Ast *parser_plain_call(Parser *p, Ast *call);
AstList parser_unbound(Parser *p, AstList arguments);

#endif
