// What an objective or a metric is to log p(what is observed): the log density itself, a bound on it, an estimate, or
// none of these. Part of the elaborator.
//
// A value is a sum of log densities, divergences and entropies (elaborate_terms.c). The draws among them are latents
// of a model: each has one density under it, and one that it was drawn from, which is taken off. Where the densities
// of what is observed and of the latents, each given what it is made of, have no circle, they are a joint density of
// all; then the mean of the value is a lower bound of the log of its marginal, by Jensen's inequality, and the mean of
// its exponential is no more than the marginal. What a draw costs may be told in closed form, as a divergence or an
// entropy: its mean over that draw alone is meant then. Whatever is no more than 0 keeps a bound one.
// Nothing is concluded from names, and what does not follow from these rules is not known.
#include "elaborate/elaborate_ledger.h"

#include "graph/number.h"

#include <math.h>
#include <string.h>

enum { MAX_ITEMS = 64, MAX_LATENTS = 40, MAX_VARIABLES = 12, MAX_FACTORS = MAX_ITEMS + MAX_LATENTS };

// A term with its coefficient, less the sign of the whole.
typedef struct {
  const Term *term;
  double lo, hi;
  bool uneven;
  const Node *by;
  int variables;  // DENSITY, CLAIM: what it is a density of
  Variable *variable;
  Reach given;  // what that is made with; of a divergence its second distribution
  bool observed, discrete;
  const Support *grey;  // the set whose members data lie between
  int pays;             // the latent whose own density, entropy or divergence it is; -1: none
  bool extra;           // it is no more than 0, and stands beside a bound
} Item;

// A draw that the mean is taken over.
typedef struct {
  const Drawn *drawn;
  Reach made_of;
  int group;  // of latents that are spoken of together
  bool paid;  // by a divergence, an entropy or its own density
} Latent;

typedef struct {
  Elab *e;
  int context;  // draws of this set and later ones are latents
  Item item[MAX_ITEMS];
  int items;
  Latent latent[MAX_LATENTS];
  int latents;
  double lo, hi;  // of the rest, terms that are no log densities
  bool lost;      // and some may hang on log densities
  bool exact, weight, estimate;
  bool logarithm;  // the log of a mean of exponentials is looked at
  Claim claim;
  Piece piece[MAX_ITEMS];
  int pieces;
} Ledger;

static const double slack = 1e-6;           // of coefficients that are computed, of themselves
static const double nothing = 1e-9;         // what is left of numbers that cancel
enum { EPOCHS_SEEN = 2000, DEEPEST = 12 };  // what hangs on the epoch is looked at for so many, and nested so deep

bool near(double a, double b) { return isfinite(a) && fabs(a - b) <= slack * fmax(fabs(a), fabs(b)); }

static bool fixed(const Item *item) { return !item->uneven && near(item->lo, item->hi); }

// ---- what stands against a bound; the first word holds, but one that is sure takes the place of one that is not

static void refuse(Ledger *l, ClaimKind kind, const char *why) {
  bool first = l->claim.kind == CLAIM_NOTHING, surer = kind == CLAIM_NONE && l->claim.kind != CLAIM_NONE;
  if (first || surer) l->claim.kind = kind, l->claim.why = why, l->claim.weighed = NULL;
}

static void unknown(Ledger *l, const char *format, const Item *item) {
  refuse(l, CLAIM_UNKNOWN, arena_format(l->e->arena, format, term_text(l->e, item->term)));
}

// The value of a number that hangs on the epoch alone; else NaN.
static double at_epoch(const Graph *g, const Node *n, double epoch, int depth) {
  double in[3] = {0};
  if (n->op == OP_CONST) return n->attr.value;
  if (n->op == OP_INPUT) return g->input[n->attr.id].kind == INPUT_EPOCH ? epoch : NAN;
  bool moved = n->op == OP_RESHAPE || n->op == OP_BROADCAST || n->op == OP_STOP;
  if (!depth || !(moved || op_class(n->op) == ELEMENTWISE)) return NAN;
  for (int i = 0; i < n->arity; i++) in[i] = at_epoch(g, n->in[i], epoch, depth - 1);
  return moved ? in[0] : number_fold(n->op, in);
}

// The first epoch from which on a weight is no longer less than `least`, as far as epochs are looked at; 0: none.
static double epoch_from(const Elab *e, const Node *by, double least) {
  const Graph *g = program_graph(e);
  int first = EPOCHS_SEEN;
  if (!by || !graph_owns(g, by) || e->model->epochs > EPOCHS_SEEN) return 0;
  while (first > 0 && fabs(at_epoch(g, by, first - 1, DEEPEST)) >= least * (1 - slack)) first--;
  return first < EPOCHS_SEEN ? first : 0;
}

// Bounds on a weight from an epoch on; what hangs on more keeps those it has.
static void bound_from(const Elab *e, Item *item, double epoch) {
  const Graph *g = program_graph(e);
  if (!item->by || !graph_owns(g, item->by) || item->hi <= item->lo) return;
  double least = INFINITY, most = 0, sign = item->hi > 0 ? 1 : -1;
  for (double at = epoch; at < EPOCHS_SEEN; at++) {
    double weight = fabs(at_epoch(g, item->by, at, DEEPEST));
    if (isnan(weight)) return;
    least = fmin(least, weight), most = fmax(most, weight);
  }
  item->lo = sign > 0 ? least : -most, item->hi = sign > 0 ? most : -least;
}

const char *weight_text(Arena *a, double lo, double hi) {
  return near(lo, hi) ? arena_format(a, "%g", lo) : arena_format(a, "something in [%g, %g]", lo, hi);
}

static void weighed_apart(Ledger *l, const Item *item, double scale) {
  double lo = fmin(fabs(item->lo), fabs(item->hi)) / scale, hi = fmax(fabs(item->lo), fabs(item->hi)) / scale;
  if (item->uneven) {
    unknown(l, "`%s` has a weight that differs between draws or places", item);
    return;
  }
  if (l->claim.kind == CLAIM_NONE) return;
  const char *by = weight_text(l->e->arena, lo, hi);
  refuse(l, CLAIM_NONE, arena_format(l->e->arena, "`%s` is weighed by %s", term_text(l->e, item->term), by));
  l->claim.weighed = item->term;
  l->claim.lo = lo, l->claim.hi = hi;
  l->claim.from = near(lo, hi) ? 0 : epoch_from(l->e, item->by, scale);
}

static void loosen(Ledger *l, const char *format, const Item *item) {
  l->exact = false;
  if (!l->claim.looser) l->claim.looser = arena_format(l->e->arena, format, term_text(l->e, item->term));
}

// ---- what a density is of

typedef enum { CONSTANT, OBSERVED, LATENT, MADE } PointKind;

const char *column_name(const Elab *e, const Node *n) {
  for (int i = 0; i < e->columns; i++)
    if (e->column_value[i].kind == V_TENSOR && e->column_value[i].node == n) return e->column[i].name;
  return NULL;
}

static int reached(const Reach *r, FromKind kind) {
  int n = 0;
  for (int i = 0; i < r->n; i++) n += r->of[i].kind == kind;
  return n;
}

static PointKind classify(Ledger *l, const Value *v, const Term *t, Variable *out) {
  Elab *e = l->e;
  if (v->kind != V_TENSOR) return CONSTANT;
  const Drawn *d = draw_at(e, v, t->enumerated);
  bool own = v->plates == PLATE_BATCH;  // of one example
  *out = (Variable){.node = plain_node(e, v->node, t->enumerated)};
  reach_value(e, v, t->enumerated, &out->from);
  if (d) {
    out->latent = d->context >= l->context;
    out->name = d->dist && d->dist->variable ? d->dist->variable : "the draw";
    return out->latent ? LATENT : OBSERVED;
  }
  if (out->from.hidden || reached(&out->from, FROM_DRAW)) return MADE;
  out->name = column_name(e, out->node);
  if (out->name) return own ? OBSERVED : MADE;
  return out->from.n ? MADE : CONSTANT;
}

typedef struct {
  Ledger *ledger;
  Item *item;
  bool good;
} Points;

// Does the density go on between the values of a set, and is the point known to be one of these?
static bool is_grey(const Elab *e, const Value *point, const Node *plain, const Dist *d) {
  if (!support_discrete(&d->support) || support_within(&d->domain, &d->support)) return false;
  for (int i = 0; i < e->columns; i++)
    if (e->column_value[i].node == plain && support_within(&e->column[i].support, &d->support)) return false;
  return !point_within(point, &d->support);
}

// A density that goes on so is linear there; the log of a mean of such is convex.
static bool is_convex(const Dist *d) {
  while (d->component) d = d->component;
  return d->kind == &formula_kind;
}

static void add_point(Points *p, const Value *v, const Dist *of) {
  Item *item = p->item;
  if (!item->variable) item->variable = NEW_ARRAY(p->ledger->e->arena, Variable, MAX_VARIABLES);
  if (item->variables == MAX_VARIABLES) p->good = false;
  if (!p->good) return;
  Variable *at = &item->variable[item->variables++];
  PointKind kind = classify(p->ledger, v, item->term, at);
  p->good = kind == OBSERVED || kind == LATENT;
  item->observed = item->observed || kind == OBSERVED;
  item->discrete = item->discrete && support_discrete(&of->support);
  if (kind != OBSERVED || !is_grey(p->ledger->e, v, at->node, of)) return;
  item->grey = &of->support;
}

static void add_part(void *to, const Value *v, const Dist *of) {
  if (of) add_point(to, v, of);
}

// False if it is a density of a constant, which is a number like any other.
static bool read_density(Ledger *l, Item *item) {
  const Term *t = item->term;
  Variable first;
  if (t->point.kind == V_OBSERVED) return unknown(l, "`%s` is of a part of what is there", item), true;
  PointKind kind = classify(l, &t->point, t, &first);
  if (kind == CONSTANT) return false;
  Points p = {l, item, true};
  item->discrete = true;
  add_point(&p, &t->point, t->dist);
  t->dist->kind->parts(t->dist, add_part, &p);
  reach_parts(l->e, t->dist, t->enumerated, &item->given);
  if (item->grey && (item->variables > 1 || !is_convex(t->dist)))
    unknown(l, "what `%s` is at levels between the values is not known", item);
  if (t->dist->draws)
    unknown(l, "what makes `%s` draws, before it is summed", item);
  else if (!p.good)
    unknown(l, "`%s` is taken at what was made of a draw or of data", item);
  else if (item->given.hidden)
    unknown(l, "what `%s` is made with cannot be followed", item);
  return true;
}

static bool read_batch(Ledger *l, Item *item) {
  Points p = {l, item, true};
  add_point(&p, &item->term->point, item->term->dist);
  if (!p.good || !item->variable[0].latent) unknown(l, "`%s` is of no draw", item);
  return true;
}

static bool read_claim(Ledger *l, Item *item) {
  const Claim *c = item->term->claim;
  if (c->kind != CLAIM_EXACT && c->kind != CLAIM_BOUND) {
    refuse(l, c->kind == CLAIM_NOTHING ? CLAIM_UNKNOWN : c->kind, c->why);
    if (l->claim.why == c->why) l->claim.weighed = c->weighed, l->claim.lo = c->lo, l->claim.hi = c->hi;
    return true;
  }
  const Piece *p = &c->piece[0];
  item->variables = p->variables;
  item->variable = NEW_ARRAY(l->e->arena, Variable, p->variables);
  memcpy(item->variable, p->variable, (size_t)p->variables * sizeof *p->variable);
  item->given = p->given;
  item->grey = p->grey;
  item->observed = true;
  if (!c->weight) l->weight = false;
  for (int i = 0; i < p->variables; i++) {
    const Reach *from = &item->variable[i].from;
    bool draw = from->n == 1 && from->of[0].kind == FROM_DRAW;
    item->variable[i].latent = draw && from->of[0].drawn->context >= l->context;
  }
  l->claim.logarithm = l->claim.logarithm || c->logarithm;
  l->claim.whole = l->claim.whole || c->whole;
  if (c->looser && !l->claim.looser) l->claim.looser = c->looser;
  if (c->draws > l->claim.draws) l->claim.draws = c->draws;
  return true;
}

// ---- the items

static void add_rest(Ledger *l, const struct Weighed *w, double lo, double hi) {
  double end[4] = {bounded_product(w->lo, lo), bounded_product(w->lo, hi), bounded_product(w->hi, lo),
                   bounded_product(w->hi, hi)};
  l->lo += fmin(fmin(end[0], end[1]), fmin(end[2], end[3]));
  l->hi += fmax(fmax(end[0], end[1]), fmax(end[2], end[3]));
}

// Terms of what all examples share count in units of their part for each example, 1 / examples: so the mean over all
// examples is that of the whole set. Of others such a part is a weight below 1.
static struct Weighed in_units(const struct Weighed *w) {
  struct Weighed unit = *w;
  bool shared = w->term->dist && w->term->dist->shared;
  if (shared && !w->share) unit.lo = w->lo < 0 ? -INFINITY : w->lo, unit.hi = w->hi > 0 ? INFINITY : w->hi;
  if (!shared && w->share) unit.lo = fmin(w->lo, 0), unit.hi = fmax(w->hi, 0);
  return unit;
}

static void add_item(Ledger *l, const struct Weighed *w) {
  if (w->term->kind == TERM_OTHER) {
    add_rest(l, w, w->term->lo, w->term->hi);
    l->lost = l->lost || ((w->lo != 0 || w->hi != 0) && was_spoken(l->e, &w->term->value));
  } else if (l->items == MAX_ITEMS) {
    refuse(l, CLAIM_UNKNOWN, "it has too many terms");
  } else {
    l->item[l->items++] =
        (Item){.term = w->term, .lo = w->lo, .hi = w->hi, .uneven = w->uneven, .by = w->by, .pays = -1};
  }
}

static void read_items(Ledger *l) {
  int n = 0;
  for (int i = 0; i < l->items; i++) {
    Item *item = &l->item[i];
    const Term *t = item->term;
    bool kept = true;
    if (t->kind == TERM_DENSITY) kept = read_density(l, item);
    if (t->kind == TERM_CLAIM) kept = read_claim(l, item);
    if (t->kind == TERM_BATCH) kept = read_batch(l, item);
    if (t->kind == TERM_KL) reach_parts(l->e, t->other, t->enumerated, &item->given);
    if (kept) {
      l->item[n++] = *item;
      continue;
    }
    double most = support_discrete(&t->dist->support) ? 0 : INFINITY;
    add_rest(l, &(struct Weighed){.lo = item->lo, .hi = item->hi}, -INFINITY, most);
  }
  l->items = n;
}

// Of a value that is to be held against the negative of a log density all signs are turned.
static bool orient(Ledger *l) {
  bool up = false, down = false;
  for (int i = 0; i < l->items; i++) {
    const Item *item = &l->item[i];
    if (!item->observed) continue;
    up = up || item->hi > 0, down = down || item->lo < 0;
    if (item->lo < 0 && item->hi > 0) unknown(l, "the sign of `%s` is not known", item);
  }
  if (up && down) refuse(l, CLAIM_UNKNOWN, "log densities of what is observed are added and taken off");
  l->claim.negative = down && !up;
  if (l->claim.negative) {
    for (int i = 0; i < l->items; i++) {
      double lo = l->item[i].lo;
      l->item[i].lo = -l->item[i].hi, l->item[i].hi = -lo;
    }
    double lo = l->lo;
    l->lo = -l->hi, l->hi = -lo;
  }
  return up || down;
}

// ---- the latents

static int latent_at(Ledger *l, const Drawn *d) {
  for (int i = 0; i < l->latents; i++)
    if (l->latent[i].drawn->node == d->node && l->latent[i].drawn->plates == d->plates) return i;
  return -1;
}

static void add_latents(Ledger *l, const Reach *r);

static void add_latent(Ledger *l, const Drawn *d) {
  if (d->context < l->context || latent_at(l, d) >= 0) return;
  if (l->latents == MAX_LATENTS) {
    refuse(l, CLAIM_UNKNOWN, "it has too many draws");
    return;
  }
  if (d->relaxed) {
    const char *of = d->dist && d->dist->variable ? d->dist->variable : "the draw";
    refuse(l, CLAIM_UNKNOWN, arena_format(l->e->arena, "`%s` is a relaxed draw", of));
  }
  int i = l->latents++;
  l->latent[i] = (Latent){.drawn = d, .group = i};
  if (d->dist) reach_parts(l->e, d->dist, d->enumerated, &l->latent[i].made_of);
  if (l->latent[i].made_of.hidden) refuse(l, CLAIM_UNKNOWN, "what a draw is made of cannot be followed");
  add_latents(l, &l->latent[i].made_of);
}

static void add_latents(Ledger *l, const Reach *r) {
  for (int i = 0; i < r->n; i++)
    if (r->of[i].kind == FROM_DRAW) add_latent(l, r->of[i].drawn);
}

static bool is_pair(const Drawn *a, const Dist *b) { return a->dist && same_distribution(a->dist, b); }

// Whose own density it is; of a divergence or entropy the first latent that was drawn from its first distribution and
// that nothing else pays for.
static int payee(const Ledger *l, const Item *item) {
  const Term *t = item->term;
  if (t->kind == TERM_CLAIM || t->kind == TERM_BATCH) return -1;
  for (int i = 0; i < l->latents; i++) {
    const Latent *z = &l->latent[i];
    if (!is_pair(z->drawn, t->dist)) continue;
    if (t->kind != TERM_DENSITY && !z->paid) return i;
    if (t->kind == TERM_DENSITY && item->variables == 1 && item->variable[0].latent &&
        item->variable[0].from.of[0].drawn == z->drawn)
      return i;
  }
  return -1;
}

// First the draws that densities hang on; then those that their divergences do.
static void find_latents(Ledger *l) {
  for (int i = 0; i < l->items; i++) {
    const Item *item = &l->item[i];
    for (int k = 0; k < item->variables; k++)
      if (item->variable[k].latent) add_latents(l, &item->variable[k].from);
    if (item->term->kind != TERM_KL) add_latents(l, &item->given);
  }
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < l->items; i++) {
      Item *item = &l->item[i];
      if ((item->term->kind == TERM_DENSITY) != (pass == 0)) continue;
      item->pays = payee(l, item);
      if (item->pays < 0) continue;
      l->latent[item->pays].paid = true;
      if (item->term->kind == TERM_KL) add_latents(l, &item->given);
    }
}

static int group_of(const Ledger *l, int i) {
  while (l->latent[i].group != i) i = l->latent[i].group;
  return i;
}

static int join_groups(Ledger *l, int group, const Reach *r) {
  for (int i = 0; i < r->n; i++) {
    int z = r->of[i].kind == FROM_DRAW ? latent_at(l, r->of[i].drawn) : -1;
    if (z < 0) continue;
    z = group_of(l, z);
    if (group >= 0) l->latent[z].group = group_of(l, group);
    group = group_of(l, z);
  }
  return group;
}

// -1: it hangs on no latent.
static int item_group(Ledger *l, const Item *item) {
  int group = item->pays >= 0 ? group_of(l, item->pays) : -1;
  for (int k = 0; k < item->variables; k++)
    if (item->variable[k].latent) group = join_groups(l, group, &item->variable[k].from);
  if (item->term->kind != TERM_KL || item->pays >= 0) group = join_groups(l, group, &item->given);
  return group;
}

static void find_groups(Ledger *l) {
  for (int i = 0; i < l->latents; i++) join_groups(l, i, &l->latent[i].made_of);
  for (int i = 0; i < l->items; i++) item_group(l, &l->item[i]);
}

// Does latent u hang on latent z, or is it z?
static bool descends(const Ledger *l, int u, int z, int depth) {
  if (u == z) return true;
  for (int i = 0; u >= 0 && depth && i < l->latent[u].made_of.n; i++) {
    const struct From *f = &l->latent[u].made_of.of[i];
    if (f->kind == FROM_DRAW && descends(l, latent_at((Ledger *)l, f->drawn), z, depth - 1)) return true;
  }
  return false;
}

// The mean over z alone of a density of z is meant: what it is given must not hang on z.
static void given_before(Ledger *l, const Item *item, const Reach *given, int z) {
  if (given->hidden) unknown(l, "what `%s` is made with cannot be followed", item);
  for (int i = 0; i < given->n; i++)
    if (given->of[i].kind == FROM_DRAW && descends(l, latent_at(l, given->of[i].drawn), z, MAX_LATENTS)) {
      unknown(l, "what `%s` is given hangs on its draw", item);
      return;
    }
}

// ---- what one latent has of densities

// What the mean over the latents is taken of: densities, each of variables given others.
typedef struct {
  const Item *item;  // NULL: a draw's own distribution, or the second one of its divergence
  int variables;
  const Variable *variable;
  const Reach *given;
  bool dropped;
} Factor;

typedef struct {
  Item *own, *cost, *batch;  // its own density; a divergence or entropy; an estimate over the batch
  Item *model[MAX_ITEMS];
  int models, batches;
} Account;

static void find_account(Ledger *l, int z, Account *a) {
  *a = (Account){0};
  for (int i = 0; i < l->items; i++) {
    Item *item = &l->item[i];
    bool about = false;
    for (int k = 0; k < item->variables; k++)
      about = about || (item->variable[k].latent && item->variable[k].from.of[0].drawn == l->latent[z].drawn);
    if (item->pays == z && item->term->kind == TERM_DENSITY)
      a->own = item;
    else if (item->pays == z)
      a->cost = item;
    else if (about && item->term->kind == TERM_BATCH)
      a->batch = item, a->batches++;
    else if (about)
      a->model[a->models++] = item;
  }
}

static const char *latent_name(const Latent *z) {
  return z->drawn->dist && z->drawn->dist->variable ? z->drawn->dist->variable : "the draw";
}

// Other draws of the same distribution may have what this one lacks.
static void lacks(Ledger *l, int z, const char *what) {
  int same = 0;
  for (int i = 0; i < l->latents; i++)
    same += l->latent[z].drawn->dist && is_pair(l->latent[i].drawn, l->latent[z].drawn->dist);
  refuse(l, same > 1 ? CLAIM_UNKNOWN : CLAIM_NONE, what);
}

// Log probabilities beside the one density that is needed are no more than 0.
static void drop_others(Ledger *l, const Account *a, const Item *kept) {
  for (int i = 0; i < a->models; i++) {
    Item *m = a->model[i];
    if (m == kept) continue;
    if (!m->discrete || m->variables > 1 || m->lo < -slack)
      unknown(l, "`%s` is one of two densities of one draw", m);
    else
      m->extra = true, loosen(l, "`%s` is added to it", m);
  }
}

static void settle_divergence(Ledger *l, int z, double scale, const Account *a) {
  Item *kl = a->cost;
  double lo = -kl->hi / scale, hi = -kl->lo / scale;
  const Drawn *at = kl->term->sampled ? draw_at(l->e, &kl->term->point, kl->term->enumerated) : NULL;
  if (hi < -slack)
    refuse(l, CLAIM_NONE, arena_format(l->e->arena, "`%s` is added to it", term_text(l->e, kl->term)));
  else if (lo < 1 - slack)
    weighed_apart(l, kl, scale);
  else if (kl->uneven && kl->term->sampled)
    weighed_apart(l, kl, scale);
  if (at != l->latent[z].drawn || !near(lo, 1) || !near(hi, 1)) l->weight = false;
  if (hi > 1 + slack) loosen(l, "`%s` is weighed by more than 1", kl);
  given_before(l, kl, &kl->given, z);
  drop_others(l, a, NULL);
}

static Item *with_weight(const Account *a, double scale, double weight) {
  for (int i = 0; i < a->models; i++)
    if (fixed(a->model[i]) && near(a->model[i]->lo / scale, weight)) return a->model[i];
  return NULL;
}

// A density of the draw under the model beside its own.
static void settle_pair(Ledger *l, int z, double scale, const Account *a) {
  Item *own = a->own ? a->own : a->cost;
  double paid = (a->own ? -own->hi : own->lo) / scale;
  if (!a->own) l->weight = false;
  if (!a->models) {
    lacks(l, z, arena_format(l->e->arena, "`%s` has no density under the model", latent_name(&l->latent[z])));
    return;
  }
  Item *model = with_weight(a, scale, paid);
  bool probability = a->model[0]->discrete && a->model[0]->lo / scale >= 1 - slack;
  if (!fixed(own) || (!near(paid, 1) && !(paid > 1 && model && a->models == 1 && model->variables == 1))) {
    weighed_apart(l, own, scale);
  } else if (!near(paid, 1)) {
    l->weight = false;
    given_before(l, model, &model->given, z);
    loosen(l, "`%s` is weighed by more than 1", own);
  } else if (model || probability) {
    if (!model) loosen(l, "`%s` is weighed by more than 1", a->model[0]);
    drop_others(l, a, model ? model : a->model[0]);
  } else {
    weighed_apart(l, a->model[0], scale);
  }
}

// A density under the model, and nothing of what it was drawn from: a log probability that is left out was no less
// than 0.
static void settle_unpaid(Ledger *l, int z, double scale, const Account *a) {
  const Drawn *d = l->latent[z].drawn;
  Item *model = with_weight(a, scale, 1);
  if (d->dist && !support_discrete(&d->dist->support))
    lacks(l, z, arena_format(l->e->arena, "what `%s` was drawn from is not taken off", latent_name(&l->latent[z])));
  else if (!model && !(a->model[0]->discrete && a->model[0]->lo / scale >= 1 - slack))
    weighed_apart(l, a->model[0], scale);
  else
    drop_others(l, a, model ? model : a->model[0]), loosen(l, "the cost of the draw in `%s` is left out", a->model[0]);
}

// The log density of a draw over all examples, estimated by those of the batch.
static void settle_batch(Ledger *l, double scale, const Account *a) {
  double weight = a->batch->lo / scale;
  bool one = a->batches == 1 && fixed(a->batch) && !a->cost;
  bool own = !a->own && near(weight, -1) && a->models == 1 && with_weight(a, scale, 1);
  bool model = a->own && fixed(a->own) && near(-a->own->lo / scale, 1) && near(weight, 1) && !a->models;
  if (!one || !(own || model)) refuse(l, CLAIM_NONE, "estimates over the batch are weighed apart");
  l->estimate = true;
  l->weight = false;
}

// What is left of a draw that the model itself makes, or of one whose divergence is told, is a factor.
static bool settle(Ledger *l, int z, double scale, Factor *f) {
  Account a;
  find_account(l, z, &a);
  const Latent *latent = &l->latent[z];
  bool plain = !a.own && !a.cost && !a.models && !a.batches, kl = a.cost && a.cost->term->kind == TERM_KL;
  if (!plain || !latent->drawn->all || latent->drawn->context != l->context) l->exact = false;
  if (a.batches)
    settle_batch(l, scale, &a);
  else if (kl)
    settle_divergence(l, z, scale, &a);
  else if (a.own || a.cost)
    settle_pair(l, z, scale, &a);
  else if (a.models)
    settle_unpaid(l, z, scale, &a);
  if (!plain && !kl) return false;
  Variable *v = NEW(l->e->arena, Variable);
  *v = (Variable){.node = latent->drawn->node, .name = latent_name(latent), .latent = true};
  v->from.of[v->from.n++] = (struct From){FROM_DRAW, latent->drawn->node, latent->drawn};
  *f = (Factor){.variables = 1, .variable = v, .given = kl ? &a.cost->given : &latent->made_of};
  return true;
}

// ---- factors

static bool meet(const Reach *a, const Reach *b) {
  for (int i = 0; i < a->n; i++)
    for (int k = 0; k < b->n; k++)
      if (a->of[i].node == b->of[k].node) return true;
  return false;
}

bool covers(int n, const Variable *v, const Reach *r) {
  for (int i = 0; i < n; i++)
    if (meet(&v[i].from, r)) return true;
  return false;
}

static bool overlap(const Factor *a, const Factor *b) {
  for (int i = 0; i < b->variables; i++)
    if (covers(a->variables, a->variable, &b->variable[i].from)) return true;
  return false;
}

static bool in_circle(const Factor *f, int n, int at, int *state) {
  state[at] = 1;
  for (int i = 0; i < n; i++) {
    if (f[i].dropped || !covers(f[i].variables, f[i].variable, f[at].given)) continue;
    if (state[i] == 1 || (!state[i] && in_circle(f, n, i, state))) return true;
  }
  state[at] = 2;
  return false;
}

// Each variable has one density, and none is given what is made of it: then they are a joint density.
static bool is_joint_density(Ledger *l, int n, Factor *f) {
  int *state = NEW_ARRAY(l->e->arena, int, n + 1);
  for (int i = 0; i < n; i++)
    for (int k = i + 1; k < n; k++) {
      if (f[i].dropped || f[k].dropped || !overlap(&f[i], &f[k])) continue;
      Factor *out = f[k].item && f[k].item->discrete ? &f[k] : &f[i];
      if (!out->item || !out->item->discrete || out->item->grey || out->variables > 1) return false;
      out->dropped = true;
      loosen(l, "`%s` is added to it", out->item);
    }
  for (int i = 0; i < n; i++)
    if (!f[i].dropped && !state[i] && in_circle(f, n, i, state)) return false;
  return true;
}

// ---- what it all is a density of

static const char *circle_text(Ledger *l, int n, const Factor *f) {
  for (int i = 0; i < n; i++)
    if (f[i].item && overlap(&f[i], &(Factor){.variables = 1, .variable = &(Variable){.from = *f[i].given}}))
      return arena_format(l->e->arena, "in `%s` it is given what it is the density of",
                          term_text(l->e, f[i].item->term));
  return "its densities are given one another, or one value has two: they are no joint density";
}

static void join_outer(const Ledger *l, Reach *into, const Reach *r) {
  Reach outer = {.hidden = r->hidden};
  for (int i = 0; i < r->n; i++)
    if (r->of[i].kind != FROM_DRAW || r->of[i].drawn->context < l->context) outer.of[outer.n++] = r->of[i];
  reach_join(into, &outer);
}

// The latents are gone; what remains of the rest is given.
static void add_piece(Ledger *l, double scale, int n, const Factor *f) {
  Piece *p = &l->piece[l->pieces++];
  int room = 1;
  for (int i = 0; i < n; i++) room += f[i].variables;
  *p = (Piece){.scale = scale, .variable = NEW_ARRAY(l->e->arena, Variable, room)};
  for (int i = 0; i < n; i++) {
    if (f[i].dropped) continue;
    for (int k = 0; k < f[i].variables; k++)
      if (!f[i].variable[k].latent) p->variable[p->variables++] = f[i].variable[k];
    join_outer(l, &p->given, f[i].given);
    if (!f[i].item || !f[i].item->grey) continue;
    p->grey = f[i].item->grey;
    if (n > 1 || f[i].item->term->kind != TERM_DENSITY || f[i].item->term->dist->kind != &formula_kind)
      l->exact = false;
  }
  for (int i = 0; i < n && p->grey; i++)
    if (covers(p->variables, p->variable, f[i].given)) refuse(l, CLAIM_UNKNOWN, "grey levels are given something else");
}

// The factor common to the densities of what is observed; log probabilities may have a greater one. 0 after refusing.
static double scale_of(Ledger *l, int n, Item *const *item) {
  double scale = 0, least = INFINITY;
  for (int i = 0; i < n; i++) {
    if (!item[i]->observed) continue;
    bool probability = item[i]->discrete && !item[i]->uneven && item[i]->lo > 0;
    if (probability)
      least = fmin(least, item[i]->lo);
    else if (fixed(item[i]))
      scale = fmax(scale, item[i]->lo);
    else
      return weighed_apart(l, item[i], 1), 0;
  }
  if (scale == 0) scale = isinf(least) ? 0 : least;
  for (int i = 0; i < n; i++) {
    if (!item[i]->observed) continue;
    if (item[i]->lo < scale * (1 - slack)) return weighed_apart(l, item[i], scale), 0;
    if (item[i]->hi > scale * (1 + slack)) loosen(l, "`%s` is weighed by more than the rest", item[i]);
  }
  return scale;
}

// Terms that speak of latents which hang together.
static void resolve_group(Ledger *l, int group) {
  Item *item[MAX_ITEMS];
  Factor f[MAX_FACTORS];
  int items = 0, n = 0;
  for (int i = 0; i < l->items; i++)
    if (item_group(l, &l->item[i]) == group) item[items++] = &l->item[i];
  double scale = scale_of(l, items, item);
  bool observed = scale > 0;
  for (int i = 0; i < items && !observed; i++) scale = fmax(scale, fabs(item[i]->lo));
  if (l->claim.kind != CLAIM_NOTHING || scale == 0) return;
  for (int z = 0; z < l->latents; z++)
    if (group_of(l, z) == group) n += settle(l, z, scale, &f[n]);
  for (int i = 0; i < items; i++)
    if (item[i]->pays < 0 && !item[i]->extra && item[i]->term->kind != TERM_BATCH)
      f[n++] = (Factor){item[i], item[i]->variables, item[i]->variable, &item[i]->given, false};
  if (l->claim.kind != CLAIM_NOTHING) return;
  if (!is_joint_density(l, n, f)) {
    refuse(l, CLAIM_UNKNOWN, circle_text(l, n, f));
    return;
  }
  if (observed) add_piece(l, scale, n, f);
  if (!near(scale, 1)) l->weight = false;
}

// A term that hangs on no latent.
static void resolve_single(Ledger *l, Item *item) {
  Factor f = {item, item->variables, item->variable, &item->given, false};
  if (item->term->kind == TERM_DENSITY || item->term->kind == TERM_CLAIM) {
    if (!fixed(item)) {
      unknown(l, "the weight of `%s` is not known", item);
    } else if (!is_joint_density(l, 1, &f)) {
      refuse(l, CLAIM_UNKNOWN, circle_text(l, 1, &f));
    } else {
      add_piece(l, item->lo, 1, &f);
      if (!near(item->lo, 1)) l->weight = false;
    }
  } else if (item->term->kind == TERM_KL && item->hi <= slack) {
    if (item->term->sampled) l->weight = false;
    loosen(l, "`%s` is taken off it", item);
  } else if (item->term->kind == TERM_KL) {
    refuse(l, item->lo >= -slack ? CLAIM_NONE : CLAIM_UNKNOWN,
           arena_format(l->e->arena, "`%s` is added to it", term_text(l->e, item->term)));
  } else if (item->term->kind == TERM_ENTROPY && item->hi <= slack && support_discrete(&item->term->dist->support)) {
    loosen(l, "`%s` is taken off it", item);
  } else {
    unknown(l, "`%s` stands for no draw", item);
  }
}

// Densities of different things, none given another in a circle, are one density of them all.
static void join_pieces(Ledger *l) {
  Factor f[MAX_ITEMS];
  if (l->pieces < 2) return;
  for (int i = 0; i < l->pieces; i++) {
    f[i] = (Factor){NULL, l->piece[i].variables, l->piece[i].variable, &l->piece[i].given, false};
    if (!near(l->piece[i].scale, l->piece[0].scale) || l->piece[i].grey) return;
  }
  if (!is_joint_density(l, l->pieces, f)) return;
  int n = l->pieces;
  double scale = l->piece[0].scale;
  l->pieces = 0;
  add_piece(l, scale, n, f);
}

static void settle_rest(Ledger *l) {
  if (l->hi > nothing) {
    bool never = l->lo >= -nothing;
    refuse(l, never ? CLAIM_NONE : CLAIM_UNKNOWN,
           never ? "something that is never less than 0 is added to it" : "something of either sign is added to it");
  } else if (l->lo < -nothing) {
    l->exact = false;
    if (!l->claim.looser) l->claim.looser = "something that is never more than 0 is added to it";
  }
}

// ---- posteriors

static bool is_drawn_from(const Ledger *l, const Dist *d) {
  int i = 0;
  while (i < l->latents && !is_pair(l->latent[i].drawn, d)) i++;
  return i < l->latents;
}

// Of the model's own posterior of a draw, taken off where the draw is of another distribution, or second in a
// divergence that is added, nothing is concluded: log p(x) is log p(x, z) - log p(z | x) for any z, and a bound and
// kl(q(z | x) || p(z | x)).
static void look_for_posteriors(Ledger *l) {
  for (int i = 0; i < l->items; i++) {
    const Item *item = &l->item[i];
    const Term *t = item->term;
    bool taken = t->kind == TERM_DENSITY && t->dist->posterior && item->lo < 0 && item->pays < 0;
    bool added = t->kind == TERM_KL && t->other->posterior && item->hi > 0 && is_drawn_from(l, t->dist);
    if (taken || added) unknown(l, "what the posterior in `%s` makes up for is not known", item);
  }
}

// ---- the whole

const char *const lost = "log densities stand in what cannot be followed as a sum";

// Given what all examples share they are independent: of their densities as one, which no mean over each is.
static void look_for_shared(Ledger *l) {
  for (int z = 0; z < l->latents; z++) {
    const Dist *d = l->latent[z].drawn->dist;
    if (!d || !d->shared) continue;
    l->weight = false;
    l->claim.whole = true;
    if (!l->logarithm) continue;
    const char *why = "`%s` is shared, and the mean of exponentials is each example's";
    refuse(l, CLAIM_UNKNOWN, arena_format(l->e->arena, why, latent_name(&l->latent[z])));
  }
}

static void conclude(Ledger *l) {
  bool observed = orient(l);
  find_latents(l);
  look_for_shared(l);
  find_groups(l);
  look_for_posteriors(l);
  bool clear = observed && l->claim.kind == CLAIM_NOTHING;
  for (int z = 0; z < l->latents && clear; z++)
    if (group_of(l, z) == z) resolve_group(l, z);
  for (int i = 0; i < l->items && clear; i++)
    if (item_group(l, &l->item[i]) < 0) resolve_single(l, &l->item[i]);
  Claim *c = &l->claim;
  if (observed)
    settle_rest(l);
  else if (l->lost)
    refuse(l, CLAIM_UNKNOWN, lost);
  if (!observed || c->kind != CLAIM_NOTHING) return;
  for (int i = 0; i < l->items; i++)
    l->exact = l->exact && !(l->item[i].term->kind == TERM_CLAIM && l->item[i].term->claim->kind != CLAIM_EXACT);
  if (l->latents && !l->logarithm) l->exact = false;
  join_pieces(l);
  c->kind = l->exact ? CLAIM_EXACT : l->estimate ? CLAIM_ESTIMATE : CLAIM_BOUND;
  c->weight = l->weight && !c->negative;
  c->pieces = l->pieces;
  Piece *kept = NEW_ARRAY(l->e->arena, Piece, l->pieces + 1);
  memcpy(kept, l->piece, (size_t)l->pieces * sizeof *kept);
  c->piece = kept;
}

Claim claim_of(Elab *e, const Terms *t, int context, bool logarithm, double epoch) {
  Arena *scratch = arena_open(e->arena);
  Ledger *l = NEW(scratch, Ledger);
  *l = (Ledger){.e = e, .context = context, .lo = t->lo, .hi = t->hi, .exact = true, .weight = true};
  l->logarithm = logarithm;
  t = joined_terms(e, t);
  for (int i = 0; i < t->n; i++) {
    struct Weighed unit = in_units(&t->of[i]);
    add_item(l, &unit);
  }
  for (int i = 0; i < l->items && epoch > 0; i++) bound_from(e, &l->item[i], epoch);
  read_items(l);
  conclude(l);
  Claim c = l->claim;
  arena_close(scratch);
  return c;
}
