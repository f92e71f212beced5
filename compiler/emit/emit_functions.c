// Functions of kernels, each printed once; see emit_kernels.h.
//
// Kernels of one code, and of codes with the same statements, share a function. Its parameters are called as the values
// that it is handed, where all kernels call them alike; otherwise y and y2, which are written, and a, b and so on.
#include <stdlib.h>
#include <string.h>

#include "emit/emit_kernels.h"

struct KernelFunction {
  const char *name;
  const char *key;       // all that makes it what it is, but the name
  const Kernel *kernel;  // the first one that it does
  const KernelText *text;
  const char **called;  // what all callers call the pointers, or NULL where they differ
  int uses;
  const char *piece;  // the name of the function that does one of its pieces, or NULL
  struct KernelFunction *next;
};

KernelTable *kernel_table_new(Arena *a, const Plan *p, const Sources *sources, Names *names) {
  KernelTable *t = NEW(a, KernelTable);
  *t = (KernelTable){.arena = a, .plan = p, .sources = sources, .names = names};
  t->of = NEW_ARRAY(a, KernelFunction *, p->codes + 1);
  return t;
}

// --- comments ---

// The text of a line of one of the sources, or NULL.
static const char *source_line(const KernelTable *t, const char *file, int line) {
  for (int i = 0; t->sources && file && i < sources_count(t->sources); i++) {
    const SourceText *s = sources_text(t->sources, i);
    if (strcmp(s->name, file) != 0) continue;
    const char *p = s->text;
    for (int n = 1; n < line && p; n++) p = (p = strchr(p, '\n')) ? p + 1 : NULL;
    if (!p) return NULL;
    p += strspn(p, " \t");
    return arena_slice(t->arena, p, strcspn(p, "\r\n"));
  }
  return NULL;
}

void kernel_label(Text *out, const Kernel *k, const char *indent) {
  text_add(out, "%s// ", indent);
  emit_comment_text(out, kernel_text(out->arena, k));
  text_add(out, "\n");
}

void kernel_place(Text *out, const KernelTable *t, const Kernel *k, const char *indent) {
  if (!k->file) return;
  const char *line = source_line(t, k->file, k->line);
  text_add(out, "%s// ", indent);
  emit_comment_text(out, arena_format(t->arena, "%s:%d%s%s", k->file, k->line, line ? ": " : "", line ? line : ""));
  text_add(out, "\n");
}

static const char *first_result(const Kernel *k) {
  for (int i = 0; i < k->operands; i++)
    if (k->operand[i].write && k->operand[i].name) return k->operand[i].name;
  return "value";
}

// --- which function ---

// Which pointers have a place of their own is part of the text.
static const char *shared_text(const KernelText *text) {
  Text t = text_new(text->arena);
  for (int i = 0; i < text->pointers; i++) text_add(&t, "%d", kernel_is_shared(text, text->pointer[i].operand));
  return t.data;
}

static KernelFunction *function_of(KernelTable *t, const KernelText *text, const Kernel *k) {
  const char *key =
      arena_format(t->arena, "%s %d %d %d %s %lld %s %s %s", shared_text(text), text->written, text->uses_run, text->cut,
                   kernel_all(text, "rows"), (long long)text->cut_grain, text->sizes.data, text->numbers.data,
                   text->body.data);
  KernelFunction **link = &t->first;
  for (; *link; link = &(*link)->next)
    if (strcmp((*link)->key, key) == 0) return *link;
  const char *name = name_unique(t->names, kernel_row[k->kind].verb, first_result(k));
  *link = NEW(t->arena, KernelFunction);
  **link = (KernelFunction){.name = name, .key = key, .kernel = k, .text = text};
  (*link)->called = NEW_ARRAY(t->arena, const char *, text->pointers);
  if (!text->cut) return *link;
  (*link)->piece = name_unique(t->names, name, "_piece");
  if (t->most_pointers < text->pointers) t->most_pointers = text->pointers;
  return *link;
}

KernelCall kernel_call(KernelTable *t, const Kernel *k) {
  KernelFunction **f = &t->of[k->code];
  KernelText *text = *f ? NULL : NEW(t->arena, KernelText);
  if (text) {
    *text = (KernelText){.arena = t->arena, .code = &t->plan->code[k->code]};
    text->sizes = text_new(t->arena);
    text->body = text_new(t->arena);
    text->numbers = text_new(t->arena);
    emit_kernel(text);
    *f = function_of(t, text, k);
  }
  (*f)->uses++;
  return (KernelCall){*f, (*f)->name, (*f)->piece, (*f)->text};
}

void kernel_called(const KernelCall *call, int pointer, const char *name) {
  const char **known = &call->of->called[pointer];
  bool agreed = call->of->uses == 1 || (*known && !strcmp(*known, name));
  *known = agreed ? name : NULL;
}

// --- printing ---

void emit_list_item(Text *t, size_t *line, size_t column, const char *item) {
  bool first = t->data[t->length - 1] == '(' || t->data[t->length - 1] == '{';
  if (!first) text_add(t, ",");
  if (t->length - *line + strlen(item) + 2 > LONGEST_LINE) {
    text_add(t, "\n%*s", (int)column, "");
    *line = t->length - column;
  } else if (!first) {
    text_add(t, " ");
  }
  text_add(t, "%s", item);
}

// Gives the pointers the names by which all callers know the values.
static KernelPointer *parameters_of(const KernelTable *t, const KernelFunction *f, Names *names) {
  KernelPointer *p = NEW_ARRAY(t->arena, KernelPointer, f->text->pointers);
  for (int i = 0; i < f->text->pointers; i++) {
    p[i] = f->text->pointer[i];
    const char *prefix = i < f->text->written ? "out_" : "in_";
    p[i].name = f->called[i] ? name_unique(names, prefix, f->called[i]) : name_unique(names, "", p[i].name);
  }
  return p;
}

static int pointer_named(const KernelText *text, const char *word, size_t length) {
  for (int i = 0; i < text->pointers; i++)
    if (strlen(text->pointer[i].name) == length && !memcmp(word, text->pointer[i].name, length)) return i;
  return -1;
}

// Is it one of t1, t2 and so on, or of c1, c2?
static bool is_numbered(char letter, const char *word, size_t length) {
  return length > 1 && *word == letter && strspn(word + 1, "0123456789") == length - 1;
}

static bool is_own(const char *word, size_t length) {
  return is_numbered('t', word, length) || is_numbered('c', word, length);
}

// Whatever the statements name themselves is taken.
static void take_words(const KernelText *text, Names *names) {
  static const char *const parameters[] = {"run", "rows", "begin", "end"};
  for (int i = 0; i < 4; i++) name_take(names, parameters[i], strlen(parameters[i]));
  for (const char *p = text->body.data; *p;) {
    size_t n = 0;
    while (kernel_is_word(p[n])) n++;
    if (n && pointer_named(text, p, n) < 0 && !is_own(p, n)) name_take(names, p, n);
    p += n ? n : 1;
  }
}

// Words in capitals could be macros of the system's headers.
static bool is_capital(const char *word) {
  return word[1] && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(word);
}

// Can the statements call a value so?
static bool is_identifier(const char *said) {
  size_t n = 0;
  while (kernel_is_word(said[n])) n++;
  return n && !said[n] && !is_capital(said) && !is_own(said, n) && strspn(said, "0123456789") == 0;
}

// What t1, t2 and so on are called in the function.
static const char **locals_of(const KernelTable *t, const KernelText *text, Names *names) {
  const char **local = NEW_ARRAY(t->arena, const char *, text->locals + 1);
  for (int i = 0; i < text->locals; i++) {
    const char *word = text->local[i];
    local[i] = word && is_identifier(word) ? name_unique(names, "", word) : arena_format(t->arena, "t%d", i + 1);
  }
  return local;
}

// What c1, c2 and so on are in the function: a name for what the page has a name for, else the number beside its words.
static const char **constants_of(const KernelTable *t, const KernelText *text, Names *names) {
  const char **constant = NEW_ARRAY(t->arena, const char *, text->constants + 1);
  for (int i = 0; i < text->constants; i++) {
    const KernelConstant *c = &text->constant[i];
    constant[i] = is_identifier(c->said) ? name_unique(names, "", c->said)
                                         : arena_format(t->arena, "%s /* %s */", c->number, c->said);
  }
  return constant;
}

static void print_constants(Text *out, const KernelText *text, const char *const *constant) {
  for (int i = 0; i < text->constants; i++)
    if (is_identifier(text->constant[i].said))
      text_add(out, "  const float %s = %s;\n", constant[i], text->constant[i].number);
}

// What stands in the place of a word of the statements, or NULL.
static const char *word_for(const KernelText *text, const KernelPointer *parameter, const char *const *local,
                            const char *const *constant, const char *word, size_t length) {
  int pointer = pointer_named(text, word, length);
  if (pointer >= 0) return parameter[pointer].name;
  if (is_numbered('c', word, length)) return constant[atoi(word + 1) - 1];
  return is_numbered('t', word, length) ? local[atoi(word + 1) - 1] : NULL;
}

// The statements, with the parameters in the places of the pointers.
static void print_body(Text *out, const KernelText *text, const KernelPointer *parameter, const char *const *local,
                       const char *const *constant) {
  for (const char *p = text->body.data; *p;) {
    size_t n = 0;
    while (kernel_is_word(p[n])) n++;
    bool field = p > text->body.data && p[-1] == '.';
    const char *other = n && !field ? word_for(text, parameter, local, constant, p, n) : NULL;
    if (other)
      text_add(out, "%s", other);
    else
      text_append(out, p, n ? n : 1);
    p += n ? n : 1;
  }
}

static void print_function(Text *out, const KernelTable *t, const KernelFunction *f) {
  const KernelText *k = f->text;
  Names *names = names_inner(t->arena, t->names);
  take_words(k, names);
  const KernelPointer *parameter = parameters_of(t, f, names);
  const char **constant = constants_of(t, k, names), **local = locals_of(t, k, names);
  text_add(out, "\n");
  kernel_place(out, t, f->kernel, "");
  kernel_label(out, f->kernel, "");
  size_t line = out->length;
  text_add(out, "static void %s(", f->name);
  size_t column = out->length - line;
  if (k->uses_run) emit_list_item(out, &line, column, "const Run *run");
  if (k->uses_rows) emit_list_item(out, &line, column, "int64_t rows");
  for (int i = 0; i < k->pointers; i++)
    emit_list_item(out, &line, column,
                   arena_format(t->arena, "%sfloat *%s%s", i < k->written ? "" : "const ",
                                kernel_is_shared(k, k->pointer[i].operand) ? "" : "restrict ", parameter[i].name));
  if (k->cut) emit_list_item(out, &line, column, "int64_t begin, int64_t end");
  text_add(out, ") {\n");
  if (k->sizes.length) text_add(out, "  enum { %s };\n", k->sizes.data);
  print_constants(out, k, constant);
  print_body(out, k, parameter, local, constant);
  text_add(out, "}\n");
}

// The function that does one of the pieces.
static void print_piece(Text *out, const KernelTable *t, const KernelFunction *f) {
  text_add(out, "\nstatic void %s(void *call, int piece, int pieces) {\n  const Call *c = call;\n", f->piece);
  size_t line = out->length;
  text_add(out, "  %s(", f->name);
  size_t column = out->length - line;
  if (f->text->uses_run) emit_list_item(out, &line, column, "c->run");
  if (f->text->uses_rows) emit_list_item(out, &line, column, "c->rows");
  for (int i = 0; i < f->text->pointers; i++)
    emit_list_item(out, &line, column, arena_format(t->arena, "c->at[%d]", i));
  const char *size = kernel_all(f->text, "c->rows");
  long long grain = f->text->cut_grain;
  static const char *const format = "piece_begin(%s, %lld, %s, pieces)";
  emit_list_item(out, &line, column, arena_format(t->arena, format, size, grain, "piece"));
  emit_list_item(out, &line, column, arena_format(t->arena, format, size, grain, "piece + 1"));
  text_add(out, ");\n}\n");
}

void emit_functions(Text *out, const KernelTable *t) {
  if (t->most_pointers)
    text_add(out,
             "\n// What the pieces of a kernel are handed: the run, the rows, and where in its memory to write and to "
             "read.\n"
             "typedef struct {\n  const Run *run;\n  int64_t rows;\n  float *at[%d];\n} Call;\n",
             t->most_pointers);
  for (const KernelFunction *f = t->first; f; f = f->next) {
    print_function(out, t, f);
    if (f->piece) print_piece(out, t, f);
  }
}
