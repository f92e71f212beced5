// Programs as functions that call the kernels one after another, with names for the places in memory; see emit.h.
//
// A tensor has one name. A temporary is named by what the kernel that writes it computes, and a read is named by the
// last write at or before its offset, so that the text tells which value is meant although memory is used again.
#include <stdlib.h>
#include <string.h>

#include "emit_kernels.h"

// A value in memory at some moment of a program.
typedef struct {
  int64_t at;
  const char *name;
} Written;

typedef struct {
  Arena *arena;
  const Plan *plan;
  const Offsets *offsets;
  KernelTable *table;
  Names *names;      // of this program's places
  Written *written;  // oldest first
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

static void written_add(Program *p, int64_t at, const char *name) {
  if (p->count == p->room) {
    p->room = 2 * p->room + 64;
    Written *more = NEW_ARRAY(p->arena, Written, p->room);
    if (p->count) memcpy(more, p->written, (size_t)p->count * sizeof *more);
    p->written = more;
  }
  p->written[p->count++] = (Written){at, name};
}

// A new name for what is at an offset from now on.
static const char *place_new(Program *p, int64_t at, const char *what, const char *shape) {
  const char *name = name_unique(p->names, "AT_", what);
  text_add(&p->places, "    %s = %lld,  // %s\n", name, (long long)at, shape);
  written_add(p, at, name);
  return name;
}

static void place_feed(Program *p, const PlanFeed *feed, int64_t batch) {
  static const char *const number[] = {"", "step", "epoch", "update"};
  if (feed->kind == FEED_COLUMN) {
    const char *shape = kernel_shape(p->arena, 2, (const int64_t[]){batch, feed->count});
    place_new(p, feed->at, p->plan->column[feed->index].name, shape);
  } else {
    place_new(p, feed->at, number[feed->kind], "[]");
  }
}

static const char *tensor_text(const Program *p, int tensor, int64_t at) {
  return offset_text(p, p->offsets->tensor[tensor], at - p->plan->tensor[tensor].at);
}

static const char *write_text(Program *p, const Kernel *k, const KernelCall *call, int i) {
  const KernelPointer *to = &call->pointer[i];
  int64_t at = to->place->view.at;
  int tensor = tensor_at(p->plan, at);
  return tensor >= 0 ? tensor_text(p, tensor, at) : place_new(p, at, kernel_result(p->arena, k, i), to->shape);
}

static const char *read_text(const Program *p, int64_t at) {
  int tensor = tensor_at(p->plan, at), best = -1;
  if (tensor >= 0) return tensor_text(p, tensor, at);
  for (int i = 0; i < p->count; i++)
    if (p->written[i].at <= at && (best < 0 || p->written[i].at >= p->written[best].at)) best = i;
  if (best < 0) return arena_format(p->arena, "%lld", (long long)at);
  return offset_text(p, p->written[best].name, at - p->written[best].at);
}

static const char turn_name[MAX_LOOPS][2] = {"t", "u", "v", "w"};

// How far the operand has moved on in the present turns.
static const char *step_text(const Program *p, const Operand *o) {
  Text text = text_new(p->arena);
  for (int i = 0; i < MAX_LOOPS; i++)
    if (o->step[i]) text_add(&text, " + %s * %lld", turn_name[i], (long long)o->step[i]);
  return text.data;
}

// One call, with its label above it, and the line of the model where another one begins.
static void print_call(Program *p, const Kernel *k, int depth) {
  const char *indent = arena_format(p->arena, "%*s", 2 * depth + 2, "");
  KernelCall *call = kernel_call(p->table, k);
  Text place = text_new(p->arena);
  kernel_place(&place, p->table, k, indent);
  if (strcmp(place.data, p->place) != 0) text_add(&p->calls, "\n%s", place.data);
  p->place = place.data;
  kernel_label(&p->calls, k, indent);
  const char **name = NEW_ARRAY(p->arena, const char *, call->pointers);
  for (int i = call->written; i < call->pointers; i++) name[i] = read_text(p, call->pointer[i].place->view.at);
  for (int i = 0; i < call->written; i++) name[i] = write_text(p, k, call, i);
  size_t line = p->calls.length;
  const char *pool = k->by_blas ? "pool_run_apart" : "pool_run";
  if (call->cut)
    text_add(&p->calls, "%s%s(run->pool, %s, &(Call){run, {", indent, pool, call->function);
  else
    text_add(&p->calls, "%s%s(", indent, call->function);
  size_t column = p->calls.length - line < LONGEST_LINE / 2 ? p->calls.length - line : strlen(indent) + 4;
  if (call->uses_run && !call->cut) emit_list_item(&p->calls, &line, column, "run");
  for (int i = 0; i < call->pointers; i++) {
    const char *moved = step_text(p, call->pointer[i].place);
    emit_list_item(&p->calls, &line, column, arena_format(p->arena, "m + %s%s", name[i], moved));
    if (strncmp(name[i], "AT_", 3) == 0) kernel_called(call, i, name[i] + 3);
  }
  if (call->cut) text_add(&p->calls, "}}, %d", k->pieces);
  text_add(&p->calls, ");\n");
}

static bool is_drawing(const Kernel *k) {
  for (int i = 0; k->kind == KERNEL_LOOP && i < k->loop.kernels; i++)
    if (is_drawing(&k->loop.kernel[i])) return true;
  return kernel_row[k->kind].with_run;
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
    print_section(p, q, i);
    print_kernels(p, &q->kernel[i], 1, 0);
  }
  text_add(out, "\n// The program `");
  emit_comment_text(out, q->name);
  text_add(out, "`: %lld %s at a time.\n", (long long)q->batch, q->batch == 1 ? "example" : "examples");
  text_add(out, "static void %s(Run *run) {\n", function);
  text_add(out, q->kernels ? "  float *const m = run->memory;\n" : "  (void)run;\n");
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
  static const char *const what[] = {"weights", "states of layers", "slots of optimisers"};
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
  KernelTable *table = kernel_table_new(a, sources, names);
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
