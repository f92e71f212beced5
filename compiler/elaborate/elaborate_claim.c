// What aggregates make of what is known of their blocks, and what is said of objectives and metrics: see
// elaborate_ledger.c. Part of the elaborator.
#include "elaborate/elaborate_ledger.h"

#include <math.h>

// ---- aggregates

static const char *no_weight =
    "the mean is taken of exponentials of what is no log weight: divergences and entropies are to be densities there";

// What is known of a block's value where more than a sum is made of it.
static Claim *block_claim(Elab *e, const Terms *t, const Block *b) {
  Claim *c = NEW(e->arena, Claim);
  *c = (Claim){.kind = CLAIM_UNKNOWN, .why = "it is evaluated for each other example of the batch"};
  if (!e->training && !e->others) *c = claim_of(e, t, e->context, b->logarithm, 0);
  bool known = c->kind == CLAIM_EXACT || c->kind == CLAIM_BOUND;
  const char *why = c->kind == CLAIM_NOTHING                                 ? "nothing observed has a density in it"
                    : c->kind == CLAIM_ESTIMATE || (known && c->pieces != 1) ? "an aggregate of what is no one bound"
                    : known && b->logarithm && !c->weight                    ? no_weight
                                                                             : NULL;
  if (why) *c = (Claim){.kind = CLAIM_UNKNOWN, .why = why};
  if (b->logarithm && c->kind == CLAIM_BOUND) c->draws = fmax(c->draws, b->places);
  c->logarithm = c->logarithm || b->logarithm;
  return c;
}

const Terms *block_terms(Elab *e, const Block *b) {
  const Terms *t = b->v.terms, *inside = NULL, *outside;
  Terms *constants = arena_alloc(e->arena, 1, sizeof *constants);
  constants->lo = t->lo, constants->hi = t->hi;
  outside = constants;
  for (int i = 0; i < t->n && outside; i++) {
    bool differs = b->in_turns || t->of[i].term->value.plates & plate_bit(b->plate);
    const Terms **into = differs ? &inside : &outside;
    *into = sum_terms(e, *into, weighed_term(e, &t->of[i]));
  }
  if (!inside || !outside) return outside;
  if (!speaks(inside)) return NULL;
  const Claim *c = block_claim(e, inside, b);
  double scale = (c->pieces ? c->piece[0].scale : 1) * (c->negative ? -1 : 1);
  const Terms *claim = claim_term(e, b->v, c, b->in_turns ? NULL : inside);
  return sum_terms(e, outside, scale_terms(e, claim, scale, scale));
}

// Over the batch a divergence in closed form has the same mean as at each example; of the log of a mean of densities of
// one draw it is known what they estimate.
const Terms *batch_terms(Elab *e, const Block *b) {
  const Terms *t = b->v.terms, *sum = NULL;
  if (t->lo != 0 || t->hi != 0) return NULL;
  if (b->logarithm) {
    const Term *d = t->n == 1 && t->of[0].lo == 1 && t->of[0].hi == 1 ? t->of[0].term : NULL;
    bool one = d && d->kind == TERM_DENSITY && d->point.kind == V_TENSOR;
    return one && !(d->point.plates & plate_bit(b->plate)) ? batch_term(e, b->v, d) : NULL;
  }
  for (int i = 0; i < t->n; i++) {
    const Term *k = t->of[i].term;
    if (k->kind != TERM_KL || k->sampled || t->of[i].uneven) return NULL;
    Term own = *k;
    own.dist = rename_distribution(e, k->dist, b->plate, 0);
    own.other = rename_distribution(e, k->other, b->plate, 0);
    struct Weighed w = t->of[i];
    w.term = one_term(e, own)->of[0].term;
    sum = sum_terms(e, sum, weighed_term(e, &w));
  }
  return sum;
}

// ---- in words

// The columns that it is given.
static void add_given(Text *t, const Elab *e, const Piece *p) {
  int n = 0;
  for (int i = 0; i < p->given.n; i++) {
    Reach one = {.n = 1, .of = {p->given.of[i]}};
    const char *name = column_name(e, p->given.of[i].node);
    if (p->given.of[i].kind != FROM_COLUMN || covers(p->variables, p->variable, &one)) continue;
    text_add(t, "%s%s", n++ ? ", " : " | ", name ? name : "data");
  }
}

static const char *piece_text(Elab *e, const Piece *p) {
  Text t = text_new(e->arena);
  if (!near(p->scale, 1)) text_add(&t, "%.6g ", p->scale);
  text_add(&t, "log p(");
  for (int i = 0; i < p->variables; i++) text_add(&t, "%s%s", i ? ", " : "", p->variable[i].name);
  add_given(&t, e, p);
  text_add(&t, ")");
  return t.data;
}

static const char *target_text(Elab *e, const Claim *c) {
  Text t = text_new(e->arena);
  const Support *grey = NULL;
  const char *sign = c->negative ? "-" : "";
  for (int i = 0; i < c->pieces; i++) {
    text_add(&t, "%s%s", i ? c->negative ? " - " : " + " : sign, piece_text(e, &c->piece[i]));
    if (c->piece[i].grey) grey = c->piece[i].grey;
  }
  if (c->whole) text_add(&t, " of all examples together, a part for each");
  if (grey) text_add(&t, ", in the mean over data in %s that are drawn by the levels", support_text(e, grey));
  return t.data;
}

static const char *claim_text(Elab *e, const Claim *c) {
  const char *target = c->pieces ? target_text(e, c) : "", *side = c->negative ? "an upper" : "a lower";
  const char *tighter = c->draws > 1 ? arena_format(e->arena, "; more draws than %.0f make it tighter", c->draws) : "";
  const char *looser = c->looser ? arena_format(e->arena, "; looser, since %s", c->looser) : "";
  switch (c->kind) {
    case CLAIM_EXACT: return arena_format(e->arena, "%s, exactly", target);
    case CLAIM_BOUND: return arena_format(e->arena, "%s bound of %s%s%s", side, target, tighter, looser);
    case CLAIM_ESTIMATE: return arena_format(e->arena, "a biased estimate of %s bound of %s", side, target);
    case CLAIM_NONE:
      return c->from ? arena_format(e->arena, "no bound of log p before epoch %.0f: %s", c->from, c->why)
                     : arena_format(e->arena, "no bound of log p: %s", c->why);
    case CLAIM_UNKNOWN: return arena_format(e->arena, "not known to bound log p: %s", c->why);
    case CLAIM_NOTHING: break;
  }
  return "no likelihood: it holds no log density of data";
}

static const char *claim_word(Elab *e, const Claim *c) {
  const char *side = c->negative ? "upper bound" : "lower bound";
  switch (c->kind) {
    case CLAIM_EXACT: return "exact";
    case CLAIM_BOUND: return side;
    case CLAIM_ESTIMATE: return "biased estimate";
    case CLAIM_NONE: return c->from ? arena_format(e->arena, "%s from epoch %.0f on", side, c->from) : "no bound";
    case CLAIM_UNKNOWN: return "not known";
    case CLAIM_NOTHING: break;
  }
  return NULL;
}

// Where weights grow with the epochs, it is a bound from some epoch on, if nothing else stands against it then.
static Claim claim_over_epochs(Elab *e, const Terms *t) {
  Claim first = claim_of(e, t, 0, false, 0), c = first;
  double from = 0;
  while (c.kind == CLAIM_NONE && c.from > from) from = c.from, c = claim_of(e, t, 0, false, from);
  first.from = c.kind == CLAIM_BOUND ? from : 0;
  return first;
}

// Examples that meet are a joint density of the batch, of which the mean is a bound. Of means of exponentials that is
// not so: each example has its own, of draws that the others do not share.
Claim claim_about(Elab *e, Value v) {
  Claim c = {.kind = CLAIM_NOTHING};
  if (v.terms)
    c = claim_over_epochs(e, v.terms);
  else if (was_spoken(e, &v))
    c = (Claim){.kind = CLAIM_UNKNOWN, .why = lost};
  if (c.logarithm && c.kind == CLAIM_BOUND && graph_coupled(e->graph, v.node, e->plate[0]))
    c = (Claim){.kind = CLAIM_UNKNOWN, .why = "examples of the batch meet where the mean of exponentials is taken"};
  return c;
}

int better_by(const Claim *c) {
  bool known = c->kind == CLAIM_EXACT || c->kind == CLAIM_BOUND || c->kind == CLAIM_ESTIMATE;
  return !known ? 0 : c->negative ? -1 : 1;
}

const char *declare_claim(Elab *e, const char *name, const Claim *c, Span where) {
  const Decl *d = find_measured(e, name);
  bool metric = d && d->ast->kind == AST_METRIC;
  if (c->kind != CLAIM_NOTHING || !metric) finding(e, "claim", where, "%s: %s", name, claim_text(e, c));
  return claim_word(e, c);
}
