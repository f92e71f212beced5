// Phases of training: their settings, and the conditions of their turns. Part of the elaborator.
//
// All conditions of a phase are one small program, which the training loop runs before every round. Its outputs are
// single numbers, one for each `when` block and one for `until`; a block within another holds where both do.
#include "elaborate/elaborate.h"

#include <string.h>

// What a block asks for: an output of the phase's conditions, counted from 1.
typedef struct Condition {
  const Ast *block;
  int output;
  struct Condition *next;
} Condition;

bool is_block(const Ast *item) { return item->kind == AST_REPEAT || item->kind == AST_EVERY || item->kind == AST_WHEN; }

static const Ast *find_phase_setting(const Ast *phase, const char *name) {
  for (const Ast *i = phase ? phase->a : NULL; i; i = i->next)
    if (i->kind == AST_SETTING && !strcmp(i->name, name)) return i;
  return NULL;
}

const Ast *phase_setting(const Ast *phase, const char *name) {
  const Ast *setting = find_phase_setting(phase, name);
  return setting ? setting->a : NULL;
}

// ---- settings

static void check_block(Elab *e, const Ast *block) {
  for (const Ast *i = block->b; i; i = i->next) {
    if (is_em(i)) complain(e, E0552, i->span, ast_kind_name(block->kind));
    if (i->kind == AST_SETTING) complain(e, E0529, i->span, i->name, ast_kind_name(block->kind));
    if (is_block(i)) check_block(e, i);
  }
}

static void check_phase(Elab *e, const Ast *phase, int n, const char *const *known) {
  for (const Ast *i = phase->a; i; i = i->next) {
    if (is_block(i)) check_block(e, i);
    if (i->kind != AST_SETTING) continue;
    const Ast *first = find_phase_setting(phase, i->name);
    if (!strcmp(i->name, "floor") && !has_em(phase)) complain(e, E0555, i->span);
    if (!name_in(i->name, n, known)) {
      unknown_setting(e, i, n, known);
    } else if (first != i && strcmp(i->name, "average") != 0) {
      complain(e, E0207, i->span, i->name);
      report_note(e->sources, first->span, "the first one");
    }
  }
}

void check_phases(Elab *e) {
  static const char *const known[] = {"batch", "epochs",  "until", "floor",  // and for all phases
                                      "seed",  "average", "keep",  "keep every", "restarts", "shards"};
  for (const Ast *phase = e->train; phase; phase = phase->b) check_phase(e, phase, phase == e->train ? 10 : 4, known);
}

// ---- conditions

static int count_conditions(const Ast *items) {
  int n = 0;
  for (; items; items = items->next)
    if (is_block(items)) n += (items->kind == AST_WHEN) + count_conditions(items->b);
  return n;
}

// A measure by its bare name is of the held-out data, or of each example. True after reporting one.
static bool speaks_of_measure(Elab *e, const Ast *ast) {
  bool found = false;
  for (; ast; ast = ast->next) {
    if (ast->kind == AST_CALL && ast->a->kind == AST_NAME && is_measure_word(ast->a->name)) continue;
    const Decl *d = ast->kind == AST_NAME ? find_measured(e, ast->name) : NULL;
    bool objective = d && d->ast->kind == AST_OBJECTIVE;
    if (objective || (d && d->ast->kind == AST_METRIC)) {
      complain(e, E0763, ast->span, ast->name, objective ? "a number of each example" : "a metric of the held-out data",
               ast->name);
      found = true;
    }
    found = speaks_of_measure(e, ast->a) || speaks_of_measure(e, ast->b) || speaks_of_measure(e, ast->c) || found;
  }
  return found;
}

// One number for the whole batch; ERROR after reporting.
static Value condition_value(Elab *e, const Ast *ast) {
  if (speaks_of_measure(e, ast)) return value_error();
  Value v = to_tensor(e, eval(e, scope_for(e, e->train), ast));
  if (v.kind == V_ERROR) return v;
  if (v.plates || event_rank(&v)) {
    complain(e, v.plates ? E0325 : E0531, ast->span, shape_text(e->arena, event_shape(&v)));
    return value_error();
  }
  return v;
}

static void add_condition(Elab *e, const Ast *block, Value v, const char *word, const Ast *ast, Output *out, int *n) {
  if (v.kind == V_ERROR) return;
  Condition *c = NEW(e->arena, Condition);
  out[*n] = (Output){.name = arena_format(e->arena, "%s %s", word, expression_text(e, ast)), .value = v.node};
  *c = (Condition){.block = block, .output = ++*n, .next = e->condition};
  e->condition = c;
}

// `outer`: the condition of the blocks around, or no value.
static void eval_conditions(Elab *e, const Ast *items, Value outer, Output *out, int *n) {
  for (const Ast *i = items; i; i = i->next) {
    Value v = outer;
    if (i->kind == AST_WHEN) {
      v = condition_value(e, i->a);
      if (outer.kind == V_TENSOR && v.kind == V_TENSOR)
        v = to_tensor(e, apply(e, OP_SELECT, i->a->span, 3, (Value[]){outer, v, value_number(0)}));
      add_condition(e, i, v, "when", i->a, out, n);
    }
    if (is_block(i)) eval_conditions(e, i->b, v, out, n);
  }
}

static void eval_until(Elab *e, const Ast *phase, Output *out, int *n) {
  const Ast *until = phase_setting(phase, "until");
  Value v = until ? condition_value(e, until) : value_error();
  if (v.kind == V_ERROR) return;
  bool always = v.node->lo > 0 || v.node->hi < 0, never = v.node->lo == 0 && v.node->hi == 0;
  if (always || never) complain(e, E0764, until->span, always ? "always" : "never");
  add_condition(e, phase, v, "until", until, out, n);
}

int condition_of(const Elab *e, const Ast *block) {
  for (const Condition *c = e->condition; c; c = c->next)
    if (c->block == block) return c->output;
  return 0;
}

const char *phase_name(Elab *e, const char *what) {
  int index = e->phase_of[e->line] + 1;
  return index == 1 ? what : arena_format(e->arena, "%s, phase %d", what, index);
}

static int elaborate_conditions(Elab *e, const Ast *phase, int64_t batch) {
  int n = 0, most = count_conditions(phase->a) + 1;
  Output *out = NEW_ARRAY(e->arena, Output, most);
  begin_program(e, batch, false);
  begin_asking(e, e->phase_of[e->line]);
  eval_conditions(e, phase->a, (Value){.kind = V_NONE}, out, &n);
  eval_until(e, phase, out, &n);
  end_asking(e, phase->span);
  if (!n || diagnostics_errors(e->sources)) return -1;
  int program = end_program(e, phase_name(e, "conditions"), batch, out, n);
  e->model->program[program].graph.shards = e->model->shards;  // what it adds up is a batch of the training
  return program;
}

static void explain_phase(Elab *e, const Ast *phase, const PlanPhase *p) {
  const Ast *until = phase_setting(phase, "until");
  if (e->model->phases == 1 && !until) return;
  Text t = text_new(e->arena);
  text_add(&t, "phase %d: batch %lld", e->phase_of[e->line] + 1, (long long)p->batch);
  if (p->epochs) text_add(&t, ", %s%lld epochs", until ? "at most " : "", (long long)p->epochs);
  if (until) text_add(&t, ", until %s", expression_text(e, until));
  finding(e, "line", phase->span, "%s", t.data);
}

static void check_shards(Elab *e, const Ast *phase, int64_t batch) {
  const Ast *said = phase_setting(phase, "batch"), *shards = phase_setting(e->train, "shards");
  if (batch % e->model->shards == 0 || diagnostics_errors(e->sources)) return;
  complain(e, E0535, said ? said->span : shards ? shards->span : phase->span, (long long)batch,
           (long long)e->model->shards);
}

void elaborate_phase(Elab *e, const Ast *phase, PlanPhase *into) {
  bool until = phase_setting(phase, "until") != NULL;
  into->batch = (int64_t)train_setting(e, phase, "batch", (double)e->model->batch, 1, MAX_BATCH);
  check_shards(e, phase, into->batch);
  into->epochs = (int64_t)whole_number(e, phase_setting(phase, "epochs"), "epochs", until ? 0 : 1, 1, 1e9);
  e->condition = NULL;
  explain_phase(e, phase, into);
  into->conditions = elaborate_conditions(e, phase, into->batch);
  into->until = condition_of(e, phase);
}
