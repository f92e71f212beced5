// Objectives and rounds; the test program. Part of the elaborator.
//
// The lines of a round that are not repeated make one program: they share what they compute in common, and within
// a round a draw of the same name is the same draw. Each line's gradient is taken for what stands after `over`
// and nothing else, so for a frozen network no gradient of its weights is ever built.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// --- programs

int most_inputs(const Elab *e) { return 2 * e->columns + 4 + e->model->lines; }

void begin_program(Elab *e, int64_t batch, bool training) {
  e->program = ++e->programs;
  e->graph = graph_new(e->arena);
  e->graph->sources = e->sources;
  e->graph->tensor = e->model->tensor;
  e->graph->tensors = e->tensors;
  e->graph->input = NEW_ARRAY(e->arena, InputInfo, most_inputs(e));
  e->training = training;
  e->plate[0] = batch;
  e->plate_count = 1;
  e->plates = PLATE_BATCH;
  e->current = NULL;
  e->current_room = 0;
  e->assign = NULL;
  e->assigns = e->assign_room = 0;
  e->drawn = NULL;
  e->enumerated = NULL;
  e->spoken = NULL;
  e->facts = NULL;
  e->column_value = NEW_ARRAY(e->arena, Value, e->columns + 1);
  for (int i = 0; i < e->columns; i++) e->column_value[i].kind = V_NONE;
  begin_draws(e, "");
  e->learners = 0;
  e->optimizing = -1;
  e->frame = NULL;
}

void begin_draws(Elab *e, const char *noise) {
  e->draw_counts = NULL;
  e->drawing = (Drawing){0};
  e->applications = NULL;
  e->noise = noise;
  e->context = ++e->contexts;
}

int end_program(Elab *e, const char *name, int64_t batch, Output *output, int outputs) {
  Model *m = e->model;
  check_relaxed(e);
  ModelProgram *grown = NEW_ARRAY(e->arena, ModelProgram, m->programs + 1);
  if (m->programs) memcpy(grown, m->program, (size_t)m->programs * sizeof *grown);
  m->program = grown;
  m->program[m->programs].graph =
      (GraphProgram){name, e->graph, output, outputs, e->assign, e->assigns, batch, e->training ? m->shards : 1};
  m->program[m->programs].batch = batch;
  return m->programs++;
}

Node *feed_node(Elab *e, InputKind kind) {
  static const char *const name[] = {[INPUT_STEP] = "step",
                                     [INPUT_EPOCH] = "epoch",
                                     [INPUT_UPDATE] = "update",
                                     [INPUT_EXAMPLES] = "examples",
                                     [INPUT_ROWS] = "rows"};
  Graph *g = program_graph(e);
  int index = kind == INPUT_UPDATE ? e->line : 0;
  for (int i = 0; i < g->inputs; i++)
    if (g->input[i].kind == kind && g->input[i].index == index) return node_input(g, i);
  g->input[g->inputs] = (InputInfo){
      kind, index, name[kind], {0}, kind == INPUT_UPDATE || kind == INPUT_EXAMPLES || kind == INPUT_ROWS, INFINITY, 0};
  return node_input(g, g->inputs++);
}

// --- objectives

static const Decl *find_objective(Elab *e, const char *name, Span where) {
  const Decl *d = find_decl(e, name);
  if (d && d->ast->kind == AST_OBJECTIVE) return d;
  const char *known[64];
  int n = 0;
  for (int i = 0; i < e->decls && n < 64; i++)
    if (e->decl[i]->ast->kind == AST_OBJECTIVE) known[n++] = e->decl[i]->name;
  complain(e, E0206, where, "objective", name);
  const char *near = nearest_name(name, n, known);
  if (near) report_help(e->sources, "did you mean `%s`?", near);
  return NULL;
}

static Pursuit evaluate_objective(Elab *e, const Decl *d, Scope *scope, Span where) {
  Pursuit outer = e->pursuit;
  e->pursuit = (Pursuit){.value = value_error(), .around = e->build};
  push_frame(e, d->ast, where);
  e->depth++;
  eval_body(e, scope, d->ast->c);
  e->depth--;
  pop_frame(e);
  if (!e->pursuit.given) complain(e, E0521, d->ast->span, d->name);
  Pursuit p = e->pursuit;
  e->pursuit = outer;
  return p;
}

static Value evaluate_metric(Elab *e, const Ast *ast, Span where) {
  push_frame(e, ast, where);
  Value v = eval_body(e, scope_for(e, ast), ast->c);
  pop_frame(e);
  if (v.kind == V_NONE) complain(e, E0227, ast->span, ast->name);
  if (v.kind != V_ERROR && v.kind != V_NONE) v = to_tensor(e, v);
  if (v.kind == V_ERROR || v.kind == V_NONE) return value_error();
  if (!event_rank(&v)) return v;
  complain(e, E0504, ast->span, shape_text(e->arena, event_shape(&v)));
  return value_error();
}

static bool same_arguments(const Ast *formals, Binding *a, Binding *b) {
  const Scope s = {.first = a}, t = {.first = b};
  for (const Ast *f = formals; f; f = f->next)
    if (!same_value(&find_binding(&s, f->name)->value, &find_binding(&t, f->name)->value)) return false;
  return true;
}

// The value of an objective or a metric in what is being evaluated, with the draws of that: one for the same arguments.
static Value pursued_value(Elab *e, const Decl *d, Scope *arguments, Span where) {
  bool objective = d->ast->kind == AST_OBJECTIVE;
  e->reads++, e->looks++;  // seen where data are, whatever it is made of
  for (const Pursued *p = e->pursued; p; p = p->next)
    if (p->decl == d && p->context == e->context &&
        (!objective || same_arguments(d->ast->a, p->arguments, arguments->first)))
      return p->value;
  Pursued *applied = NEW(e->arena, Pursued);
  *applied = (Pursued){.decl = d, .arguments = objective ? arguments->first : NULL, .context = e->context};
  applied->value = objective ? evaluate_objective(e, d, arguments, where).value : evaluate_metric(e, d->ast, where);
  applied->next = e->pursued;
  return (e->pursued = applied)->value;
}

Value apply_objective(Elab *e, const Scope *scope, Decl *d, const Call *call) {
  if (!scope->sees_data) return not_seen(e, scope, d->name, call->span), value_error();
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0226, call->span, d->name), value_error();
  Scope *inner = bind_formals(e, d->ast, call);
  return inner ? pursued_value(e, d, inner, call->span) : value_error();
}

Value apply_metric(Elab *e, const Scope *scope, Decl *d, Span where) {
  if (!scope->sees_data) return not_seen(e, scope, d->ast->name, where), value_error();
  if (d->busy) return complain(e, E0208, where, d->ast->name), value_error();
  d->busy = true;
  Value v = pursued_value(e, d, NULL, where);
  d->busy = false;
  return v;
}

void check_objective(Elab *e, const Decl *d) {
  for (int i = 0; i < e->model->lines; i++)
    if (!strcmp(e->step[i]->name, d->name)) return;
  for (const Ast *f = d->ast->a; f; f = f->next)
    if (!f->a) return;
  begin_draws(e, d->name);
  Scope *scope = bind_formals(e, d->ast, &(Call){.span = d->ast->span});
  if (scope) evaluate_objective(e, d, scope, d->ast->span);
}

Value line_value(Elab *e, const Ast *step) {
  if (is_em(step)) return em_likelihood(e, step);
  const Decl *d = find_objective(e, step->name, step->span);
  Call call = {.span = step->span};
  if (!d || !eval_arguments(e, scope_for(e, e->train), step->a, &call)) return value_error();
  Scope *scope = bind_formals(e, d->ast, &call);
  if (!scope) return value_error();
  Pursuit p = evaluate_objective(e, d, scope, step->span);
  if (p.given && p.minimized != (step->flag != 0)) {
    complain(e, E0522, step->span, d->name, p.minimized ? "minimize" : "maximize");
    return value_error();
  }
  if (e->training) check_words(e, d->name, p.value, step->span);
  return p.value;
}

static Output output_of(const char *name, Value v) {
  return (Output){.name = name, .value = v.node, .per_example = v.plates & PLATE_BATCH};
}

// The same, of the test program.
static Output measured_output(Elab *e, const char *name, Value v, const char *is, Span where) {
  Output out = output_of(name, v);
  out.is = is;
  const Node *meet = graph_coupled(e->graph, v.node, e->plate[0]);
  out.coupled = meet != NULL;
  if (meet)
    finding(e, "measure", where, "%s: the %lld examples of a batch meet; measured over whole batches", name,
            (long long)e->plate[0]);
  return out;
}

// --- a line of the round

// When lines are taken: as PlanTurn has it, and in words; NULL: in every round.
typedef struct {
  int64_t every;
  int when;
  const char *text;
} Due;

typedef struct {
  const Ast *step;
  int count;  // weights to move
  int *tensor;
  Node **wrt, **gradient;
} Line;

// Does a name after `over` mean the weights of this owner? `prior` means what priors own and the parameters they name.
static bool learns_as(const Elab *e, const char *name, const char *owner) {
  if (strcmp(name, "prior") != 0 || !strcmp(owner, "prior")) return !strcmp(name, owner);
  const Decl *d = find_decl(e, owner);
  bool named = false;
  for (int i = 0; i < e->decls && d && d->ast->kind == AST_PARAMETER && !named; i++)
    named = e->decl[i]->ast->kind == AST_PRIOR && mentions(e->decl[i]->ast->b, owner);
  return named;
}

static bool name_learners(Elab *e, const Ast *step) {
  int n = ast_length(step->b);
  const char **name = NEW_ARRAY(e->arena, const char *, n + e->decls + 1);
  e->learners = 0;
  for (const Ast *a = step->b; a; a = a->next) {
    const Decl *d = find_decl(e, a->name);
    if (!strcmp(a->name, "prior")) {
      name[e->learners++] = "prior";
      for (int i = 0; i < e->decls; i++)
        if (learns_as(e, "prior", e->decl[i]->name)) name[e->learners++] = e->decl[i]->name;
      continue;
    }
    if (!d || (d->ast->kind != AST_NET && d->ast->kind != AST_PARAMETER)) {
      complain(e, E0523, a->span, a->name);
      return false;
    }
    name[e->learners++] = d->name;
  }
  e->learning = name;
  return true;
}

static bool owner_in(const Elab *e, int t) {
  for (int i = 0; i < e->learners; i++)
    if (!strcmp(e->learning[i], e->model->tensor[t].owner)) return true;
  return false;
}

// Does a network move states of its own, as a running mean moves?
static bool moves_states(const Elab *e, const char *name) {
  bool any = false;
  for (int i = 0; i < e->assigns; i++) {
    const TensorInfo *t = &e->model->tensor[e->assign[i].target->attr.id];
    any = any || (t->kind == TENSOR_STATE && learns_as(e, name, t->owner));
  }
  return any;
}

// Every network that is to learn has weights, and the objective depends on them, or nothing but states, which it moves;
// but where a choice has left some out, the others learn.
static bool check_learners(Elab *e, const Line *line) {
  bool any = false;
  for (int i = 0; i < line->count; i++) any = any || line->gradient[i];
  for (const Ast *a = line->step->b; a; a = a->next) {
    int weights = 0, moved = 0;
    for (int i = 0; i < line->count; i++) {
      bool own = learns_as(e, a->name, e->model->tensor[line->tensor[i]].owner);
      weights += own;
      moved += own && line->gradient[i];
    }
    if (moved || (any && !weights && !strcmp(a->name, "prior"))) continue;  // a prior may own nothing
    if (any && !weights && moves_states(e, a->name)) continue;
    if (any && chosen_out(e, line->step, a->name)) {
      finding(e, "line", a->span, "`%s` is left out by an `if` whose condition is known, and stays as it begins", a->name);
      continue;
    }
    complain(e, E0520, a->span, line->step->name, a->name);
    const Decl *d = find_objective(e, line->step->name, line->step->span);
    if (d) report_note(e->sources, d->ast->span, "the objective");
    if (!weights) report_help(e->sources, "`%s` is not applied there, or has no weights", a->name);
    return false;
  }
  return true;
}

// A discrete draw that the weights steer and the loss hangs on: its part of the gradient cannot be had, and leaving
// it out would be a silent mistake. Returns such a draw, or NULL.
static const Node *blocked_draw(Elab *e, const Line *line, const Node *loss) {
  Graph *g = e->graph;
  bool *steered = NEW_ARRAY(e->arena, bool, g->count);  // by a weight that is to move, on whatever path but a stop
  const Node **draw = NEW_ARRAY(e->arena, const Node *, g->count);  // the steered draw it hangs on
  for (int k = 0; k < line->count; k++) steered[line->wrt[k]->id] = true;
  for (int i = 0; i < g->count; i++) {
    const Node *n = g->node[i];
    for (int k = 0; k < n->arity && n->op != OP_STOP; k++) {
      steered[i] = steered[i] || steered[n->in[k]->id];
      if (!draw[i]) draw[i] = draw[n->in[k]->id];
    }
    if (n->op == OP_DISCRETE && steered[i] && !draw[i]) draw[i] = n;
  }
  return draw[loss->id];
}

static bool take_gradient(Elab *e, Line *line, Value objective, bool minimize) {
  line->tensor = NEW_ARRAY(e->arena, int, e->tensors + 1);
  line->wrt = NEW_ARRAY(e->arena, Node *, e->tensors + 1);
  line->gradient = NEW_ARRAY(e->arena, Node *, e->tensors + 1);
  for (int t = 0; t < e->tensors; t++)
    if (e->model->tensor[t].kind == TENSOR_WEIGHT && owner_in(e, t) && t < e->current_room && e->current[t]) {
      line->tensor[line->count] = t;
      line->wrt[line->count++] = e->current[t];
    }
  objective = with_surrogates(e, objective);
  if (objective.kind == V_ERROR) return false;
  Value loss = objective;
  if (loss.plates) loss = value_tensor(node_reduce(e->graph, OP_SUM, loss.node, 1), 0);
  double scale = (minimize ? 1 : -1) / (objective.plates ? (double)e->plate[0] : 1);
  Value share = value_number(scale);
  share.said = minimize ? "1 / batch" : "-1 / batch";
  loss = apply2(e, OP_MUL, line->step->span, loss, share);
  const Node *blocked = blocked_draw(e, line, loss.node);
  e->graph->section.phase = PHASE_BACKWARD;
  graph_gradient(e->graph, loss.node, line->count, line->wrt, line->gradient, NULL);
  if (blocked) {
    complain(e, E0507, blocked->span, line->step->name);
    report_note(e->sources, line->step->span, "asked for here");
    report_help(e->sources, "say how: `z ~ ... by score(baseline: 0)`, by straight_through(1), by gumbel(1); or by enumeration of its values");
    return false;
  }
  return check_learners(e, line);
}

static const char *list_names(Elab *e, const Ast *names) {
  Text t = text_new(e->arena);
  for (; names; names = names->next) text_add(&t, "%s%s", names->name, names->next ? ", " : "");
  return t.data;
}

// The lines that share the optimiser of this one, and what it is.
static void explain_shared(Elab *e, const Ast *step) {
  const char *name = shared_optimizer(e, step->c);
  Text others = text_new(e->arena);
  for (int i = 0; i < e->model->lines && name; i++) {
    const char *other = e->step[i] == step ? NULL : shared_optimizer(e, e->step[i]->c);
    if (other && !strcmp(name, other))
      text_add(&others, "%s%d", others.length ? ", " : " shares what it keeps with line ", i + 1);
  }
  if (name)
    finding(e, "line", step->span, "   %s = %s%s%s", name, expression_text(e, find_decl(e, name)->ast->a),
            others.length ? ":" : "", others.data);
}

// What the line moves and what it leaves alone, counted in the graph: tensors assigned, gradients taken.
static void explain_line(Elab *e, const Line *line, const Due *due) {
  int64_t numbers = 0;
  int tensors = 0, strangers = 0;
  for (int i = 0; i < line->count; i++)
    if (line->gradient[i]) {
      tensors++;
      numbers += shape_count(e->model->tensor[line->tensor[i]].shape);
      strangers += !owner_in(e, line->tensor[i]);
    }
  Text frozen = text_new(e->arena);
  for (int t = 0; t < e->tensors; t++) {
    const TensorInfo *info = &e->model->tensor[t];
    bool first = info->kind == TENSOR_WEIGHT && !owner_in(e, t) && t < e->current_room && e->current[t];
    for (int s = 0; s < t && first; s++) first = strcmp(e->model->tensor[s].owner, info->owner) != 0;
    if (first) text_add(&frozen, "%s%s", frozen.length ? ", " : "", info->owner);
  }
  const Ast *s = line->step;
  if (!is_em(s)) finding(e, "line", s->span, "%d. %s %s over %s with %s", e->line + 1, s->flag ? "minimize" : "maximize", s->name,
          list_names(e, s->b), expression_text(e, s->c));
  explain_shared(e, s);
  finding(e, "line", s->span, "   moves %d tensors of %s, %lld numbers", tensors, list_names(e, s->b),
          (long long)numbers);
  if (due->text) finding(e, "line", s->span, "   taken %s", due->text);
  if (frozen.length)
    finding(e, "line", s->span, "   frozen: %s (gradients taken of its weights: %d)", frozen.data, strangers);
}

static bool elaborate_line(Elab *e, const Ast *step, const Due *due, Output *out) {
  begin_draws(e, e->line ? e->model->objective[e->line] : "");
  e->graph->section = (Section){e->line, PHASE_FORWARD};
  if (!name_learners(e, step)) return false;
  Value objective = line_value(e, step);
  if (objective.kind == V_ERROR) return false;
  Line line = {.step = step};
  if (!take_gradient(e, &line, objective, step->flag != 0)) return false;
  *out = output_of(e->model->objective[e->line], objective);
  judge_line(e, step, objective);
  e->graph->section.phase = PHASE_UPDATE;
  move_weights(e, step->c, line.count, line.tensor, line.gradient);
  judge_factor(e, step, objective, line.count, line.tensor, line.gradient);
  explain_line(e, &line, due);
  e->learners = 0;
  return true;
}

// --- rounds

static int count_steps(const Ast *items) {
  int n = 0;
  for (; items; items = items->next) n += items->kind == AST_STEP ? 1 : is_block(items) ? count_steps(items->b) : 0;
  return n;
}

// `first`: where the turns of the phase begin.
static void add_turn(Elab *e, int first, PlanTurn turn) {
  Model *m = e->model;
  turn.turn = 0;
  for (int i = first; i < m->turns; i++) turn.turn += m->turn[i].program == turn.program;
  if ((m->turns & (m->turns - 1)) == 0) {  // full at a power of two
    PlanTurn *grown = NEW_ARRAY(e->arena, PlanTurn, m->turns ? 2 * m->turns : 1);
    if (m->turns) memcpy(grown, m->turn, (size_t)m->turns * sizeof *grown);
    m->turn = grown;
  }
  m->turn[m->turns++] = turn;
}

void add_last_turn(Elab *e, PlanTurn turn) {
  Model *m = e->model;
  const PlanTurn *old = m->turn;
  m->turn = NULL, m->turns = 0;
  for (PlanPhase *p = m->phase; p < m->phase + m->phases; p++) {
    int first = m->turns;
    for (int i = 0; i < p->turns; i++) add_turn(e, first, old[p->first_turn + i]);
    add_turn(e, first, turn);
    p->first_turn = first;
    p->turns++;
  }
}

// Consecutive lines, as one program.
static const Ast *elaborate_group(Elab *e, const Ast *items, const Due *due) {
  int first = e->line, n = 0;
  const PlanPhase *phase = &e->model->phase[e->phase_of[first]];
  const Ast *after = items;
  for (; after && !is_block(after) && (!is_em(after) || after == items); after = after->next) n += after->kind == AST_STEP;
  if (!n) return after;
  begin_program(e, phase->batch, true);
  Output *out = NEW_ARRAY(e->arena, Output, n);
  for (const Ast *s = items; s != after; s = s->next)
    if (s->kind == AST_STEP) e->unfinished |= !elaborate_line(e, s, due, &out[e->line - first]), e->line++;
  if (diagnostics_errors(e->sources)) return after;
  judge_program(e);
  const char *name = n == 1 ? arena_format(e->arena, "train line %d", first + 1)
                            : arena_format(e->arena, "train lines %d to %d", first + 1, first + n);
  int p = end_program(e, name, phase->batch, out, n);
  add_turn(e, phase->first_turn,
           (PlanTurn){.program = p, .first_line = first, .lines = n, .every = due->every, .when = due->when});
  return after;
}

static void elaborate_items(Elab *e, const Ast *items, const Due *due);

static void elaborate_repeat(Elab *e, const Ast *block, const Due *due) {
  double n = eval_number(e, e->global, block->a, "a count");
  if (n < 1 || n > 1000 || floor(n) != n) complain(e, E0524, block->a->span, n);
  int first = e->model->turns, phase = e->model->phase[e->phase_of[e->line]].first_turn;
  elaborate_items(e, block->b, due);
  int length = e->model->turns - first;
  if (length * n > MAX_TURNS) complain(e, E0527, block->span, MAX_TURNS);
  for (int r = 1; r < n && length * n <= MAX_TURNS; r++)
    for (int k = 0; k < length; k++) add_turn(e, phase, e->model->turn[first + k]);
}

static int64_t common_multiple(int64_t a, int64_t b) {
  int64_t x = a, y = b;
  while (y) {
    int64_t rest = x % y;
    x = y, y = rest;
  }
  return a / x * b;
}

// Cadences within one another: both must fall due.
static void elaborate_every(Elab *e, const Ast *block, Due due) {
  enum { MOST = 1000000 };
  int64_t n = (int64_t)whole_number(e, block->a, "a cadence", 1, 1, MOST);
  due.every = common_multiple(due.every ? due.every : 1, n);
  if (due.every > UINT32_MAX) complain(e, E0530, block->span, (long long)due.every);
  due.text =
      arena_format(e->arena, "%s%severy %lld steps", due.text ? due.text : "", due.text ? ", " : "", (long long)n);
  elaborate_items(e, block->b, &due);
}

static void elaborate_when(Elab *e, const Ast *block, Due due) {
  due.when = condition_of(e, block);
  due.text = arena_format(e->arena, "%s%swhen %s", due.text ? due.text : "", due.text ? ", " : "",
                          expression_text(e, block->a));
  elaborate_items(e, block->b, &due);
}

// The text of the phase of the present line.
static const Ast *phase_text(const Elab *e) {
  const Ast *phase = e->train;
  for (int i = e->phase_of[e->line]; i--;) phase = phase->b;
  return phase;
}

// A line that is a pass over all examples, at the end of an epoch.
static void elaborate_em_line(Elab *e, const Ast *step, const Ast *text) {
  const PlanPhase *phase = &e->model->phase[e->phase_of[e->line]];
  if (!name_learners(e, step)) {
    e->unfinished = true;
    return;
  }
  const Ast *others = NULL;
  PlanTurn pass = elaborate_em(e, step, text, phase->batch, &others);
  e->learners = 0;
  if (others && !e->unfinished) {  // by steps on batches, which the line's value is then told of
    Ast *rest = NEW(e->arena, Ast);
    *rest = *step;
    rest->b = (Ast *)others;
    rest->next = NULL;
    elaborate_group(e, rest, &(Due){0});
    pass.lines = 0;
  } else {
    e->line++;
  }
  if (pass.after) add_turn(e, phase->first_turn, pass);
}

static void elaborate_items(Elab *e, const Ast *items, const Due *due) {
  for (const Ast *i = items; i;) {
    if (is_em(i)) {
      elaborate_em_line(e, i, phase_text(e));
      i = i->next;
      continue;
    }
    if (!is_block(i)) {
      i = elaborate_group(e, i, due);
      continue;
    }
    if (i->kind == AST_REPEAT) elaborate_repeat(e, i, due);
    if (i->kind == AST_EVERY) elaborate_every(e, i, *due);
    if (i->kind == AST_WHEN) elaborate_when(e, i, *due);
    i = i->next;
  }
}

Decl *find_measured(const Elab *e, const char *name) {
  Decl *d = find_decl(e, name), *metric = find_decl(e, arena_format(e->arena, "metric %s", name));
  return d && (d->ast->kind == AST_OBJECTIVE || !metric) ? d : metric;
}

static bool any_em(const Ast *phase) {
  while (phase && !has_em(phase)) phase = phase->b;
  return phase != NULL;
}

// A column that the records have without being asked, or beside that of another measure; NULL: the name is free.
static const char *record_column(const Elab *e, const char *name) {
  static const char *const own[][2] = {{"step", "the step"},
                                       {"epoch", "the epoch"},
                                       {"split", "the split"},
                                       {"time", "kept for the time"},
                                       {"learnt", "how often lines have learnt"},
                                       {"not_finite", "where measures that are not finite are told"}};
  static const char *const beside[][2] = {{"_se", "the standard error"}, {"_batch", "the batch"}};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (!strcmp(name, own[i][0])) return own[i][1];
  if (!strcmp(name, "em") && any_em(e->train)) return "log p of the data, which `em` maximizes";
  if (!strcmp(name, "best") && phase_setting(e->train, "keep")) return "which epoch is the best";
  if (!strcmp(name, "start") && phase_setting(e->train, "restarts")) return "the start";
  for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
    size_t n = strlen(name), suffix = strlen(beside[i][0]);
    if (n <= suffix || strcmp(name + n - suffix, beside[i][0]) != 0) continue;
    const char *stem = arena_slice(e->arena, name, n - suffix);
    const Decl *d = find_measured(e, stem);
    if (d && (d->ast->kind == AST_OBJECTIVE || d->ast->kind == AST_METRIC))
      return arena_format(e->arena, "%s of `%s`", beside[i][1], stem);
  }
  return NULL;
}

void check_measured_names(Elab *e) {
  for (int i = 0; i < e->decls; i++) {
    const Ast *ast = e->decl[i]->ast;
    if (ast->kind != AST_OBJECTIVE && ast->kind != AST_METRIC) continue;
    const char *column = record_column(e, ast->name);
    if (column) complain(e, E0528, ast->span, ast->name, column);
  }
}

static bool line_has_name(const Elab *e, const char *name) {
  for (int i = 0; i < e->line; i++)
    if (!strcmp(e->model->objective[i], name)) return true;
  return false;
}

// The name of an objective, or NAME_2 and so on where earlier lines have the same; none of another objective or metric.
static const char *line_name(Elab *e, const char *objective) {
  const char *name = objective;
  for (int k = 2; line_has_name(e, name) || (k > 2 && find_measured(e, name)); k++)
    name = arena_format(e->arena, "%s_%d", objective, k);
  return name;
}

static void name_lines(Elab *e, const Ast *items, int phase) {
  for (; items; items = items->next) {
    if (is_block(items)) name_lines(e, items->b, phase);
    if (items->kind != AST_STEP) continue;
    e->step[e->line] = items;
    e->phase_of[e->line] = phase;
    e->model->objective[e->line] = line_name(e, items->name);
    e->line++;
  }
}

// Counts phases and lines, and names these. False after reporting a phase without any.
static bool count_training(Elab *e) {
  Model *m = e->model;
  for (const Ast *p = e->train; p; p = p->b, m->phases++) m->lines += count_steps(p->a);
  m->objective = NEW_ARRAY(e->arena, const char *, m->lines + 1);
  m->phase = NEW_ARRAY(e->arena, PlanPhase, m->phases + 1);
  e->step = NEW_ARRAY(e->arena, const Ast *, m->lines + 1);
  e->phase_of = NEW_ARRAY(e->arena, int, m->lines + 1);
  e->line = 0;
  int phase = 0;
  for (const Ast *p = e->train; p; p = p->b) {
    if (!count_steps(p->a)) return complain(e, E0525, p->span), false;
    name_lines(e, p->a, phase++);
  }
  e->line = 0;
  return true;
}

void elaborate_training(Elab *e) {
  Model *m = e->model;
  if (!e->train || !count_training(e)) return;
  PlanPhase *phase = m->phase;
  bool bounded = true;
  for (const Ast *p = e->train; p; p = p->b, phase++) {
    elaborate_phase(e, p, phase);
    phase->first_turn = m->turns;
    PlanTurn pass = elaborate_pass(e, p, phase->batch);
    elaborate_items(e, p->a, &(Due){0});
    if (pass.after) add_turn(e, phase->first_turn, pass);
    phase->turns = m->turns - phase->first_turn;
    bounded = bounded && phase->epochs;
    m->epochs += phase->epochs;
  }
  m->epochs = (int64_t)train_setting(e, NULL, "epochs", bounded ? (double)m->epochs : 0, 1, 1e9);
  judge_round(e);
}

// --- what is measured on held-out data

static Value metric_value(Elab *e, Decl *d) {
  begin_draws(e, d->name);
  return apply_metric(e, scope_for(e, d->ast), d, d->ast->span);
}

Value measure_value(Elab *e, Decl *d, Span where) {
  if (d->ast->kind == AST_METRIC) return metric_value(e, d);
  begin_draws(e, strcmp(e->step[0]->name, d->name) ? d->name : "");
  return apply_objective(e, scope_for(e, e->train), d, &(Call){.span = where});
}

Value batch_average(Elab *e, Value v, Span where) {
  if (!v.plates) return v;
  v = value_tensor(node_reduce(e->graph, OP_SUM, v.node, 1), 0);
  return apply2(e, OP_MUL, where, v, value_number(1 / (double)e->plate[0]));
}

bool minimizes(const Decl *objective) {
  const Ast *s = objective->ast->c->a;
  while (s && s->kind != AST_MINIMIZE) s = s->next;
  return s != NULL;
}

// Epochs from one measurement of a metric to the next.
static int64_t metric_every(Elab *e, const Ast *ast) { return (int64_t)whole_number(e, ast->a, "every", 1, 1, 1e9); }

static void elaborate_metric(Elab *e, Decl *d, Outputs *out) {
  const Ast *ast = d->ast;
  const Decl *same = find_decl(e, ast->name);
  if (same && same->ast->kind == AST_OBJECTIVE) {  // one column of the metrics cannot hold both
    complain(e, E0201, ast->span, ast->name);
    report_note(e->sources, same->ast->span, "first declared here");
  }
  int totals = e->totals->n;
  Value v = metric_value(e, d);
  if (v.kind == V_ERROR || e->totals->n > totals) return;
  const char *is = check_words(e, ast->name, v, ast->span);
  add_output(e, out, measured_output(e, ast->name, v, is, ast->span));
}

// "test", "test, after", and of what is measured in some epochs only "test, every 20".
static const char *test_name(Elab *e, const char *name, int64_t every) {
  return every == 1 ? name : arena_format(e->arena, "%s, every %lld", name, (long long)every);
}

// Metrics that are made of sums over the split, in the program after that which adds them up.
static int elaborate_test_after(Elab *e, const bool *of_sums, int64_t every) {
  Outputs out = {0};
  e->totals->after = true;
  begin_program(e, e->model->batch, false);
  for (int i = 0; i < e->decls; i++) {
    const Ast *ast = e->decl[i]->ast;
    Value v = of_sums[i] ? metric_value(e, e->decl[i]) : value_error();
    if (v.kind == V_ERROR || !is_of_sums(e, v, ast->span)) continue;
    const char *is = check_words(e, ast->name, v, ast->span);
    add_output(e, &out, (Output){.name = ast->name, .value = v.node, .is = is});
  }
  if (!e->model->sets) return 0;
  return end_program(e, test_name(e, "test, after", every), e->model->batch, out.of, out.n);
}

// The objectives of the lines.
static void elaborate_objectives(Elab *e, Outputs *out) {
  const Model *m = e->model;
  for (int i = 0; i < m->lines; i++) {
    bool first = !strcmp(e->step[i]->name, e->step[0]->name);
    begin_draws(e, first ? "" : e->step[i]->name);
    Value v = line_value(e, e->step[i]);
    if (v.kind == V_ERROR) continue;
    bool again = false;  // lines that differ only in who moves
    for (int k = 0; k < out->n; k++) again = again || out->of[k].value == v.node;
    if (again) continue;
    const char *is = check_words(e, e->step[i]->name, v, e->step[i]->span);
    add_output(e, out, measured_output(e, m->objective[i], v, is, e->step[i]->span));
    if (m->sets) add_latent_costs(e, v, out);
  }
}

// What is measured after every so many epochs; where that is each, the objectives are. Without data nothing is held
// out: then it is evaluated for its mistakes, and program is -1.
static PlanSeldom elaborate_measures(Elab *e, int64_t every) {
  Outputs out = {0};
  Totals totals = {.outputs = &out};
  PlanSeldom measures = {.every = every, .program = -1};
  bool *of_sums = NEW_ARRAY(e->arena, bool, e->decls + 1);
  e->totals = &totals;
  begin_program(e, e->model->batch, false);
  if (every == 1) elaborate_objectives(e, &out);
  for (int i = 0; i < e->decls; i++) {
    const Ast *ast = e->decl[i]->ast;
    int before = totals.n;
    if (ast->kind != AST_METRIC || metric_every(e, ast) != every) continue;
    elaborate_metric(e, e->decl[i], &out);
    of_sums[i] = totals.n > before;
    if (every > 1)
      finding(e, "measure", ast->span, "%s: measured after each epoch that %lld divides, and at the end", ast->name,
              (long long)every);
  }
  if (out.n && e->model->sets)
    measures.program = end_program(e, test_name(e, "test", every), e->model->batch, out.of, out.n);
  if (totals.n && !diagnostics_errors(e->sources)) measures.after = elaborate_test_after(e, of_sums, every);
  e->totals = NULL;
  return measures;
}

static bool has_seldom(const Model *m, int64_t every) {
  for (int i = 0; i < m->seldoms; i++)
    if (m->seldom[i].every == every) return true;
  return false;
}

void elaborate_test(Elab *e) {
  Model *m = e->model;
  e->unfinished = true;
  PlanSeldom each = elaborate_measures(e, 1);
  m->test = each.program;
  m->test_after = each.after;
  m->seldom = NEW_ARRAY(e->arena, PlanSeldom, e->decls + 1);
  for (int i = 0; i < e->decls; i++) {
    const Ast *ast = e->decl[i]->ast;
    int64_t every = ast->kind == AST_METRIC ? metric_every(e, ast) : 1;
    if (every > 1 && !has_seldom(m, every)) m->seldom[m->seldoms++] = elaborate_measures(e, every);
  }
  if (!m->sets) m->seldoms = 0;
  e->unfinished = false;
}
