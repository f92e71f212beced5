// The plan's tables as C initialisers; see emit.h.
//
// Fields that are zero are left out, as C fills them in, and so are tables without rows.
#include <string.h>

#include "emit/emit.h"

static const char *const tensor_kind[] = {"TENSOR_WEIGHT", "TENSOR_STATE", "TENSOR_SLOT", "TENSOR_AVERAGE"};
static const char *const tensor_statistic[] = {"STATISTIC_NONE", "STATISTIC_MEAN", "STATISTIC_DEVIATION",
                                               "STATISTIC_CENTRE", "STATISTIC_AXES"};
static const char *const data_format[] = {"DATA_NONE", "DATA_IDX", "DATA_NPY",
                                          "DATA_NPZ",  "DATA_CSV", "DATA_IMAGES",
                                          "DATA_CIFAR10", "DATA_TEXT", "DATA_GENERATED"};
static const char *const data_header[] = {"HEADER_LOOK", "HEADER_YES", "HEADER_NO"};
static const char *const feed_kind[] = {"FEED_COLUMN",   "FEED_KNOWN", "FEED_STEP",  "FEED_EPOCH", "FEED_UPDATE",
                                        "FEED_EXAMPLES", "FEED_ROWS",  "FEED_TOTAL", "FEED_REST"};
static const char *const show_kind[] = {"SHOW_GRID", "SHOW_PLOT", "SHOW_TEXT", "SHOW_CURVES"};
static const char *const item_kind[] = {"ITEM_IMAGE", "ITEM_POINTS", "ITEM_DENSITY", "ITEM_CURVE", "ITEM_TEXT"};

// --- fields; each begins with the comma that parts it from the one before ---

static void field_string(Text *out, const char *name, const char *value) {
  if (!value) return;
  text_add(out, ", .%s = ", name);
  emit_string(out, value);
}

static void field_integer(Text *out, const char *name, int64_t value) {
  if (value) text_add(out, ", .%s = %lld", name, (long long)value);
}

static void field_float(Text *out, const char *name, float value) {
  if (value != 0) text_add(out, ", .%s = %s", name, emit_float(out->arena, value));
}

static void field_shape(Text *out, int rank, const int64_t *dim) {
  if (!rank) return;
  text_add(out, ", .rank = %d, .dim = {", rank);
  for (int i = 0; i < rank; i++) text_add(out, "%s%lld", i ? ", " : "", (long long)dim[i]);
  text_add(out, "}");
}

// A table of another type, and how many rows it has.
static void field_table(Text *out, const char *name, const char *counted, const char *table, int rows) {
  if (rows) text_add(out, ", .%s = %s, .%s = %d", name, table, counted, rows);
}

static void table_begin(Text *out, const char *type, const char *name, int rows) {
  if (rows) text_add(out, "\nstatic const %s %s[] = {\n", type, name);
}

static void table_end(Text *out, int rows) {
  if (rows) text_add(out, "};\n");
}

static void strings_table(Text *out, const char *name, const char *const *string, int rows) {
  if (!string) return;
  table_begin(out, "char *const", name, rows);
  for (int i = 0; i < rows; i++) {
    text_add(out, "  ");
    emit_string(out, string[i]);
    text_add(out, ",\n");
  }
  table_end(out, rows);
}

// --- tables ---

static void tensor_table(Text *out, const Plan *p, const Offsets *at) {
  table_begin(out, "PlanTensor", "model_tensor", p->tensors);
  for (int i = 0; i < p->tensors; i++) {
    const PlanTensor *t = &p->tensor[i];
    text_add(out, "  {.kind = %s", tensor_kind[t->kind]);
    field_string(out, "name", t->name);
    field_shape(out, t->rank, t->dim);
    field_integer(out, "count", t->count);
    if (t->statistic) text_add(out, ", .statistic = %s", tensor_statistic[t->statistic]);
    field_integer(out, "column", t->column);
    field_integer(out, "beside", t->beside);
    field_string(out, "support", t->support);
    field_string(out, "file", t->file);
    text_add(out, ", .at = %s},\n", at->tensor[i]);
  }
  table_end(out, p->tensors);
}

static void pick_table(Text *out, const PlanColumn *c, const char *name) {
  table_begin(out, "PlanPick", name, c->picks);
  for (int i = 0; i < c->picks; i++) {
    text_add(out, "  {.place = %lld", (long long)c->pick[i].place);
    field_string(out, "name", c->pick[i].name);
    text_add(out, "},\n");
  }
  table_end(out, c->picks);
}

static void member_table(Text *out, const PlanColumn *c, const char *name) {
  table_begin(out, "float", name, c->members);
  for (int i = 0; i < c->members; i++) text_add(out, "  %s,\n", emit_float(out->arena, c->member[i]));
  table_end(out, c->members);
}

// The columns of one set of data, under a name of its own: model_column, and those of further sets column_2, ...
static void column_table(Text *out, const PlanColumn *column, int columns, const char *name, const char *prefix) {
  const char **pick = NEW_ARRAY(out->arena, const char *, columns);
  const char **member = NEW_ARRAY(out->arena, const char *, columns);
  for (int i = 0; i < columns; i++) {
    pick_table(out, &column[i], pick[i] = arena_format(out->arena, "%s_%d_pick", prefix, i + 1));
    member_table(out, &column[i], member[i] = arena_format(out->arena, "%s_%d_member", prefix, i + 1));
  }
  table_begin(out, "PlanColumn", name, columns);
  for (int i = 0; i < columns; i++) {
    const PlanColumn *c = &column[i];
    text_add(out, "  {.count = %lld", (long long)c->count);
    field_string(out, "name", c->name);
    field_shape(out, c->rank, c->dim);
    field_integer(out, "classes", c->classes);
    field_float(out, "lo", c->lo);
    field_float(out, "hi", c->hi);
    if (c->whole) text_add(out, ", .whole = true");
    field_table(out, "member", "members", member[i], c->members);
    if (c->simplex) text_add(out, ", .simplex = true");
    if (c->levels) text_add(out, ", .levels = true");
    if (c->missing) text_add(out, ", .missing = true");
    field_integer(out, "principal", c->principal);
    field_table(out, "pick", "picks", pick[i], c->picks);
    field_string(out, "test_pick", c->test_pick);
    text_add(out, "},\n");
  }
  table_end(out, columns);
}

static void feed_table(Text *out, const PlanProgram *p, const char *name) {
  table_begin(out, "PlanFeed", name, p->feeds);
  for (int i = 0; i < p->feeds; i++) {
    text_add(out, "  {.kind = %s", feed_kind[p->feed[i].kind]);
    field_integer(out, "index", p->feed[i].index);
    field_integer(out, "at", p->feed[i].at);
    field_integer(out, "count", p->feed[i].count);
    text_add(out, "},\n");
  }
  table_end(out, p->feeds);
}

static void output_table(Text *out, const PlanProgram *p, const char *name) {
  table_begin(out, "PlanOutput", name, p->outputs);
  for (int i = 0; i < p->outputs; i++) {
    const PlanOutput *o = &p->output[i];
    text_add(out, "  {.per_example = %s", o->per_example ? "true" : "false");
    field_string(out, "name", o->name);
    field_shape(out, o->rank, o->dim);
    field_integer(out, "count", o->count);
    field_integer(out, "at", o->at);
    if (o->is) field_string(out, "is", o->is);
    if (o->gathered) field_integer(out, "gathered", o->gathered);
    if (o->latents) field_string(out, "latents", o->latents);
    field_integer(out, "set", o->set);
    text_add(out, "%s%s%s%s},\n", o->coupled ? ", .coupled = true" : "", o->total ? ", .total = true" : "",
             o->summed ? ", .summed = true" : "", o->least ? ", .least = true" : "");
  }
  table_end(out, p->outputs);
}

static void program_table(Text *out, const Plan *p, const Offsets *at) {
  const char **feed = NEW_ARRAY(out->arena, const char *, p->programs),
             **output = NEW_ARRAY(out->arena, const char *, p->programs);
  for (int i = 0; i < p->programs; i++) {
    feed_table(out, &p->program[i], feed[i] = arena_format(out->arena, "%s_feed", at->program[i]));
    output_table(out, &p->program[i], output[i] = arena_format(out->arena, "%s_output", at->program[i]));
  }
  table_begin(out, "PlanProgram", "model_program", p->programs);
  for (int i = 0; i < p->programs; i++) {
    const PlanProgram *q = &p->program[i];
    text_add(out, "  {.batch = %lld", (long long)q->batch);
    field_string(out, "name", q->name);
    field_table(out, "feed", "feeds", feed[i], q->feeds);
    field_table(out, "output", "outputs", output[i], q->outputs);
    field_integer(out, "end", q->end);
    text_add(out, ", .flops = %s},\n", emit_double(out->arena, q->flops));
  }
  table_end(out, p->programs);
}

static void health_table(Text *out, const Plan *p) {
  table_begin(out, "PlanHealth", "model_health", p->healths);
  for (int i = 0; i < p->healths; i++) {
    const PlanHealth *h = &p->health[i];
    text_add(out, "  {.held_out = %d, .trained = %d, .figures = %d", h->held_out, h->trained, h->figures);
    field_string(out, "judge", h->judge);
    field_string(out, "maker", h->maker);
    text_add(out, ", .remedy = {");
    for (int k = 0; k < AILMENTS; k++) {
      text_add(out, "%s", k ? ", " : "");
      emit_string(out, h->remedy[k]);
    }
    text_add(out, "}},\n");
  }
  table_end(out, p->healths);
}

static void fit_table(Text *out, const Plan *p) {
  table_begin(out, "PlanFit", "model_fit", p->fits);
  for (int i = 0; i < p->fits; i++) {
    text_add(out, "  {.larger = %s", p->fit[i].larger ? "true" : "false");
    field_string(out, "measure", p->fit[i].measure);
    if (p->fit[i].remedy) field_string(out, "remedy", p->fit[i].remedy);
    text_add(out, "},\n");
  }
  table_end(out, p->fits);
}

static void turn_table(Text *out, const Plan *p) {
  table_begin(out, "PlanTurn", "model_turn", p->turns);
  for (int i = 0; i < p->turns; i++) {
    text_add(out, "  {.program = %d", p->turn[i].program);
    field_integer(out, "after", p->turn[i].after);
    field_integer(out, "turn", p->turn[i].turn);
    field_integer(out, "lines", p->turn[i].lines);
    field_integer(out, "first_line", p->turn[i].first_line);
    field_integer(out, "every", p->turn[i].every);
    field_integer(out, "reborn", p->turn[i].reborn);
    field_integer(out, "fell", p->turn[i].fell);
    field_integer(out, "own_rule", p->turn[i].own_rule);
    field_integer(out, "when", p->turn[i].when);
    text_add(out, "},\n");
  }
  table_end(out, p->turns);
}

static void seldom_table(Text *out, const Plan *p) {
  table_begin(out, "PlanSeldom", "model_seldom", p->seldoms);
  for (int i = 0; i < p->seldoms; i++) {
    const PlanSeldom *s = &p->seldom[i];
    text_add(out, "  {.every = %lld, .program = %d, .after = %d},\n", (long long)s->every, s->program, s->after);
  }
  table_end(out, p->seldoms);
}

static void phase_table(Text *out, const Plan *p) {
  table_begin(out, "PlanPhase", "model_phase", p->phases);
  for (int i = 0; i < p->phases; i++) {
    const PlanPhase *phase = &p->phase[i];
    text_add(out, "  {.first_turn = %d", phase->first_turn);
    field_integer(out, "turns", phase->turns);
    field_integer(out, "batch", phase->batch);
    field_integer(out, "epochs", phase->epochs);
    field_integer(out, "conditions", phase->conditions);
    field_integer(out, "until", phase->until);
    text_add(out, "},\n");
  }
  table_end(out, p->phases);
}

static void expect_table(Text *out, const Plan *p) {
  table_begin(out, "PlanExpect", "model_expect", p->expects);
  for (int i = 0; i < p->expects; i++) {
    const PlanExpect *x = &p->expect[i];
    text_add(out, "  {.bound = %s", emit_double(out->arena, x->bound));
    field_string(out, "measure", x->measure);
    if (x->at_least) text_add(out, ", .at_least = true");
    field_integer(out, "epoch", x->epoch);
    if (x->instead) field_string(out, "instead", x->instead);
    text_add(out, "},\n");
  }
  table_end(out, p->expects);
}

static void item_table(Text *out, const PlanShow *s, const char *name) {
  table_begin(out, "PlanItem", name, s->items);
  for (int i = 0; i < s->items; i++) {
    const PlanItem *item = &s->item[i];
    text_add(out, "  {.kind = %s", item_kind[item->kind]);
    field_integer(out, "output", item->output);
    field_integer(out, "columns", item->columns);
    field_string(out, "label", item->label);
    field_float(out, "lo", item->lo);
    field_float(out, "hi", item->hi);
    field_integer(out, "words", item->words);
    text_add(out, "},\n");
  }
  table_end(out, s->items);
}

static const char *axis_name(Text *out, int show, const char *axis) {
  return arena_format(out->arena, "show_%d_%s", show + 1, axis);
}

static void field_axis(Text *out, const char *field, const PlanAxis *axis, const char *table) {
  if (!axis->text) return;
  text_add(out, ", .%s = {.text = %s", field, table);
  field_string(out, "name", axis->name);
  field_integer(out, "words", axis->words);
  text_add(out, "}");
}

static void show_table(Text *out, const Plan *p) {
  const char **item = NEW_ARRAY(out->arena, const char *, p->shows);
  for (int i = 0; i < p->shows; i++) {
    const PlanShow *s = &p->show[i];
    item_table(out, s, item[i] = arena_format(out->arena, "show_%d_item", i + 1));
    strings_table(out, axis_name(out, i, "down"), s->down.text, s->rows);
    strings_table(out, axis_name(out, i, "along"), s->along.text, s->columns);
  }
  table_begin(out, "PlanShow", "model_show", p->shows);
  for (int i = 0; i < p->shows; i++) {
    const PlanShow *s = &p->show[i];
    text_add(out, "  {.kind = %s", show_kind[s->kind]);
    field_string(out, "name", s->name);
    field_integer(out, "program", s->program);
    field_integer(out, "rows", s->rows);
    field_integer(out, "columns", s->columns);
    if (s->across) text_add(out, ", .across = true");
    field_table(out, "item", "items", item[i], s->items);
    field_float(out, "t_lo", s->t_lo);
    field_float(out, "t_hi", s->t_hi);
    if (s->epochs) text_add(out, ", .epochs = true");
    field_axis(out, "down", &s->down, axis_name(out, i, "down"));
    field_axis(out, "along", &s->along, axis_name(out, i, "along"));
    text_add(out, "},\n");
  }
  table_end(out, p->shows);
}

// `which` tells the sets of data apart: "" for the first.
static void data_fields(Text *out, const PlanData *d, const char *which) {
  text_add(out, ".data = {.format = %s", data_format[d->format]);
  if (d->train) field_table(out, "train", "files", arena_format(out->arena, "model_train_file%s", which), d->files);
  if (d->test) text_add(out, ", .test = model_test_file%s", which);
  if (d->holdout != 0) text_add(out, ", .holdout = %s", emit_double(out->arena, d->holdout));
  if (d->holdout_last) text_add(out, ", .holdout_last = true");
  if (d->header) text_add(out, ", .header = %s", data_header[d->header]);
  field_integer(out, "separator", d->separator);
  if (d->lines) text_add(out, ", .lines = true");
  field_integer(out, "generated_train", d->generated_train);
  field_integer(out, "generated_test", d->generated_test);
  field_integer(out, "kept", d->kept);
  field_integer(out, "balanced_by", d->balanced_by);
  field_string(out, "clause", d->clause);
  field_string(out, "file", d->file);
  field_integer(out, "line", d->line);
  text_add(out, "}");
}

static void file_tables(Text *out, const PlanData *d, const char *which) {
  strings_table(out, arena_format(out->arena, "model_train_file%s", which), d->train, d->files);
  strings_table(out, arena_format(out->arena, "model_test_file%s", which), d->test, d->files);
}

static void set_tables(Text *out, const Plan *p) {
  for (int i = 0; i < p->others; i++) {
    const PlanSet *set = &p->other[i];
    const char *name = arena_format(out->arena, "model_column_%d", i + 2);
    column_table(out, set->column, set->columns, name, arena_format(out->arena, "column_%d", i + 2));
    file_tables(out, &set->data, arena_format(out->arena, "_%d", i + 2));
  }
  if (!p->others) return;
  table_begin(out, "PlanSet", "model_other", p->others);
  for (int i = 0; i < p->others; i++) {
    text_add(out, "  {");
    data_fields(out, &p->other[i].data, arena_format(out->arena, "_%d", i + 2));
    field_table(out, "column", "columns", arena_format(out->arena, "model_column_%d", i + 2), p->other[i].columns);
    text_add(out, "},\n");
  }
  table_end(out, p->others);
}

static void keep_fields(Text *out, const Plan *p) {
  if (!p->keep.measure && !p->keep.every) return;
  text_add(out, "  .keep = {.largest = %s", p->keep.largest ? "true" : "false");
  field_string(out, "measure", p->keep.measure);
  field_integer(out, "every", p->keep.every);
  text_add(out, "}");
  field_integer(out, "restarts", p->restarts);
  text_add(out, ",\n");
}

// One of the plan's own tables.
static void plan_table(Text *out, const char *name, const char *counted, int rows) {
  if (rows) text_add(out, "  .%s = model_%s, .%s = %d,\n", name, name, counted, rows);
}

void emit_tables(Text *out, const Plan *p, const Offsets *at) {
  tensor_table(out, p, at);
  column_table(out, p->column, p->columns, "model_column", "column");
  set_tables(out, p);
  program_table(out, p, at);
  seldom_table(out, p);
  turn_table(out, p);
  phase_table(out, p);
  show_table(out, p);
  expect_table(out, p);
  health_table(out, p);
  fit_table(out, p);
  strings_table(out, "model_objective", p->objective, p->lines);
  file_tables(out, &p->data, "");
  text_add(out, "\nstatic const Plan model_plan = {\n  .model = ");
  emit_string(out, p->model);
  field_string(out, "source", p->source);
  text_add(out, ",\n  .batch = %lld, .shards = %lld, .epochs = %lld, .seed = %u,\n", (long long)p->batch,
           (long long)p->shards, (long long)p->epochs, p->seed);
  text_add(out, "  ");
  data_fields(out, &p->data, "");
  text_add(out, ",\n");
  text_add(out, "  .persistent = %lld, .peak = %lld,\n", (long long)p->persistent, (long long)p->peak);
  plan_table(out, "column", "columns", p->columns);
  plan_table(out, "other", "others", p->others);
  plan_table(out, "tensor", "tensors", p->tensors);
  plan_table(out, "program", "programs", p->programs);
  text_add(out, "  .init = %d, .init_sums = %d, .from_values = %d, .test = %d, .test_after = %d,\n", p->init, p->init_sums,
           p->from_values, p->test, p->test_after);
  plan_table(out, "seldom", "seldoms", p->seldoms);
  plan_table(out, "turn", "turns", p->turns);
  plan_table(out, "phase", "phases", p->phases);
  plan_table(out, "show", "shows", p->shows);
  plan_table(out, "objective", "lines", p->lines);
  plan_table(out, "expect", "expects", p->expects);
  plan_table(out, "health", "healths", p->healths);
  plan_table(out, "fit", "fits", p->fits);
  keep_fields(out, p);
  text_add(out, "};\n");
}
