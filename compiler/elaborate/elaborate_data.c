// The data of a model: its columns, where they come from, and what is done to them on the way. Part of the elaborator.
//
// A source reads files (idx, npy, npz, csv, images, cifar10, text) or is generated: then it is a formula over random
// numbers fixed for each example. Stages after the source (`|> binarize`) are part of the graph and see one batch at a
// time; each is applied to the columns that it names.
#include "elaborate/elaborate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/characters.h"

int find_column(const Elab *e, const char *name) {
  for (int i = 0; i < e->columns; i++)
    if (!strcmp(e->column[i].name, name)) return i;
  return -1;
}

bool has_source(const Elab *e, int column) { return e->set[e->column[column].set].source; }

bool variable_of(Elab *e, const char *name, Shape *shape, Support *support, int *classes) {
  int c = find_column(e, name);
  if (c >= 0) {
    *shape = e->column[c].shape;
    *support = e->column[c].support;
    *classes = e->column[c].classes;
    return true;
  }
  const Decl *d = find_decl(e, arena_format(e->arena, "prior %s", name));
  if (!d) return false;
  const Ast *v = d->ast->a;
  *classes = 0;
  *support = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  if (v->b && !eval_support(e, e->global, v->b, support)) return false;
  if (support->kind == SUPPORT_CLASS) *classes = (int)support->hi + 1;
  return (v->a || v->b) && eval_dims(e, e->global, v->a, shape);
}

// --- files

const char *find_beside(Elab *e, const char *text, const char *path) {
  if (path[0] == '/') return path;
  const char *slash = strrchr(text, '/');
  const char *beside = slash ? arena_format(e->arena, "%.*s/%s", (int)(slash - text), text, path) : path;
  const char *candidate[] = {beside, path, shipped_file(e->arena, arena_format(e->arena, "models/%s", path))};
  for (int i = 0; i < 3; i++)
    if (candidate[i] && access(candidate[i], R_OK) == 0) return candidate[i];
  return beside;
}

static const char **file_list(Elab *e, const Value *v, int *n) {
  *n = v->kind == V_LIST ? v->items : 1;
  const char **file = NEW_ARRAY(e->arena, const char *, *n + 1);
  for (int i = 0; i < *n; i++) {
    const Value *item = v->kind == V_LIST ? &v->item[i] : v;
    if (item->kind != V_TEXT) return complain(e, E0604, item->span, value_text(e, *item)), NULL;
    file[i] = find_beside(e, e->model->source, item->text);
  }
  return file;
}

// `holdout: 0.2`, `holdout: last` or `holdout: last(0.2)`.
static bool holdout_option(Elab *e, DataSource *s, Value v) {
  if (v.kind == V_CALLABLE) v = call_value(e, v, &(Call){.span = v.span});
  s->last = v.kind == V_LIST && v.items == 2 && v.item[1].kind == V_TEXT && !strcmp(v.item[1].text, "last");
  Value part = s->last ? v.item[0] : v;
  s->holdout = part.kind == V_NUMBER ? part.number : -1;
  if (s->holdout >= 0 && s->holdout < 1) return true;
  return complain(e, E0605, v.span), false;
}

// One character that parts the fields of a csv file.
static bool separator_option(Elab *e, DataSource *s, const Value *v) {
  const char *text = v->kind == V_TEXT ? v->text : "";
  s->separator = !strcmp(text, "\\t") ? '\t' : text[0];
  bool one = text[0] && (!text[1] || s->separator == '\t');
  if (one && strchr(",;\t|:", s->separator)) return true;
  return complain(e, E0629, v->span, value_text(e, *v)), false;
}

static bool reader_option(Elab *e, DataSource *s, const char *reader, const char *name, const Value *v, Value *test) {
  bool csv = s->format == DATA_CSV, npz = s->format == DATA_NPZ, whole = s->format == DATA_CIFAR10;  // both splits
  if (!strcmp(name, "test") && !whole) return *test = *v, true;
  if (!strcmp(name, "holdout") && !whole) return holdout_option(e, s, *v);
  if (!strcmp(name, "columns") && (csv || npz)) return s->columns = *v, true;
  if (!strcmp(name, "test_columns") && npz) return s->test_columns = *v, true;
  if (!strcmp(name, "separator") && csv) return separator_option(e, s, v);
  if (v->kind == V_NUMBER && !strcmp(name, "header") && csv)
    return s->header = v->number != 0 ? HEADER_YES : HEADER_NO, true;
  if (v->kind == V_NUMBER && !strcmp(name, "grey") && s->format == DATA_IDX) return s->grey = v->number != 0, true;
  if (v->kind == V_NUMBER && !strcmp(name, "lines") && s->format == DATA_TEXT) return s->lines = v->number != 0, true;
  return complain(e, E0223, v->span, reader, name), false;
}

// What one option says must not be what another makes void.
static bool options_agree(Elab *e, const Call *call, bool test) {
  for (int i = 0; i < call->n; i++) {
    const char *name = call->name[i] ? call->name[i] : "";
    if (test && !strcmp(name, "holdout")) return complain(e, E0637, call->arg[i].span, "holdout", "beside"), false;
    if (!test && !strcmp(name, "test_columns"))
      return complain(e, E0637, call->arg[i].span, "test_columns", "without"), false;
  }
  return true;
}

static DataFormat reader_format(const char *name) {
  static const struct {
    const char *name;
    DataFormat format;
  } row[] = {{"idx", DATA_IDX},       {"npy", DATA_NPY},         {"npz", DATA_NPZ},  {"csv", DATA_CSV},
             {"images", DATA_IMAGES}, {"cifar10", DATA_CIFAR10}, {"text", DATA_TEXT}};
  int i = 0;
  while (strcmp(row[i].name, name) != 0) i++;
  return row[i].format;
}

Value call_reader(Elab *e, const char *name, const Call *call) {
  DataSource *s = NEW(e->arena, DataSource);
  s->format = reader_format(name);
  s->holdout = 0.1;
  s->grey = s->format == DATA_IMAGES || s->format == DATA_CIFAR10;
  Value train = {.kind = V_LIST, .span = call->span, .item = NEW_ARRAY(e->arena, Value, MAX_ARGS)},
        test = {.kind = V_NONE};
  for (int i = 0; i < call->n; i++) {
    const Value *v = &call->arg[i];
    if (v->kind == V_ERROR) return value_error();
    if (!call->name[i])
      train.item[train.items++] = *v;
    else if (!reader_option(e, s, name, call->name[i], v, &test))
      return value_error();
  }
  int tests = 0;
  if (!options_agree(e, call, test.kind != V_NONE)) return value_error();
  if (s->format == DATA_CIFAR10) test = train;
  if (!train.items) return complain(e, E0604, call->span, "nothing"), value_error();
  s->train = file_list(e, &train, &s->files);
  s->test = test.kind == V_NONE ? NULL : file_list(e, &test, &tests);
  if (!s->train || (test.kind != V_NONE && !s->test)) return value_error();
  if (s->test && tests != s->files) return complain(e, E0606, call->span, s->files, tests), value_error();
  return (Value){.kind = V_SOURCE, .source = s, .span = call->span};
}

// --- the clause

// `x[100] : class`: as many labels as a text has characters.
static bool is_counted(const Ast *support) {
  return support && support->kind == AST_NAME && !strcmp(support->name, "class");
}

static void set_classes(Column *c, int classes) {
  c->classes = classes;
  c->support = (Support){.kind = SUPPORT_CLASS, .lo = 0, .hi = classes - 1};
}

static bool count_classes(Elab *e, Column *c) {
  const DataSource *s = e->set[c->set].source;
  if (s->format != DATA_TEXT) return complain(e, E0638, c->variable->b->span, c->name), false;
  const char *where = sources_text(e->sources, c->span.file)->name;
  const char *hint = arena_format(e->arena, "the characters of `%s`, %s:%d, are counted in it", c->name, where,
                                  span_line(e->sources, c->span));
  return set_classes(c, characters_count(e->arena, s->train[0], hint)), true;
}

static bool declare_column(Elab *e, int set, const Ast *v) {
  if (e->columns == (int)(sizeof e->column / sizeof *e->column)) return complain(e, E0607, v->span), false;
  if (find_column(e, v->name) >= 0) return complain(e, E0201, v->span, v->name), false;
  Column *c = &e->column[e->columns++];
  *c = (Column){
      .name = v->name, .variable = v, .declared = v->b != NULL, .missing = v->flag & 2, .set = set, .span = v->span};
  c->support = (Support){.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  if (!eval_dims(e, e->global, v->a, &c->shape)) return false;
  if (c->shape.rank == MAX_RANK) return complain(e, E0304, v->span, MAX_RANK), false;
  if (is_counted(v->b)) return set_classes(c, 1), true;  // until the source is known
  if (v->b && !eval_support(e, e->global, v->b, &c->support)) return false;
  if (c->support.kind == SUPPORT_CLASS) c->classes = (int)c->support.hi + 1;
  bool unknown = c->support.kind == SUPPORT_DECLARED && !is_library_support(&c->support, "simplex");
  if (unknown) return complain(e, E0421, v->b->span, support_text(e, &c->support)), false;
  if (c->missing && c->support.kind == SUPPORT_DECLARED) return complain(e, E0726, v->span, v->name), false;
  return true;
}

// A column of the set that an argument of a stage names, or -1.
static int named_column(const Elab *e, const DataSet *set, const Ast *argument) {
  const Ast *name = argument->kind == AST_ARGUMENT && !argument->name ? argument->a : argument;
  int column = name && name->kind == AST_NAME ? find_column(e, name->name) : -1;
  return column >= set->first && column < set->first + set->columns ? column : -1;
}

const Stage *first_stage(const Elab *e, int column) {
  for (int i = 0; i < e->stages; i++)
    if (e->stage[i].columns & 1u << column) return &e->stage[i];
  return NULL;
}

// --- standardize: a mean and a deviation for each place, kept with the weights

static Value statistic(Elab *e, int column, TensorStatistic which, Span where) {
  const Column *c = &e->column[column];
  static const char *const names[] = {[STATISTIC_MEAN] = "mean", [STATISTIC_DEVIATION] = "deviation"};
  const char *path = arena_format(e->arena, "data/%s/%s", c->name, names[which]);
  TensorStart start = {.scope = e->global};
  int t = tensor_declare(e, path, "data", TENSOR_STATE, input_shape(e, column), where, start);
  if (t < 0) return value_error();
  e->model->tensor[t].statistic = which;
  e->model->tensor[t].column = column;
  return value_tensor(tensor_value(e, t), 0);
}

static Value standardize(Elab *e, int column, Value v, bool back, Span where) {
  Value mean = statistic(e, column, STATISTIC_MEAN, where), by = statistic(e, column, STATISTIC_DEVIATION, where);
  if (back) return apply2(e, OP_ADD, where, apply2(e, OP_MUL, where, v, by), mean);
  return apply2(e, OP_DIV, where, apply2(e, OP_SUB, where, v, mean), by);
}

// Statistics are those of what the files hold: nothing may have changed it.
Value call_standardize(Elab *e, const Call *call, Value *keyword) {
  (void)keyword;
  Value v = call->arg[0];
  int c = e->staging;
  if (c < 0 || v.kind != V_TENSOR || v.node->op != OP_INPUT) return complain(e, E0635, call->span), value_error();
  return standardize(e, c, v, false, call->span);
}

Value standardized(Elab *e, int column, Value v, bool back, Span where) {
  const Stage *s = first_stage(e, column);
  bool scaled = s && !strcmp(s->callee->name, "standardize"), turned = e->column[column].principal;
  if (turned && !back) v = along_axes(e, column, v, false, where);
  if (scaled && v.kind != V_ERROR) v = standardize(e, column, v, back, where);
  return turned && back ? along_axes(e, column, v, true, where) : v;
}

// --- stages

// Those it names first, `standardize(age, income)`, or the only one that is no label.
bool aim_stage(Elab *e, const DataSet *set, Stage *s) {
  int column, end = set->first + set->columns;
  if (s->callee->kind != AST_NAME) return complain(e, E0220, s->span, "this"), false;
  while (s->arguments && (column = named_column(e, set, s->arguments)) >= 0) {
    if (e->column[column].classes) return complain(e, E0626, s->span, e->column[column].name), false;
    s->columns |= 1u << column;
    s->arguments = s->arguments->next;
  }
  if (s->columns) return true;
  for (int i = set->first; i < end; i++)
    if (!e->column[i].classes) s->columns |= 1u << i;
  if (s->columns && !(s->columns & (s->columns - 1))) return true;
  const char *stage = expression_text(e, s->callee);
  if (!s->columns) return complain(e, E0628, s->span, stage), false;
  complain(e, E0627, s->span, stage);
  for (int i = set->first; i < end; i++)
    if (!e->column[i].classes) return report_help(e->sources, "write `%s(%s)`", stage, e->column[i].name), false;
  return false;
}

// `|> first(1000)`, `|> balanced(100, by: y)`: which examples there are to train on, and no change of theirs. False if
// the stage is another one.
static bool is_choice(const Elab *e, const Ast *stage) {
  const Ast *callee = stage->kind == AST_CALL ? stage->a : stage;
  bool named = callee->kind == AST_NAME && (!strcmp(callee->name, "first") || !strcmp(callee->name, "balanced"));
  return named && !find_decl(e, callee->name);
}

static const char *choosable(Elab *e, int classes) {
  if (classes == 1) return "a whole number from 1 is needed";
  return arena_format(e->arena, "a whole number from 1 is needed that the %d classes divide", classes);
}

static bool choose_examples(Elab *e, DataSet *set, const Ast *stage) {
  bool balanced = !strcmp((stage->kind == AST_CALL ? stage->a : stage)->name, "balanced");
  const Ast *number = stage->kind == AST_CALL && !stage->c ? stage->b : NULL, *by = number ? number->next : NULL;
  bool whole = number && number->kind == AST_ARGUMENT && !number->name && !set->kept;
  bool labels = by && by->kind == AST_ARGUMENT && by->name && !strcmp(by->name, "by") && !by->next;
  if (!whole || (balanced ? !labels : by != NULL)) return complain(e, E0682, stage->span), false;
  double n = eval_number(e, e->global, number->a, "a number of examples");
  if (isnan(n)) return false;
  int column = balanced ? named_column(e, set, by->a) : -1, classes = column < 0 ? 1 : e->column[column].classes;
  if (balanced && (column < 0 || !classes)) return complain(e, E0683, by->span), false;
  if (!(n >= 1 && n <= 16777216 && floor(n / classes) == n / classes))
    return complain(e, E0684, number->span, n, choosable(e, classes)), false;
  set->kept = (int64_t)n;
  set->balanced_by = balanced ? 1 + column - set->first : 0;
  return true;
}

// Separates `source |> stage |> stage`; the source of the pipe is evaluated once, the stages in every program.
static bool split_clause(Elab *e, DataSet *set) {
  const Ast *stage[MAX_STAGES], *source = set->clause;
  int n = 0;
  for (; source->kind == AST_PIPE; source = source->a) {
    if (n == MAX_STAGES) return complain(e, E0608, source->span), false;
    stage[n++] = source->b;
  }
  while (n--) {
    if (is_choice(e, stage[n])) {
      if (!choose_examples(e, set, stage[n])) return false;
      continue;
    }
    if (is_principal(e, stage[n])) {
      if (!declare_principal(e, set, stage[n])) return false;
      continue;
    }
    bool call = stage[n]->kind == AST_CALL;
    Stage *s = &e->stage[e->stages++];
    call = call && !stage[n]->c;  // f(a | b) is no stage
    *s = (Stage){call ? stage[n]->a : stage[n], call ? stage[n]->b : NULL, stage[n]->span, 0};
    if (!aim_stage(e, set, s)) return false;
  }
  Value v = eval(e, e->global, source);
  if (v.kind == V_CALLABLE && v.decl && v.decl->ast->kind == AST_SOURCE)
    v = call_value(e, v, &(Call){.span = source->span});
  if (v.kind == V_ERROR) return false;
  if (v.kind != V_SOURCE) return complain(e, E0609, source->span, value_text(e, v)), false;
  if (set->balanced_by && v.source->format == DATA_GENERATED) return complain(e, E0685, source->span), false;
  set->source = v.source;
  return true;
}

// The support that a stage's function sets its argument, as `binarize(x in [0, 1])` does; false if it sets none.
static bool stage_support(Elab *e, const Stage *stage, Support *s) {
  Value callee = lookup(e, e->global, stage->callee);
  const Ast *formal = callee.kind == V_CALLABLE && callee.decl ? callee.decl->ast->a : NULL;
  bool set = formal && formal->kind == AST_FORMAL && formal->text && !strcmp(formal->text, "in");
  return set && eval_support(e, e->global, formal->b, s);
}

static int by_size(const void *x, const void *y) {
  float a = *(const float *)x, b = *(const float *)y;
  return (a > b) - (a < b);
}

// All whole numbers from the least to the greatest need no list.
static void column_members(Elab *e, const Support *s, PlanColumn *p) {
  float *member = NEW_ARRAY(e->arena, float, s->members + 1);
  int n = 0;
  bool dense = true;
  p->whole = true;
  for (int i = 0; i < s->members; i++) member[i] = (float)s->member[i];
  if (s->members) qsort(member, (size_t)s->members, sizeof *member, by_size);
  for (int i = 0; i < s->members; i++) {
    if (n && member[n - 1] == member[i]) continue;
    dense = dense && (n == 0 || member[i] == member[n - 1] + 1);
    p->whole = p->whole && member[i] == floorf(member[i]);
    member[n++] = member[i];
  }
  if (!dense || !p->whole) p->member = member, p->members = n;
}

// What numbers of the files may be: the declared support, or what the first stage takes. Levels of grey are in the
// declared interval, where the stage says nothing else, and in [0, 1] where there is none.
static bool column_plan(Elab *e, int column, PlanColumn *p) {
  const Column *c = &e->column[column];
  const DataSource *source = e->set[c->set].source;
  const Stage *stage = first_stage(e, column);
  Shape stored = c->principal ? c->stored : c->shape;
  Support s = c->support, real = {.kind = SUPPORT_REAL, .lo = -INFINITY, .hi = INFINITY};
  *p = (PlanColumn){.name = c->name,
                    .rank = stored.rank,
                    .count = shape_count(stored),
                    .principal = c->principal,
                    .classes = c->classes,
                    .missing = c->missing,
                    .lo = -INFINITY,
                    .hi = INFINITY};
  memcpy(p->dim, stored.dim, sizeof p->dim);
  if (c->classes || source->format == DATA_GENERATED) return true;
  bool images = source->grey || ((stage || c->principal) && source->format == DATA_IDX);
  bool between = s.kind == SUPPORT_INTERVAL && s.lo > -INFINITY && s.hi < INFINITY;
  if (c->principal)
    s = real;
  else if (stage && !stage_support(e, stage, &s) && !(images && between))
    s = real;
  if (s.kind == SUPPORT_REAL && images) s = (Support){.kind = SUPPORT_INTERVAL, .lo = 0, .hi = 1};
  p->lo = (float)s.lo;
  p->hi = (float)s.hi;
  if (s.kind == SUPPORT_SET) column_members(e, &s, p);
  p->simplex = is_library_support(&s, "simplex");
  p->levels = s.kind == SUPPORT_INTERVAL && s.lo > -INFINITY && s.hi < INFINITY;
  if (s.kind != SUPPORT_SET || !source->grey) return true;
  complain(e, E0610, c->span, c->name, support_text(e, &s));
  report_help(e->sources, "write `from ... |> binarize`");
  return false;
}

// A name in the files or a place, of `columns: ["income", 3]`.
static bool pick_one(Elab *e, const Value *v, PlanPick *pick) {
  *pick = (PlanPick){v->kind == V_TEXT ? v->text : NULL, v->kind == V_NUMBER ? (int64_t)v->number : -1};
  if (pick->name || (v->kind == V_NUMBER && v->number >= 0 && v->number < 1e9 && floor(v->number) == v->number))
    return true;
  return complain(e, E0630, v->span, value_text(e, *v)), false;
}

// `columns: [...]`: for each column one pick, or in a csv file a list of as many as an example has numbers. Arrays of
// an npz file have names only.
static bool pick_columns(Elab *e, const DataSet *set, const Value *columns, PlanColumn *column, bool test) {
  if (columns->kind == V_ERROR) return true;  // not given
  bool list = columns->kind == V_LIST, named = set->source->format == DATA_NPZ;
  int entries = list ? columns->items : 1;
  if (entries != set->columns) return complain(e, E0631, columns->span, entries, set->columns), false;
  for (int i = 0; i < entries; i++) {
    const Value *v = list ? &columns->item[i] : columns;
    if (named && v->kind != V_TEXT) return complain(e, E0633, v->span, value_text(e, *v)), false;
    int n = v->kind == V_LIST ? v->items : 1;
    if (n != 1 && n != column[i].count)
      return complain(e, E0632, v->span, n, column[i].name, (long long)column[i].count), false;
    PlanPick *pick = NEW_ARRAY(e->arena, PlanPick, n);
    for (int k = 0; k < n; k++)
      if (!pick_one(e, v->kind == V_LIST ? &v->item[k] : v, &pick[k])) return false;
    if (test) {
      column[i].test_pick = pick->name;
    } else {
      column[i].pick = pick;
      column[i].picks = n;
    }
  }
  return true;
}

// The set's columns and clause, for the plan; false after reporting.
static bool declare_set(Elab *e, int which, PlanSet *out) {
  DataSet *set = &e->set[which];
  set->first = e->columns;
  for (const Ast *v = set->ast->a; v; v = v->next) declare_column(e, which, v);
  set->columns = e->columns - set->first;
  PlanColumn *column = NEW_ARRAY(e->arena, PlanColumn, set->columns + 1);
  if (!split_clause(e, set) || diagnostics_errors(e->sources)) return false;
  for (Column *c = &e->column[set->first]; c < &e->column[e->columns]; c++)
    if (is_counted(c->variable->b) && !count_classes(e, c)) return false;
  const DataSource *s = set->source;
  for (int i = set->first; i < e->columns; i++)
    if (e->column[i].principal && !principal_shape(e, i)) return false;
  for (int i = 0; i < set->columns; i++) column_plan(e, set->first + i, &column[i]);
  bool picked =
      pick_columns(e, set, &s->columns, column, false) && pick_columns(e, set, &s->test_columns, column, true);
  if (!picked) return false;
  PlanData data = {.format = s->format, .files = s->files, .train = s->train, .test = s->test, .holdout = s->holdout};
  data.holdout_last = s->last;
  data.header = s->header;
  data.separator = s->separator;
  data.lines = s->lines;
  data.kept = set->kept;
  data.balanced_by = set->balanced_by;
  data.clause = expression_text(e, set->clause);
  data.file = sources_text(e->sources, set->clause->span.file)->name;
  data.line = span_line(e->sources, set->clause->span);
  if (s->format == DATA_GENERATED) {
    data.generated_train = set->kept && set->kept < s->examples ? set->kept : s->examples;
    data.generated_test = (s->examples + 9) / 10;
  }
  bool each = s->format == DATA_IDX || s->format == DATA_NPY;  // a file holds one column
  if (s->files > 1 && !each) complain(e, E0634, set->clause->span, s->files);
  if (each && s->files < set->columns) complain(e, E0611, set->clause->span, s->files, set->columns);
  *out = (PlanSet){data, column, set->columns};
  return true;
}

void declare_data(Elab *e) {
  Model *m = e->model;
  PlanSet *set = NEW_ARRAY(e->arena, PlanSet, MAX_SETS);
  for (int i = 0; i < e->sets; i++)
    if (!declare_set(e, i, &set[i])) return;
  m->set = set;
  m->sets = e->sets;
}

// --- values in a program

static Value column_input(Elab *e, InputKind kind, int c, const char *name, double lo, double hi) {
  Graph *g = e->graph;
  g->input[g->inputs] = (InputInfo){kind, c, name, physical_shape(e, 1, input_shape(e, c)), lo, hi, e->column[c].set};
  return value_tensor(node_input(g, g->inputs++), 1);
}

static const PlanColumn *column_of(const Elab *e, int c) {
  int set = e->column[c].set;
  return e->model->set[set].column + (c - e->set[set].first);
}

static Value read_column(Elab *e, int c) {
  const Column *col = &e->column[c];
  const PlanColumn *p = column_of(e, c);
  double lo = col->classes ? 0 : (double)p->lo, hi = col->classes ? col->classes - 1 : (double)p->hi;
  if (col->principal) lo = -INFINITY, hi = INFINITY, keep_axes(e, c);
  Value v = column_input(e, INPUT_COLUMN, c, col->name, lo, hi);
  if (p->whole && !col->principal) v = apply1(e, OP_FLOOR, col->span, v);  // they are whole: so all can see it
  v.span = col->span;
  v.classes = col->classes;
  if (col->support.kind == SUPPORT_DECLARED && !first_stage(e, c) && !col->principal) assert_fact(e, v.node, col->support.decl);
  if (!col->missing) return v;
  const char *known = arena_format(e->arena, "known_%s", col->name);
  return column_with_holes(e, col->name, v, column_input(e, INPUT_KNOWN, c, known, 0, 1));
}

static Value fewer_columns(Elab *e, int c, int given) {
  const Column *col = &e->column[c];
  const char *gives = arena_format(e->arena, "%d column%s", given, given == 1 ? "" : "s");
  return complain(e, E0612, col->span, col->name, shape_text(e->arena, col->shape), gives), value_error();
}

static Value generated_column(Elab *e, int c) {
  const DataSet *set = &e->set[e->column[c].set];
  Value v = eval_body(e, scope_new(e, set->source->scope), set->source->generator->ast->c);
  if (v.kind == V_LIST && v.items && set->columns > 1) {
    if (c - set->first >= v.items) return fewer_columns(e, c, v.items);
    v = v.item[c - set->first];
  }
  Value known = v.kind == V_OBSERVED && e->column[c].missing ? *v.item : (Value){.kind = V_NONE};
  v = to_tensor(e, known.kind == V_NONE ? v : whole_value(v));
  if (v.kind == V_ERROR) return v;
  Shape s_event = event_shape(&v);
  if (!shape_equal(s_event, e->column[c].shape)) {
    complain(e, E0612, e->column[c].span, e->column[c].name, shape_text(e->arena, e->column[c].shape),
             shape_text(e->arena, s_event));
    return value_error();
  }
  v = widen(e, v, 1, s_event);
  return known.kind == V_NONE ? v : column_with_holes(e, e->column[c].name, v, widen(e, known, 1, s_event));
}

// Is what a stage makes of a column at each place made of what stands there, and of nothing else of it? Then holes
// stay where they are.
static bool is_place_by_place(Elab *e, const Node *made, const Node *column) {
  typedef enum { WITHOUT, PLACE_BY_PLACE, MIXED } Way;
  Arena *scratch = arena_open(e->arena);
  Way *way = NEW_ARRAY(scratch, Way, e->graph->count), of_made = WITHOUT;
  for (int id = 0; id < e->graph->count; id++) {
    const Node *n = e->graph->node[id];
    for (int i = 0; i < n->arity; i++) way[id] = way[n->in[i]->id] > way[id] ? way[n->in[i]->id] : way[id];
    if (way[id] == PLACE_BY_PLACE && op_class(n->op) != ELEMENTWISE) way[id] = MIXED;
    if (n == column) way[id] = PLACE_BY_PLACE;
    if (n == made) of_made = way[id];
  }
  arena_close(scratch);
  return of_made != MIXED;
}

static Value staged(Elab *e, int column, Value v) {
  for (int i = 0; i < e->stages && v.kind != V_ERROR; i++) {
    const Stage *s = &e->stage[i];
    Call call = {.span = s->span, .n = 1, .arg = {v}, .ast = {s->callee}};
    if (!(s->columns & 1u << column)) continue;
    if (!eval_arguments(e, e->global, s->arguments, &call)) return value_error();
    e->staging = column;
    v = call_value(e, lookup(e, e->global, s->callee), &call);
    e->staging = -1;
    v = v.kind == V_ERROR ? v : to_tensor(e, v);
  }
  return v;
}

// The same for a column that has holes: those stay where they are.
static Value staged_column(Elab *e, int column, Value v) {
  if (v.kind != V_OBSERVED) return staged(e, column, v);
  Value known = *v.item, made = staged(e, column, whole_value(v));
  if (made.kind == V_ERROR || !shape_equal(event_shape(&made), event_shape(&v))) return made;
  if (is_place_by_place(e, made.node, v.node)) return column_with_holes(e, e->column[column].name, made, known);
  return complain(e, E0727, first_stage(e, column)->span, e->column[column].name), value_error();
}

static bool check_column(Elab *e, const Column *col, Value *v) {
  Shape s = event_shape(v);
  if (!shape_equal(s, col->shape)) {
    complain(e, E0612, col->span, col->name, shape_text(e->arena, col->shape), shape_text(e->arena, s));
    return false;
  }
  if (!col->declared || point_within(v, &col->support)) return true;
  complain(e, E0613, col->span, col->name, support_text(e, &col->support), v->node->lo, v->node->hi);
  return false;
}

Value column_value(Elab *e, int c) {
  if (e->column_value[c].kind != V_NONE) return e->column_value[c];
  int set = e->column[c].set;
  bool generated = e->set[set].source->format == DATA_GENERATED;
  Drawing saved = e->drawing;  // data are drawn apart from whatever is being drawn now
  unsigned plates = e->plates;
  Outside o = leave_loops(e);
  e->plates = PLATE_BATCH;
  e->drawing = (Drawing){.active = true, .in_data = true, .set = set, .plates = PLATE_BATCH};
  const char *of = !generated ? e->column[c].name : set ? arena_format(e->arena, "%d", set + 1) : "";
  e->drawing.path = arena_format(e->arena, "data %s", of);
  Value v = generated ? generated_column(e, c) : read_column(e, c);
  bool stages = first_stage(e, c) != NULL;
  if (stages) v = staged_column(e, c, v);
  if (v.kind != V_ERROR && (stages || generated || e->column[c].principal) && !check_column(e, &e->column[c], &v)) v = value_error();
  e->drawing = saved;
  e->plates = plates;
  enter_loops(e, o);
  v.classes = e->column[c].classes;
  v.span = e->column[c].span;
  return e->column_value[c] = v;
}
