// The syntax tree as text: S-expressions, for --dump=ast and the golden tests. Reads trees only.
//
// Numbers, names, strings and positional arguments print bare, operators as (+ a b), keyword arguments as (: name a),
// everything else as (kind name "text" #flag a ... | b ... | c ...). What fits in WIDTH columns stays on one line.
#include <stdlib.h>
#include <string.h>

#include "text/ast.h"

enum { WIDTH = 110 };

const char *ast_kind_name(AstKind kind) {
  static const char *const name[] = {
#define AST(KIND, NAME, ...) NAME,
      AST_KINDS(AST)
#undef AST
  };
  return (int)kind >= 0 && kind < AST_COUNT ? name[kind] : "?";
}

int ast_length(const Ast *list) {
  int n = 0;
  for (; list; list = list->next) n++;
  return n;
}

// Where the text goes: onto one line while it fits, or broken.
typedef struct {
  Text *text;
  size_t limit;  // of text->length when tried on one line; nothing more is printed past it
  bool flat;
} Printer;

static void print_node(Printer *p, const Ast *node, int indent);

static bool is_leaf(const Ast *n) { return n->kind == AST_NUMBER || n->kind == AST_NAME || n->kind == AST_STRING; }

static void print_string(Text *t, const char *s) {
  text_append(t, "\"", 1);
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\')
      text_add(t, "\\%c", c);
    else if (c < ' ' || c == 127)
      text_add(t, "\\x%02x", c);
    else
      text_append(t, s, 1);
  }
  text_append(t, "\"", 1);
}

// The shortest decimal that reads back as the same number.
static void print_number(Text *t, double x) {
  char digits[40];
  for (int precision = 6; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, x);
    if (strtod(digits, NULL) == x) break;
  }
  text_add(t, "%s", digits);
}

static void print_head(Text *t, const Ast *n) {
  bool symbol = n->kind == AST_BINARY || n->kind == AST_UNARY || n->kind == AST_PREFIX;
  bool keyword = n->kind == AST_ARGUMENT;
  text_add(t, "(%s", symbol ? n->text : n->kind == AST_PIPE ? "|>" : keyword ? ":" : ast_kind_name(n->kind));
  if (n->name) {
    text_add(t, " ");
    if (n->kind == AST_USE)
      print_string(t, n->name);
    else
      text_add(t, "%s", n->name);
  }
  if (n->text && !symbol) text_add(t, " \"%s\"", n->text);
  if (n->flag) text_add(t, " #%d", n->flag);
}

// A list, each node on a line of its own unless flat; `bar` parts it from the field before.
static void print_list(Printer *p, const Ast *list, int indent, const char *bar) {
  if (!list) text_add(p->text, "%s%s", *bar ? " " : "", bar);
  for (; list; list = list->next, bar = "") {
    if (p->flat && p->text->length > p->limit) return;
    if (p->flat)
      text_add(p->text, " ");
    else
      text_add(p->text, "\n%*s", indent, "");
    text_add(p->text, "%s%s", bar, *bar ? " " : "");
    print_node(p, list, indent + (*bar ? 2 : 0));
  }
}

static void print_fields(Printer *p, const Ast *n, int indent) {
  bool symbol = n->kind == AST_BINARY || n->kind == AST_PIPE;
  if (n->a) print_list(p, n->a, indent, "");
  if (n->b || n->c) print_list(p, n->b, indent, symbol ? "" : "|");
  if (n->c) print_list(p, n->c, indent, "|");
}

// Prints the node on one line; takes it back and says false when it does not fit.
static bool print_flat(Printer *p, const Ast *n, int indent) {
  Text *t = p->text;
  size_t start = t->length;
  Printer flat = {t, start + (size_t)(WIDTH > indent + 20 ? WIDTH - indent : 20), true};
  print_head(t, n);
  print_fields(&flat, n, indent);
  text_add(t, ")");
  if (t->length <= flat.limit) return true;
  t->length = start;
  t->data[start] = 0;
  return false;
}

static void print_node(Printer *p, const Ast *n, int indent) {
  Text *t = p->text;
  if (n->kind == AST_ARGUMENT && !n->name && n->a) n = n->a;
  if (n->kind == AST_NUMBER) print_number(t, n->number);
  if (n->kind == AST_NAME) text_add(t, "%s", n->name);
  if (n->kind == AST_STRING) print_string(t, n->name);
  if (is_leaf(n) || (!p->flat && n->kind != AST_FILE && print_flat(p, n, indent))) return;
  print_head(t, n);
  print_fields(p, n, indent + 2);
  text_add(t, ")");
}

void ast_print(Text *t, const Ast *node) {
  Printer p = {t, 0, false};
  print_node(&p, node, 0);
  text_add(t, "\n");
}
