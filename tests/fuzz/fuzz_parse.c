// Texts of any bytes: a file, after a `=` an expression, after a `~` a prior. The parse ends, the tree is one that
// readers may recurse into, there is a message if and only if there are errors, and what is printed is printable.
#include <stdint.h>
#include <string.h>

#include "text/ast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HIGHEST = 510 };  // a few nodes are put around the parser's limit

static void check_tree(const Ast *node, int above) {
  if (above > HIGHEST) __builtin_trap();
  for (; node; node = node->next) {
    if (node->span.begin > node->span.end || (int)node->kind < 0 || node->kind >= AST_COUNT) __builtin_trap();
    check_tree(node->a, above + 1);
    check_tree(node->b, above + 1);
    check_tree(node->c, above + 1);
  }
}

static void check_text(const char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < ' ' && *text != '\n') __builtin_trap();
  }
}

static void parse(Arena *a, const uint8_t *data, size_t size) {
  Sources *s = sources_new(a);
  char kind = size ? (char)data[0] : 0;
  size_t skip = kind == '=' || kind == '~';
  const char *text = arena_slice(a, (const char *)data + skip, size - skip);
  int file = sources_add(s, "text.gm", text, size - skip, false);
  Ast *tree = kind == '='   ? parse_expression(a, s, file)
              : kind == '~' ? parse_prior(a, s, file)
                            : parse_file(a, s, file);
  check_tree(tree, 0);
  Text out = text_new(a);
  diagnostics_text(s, &out);
  if ((out.length > 0) != (diagnostics_errors(s) > 0)) __builtin_trap();
  check_text(out.data);
  ast_print(&out, tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Arena *a = arena_open(NULL);
  if (a && ARENA_TRY(a) == 0) parse(a, data, size);
  if (a) arena_close(a);
  return 0;
}
