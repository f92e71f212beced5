// Every stage of planning as text, for --dump and golden tests; and the check of a finished plan.
//
//   graph   the programs as elaborated           grad   the training programs, only what is needed
//   fused   after the passes, group by group     plan   kernels with views, pieces and offsets
#include <string.h>

#include "plan/planner.h"

// ---- plan

static void print_dims(Text *t, int rank, const int64_t *dim) {
  text_add(t, "[");
  for (int i = 0; i < rank; i++) text_add(t, "%s%lld", i ? ", " : "", (long long)dim[i]);
  text_add(t, "]");
}

static void print_view(Text *t, const View *v, int rank) {
  text_add(t, "%lld (", (long long)v->at);
  for (int i = 0; i < rank; i++) text_add(t, "%s%lld", i ? ", " : "", (long long)v->stride[i]);
  text_add(t, ")");
}

static void print_steps(Text *t, const Operand *o) {
  for (int i = 0; i < MAX_LOOPS; i++)
    if (o->step[i]) text_add(t, " + %lld a turn", (long long)o->step[i]);
}

// What has been printed: a code is spelled out where it is first used, and later named.
typedef struct {
  Text *text;
  bool *known;  // of each code
} Printer;

static void region_print(Printer *p, const Kernel *kernel) {
  Text *t = p->text;
  static const char *const store_name[] = {"store", "sum", "maximum"};
  const Region *r = &kernel->region;
  print_dims(t, r->rank, r->dim);
  if (r->reduce >= 0) text_add(t, " reduce %d", r->reduce);
  text_add(t, ", %d tiles\n", r->tiles);
  int value = 0;
  for (int i = 0; i < r->loads; i++) {
    text_add(t, "      v%d = load ", value++);
    print_view(t, &kernel->operand[i].view, r->rank);
    print_steps(t, &kernel->operand[i]);
    text_add(t, "\n");
  }
  for (int i = 0; i < r->constants; i++) {
    const char *said = r->word ? r->word[value] : NULL;
    text_add(t, "      v%d = %.9g%s%s\n", value++, (double)r->constant[i], said ? "  # " : "", said ? said : "");
  }
  for (int i = 0; i < r->instrs; i++) {
    const Instr *k = &r->instr[i];
    text_add(t, "      v%d = %s", value++, scalar_row[k->op].name);
    for (int j = 0; j < scalar_row[k->op].arity; j++) text_add(t, " v%d", k->in[j]);
    text_add(t, "  in tile %d\n", k->tile);
  }
  for (int i = 0; i < r->stores; i++) {
    text_add(t, "      %s v%d at ", store_name[r->store[i].kind], r->store[i].value);
    print_view(t, &kernel->operand[r->loads + i].view, r->rank);
    print_steps(t, &kernel->operand[r->loads + i]);
    text_add(t, "\n");
  }
}

// Numbers that are not 0, and the operands.
static void row_print(Printer *p, const Kernel *k) {
  Text *t = p->text;
  const KernelRow *row = &kernel_row[k->kind];
  bool first = true;
  for (int i = 0; i < row->numbers; i++) {
    if (k->number[i]) text_add(t, "%s%s %lld", first ? "" : ", ", row->number[i], (long long)k->number[i]);
    first = first && !k->number[i];
  }
  text_add(t, "\n");
  for (int i = 0; i < k->operands; i++) {
    const Operand *o = &k->operand[i];
    text_add(t, "      %s ", row->operand[i]);
    print_dims(t, o->rank, o->dim);
    text_add(t, " at ");
    print_view(t, &o->view, o->rank);
    print_steps(t, o);
    text_add(t, "\n");
  }
}

static void print_kernel(Printer *p, const Kernel *k);

static void loop_print(Printer *p, const Kernel *k) {
  const KernelLoop *l = &k->loop;
  Text *t = p->text;
  text_add(t, "%lld turns%s\n", (long long)l->times, l->reversed ? ", the last one first" : "");
  for (int i = 0; i < l->kernels; i++) {
    text_add(t, "%*s%d  ", 4 + 2 * l->depth, "", i);
    print_kernel(p, &l->kernel[i]);
  }
}

// The places alone.
static void print_use(Text *t, const Kernel *k) {
  text_add(t, "%lld rows", (long long)kernel_blocks(k));
  for (int i = 0; i < k->operands; i++) {
    const Operand *o = &k->operand[i];
    bool first = i == 0 || k->operand[i - 1].write != o->write;
    text_add(t, "%s%lld", !first ? ", " : o->write ? ", to " : ", of ", (long long)o->view.at);
    print_steps(t, o);
  }
  text_add(t, "\n");
}

static void print_kernel(Printer *p, const Kernel *k) {
  static void (*const print[])(Printer *, const Kernel *) = {
#define MACHINE(ID, name, ...) name##_print,
#define KERNEL(...)            row_print,
#include "engine/kernels.def"
  };
  Text *t = p->text;
  text_add(t, "%s", kernel_text(t->arena, k));
  if (k->file) text_add(t, "  # %s:%d", k->file, k->line);
  text_add(t, "\n    %s in %d: ", kernel_row[k->kind].name, k->pieces);
  if (k->kind != KERNEL_LOOP) text_add(t, "code %d, ", k->code);
  if (k->per_example) text_add(t, "%lld an example, ", (long long)k->per_example);
  if (k->kind == KERNEL_LOOP || !p->known[k->code])
    print[k->kind](p, k);
  else
    print_use(t, k);
  if (k->kind != KERNEL_LOOP) p->known[k->code] = true;
}

const char *section_heading(Arena *a, const PlanProgram *p, int i) {
  static const char *const phase[] = {"forward", "backward", "update"};
  Section section = p->kernel[i].section, last = p->kernel[p->kernels - 1].section;
  bool one = last.line == 0 && last.phase == PHASE_FORWARD;
  if (i < p->still) return i ? NULL : "once, for all batches of a pass";
  if (one && i && i == p->still) return "for each batch";
  if (one || (i > p->still && section_order(section, p->kernel[i - 1].section) == 0)) return NULL;
  return arena_format(a, "line %d, %s", section.line + 1, phase[section.phase]);
}

static void print_program(Printer *printer, const PlanProgram *p) {
  Text *t = printer->text;
  static const char *const feed_name[] = {
      [FEED_COLUMN] = "column", [FEED_KNOWN] = "known",   [FEED_STEP] = "step",
      [FEED_EPOCH] = "epoch",   [FEED_UPDATE] = "update", [FEED_EXAMPLES] = "examples",
      [FEED_ROWS] = "rows",     [FEED_TOTAL] = "total",   [FEED_REST] = "rest"};
  text_add(t, "\nprogram \"%s\": batch %lld, %d kernels, %.4g Mflop, %lld floats\n", p->name, (long long)p->batch,
           p->kernels, p->flops / 1e6, (long long)p->end);
  for (int i = 0; i < p->feeds; i++) {
    const PlanFeed *f = &p->feed[i];
    text_add(t, "  feed %s %d at %lld, %lld each\n", feed_name[f->kind], f->index, (long long)f->at,
             (long long)f->count);
  }
  for (int i = 0; i < p->kernels; i++) {
    const char *heading = section_heading(t->arena, p, i);
    if (heading) text_add(t, "  %s\n", heading);
    text_add(t, "  %d  ", i);
    print_kernel(printer, &p->kernel[i]);
  }
  for (int i = 0; i < p->outputs; i++) {
    const PlanOutput *o = &p->output[i];
    text_add(t, "  output \"%s\" ", o->name);
    print_dims(t, o->rank, o->dim);
    text_add(t, "%s%s at %lld\n", o->per_example ? " per example" : "",
             o->coupled ? " coupled"
             : o->summed ? " summed"
             : o->least ? " least"
             : o->gathered ? " gathered"
             : o->total ? " total"
                        : "",
             (long long)o->at);
  }
}

static void print_phase(Text *t, const Plan *plan, const PlanPhase *phase) {
  text_add(t, "\nphase: batch %lld", (long long)phase->batch);
  if (phase->epochs) text_add(t, ", %lld epochs", (long long)phase->epochs);
  const PlanProgram *asked = phase->conditions < 0 ? NULL : &plan->program[phase->conditions];
  if (asked) text_add(t, ", asks \"%s\"", asked->name);
  if (phase->until) text_add(t, ", %s", asked->output[phase->until - 1].name);
  text_add(t, "\n");
  for (const PlanTurn *turn = plan->turn + phase->first_turn; turn < plan->turn + phase->first_turn + phase->turns;
       turn++) {
    text_add(t, "  turn \"%s\"", plan->program[turn->program].name);
    if (turn->turn) text_add(t, ", batch %d of the round", turn->turn + 1);
    if (turn->after) text_add(t, " over all examples, then \"%s\"", plan->program[turn->after].name);
    if (turn->every > 0) text_add(t, ", every %lld", (long long)turn->every);
    if (turn->every == EACH_EPOCH) text_add(t, ", once an epoch");
    if (turn->when) text_add(t, ", %s", asked->output[turn->when - 1].name);
    text_add(t, "\n");
  }
}

void plan_print(Text *t, const Plan *plan) {
  text_add(t, "plan \"%s\": %lld floats persistent, %lld at most\n", plan->model ? plan->model : "",
           (long long)plan->persistent, (long long)plan->peak);
  for (int i = 0; i < plan->tensors; i++) {
    const PlanTensor *x = &plan->tensor[i];
    text_add(t, "  %lld  %s ", (long long)x->at, x->name);
    print_dims(t, x->rank, x->dim);
    text_add(t, "\n");
  }
  Printer p = {t, NEW_ARRAY(t->arena, bool, plan->codes + 1)};
  for (int i = 0; i < plan->programs; i++) print_program(&p, &plan->program[i]);
  for (int i = 0; i < plan->phases; i++) print_phase(t, plan, &plan->phase[i]);
}

// ---- fused

static void print_reads(Text *t, const Fusion *f, const Node *n) {
  for (int i = 0; i < n->arity; i++) {
    const Node *in = n->in[i], *b = f->base[in->id];
    if (f->owner[b->id]->op == OP_CONST) {
      text_add(t, " %.9g", f->owner[b->id]->attr.value);
    } else {
      text_add(t, " %s%%%d", b == f->owner[b->id] ? "" : "view of ", f->owner[b->id]->id);
    }
  }
}

static void print_source(Text *t, const GraphProgram *p, const Node *n) {
  if (n->op == OP_WEIGHT) text_add(t, "  %%%d = weight \"%s\"\n", n->id, p->graph->tensor[n->attr.id].name);
  if (n->op == OP_INPUT) text_add(t, "  %%%d = input \"%s\"\n", n->id, p->graph->input[n->attr.id].name);
}

static void print_group(Text *t, const Fusion *f, const Group *g) {
  static const char *const kind_name[] = {"region", "kernel", "join"};
  text_add(t, "  %s ", kind_name[g->kind]);
  print_dims(t, g->space.rank, g->space.dim);
  if (g->length) text_add(t, " reduce %lld by %lld", (long long)g->length, (long long)g->inner);
  text_add(t, "\n");
  for (int i = 0; i < g->nodes; i++) {
    const Node *n = g->node[i];
    text_add(t, "    %%%d = %s", n->id, op_name(n->op));
    print_reads(t, f, n);
    text_add(t, "%s", f->stored[n->id] ? "  stored" : "");
    text_add(t, n->name ? "  # %s\n" : "\n", node_name_text(t->arena, f->program->graph, n));
  }
}

static void print_fused(Text *t, Arena *a, const GraphProgram *p) {
  const GraphProgram *simple = run_passes(a, p);
  const Fusion *f = fuse(a, simple);
  text_add(t, "program \"%s\"\n", p->name);
  for (int i = 0; i < simple->graph->count; i++) {
    if (f->live[i]) print_source(t, simple, simple->graph->node[i]);
  }
  for (int i = 0; i < f->groups; i++) {
    if (f->group[i].into == i) print_group(t, f, &f->group[i]);
  }
}

// ---- stages

static bool is_training(const Model *m, int program) {
  for (int i = 0; i < m->turns; i++) {
    if (m->turn[i].program == program) return true;
  }
  return false;
}

static void print_needed(Text *t, Arena *a, const GraphProgram *p) {
  GraphProgram copy = *p;
  copy.output = NEW_ARRAY(a, Output, p->outputs + 1);
  copy.assign = NEW_ARRAY(a, Assign, p->assigns + 1);
  for (int i = 0; i < p->outputs; i++) copy.output[i] = p->output[i];
  for (int i = 0; i < p->assigns; i++) copy.assign[i] = p->assign[i];
  pass_dead(a, &copy);
  graph_print(t, &copy);
}

bool dump_stage(Text *t, const Model *m, const char *stage) {
  Arena *a = arena_open(t->arena);
  bool graph = strcmp(stage, "graph") == 0, grad = strcmp(stage, "grad") == 0, fused = strcmp(stage, "fused") == 0;
  bool plan = strcmp(stage, "plan") == 0, ast = strcmp(stage, "ast") == 0;
  if (ast) ast_print(t, m->tree);
  for (int i = 0; i < m->programs; i++) {
    const GraphProgram *p = &m->program[i].graph;
    if (graph) graph_print(t, p);
    if (grad && is_training(m, i)) print_needed(t, a, p);
    if (fused) print_fused(t, a, p);
  }
  if (plan) plan_print(t, plan_model(a, m));
  arena_close(a);
  return ast || graph || grad || fused || plan;
}
