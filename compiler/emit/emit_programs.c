// Programs as functions that call the kernels one after another, with names for the places in memory; see emit.h.
//
// A tensor has one name. A temporary is named by the value that its place is for, so that the text tells which one is
// meant although memory is used again.
#include <stdlib.h>
#include <string.h>

#include "emit/emit_kernels.h"

// Where a value lies.
typedef struct {
  int64_t at;
  const char *value;  // its name
  const char *name;   // the enumerator
} Known;

typedef struct {
  Arena *arena;
  const Plan *plan;
  const Offsets *offsets;
  KernelTable *table;
  Names *names;  // of this program's places
  Known *known;
  int count, room;
  Text places;  // their enumerators
  Text calls;
  const char *place;  // the line of the model that the calls are for, as comment
} Program;

// The tensor that holds an offset, or -1.
static int tensor_at(const Plan *p, int64_t at) {
  for (int i = 0; i < p->tensors; i++)
    if (at >= p->tensor[i].at && at < p->tensor[i].at + p->tensor[i].count) return i;
  return -1;
}

static const char *offset_text(const Program *p, const char *name, int64_t delta) {
  return delta ? arena_format(p->arena, "%s + %lld", name, (long long)delta) : name;
}

static const char *shape_text_of(const Program *p, int rank, const int64_t *dim) {
  int skip = 0;
  while (skip < rank - 1 && dim[skip] == 1) skip++;
  return kernel_shape(p->arena, rank - skip, dim + skip);
}

// The name of what lies at an offset, as a value of that name.
static const char *place_name(Program *p, int64_t at, const char *value, const char *shape) {
  for (int i = 0; i < p->count; i++)
    if (p->known[i].at == at && !strcmp(p->known[i].value, value)) return p->known[i].name;
  GROW(p->arena, p->known, p->count, &p->room);
  const char *name = name_unique(p->names, "AT_", value);
  text_add(&p->places, "    %s = %lld,  // %s\n", name, (long long)at, shape);
  p->known[p->count++] = (Known){at, value, name};
  return name;
}

static void place_feed(Program *p, const PlanFeed *feed, int64_t batch) {
  static const char *const number[] = {[FEED_STEP] = "step",         [FEED_EPOCH] = "epoch", [FEED_UPDATE] = "update",
                                       [FEED_EXAMPLES] = "examples", [FEED_ROWS] = "rows",   [FEED_TOTAL] = "total",
                                       [FEED_REST] = "rest"};
  if (feed_is_of_examples(feed)) {
    const char *shape = kernel_shape(p->arena, 2, (const int64_t[]){batch, feed->count});
    const char *name = plan_column(p->plan, feed->index)->name;
    place_name(p, feed->at, feed->kind == FEED_KNOWN ? arena_format(p->arena, "known_%s", name) : name, shape);
  } else {
    place_name(p, feed->at, number[feed->kind],
               feed->count == 1 ? "[]" : kernel_shape(p->arena, 1, (const int64_t[]){feed->count}));
  }
}

static const char *operand_text(Program *p, const Operand *o) {
  int64_t at = o->view.at;
  int tensor = tensor_at(p->plan, at);
  if (tensor >= 0) return offset_text(p, p->offsets->tensor[tensor], at - p->plan->tensor[tensor].at);
  const Home *h = o->home;
  return offset_text(p, place_name(p, at - o->within, h->name, shape_text_of(p, h->rank, h->dim)), o->within);
}

static const char turn_name[MAX_LOOPS][2] = {"t", "u", "v", "w"};

// How far the operand has moved on in the present turns.
static const char *step_text(const Program *p, const Operand *o) {
  Text text = text_new(p->arena);
  for (int i = 0; i < MAX_LOOPS; i++)
    if (o->step[i]) text_add(&text, " + %s * %lld", turn_name[i], (long long)o->step[i]);
  return text.data;
}

// How many blocks of its leading axis the kernel does.
static const char *rows_text(const Program *p, const Kernel *k) {
  if (k->per_example == 1) return "rows";
  if (k->per_example) return arena_format(p->arena, "rows * %lld", (long long)k->per_example);
  return arena_format(p->arena, "%lld", (long long)kernel_blocks(k));
}

// Where it begins, in the present turns of the loops around.
static const char *pointer_text(Program *p, const Operand *o) {
  const char *at = operand_text(p, o);
  return arena_format(p->arena, "m + %s%s", at, step_text(p, o));
}

// The arguments beside the pointers, of a call that is not made piece by piece.
static void print_before(Program *p, const Kernel *k, const KernelCall *call, size_t *line, size_t column) {
  if (call->text->uses_run) emit_list_item(&p->calls, line, column, "run");
  if (call->text->uses_rows) emit_list_item(&p->calls, line, column, rows_text(p, k));
}

static void print_after(Program *p, const Kernel *k, const KernelCall *call, size_t *line, size_t column) {
  if (!call->text->cut) return;
  emit_list_item(&p->calls, line, column, "0");
  emit_list_item(&p->calls, line, column, kernel_all(call->text, rows_text(p, k)));
}

// One call, with its label above it, and the line of the model where another one begins.
static void print_call(Program *p, const Kernel *k, int depth) {
  const char *indent = arena_format(p->arena, "%*s", 2 * depth + 2, "");
  const KernelCall call = kernel_call(p->table, k);
  bool pieces = call.text->cut && k->pieces > 1;
  Text place = text_new(p->arena);
  kernel_place(&place, p->table, k, indent);
  if (strcmp(place.data, p->place) != 0) text_add(&p->calls, "\n%s", place.data);
  p->place = place.data;
  kernel_label(&p->calls, k, indent);
  size_t line = p->calls.length;
  const char *pool = k->by_blas ? "pool_run_apart" : "pool_run";
  if (pieces)
    text_add(&p->calls, "%s%s(run->pool, %s, &(Call){run, %s, {", indent, pool, call.piece, rows_text(p, k));
  else
    text_add(&p->calls, "%s%s(", indent, call.name);
  size_t column = p->calls.length - line < LONGEST_LINE / 2 ? p->calls.length - line : strlen(indent) + 4;
  if (!pieces) print_before(p, k, &call, &line, column);
  for (int i = 0; i < call.text->pointers; i++) {
    const Operand *o = &k->operand[call.text->pointer[i].operand];
    emit_list_item(&p->calls, &line, column, pointer_text(p, o));
    if (o->name) kernel_called(&call, i, o->name);
  }
  if (pieces)
    text_add(&p->calls, "}}, %d", k->pieces);
  else
    print_after(p, k, &call, &line, column);
  text_add(&p->calls, ");\n");
}

static bool is_drawing(const Kernel *k) {
  for (int i = 0; k->kind == KERNEL_LOOP && i < k->loop.kernels; i++)
    if (is_drawing(&k->loop.kernel[i])) return true;
  return kernel_row[k->kind].with_run;
}

static bool is_by_example(const Kernel *kernel, int kernels) {
  for (int i = 0; i < kernels; i++) {
    const Kernel *k = &kernel[i];
    if (k->per_example || (k->kind == KERNEL_LOOP && is_by_example(k->loop.kernel, k->loop.kernels))) return true;
  }
  return false;
}

static void print_section(Program *p, const PlanProgram *q, int i) {
  const char *heading = section_heading(p->arena, q, i);
  if (!heading) return;
  text_add(&p->calls, "\n  // ---- %s\n", heading);
  p->place = "";
}

// The calls of the kernels; those of a loop in a loop.
static void print_kernels(Program *p, const Kernel *kernel, int kernels, int depth) {
  for (int i = 0; i < kernels; i++) {
    const Kernel *k = &kernel[i];
    const KernelLoop *l = &k->loop;
    if (k->kind != KERNEL_LOOP) {
      print_call(p, k, depth);
      continue;
    }
    const char *indent = arena_format(p->arena, "%*s", 2 * depth + 2, ""), *t = turn_name[depth];
    text_add(&p->calls, "\n");
    kernel_label(&p->calls, k, indent);
    long long last = l->times - 1;
    if (l->reversed)
      text_add(&p->calls, "%sfor (int64_t %s = %lld; %s >= 0; %s--) {\n", indent, t, last, t, t);
    else
      text_add(&p->calls, "%sfor (int64_t %s = 0; %s <= %lld; %s++) {\n", indent, t, t, last, t);
    if (is_drawing(k)) text_add(&p->calls, "%s  run->at_turn[%d] = %s;\n", indent, depth, t);
    print_kernels(p, l->kernel, l->kernels, depth + 1);
    text_add(&p->calls, "%s}\n", indent);
    if (is_drawing(k)) text_add(&p->calls, "%srun->at_turn[%d] = 0;\n", indent, depth);
    p->place = "";
  }
}

static void print_program(Text *out, Program *p, const PlanProgram *q, const char *function) {
  for (int i = 0; i < q->feeds; i++) place_feed(p, &q->feed[i], q->batch);
  for (int i = 0; i < q->kernels; i++) {
    bool still = i < q->still;  // no loop is
    print_section(p, q, i);
    if (still && i == 0) text_add(&p->calls, "  if (!run->again) {\n");
    print_kernels(p, &q->kernel[i], 1, still);
    if (i + 1 == q->still) text_add(&p->calls, "  }\n");
  }
  text_add(out, "\n// The program `");
  emit_comment_text(out, q->name);
  text_add(out, "`: %lld %s at a time.\n", (long long)q->batch, q->batch == 1 ? "example" : "examples");
  text_add(out, "static void %s(Run *run) {\n", function);
  text_add(out, q->kernels ? "  float *const m = run->memory;\n" : "  (void)run;\n");
  if (is_by_example(q->kernel, q->kernels))
    text_add(out, "  const int64_t rows = run->rows ? run->rows : %lld;\n", (long long)q->batch);
  if (p->places.length)
    text_add(out, "  enum {  // where what is computed lies, after the tensors\n%s  };\n", p->places.data);
  text_append(out, p->calls.data, p->calls.length);
  text_add(out, "}\n");
}

static void print_execute(Text *out, const Plan *p, const Offsets *offsets) {
  text_add(out,
           "\n// Runs one program of the plan.\nstatic void execute(Run *run, int program) {\n  switch (program) {\n");
  for (int i = 0; i < p->programs; i++) text_add(out, "    case %d: %s(run); break;\n", i, offsets->program[i]);
  text_add(out, "  }\n}\n");
}

Offsets emit_offsets(Arena *a, const Plan *p, Names *names) {
  Offsets o = {NEW_ARRAY(a, const char *, p->tensors), NEW_ARRAY(a, const char *, p->programs)};
  for (int i = 0; i < p->tensors; i++) o.tensor[i] = name_unique(names, "AT_", p->tensor[i].name);
  for (int i = 0; i < p->programs; i++) o.program[i] = name_unique(names, "run_", p->program[i].name);
  return o;
}

void emit_offset_names(Text *out, const Plan *p, const Offsets *offsets) {
  static const char *const what[] = {[TENSOR_WEIGHT] = "weights",
                                     [TENSOR_STATE] = "states of layers",
                                     [TENSOR_SLOT] = "slots of optimisers",
                                     [TENSOR_AVERAGE] = "averages"};
  if (p->tensors) text_add(out, "\nenum {\n");
  for (int i = 0; i < p->tensors; i++) {
    const PlanTensor *t = &p->tensor[i];
    if (i == 0 || t->kind != p->tensor[i - 1].kind) text_add(out, "  // %s\n", what[t->kind]);
    text_add(out, "  %s = %lld,  // %s\n", offsets->tensor[i], (long long)t->at,
             kernel_shape(out->arena, t->rank, t->dim));
  }
  if (p->tensors) text_add(out, "};\n");
}

void emit_programs(Text *kernels, Text *programs, const Plan *p, const Sources *sources, const Offsets *offsets,
                   Names *names) {
  Arena *a = programs->arena;
  KernelTable *table = kernel_table_new(a, p, sources, names);
  for (int i = 0; i < p->programs; i++) {
    Program q = {.arena = a,
                 .plan = p,
                 .offsets = offsets,
                 .table = table,
                 .places = text_new(a),
                 .calls = text_new(a),
                 .place = ""};
    q.names = names_inner(a, names);
    print_program(programs, &q, &p->program[i], offsets->program[i]);
  }
  print_execute(programs, p, offsets);
  emit_functions(kernels, table);
}
