// Text to tree: opens the lexer on a text, runs the grammar, and holds what the grammar's actions need to build nodes.
// Third step of the pipeline (grammar/gm.l, grammar/gm.y -> here -> elaborate.c). Invariant: whatever the text, the
// tree is at most HEIGHT_LIMIT high, so that its readers may recurse.
#include <string.h>

#include "text/parse.h"
#include "text/vocabulary.h"
#include "gm.tab.h"
#include "gm.lex.h"

// ---- nodes and lists ----

static int list_height(const Ast *list) {
  int height = 0;
  for (; list; list = list->next) {
    if (list->height > height) height = list->height;
  }
  return height;
}

Ast *parser_tree(Parser *p, Ast fields) {
  Ast *node = NEW(p->arena, Ast);
  int a = list_height(fields.a), b = list_height(fields.b), c = list_height(fields.c);
  int height = 1 + (a > b ? (a > c ? a : c) : (b > c ? b : c));
  if (height > HEIGHT_LIMIT) {
    mistake_deep(p, fields.span);
    fields = (Ast){.kind = AST_ERROR, .span = fields.span};
    height = 1;
  }
  *node = fields;
  node->height = height;
  return node;
}

AstList ast_list(Ast *one) { return (AstList){one, one}; }

AstList ast_join(AstList list, AstList more) {
  if (!list.first) return more;
  if (!more.first) return list;
  list.last->next = more.first;
  return (AstList){list.first, more.last};
}

AstList ast_append(AstList list, Ast *one) { return ast_join(list, ast_list(one)); }

AstList ast_retag(AstList list, AstKind kind) {
  for (Ast *node = list.first; node; node = node->next) node->kind = kind;
  return list;
}

AstList ast_flag(AstList list, int flag) {
  for (Ast *node = list.first; node; node = node->next) node->flag |= flag;
  return list;
}

void parser_items(Parser *p, AstList list) { p->items = ast_join(p->items, list); }

static Ast *tree_error(Parser *p, Span where) { return parser_tree(p, (Ast){.kind = AST_ERROR, .span = where}); }

// ---- what an expression turns out to be ----

const char *parser_plain(Parser *p, const char *name, Span where) {
  if (strchr(name, '.')) report(p->sources, E0113, where, name);
  return name;
}

const char *parser_name(Parser *p, const Ast *e) {
  if (e->kind == AST_NAME) return parser_plain(p, e->name, e->span);
  if (e->kind != AST_ERROR) report(p->sources, E0110, e->span);
  return "?";
}

Ast *parser_names(Parser *p, AstList list) {
  for (Ast *e = list.first; e; e = e->next) {
    e->name = parser_name(p, e);
    e->kind = AST_NAME;
    e->a = e->b = e->c = NULL;
  }
  return list.first;
}

// NAME and NAME[dims] become variables.
Ast *parser_variables(Parser *p, AstList list) {
  for (Ast *e = list.first; e; e = e->next) {
    bool dims = e->kind == AST_INDEX && e->a->kind == AST_NAME;
    e->name = parser_name(p, dims ? e->a : e);
    e->a = dims ? e->b : NULL;
    e->b = e->c = NULL;
    e->kind = AST_VARIABLE;
  }
  return list.first;
}

// Two expressions side by side: `rows 8` is a setting, anything else a mistake.
const char *parser_setting(Parser *p, const Ast *e, const Ast *value) {
  if (e->kind == AST_NAME) return mistake_word(p, e->name, e->span) ? e->name : parser_plain(p, e->name, e->span);
  if (e->kind == AST_ERROR) return "?";
  bool compares = e->kind == AST_BINARY && strcmp(e->text, "==") == 0;
  report(p->sources, E0115, value->span);
  report_note(p->sources, e->span, compares ? "this compares" : "after this");
  report_help(p->sources, compares ? "`=` defines, `==` compares"
                                   : "only the last expression of a body stands alone: it is the result");
  return "?";
}

AstList parser_axis(Parser *p, const Ast *setting, const Ast *name, Ast *over, Span where) {
  Span bound = {p->file, name->span.begin, over->span.end};
  Ast binder = {.kind = AST_BINDER, .span = bound, .name = parser_name(p, name), .text = "in", .a = over};
  Ast all = {.kind = AST_SETTING, .span = where, .name = parser_setting(p, setting, name), .a = parser_tree(p, binder)};
  return ast_list(parser_tree(p, all));
}

Ast *parser_em(Parser *p, const char *name, Ast *over, Ast *with, Span where) {
  Ast step = {.kind = AST_STEP, .span = where, .name = name, .text = "em", .b = over, .c = with};
  if (!strcmp(name, "em")) return parser_tree(p, step);
  report(p->sources, E0122, where, name);
  report_help(p->sources, "maximize %s over ...", name);
  return tree_error(p, where);
}

const char *parser_every(Parser *p, const char *name) { return arena_format(p->arena, "%s every", name); }

static void parser_word(Parser *p, const char *wanted, const char *name, Span where) {
  const char *one = arena_format(p->arena, "%ss", name);  // after 1 epoch
  if (strcmp(name, wanted) != 0 && strcmp(one, wanted) != 0)
    report(p->sources, E0101, where, arena_format(p->arena, "`%s`", wanted), arena_format(p->arena, "`%s`", name));
}

void parser_after(Parser *p, const char *after, Span at, const char *unit, Span where) {
  parser_word(p, "after", after, at);
  parser_word(p, "epochs", unit, where);
}

int parser_order(Parser *p, const char *name, Span where) {
  bool channels = !strcmp(name, "channels");
  if (!channels && strcmp(name, "rows")) report(p->sources, E0123, where, name);
  return channels ? 3 : 2;
}

void parser_colon(Parser *p, const char *name, Span equals) {
  report(p->sources, E0108, equals);
  report_help(p->sources, "write %s: value", name);
}

Ast *parser_stage(Parser *p, Ast *e) {
  if (e->kind == AST_NAME || e->kind == AST_CALL || e->kind == AST_ERROR) return e;
  report(p->sources, E0111, e->span);
  return tree_error(p, e->span);
}

// ---- calls ----

// Cuts the list at the node that stands for the bar.
Ast *parser_call(Parser *p, Ast *callee, AstList arguments, Span where) {
  Ast call = {.kind = AST_CALL, .span = where, .a = callee, .b = arguments.first};
  Ast **link = &call.b;
  while (*link && (*link)->kind != AST_ERROR) link = &(*link)->next;
  if (*link) {
    call.flag = (*link)->flag;
    call.c = (*link)->next;
    *link = NULL;
  }
  if (callee->kind != AST_NAME && callee->kind != AST_ERROR) {
    report(p->sources, E0114, callee->span);
    return tree_error(p, where);
  }
  return parser_tree(p, call);
}

// normal(m, s): the arguments are names to bind, without keywords.
Ast *parser_pattern(Parser *p, Ast *call, DiagnosticCode otherwise) {
  for (const Ast *e = call->b; e; e = e->next) {
    if (e->name || e->a->kind != AST_NAME) report(p->sources, otherwise, e->span);
  }
  if (call->flag) report(p->sources, otherwise, call->c->span);
  return call;
}

// A @ z + b
static bool is_affine(const Ast *sum, const char *z) {
  const Ast *product = sum->kind == AST_BINARY && sum->text[0] == '+' ? sum->a : NULL;
  return product && product->kind == AST_BINARY && product->text[0] == '@' && product->a->kind == AST_NAME &&
         product->b->kind == AST_NAME && !strcmp(product->b->name, z) && sum->b->kind == AST_NAME;
}

Ast *parser_pair(Parser *p, Ast *rule, const char *x, const char *z) {
  int affine = 0, names = 0, n = ast_length(rule->a->b);
  for (const Ast *e = rule->a->b; e; e = e->next) {
    affine += !e->name && is_affine(e->a, z);
    names += !e->name && e->a->kind == AST_NAME;
  }
  if (affine != 1 || names != n - 1 || rule->a->flag) report(p->sources, E0125, rule->a->span);
  parser_pattern(p, rule->b, E0125);
  rule->text = x;
  return rule;
}

// Where no block follows there is nothing to bind for: `a = 1` means a keyword.
static void refuse_binders(Parser *p, Ast *argument) {
  for (Ast *a = argument; a; a = a->next) {
    if (a->kind != AST_BINDER) continue;
    if (a->text[0] == '=')
      parser_colon(p, a->name, a->span);
    else
      report(p->sources, E0120, a->span, a->name);
    a->kind = AST_ARGUMENT;
    a->b = NULL;
  }
}

AstList parser_unbound(Parser *p, AstList arguments) {
  refuse_binders(p, arguments.first);
  return arguments;
}

Ast *parser_plain_call(Parser *p, Ast *call) {
  if (call->kind == AST_CALL) refuse_binders(p, call->b), refuse_binders(p, call->c);
  return call;
}

Ast *parser_result(Parser *p, AstList values, Span where) {
  if (!values.first->next) return values.first;
  return parser_tree(p, (Ast){.kind = AST_LIST, .span = where, .flag = 1, .a = values.first});
}

Ast *parser_draw(Parser *p, Ast *variable, Ast *distribution, Span where) {
  const Ast *v = parser_variables(p, ast_list(variable));
  Ast binder = {.kind = AST_BINDER, .span = where, .name = v->name, .text = "~", .a = distribution, .b = v->a};
  return parser_tree(p, binder);
}

static bool is_loop(const char *name) { return !strcmp(name, "scan") || !strcmp(name, "fold"); }

Ast *parser_bound(Parser *p, const char *name, AstList binders, Ast *body, Span where) {
  bool loop = is_loop(name), mixture = !strcmp(name, "mixture");
  AstKind kind = loop ? AST_LOOP : mixture ? AST_MIXTURE : AST_AGGREGATE;
  Ast *wrong = binders.first;
  while (wrong && wrong->kind == AST_BINDER && wrong->text[0] != (loop ? '~' : '=')) wrong = wrong->next;
  Span at = wrong ? wrong->span : where;
  if (!wrong && binders.first)
    return parser_tree(p, (Ast){.kind = kind, .span = where, .text = mixture ? NULL : name, .a = binders.first, .c = body});
  if (loop)
    report(p->sources, E0740, at, name);
  else if (mixture)
    report(p->sources, E0121, at);
  else
    report(p->sources, E0116, at, name);
  return tree_error(p, where);
}

// An aggregate of that many draws, or of what its binders run over; a loop.
Ast *parser_aggregate(Parser *p, Ast *call, Ast *body, Span where) {
  if (call->kind == AST_ERROR) return call;
  const char *name = call->a->name;
  bool binds = is_loop(name) || !strcmp(name, "mixture");
  bool count = !binds && call->b && call->b->kind == AST_ARGUMENT && !call->b->next && !call->b->name && !call->flag;
  if (count)
    return parser_tree(p, (Ast){.kind = AST_AGGREGATE, .span = where, .text = name, .a = call->b->a, .c = body});
  return parser_bound(p, name, call->flag ? ast_list(call) : (AstList){call->b, NULL}, body, where);
}

// ---- running the grammar ----

static Parser *parser_new(Arena *a, Sources *s, int file, int start) {
  const SourceText *source = sources_text(s, file);
  Parser *p = NEW(a, Parser);
  *p = (Parser){.arena = a,
                .sources = s,
                .file = file,
                .text = source->text,
                .start = start,
                .line_begins = true,
                .synced = UINT32_MAX,
                .dropped = UINT32_MAX};
  if (source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0) p->offset = 3;  // byte order mark
  return p;
}

static void parser_run(Parser *p) {
  const SourceText *source = sources_text(p->sources, p->file);
  size_t length = source->length - p->offset;
  char *buffer = NEW_ARRAY(p->arena, char, length + 2);  // flex writes into it, and wants two zeros at the end
  memcpy(buffer, source->text + p->offset, length);
  gm_flex_lex_init_extra(p, &p->scanner);
  gm_flex__scan_buffer(buffer, length + 2, p->scanner);
  gm_parse(p);
}

Ast *parse_file(Arena *a, Sources *s, int file) {
  Parser *p = parser_new(a, s, file, TOKEN_START_FILE);
  parser_run(p);
  Span all = {file, 0, (uint32_t)sources_text(s, file)->length};
  return parser_tree(p, (Ast){.kind = AST_FILE, .span = all, .a = p->items.first});
}

static Ast *parse_one(Arena *a, Sources *s, int file, int start) {
  Parser *p = parser_new(a, s, file, start);
  parser_run(p);
  return p->result ? p->result : tree_error(p, (Span){file, 0, (uint32_t)sources_text(s, file)->length});
}

Ast *parse_expression(Arena *a, Sources *s, int file) { return parse_one(a, s, file, TOKEN_START_EXPRESSION); }

Ast *parse_prior(Arena *a, Sources *s, int file) { return parse_one(a, s, file, TOKEN_START_PRIOR); }
