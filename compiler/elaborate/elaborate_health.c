// Games of networks, found in what is computed, and the programs that tell how they go. Part of the elaborator.
//
// A line makes a judge of a network that it moves where it wants the network's output larger for one input and smaller
// for another, which hangs on a network that another line moves: its maker. So no name and no form of loss has a part
// in it. What is judged, and the scores, are gathered on held-out data and on data that were trained on; a program
// after them applies `game_health` of the library. The runtime takes the figures at intervals
// (../../runtime/train/health.c).
#include <math.h>
#include <string.h>

#include "elaborate/elaborate.h"

enum { HELD_OUT = 256, TRAINED = 2048 };  // examples

typedef struct {
  const Decl *judge;
  const char *maker;
  Node *real, *made;              // what the judge is given, [batch, ...]
  Node *real_score, *made_score;  // larger where it takes it for real
  double chance;                  // the line's value where the judge is undecided; NAN: not known
} Game;

static bool moves(const Ast *step, const char *name) {
  for (const Ast *o = step->b; o; o = o->next)
    if (!strcmp(o->name, name)) return true;
  return false;
}

// The line that moves the maker and lets the judge be, in the same phase; NULL if there is none.
static const Ast *line_of_maker(const Elab *e, int line, const char *maker, const char *judge) {
  for (int i = 0; i < e->model->lines; i++)
    if (e->phase_of[i] == e->phase_of[line] && moves(e->step[i], maker) && !moves(e->step[i], judge)) return e->step[i];
  return NULL;
}

// Of an output of a network the number of each example that says what it takes its input for; NULL if there is none. A
// probability may be simplified away: what it is made of is not.
static Node *score_of(const Elab *e, const Application *a, int output) {
  const Value *v = a->result.kind == V_LIST ? &a->result.item[output] : &a->result;
  const Value *param = v->kind == V_DIST ? v->dist->param : v;
  for (int i = 0; i < (v->kind == V_DIST ? v->dist->params : 1); i++) {
    Node *n = param[i].kind == V_TENSOR && param[i].plates == PLATE_BATCH ? param[i].node : NULL;
    if (n && shape_count(n->shape) == e->plate[0]) return n->op == OP_SIGMOID ? n->in[0] : n;
  }
  return NULL;
}

static bool is_of_examples_alone(const Elab *e, const Node *n) { return !graph_coupled(e->graph, n, e->plate[0]); }

// The scores of what `real` and `made` are given, if the line wants the one larger and the other smaller.
static bool find_scores(Elab *e, const Ast *step, Node *goal, const Application *real, const Application *made,
                        Game *game) {
  int outputs = real->result.kind == V_LIST ? real->result.items : 1;
  for (int i = 0; i < outputs; i++) {
    Node *up = score_of(e, real, i), *down = score_of(e, made, i);
    if (!up || !down || !is_of_examples_alone(e, up) || !is_of_examples_alone(e, down)) continue;
    int apart = wanted_apart(e, step, goal, up, down);
    if (!apart) continue;
    game->real_score = apart > 0 ? up : node_unary(e->graph, OP_NEG, up);
    game->made_score = apart > 0 ? down : node_unary(e->graph, OP_NEG, down);
    return true;
  }
  return false;
}

static bool find_pair(Elab *e, int line, Node *goal, const Application *real, const Application *made, Game *game) {
  const char *judge = real->net->name;
  int n = ast_length(real->net->ast->b), k = 0;
  while (k < n && real->argument[k] == made->argument[k]) k++;
  if (k == n || real->plates[k] != PLATE_BATCH || made->plates[k] != PLATE_BATCH) return false;
  if (real->mask[k] || made->mask[k] || hangs_on(e, n, real->argument, judge)) return false;
  const char *maker = hangs_on(e, n, made->argument, judge);
  if (!maker || !line_of_maker(e, line, maker, judge)) return false;
  if (!is_of_examples_alone(e, real->argument[k]) || !is_of_examples_alone(e, made->argument[k])) return false;
  *game = (Game){.judge = real->net, .maker = maker, .real = real->argument[k], .made = made->argument[k]};
  return find_scores(e, e->step[line], goal, real, made, game);
}

// The game that the line just evaluated is one side of.
static bool find_game(Elab *e, int line, Node *goal, Game *game) {
  for (const Application *a = e->applications; a; a = a->next)
    for (const Application *b = e->applications; b; b = b->next)
      if (a != b && a->net == b->net && !a->net->around && a->graph == e->graph && b->graph == e->graph &&
          a->result.kind != V_ERROR && b->result.kind != V_ERROR && moves(e->step[line], a->net->name) &&
          find_pair(e, line, goal, a, b, game))
        return true;
  return false;
}

// A value where the judge gives either side a half, if it is a sum of log probabilities by the judge alone; else NAN.
static double value_at_chance(Elab *e, const Value *v, const Decl *judge) {
  const Terms *t = v->terms ? opened_terms(e, v->terms) : NULL;
  if (!t || t->lo != 0 || t->hi != 0) return NAN;
  double sum = 0;
  for (int i = 0; i < t->n; i++) {
    const struct Weighed *w = &t->of[i];
    const Dist *d = w->term->kind == TERM_DENSITY ? w->term->dist : NULL;
    if (!d || d->net != judge->ast || strcmp(d->decl->name, "bernoulli") != 0 || w->lo != w->hi) return NAN;
    sum += w->lo * log(0.5);
  }
  return sum;
}

// Begins a program in which the line's objective is evaluated and its game found.
static bool begin_game(Elab *e, int line, Game *game) {
  begin_program(e, e->model->batch, false);
  Value v = line_value(e, e->step[line]);
  if (v.kind != V_TENSOR || v.plates != PLATE_BATCH || !find_game(e, line, v.node, game)) return false;
  game->chance = value_at_chance(e, &v, game->judge);
  return true;
}

static void add_set(Elab *e, Outputs *out, const char *name, Node *value, int64_t n) {
  add_output(e, out, (Output){.name = name, .value = value, .per_example = true, .total = true, .gathered = n});
}

static const char *line_text(Elab *e, const Ast *step) { return expression_text(e, step); }

// The line with Adam as its optimiser, as games are known to go with; or what is called its optimiser, which other
// lines may share.
static const char *slow_line(Elab *e, const Ast *step) {
  static const char slow[] = "adam(2e-4, beta1: 0.5)";
  if (step->c->kind == AST_NAME) return arena_format(e->arena, "let %s = %s", step->c->name, slow);
  Span head = {step->span.file, step->span.begin, step->c->span.begin};
  return arena_format(e->arena, "%s%s", expression_text(e, &(Ast){.span = head}), slow);
}

static bool is_averaged(const Elab *e, const char *net) {
  for (int t = 0; t < e->model->tensors; t++)
    if (e->model->tensor[t].average && !strcmp(e->model->tensor[t].owner, net)) return true;
  return false;
}

// A judge waits while it is further than half the way from chance; where it is not known what that is, its maker goes
// on faster.
static const char *level_line(Elab *e, int line, const Game *game) {
  const Ast *own = e->step[line], *other = line_of_maker(e, line, game->maker, game->judge->name);
  if (isnan(game->chance) || own->a) return arena_format(e->arena, "repeat 5 { %s }", line_text(e, other));
  return arena_format(e->arena, "when recent(%s) %c %.1g { %s }", own->name, own->flag ? '>' : '<', game->chance / 2,
                      line_text(e, own));
}

// What to try, by what is found (Ailment): a line of the model's text, for one that stands there, or a part of one,
// with a comment on where it belongs.
static void set_remedies(Elab *e, int line, const Game *game, PlanHealth *h) {
  const char *name = game->judge->name, *often = arena_format(e->arena, "repeat 5 { %s }", line_text(e, e->step[line]));
  h->remedy[AILMENT_STRONG] = level_line(e, line, game);
  h->remedy[AILMENT_COLLAPSE] = often;
  h->remedy[AILMENT_WEAK] = arena_format(
      e->arena, "|> dense(128) |> leaky_relu |> dense(128) |> leaky_relu   # in %s, before its last layer", name);
  h->remedy[AILMENT_SILENT] =
      arena_format(e->arena, "%s   # and in %s leaky_relu for each relu", slow_line(e, e->step[line]), name);
  h->remedy[AILMENT_SWINGS] =
      is_averaged(e, game->maker) ? often : arena_format(e->arena, "average ema(%s, 0.999)   # in train", game->maker);
  h->remedy[AILMENT_COPIES] = arena_format(e->arena, "|> dropout(0.3)   # in %s, behind each hidden layer", name);
}

// The figures, made of the sets that the two programs have gathered.
static int elaborate_figures(Elab *e, const Game *game, const Outputs *held_out, const Outputs *trained, Span where) {
  static const char *const name[] = {"real", "made", "of_real", "of_made", "known"};
  Scope *scope = scope_new(e, e->global);
  begin_program(e, e->model->batch, false);
  for (int i = 0; i < held_out->n + trained->n; i++) {
    const Output *o = i < held_out->n ? &held_out->of[i] : &trained->of[i - held_out->n];
    bind_name(e, scope, name[i], value_gathered(e, i, o));
  }
  const char *text = "game_health(real, made, known, of_real, of_made)";
  Value v =
      to_tensor(e, eval(e, scope, parse_expression(e->arena, e->sources, sources_made(e->sources, "health", text))));
  if (v.kind == V_ERROR) return -1;
  if (v.plates || shape_count(v.node->shape) != HEALTH_FIGURES) {
    complain(e, E0526, where, "game_health", arena_format(e->arena, "[%d]", HEALTH_FIGURES),
             shape_text(e->arena, event_shape(&v)));
    return -1;
  }
  Output *out = NEW(e->arena, Output);
  *out = (Output){.name = "figures", .value = v.node};
  return end_program(e, arena_format(e->arena, "health of %s and %s", game->judge->name, game->maker), e->model->batch,
                     out, 1);
}

static void elaborate_game(Elab *e, int line, PlanHealth *h) {
  Game game;
  Outputs held_out = {0}, trained = {0};
  if (!begin_game(e, line, &game)) return;
  *h = (PlanHealth){.judge = game.judge->name, .maker = game.maker};
  add_set(e, &held_out, "real", game.real, HELD_OUT);
  add_set(e, &held_out, "made", game.made, HELD_OUT);
  add_set(e, &held_out, "of real", game.real_score, HELD_OUT);
  add_set(e, &held_out, "of made", game.made_score, HELD_OUT);
  const char *who = arena_format(e->arena, "%s and %s", h->judge, h->maker);
  h->held_out = end_program(e, arena_format(e->arena, "%s, held out", who), e->model->batch, held_out.of, held_out.n);
  if (!begin_game(e, line, &game)) return;
  add_set(e, &trained, "known", game.real, TRAINED);
  h->trained = end_program(e, arena_format(e->arena, "%s, trained on", who), e->model->batch, trained.of, trained.n);
  h->figures = elaborate_figures(e, &game, &held_out, &trained, e->step[line]->span);
  set_remedies(e, line, &game, h);
  if (h->figures < 0) return;
  e->model->healths++;
  finding(e, "measure", e->step[line]->span,
          "health of the game of %s, which judges, and %s: %d held-out examples and samples, %d of the training data",
          h->judge, h->maker, HELD_OUT, TRAINED);
}

// ---- likelihoods

static bool is_likelihood(const Output *o) {
  static const char *const words[] = {"exact", "lower bound", "upper bound"};
  return o->is && name_in(o->is, sizeof words / sizeof *words, words);
}

// The lines whose objective says how likely the data are.
static void find_fits(Elab *e) {
  Model *m = e->model;
  m->fit = NEW_ARRAY(e->arena, PlanFit, m->lines + 1);
  for (int i = 0; m->test >= 0 && i < m->lines; i++) {
    const GraphProgram *p = &m->program[m->test].graph;
    for (int k = 0; k < p->outputs && !is_em(e->step[i]); k++) {
      if (strcmp(p->output[k].name, m->objective[i]) != 0 || !is_likelihood(&p->output[k])) continue;
      const char *remedy = m->keep.measure ? NULL : arena_format(e->arena, "keep best(%s)", m->objective[i]);
      m->fit[m->fits++] = (PlanFit){.measure = m->objective[i], .larger = !e->step[i]->flag, .remedy = remedy};
    }
  }
}

void elaborate_health(Elab *e) {
  Model *m = e->model;
  find_fits(e);
  e->unfinished = true;
  m->health = NEW_ARRAY(e->arena, PlanHealth, m->lines + 1);
  for (int i = 0; i < m->lines && m->sets && !diagnostics_errors(e->sources); i++)
    if (e->step[i]->b && !is_em(e->step[i])) elaborate_game(e, i, &m->health[m->healths]);
  e->unfinished = false;
}
