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
  Names *names;
  const char *program;  // the function's name
  Written *written;     // oldest first
  int count, room;
  Text defines;
} Memory;

// The tensor that holds an offset, or -1.
static int tensor_at(const Plan *p, int64_t at) {
  for (int i = 0; i < p->tensors; i++)
    if (at >= p->tensor[i].at && at < p->tensor[i].at + p->tensor[i].count) return i;
  return -1;
}

static const char *offset_text(const Memory *m, const char *name, int64_t delta) {
  return delta ? arena_format(m->arena, "%s + %lld", name, (long long)delta) : name;
}

static void memory_add(Memory *m, int64_t at, const char *name) {
  if (m->count == m->room) {
    int room = 2 * m->room + 64;
    Written *more = NEW_ARRAY(m->arena, Written, room);
    if (m->count) memcpy(more, m->written, (size_t)m->count * sizeof *more);
    m->written = more;
    m->room = room;
  }
  m->written[m->count++] = (Written){at, name};
}

// A new name for what is at an offset from now on.
static const char *memory_name(Memory *m, int64_t at, const char *what, const char *shape) {
  const char *name = name_unique(m->names, arena_format(m->arena, "AT_%s_", m->program + strlen("run_")), what);
  text_add(&m->defines, "#define %s %lld  // %s\n", name, (long long)at, shape);
  memory_add(m, at, name);
  return name;
}

static const char *write_text(Memory *m, const Kernel *k, const KernelCall *call, int i) {
  int64_t at = call->at[i];
  int tensor = tensor_at(m->plan, at);
  if (tensor >= 0) return offset_text(m, m->offsets->tensor[tensor], at - m->plan->tensor[tensor].at);
  return memory_name(m, at, kernel_result(m->arena, k, i), call->shape[i]);
}

static const char *read_text(Memory *m, int64_t at) {
  int tensor = tensor_at(m->plan, at), best = -1;
  if (tensor >= 0) return offset_text(m, m->offsets->tensor[tensor], at - m->plan->tensor[tensor].at);
  for (int i = 0; i < m->count; i++)
    if (m->written[i].at <= at && (best < 0 || m->written[i].at >= m->written[best].at)) best = i;
  if (best < 0) return arena_format(m->arena, "%lld", (long long)at);
  return offset_text(m, m->written[best].name, at - m->written[best].at);
}

// One call, with the label and the line of the model above it.
static void print_call(Text *out, Memory *m, const KernelTable *table, const Kernel *k, const KernelCall *call) {
  kernel_place(out, table, k, "  ");
  const char **read = NEW_ARRAY(m->arena, const char *, call->pointers);
  for (int i = call->written; i < call->pointers; i++) read[i] = read_text(m, call->at[i]);
  text_add(out, call->function->whole ? "  %s(&(Call){run, {" : "  pool_run(run->pool, %s, &(Call){run, {",
           call->function->name);
  for (int i = 0; i < call->pointers; i++)
    text_add(out, "%sm + %s", i ? ", " : "", i < call->written ? write_text(m, k, call, i) : read[i]);
  if (call->function->whole)
    text_add(out, "}});\n");
  else
    text_add(out, "}}, %d);\n", k->pieces);
}

static void name_feed(Memory *m, const PlanFeed *feed, int64_t batch) {
  static const char *const number[] = {"", "step", "epoch", "update"};
  if (feed->kind == FEED_COLUMN)
    memory_name(m, feed->at, m->plan->column[feed->index].name,
                kernel_shape(m->arena, 2, (const int64_t[]){batch, feed->count}));
  else
    memory_name(m, feed->at, number[feed->kind], "[]");
}

static void print_program(Text *out, Memory *m, KernelTable *table, const PlanProgram *p) {
  Text body = text_new(m->arena);
  for (int i = 0; i < p->feeds; i++) name_feed(m, &p->feed[i], p->batch);
  for (int i = 0; i < p->kernels; i++) print_call(&body, m, table, &p->kernel[i], kernel_call(table, &p->kernel[i]));
  text_add(out, "\n// The program `");
  emit_comment_text(out, p->name);
  text_add(out, "`: %lld %s at a time.\n", (long long)p->batch, p->batch == 1 ? "example" : "examples");
  text_append(out, m->defines.data, m->defines.length);
  text_add(out, "static void %s(Run *run) {\n", m->program);
  if (p->kernels)
    text_add(out, "  float *const m = run->memory;\n");
  else
    text_add(out, "  (void)run;\n");
  text_append(out, body.data, body.length);
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
  for (int kind = 0; kind < 3; kind++) {
    bool any = false;
    for (int i = 0; i < p->tensors; i++) {
      const PlanTensor *t = &p->tensor[i];
      if ((int)t->kind != kind) continue;
      if (!any) text_add(out, "\n// %s\n", what[kind]);
      any = true;
      text_add(out, "#define %s %lld  // %s\n", offsets->tensor[i], (long long)t->at,
               kernel_shape(out->arena, t->rank, t->dim));
    }
  }
}

void emit_programs(Text *kernels, Text *programs, const Plan *p, const Sources *sources, const Offsets *offsets,
                   Names *names) {
  Arena *a = programs->arena;
  KernelTable *table = kernel_table_new(a, sources, names);
  for (int i = 0; i < p->programs; i++) {
    Memory m = {.arena = a,
                .plan = p,
                .offsets = offsets,
                .names = names,
                .program = offsets->program[i],
                .defines = text_new(a)};
    print_program(programs, &m, table, &p->program[i]);
  }
  print_execute(programs, p, offsets);
  text_add(kernels,
           "\n// What a kernel is handed: the run, and where in its memory to write and to read.\n"
           "typedef struct {\n  const Run *run;\n  float *at[%d];\n} Call;\n",
           table->most_pointers > 0 ? table->most_pointers : 1);
  text_append(kernels, table->text.data, table->text.length);
}
