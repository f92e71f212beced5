// From a model to its plan: passes, fusion, kernels, order and places for each program, then the tables.
//
// Stands between the elaborator and the runtime. All decisions are made here, from the model alone and never from the
// machine, so that a plan gives the same bits wherever it runs.
#include "plan/planner.h"

static PlanTensor *plan_tensors(Arena *a, const Model *m, int64_t *end) {
  PlanTensor *list = NEW_ARRAY(a, PlanTensor, m->tensors + 1);
  *end = 0;
  for (int i = 0; i < m->tensors; i++) {
    const TensorInfo *t = &m->tensor[i];
    list[i] = (PlanTensor){t->name, t->kind, t->shape.rank, {0}, shape_count(t->shape), *end, t->statistic, t->column, t->beside, t->support, t->file};
    for (int k = 0; k < t->shape.rank; k++) list[i].dim[k] = t->shape.dim[k];
    *end += (list[i].count + ALIGN - 1) / ALIGN * ALIGN;
  }
  return list;
}

static FeedKind feed_kind(InputKind kind) {
  switch (kind) {
    case INPUT_COLUMN: return FEED_COLUMN;
    case INPUT_KNOWN: return FEED_KNOWN;
    case INPUT_STEP: return FEED_STEP;
    case INPUT_EPOCH: return FEED_EPOCH;
    case INPUT_EXAMPLES: return FEED_EXAMPLES;
    case INPUT_ROWS: return FEED_ROWS;
    case INPUT_TOTAL: return FEED_TOTAL;
    case INPUT_REST: return FEED_REST;
    default: return FEED_UPDATE;
  }
}

// Inputs that no kernel reads are not fed.
static void set_feeds(PlanProgram *out, const Layout *l) {
  const Graph *g = l->program->graph;
  PlanFeed *feed = NEW_ARRAY(l->arena, PlanFeed, g->inputs + 1);
  for (int i = 0; i < g->inputs; i++) {
    const InputInfo *in = &g->input[i];
    if (l->input[i] < 0) continue;
    int64_t count = shape_count(in->shape);
    if (is_of_examples(in->kind)) count /= out->batch;
    feed[out->feeds++] = (PlanFeed){feed_kind(in->kind), in->index, l->buffer[l->input[i]].at, count};
  }
  out->feed = feed;
}

static void set_outputs(PlanProgram *out, const Layout *l) {
  const GraphProgram *p = l->program;
  PlanOutput *list = NEW_ARRAY(l->arena, PlanOutput, p->outputs + 1);
  for (int i = 0; i < p->outputs; i++) {
    const Output *o = &p->output[i];
    int skip = o->per_example ? 1 : 0;
    const Place *place = &l->output[i];
    list[i] = (PlanOutput){o->name,
                           o->per_example,
                           o->value->shape.rank - skip,
                           {0},
                           1,
                           l->buffer[place->buffer].at + place->view.at,
                           o->coupled,
                           o->total,
                           o->is,
                           o->least,
                           o->summed,
                           o->gathered,
                            o->latents,
                           graph_set(p->graph, o->value)};
    for (int k = 0; k < list[i].rank; k++) {
      list[i].dim[k] = o->value->shape.dim[k + skip];
      list[i].count *= list[i].dim[k];
    }
  }
  out->output = list;
  out->outputs = p->outputs;
}

static double kernel_flops(const Kernel *k) {
  const KernelRow *row = &kernel_row[k->kind];
  if (k->kind != KERNEL_LOOP) return row->sizes ? row->sizes(k->number).flops : 0;
  double turn = 0;
  for (int i = 0; i < k->loop.kernels; i++) turn += kernel_flops(&k->loop.kernel[i]);
  return (double)k->loop.times * turn;
}

// Gives to OpenBLAS what it can do.
static void give_products(Kernel *k) {
  k->by_blas = kernel_row[k->kind].or_blas;
  for (int i = 0; k->kind == KERNEL_LOOP && i < k->loop.kernels; i++) give_products(&k->loop.kernel[i]);
}

static void set_kernels(PlanProgram *out, const Layout *l, Products products, Codes *codes) {
  Kernel *list = NEW_ARRAY(l->arena, Kernel, l->steps + 1);
  for (int i = 0; i < l->steps; i++) {
    list[i] = l->step[i]->kernel;
    out->flops += kernel_flops(&list[i]);
    if (products == PRODUCTS_OPENBLAS) give_products(&list[i]);
  }
  codes_add(codes, list, l->steps);
  out->kernel = list;
  out->kernels = l->steps;
  out->still = l->still;
}

// Is it run for batch after batch of a split, before anything moves?
static bool is_passed(const Model *m, int program) {
  bool passed = program == m->test || program == m->init_sums;
  for (int i = 0; i < m->seldoms; i++) passed = passed || program == m->seldom[i].program;
  for (int i = 0; i < m->turns; i++) passed = passed || (m->turn[i].after && program == m->turn[i].program);
  return passed;
}

static void plan_program(Arena *a, const Model *m, const Plan *plan, const ModelProgram *p, Codes *codes,
                         PlanProgram *out) {
  Arena *scratch = arena_open(a);
  const GraphProgram *simple = run_passes(scratch, &p->graph);
  Examples examples = {p->batch, graph_blocks(scratch, simple->graph, p->batch, 0, NULL)};
  Layout *l = lower(a, scratch, m->sources, simple, examples, 0);
  l->passes = is_passed(m, (int)(p - m->program));
  schedule(l);
  *out = (PlanProgram){.name = p->graph.name, .batch = p->batch};
  for (int i = 0; i < l->buffers; i++) {
    Buffer *b = &l->buffer[i];
    b->fixed = b->tensor >= 0;
    if (b->fixed) b->at = plan->tensor[b->tensor].at;
  }
  out->end = place_buffers(l, plan->persistent);
  place_operands(l);
  set_feeds(out, l);
  set_outputs(out, l);
  set_kernels(out, l, m->products, codes);
  arena_close(scratch);
}

Plan *plan_model(Arena *a, const Model *m) {
  Plan *plan = NEW(a, Plan);
  *plan = (Plan){.model = m->name,
                 .source = m->source,
                 .batch = m->batch,
                 .shards = m->shards,
                 .epochs = m->epochs,
                 .seed = m->seed,
                 .products = m->products,
                 .data = m->sets ? m->set[0].data : (PlanData){.format = DATA_NONE},
                 .column = m->sets ? m->set[0].column : NULL,
                 .columns = m->sets ? m->set[0].columns : 0,
                 .other = m->sets > 1 ? m->set + 1 : NULL,
                 .others = m->sets > 1 ? m->sets - 1 : 0,
                 .tensors = m->tensors,
                 .programs = m->programs,
                 .init = m->init,
                 .init_sums = m->init_sums,
                 .from_values = m->from_values,
                 .test = m->test,
                 .test_after = m->test_after,
                 .seldom = m->seldom,
                 .seldoms = m->seldoms,
                 .health = m->health,
                 .healths = m->healths,
                 .fit = m->fit,
                 .fits = m->fits,
                 .turn = m->turn,
                 .turns = m->turns,
                 .lines = m->lines,
                 .phase = m->phase,
                 .phases = m->phases,
                 .show = m->show,
                 .shows = m->shows,
                 .objective = m->objective,
                 .keep = m->keep,
                 .restarts = m->restarts,
                 .expect = m->expect,
                 .expects = m->expects};
  plan->tensor = plan_tensors(a, m, &plan->persistent);
  PlanProgram *program = NEW_ARRAY(a, PlanProgram, m->programs + 1);
  plan->peak = plan->persistent;
  Arena *scratch = arena_open(a);
  Codes *codes = codes_new(a, scratch);
  for (int i = 0; i < m->programs; i++) {
    plan_program(a, m, plan, &m->program[i], codes, &program[i]);
    if (program[i].end > plan->peak) plan->peak = program[i].end;
  }
  plan->program = program;
  codes_end(codes, plan);
  arena_close(scratch);
  plan_verify(a, plan);
  return plan;
}
