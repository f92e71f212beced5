// Warnings about objectives and metrics that are not what they seem. Part of the elaborator.
//
// What is looked at is a bound on the log likelihood, or what has the looks of one: log densities of data, and
// divergences of the latents that were drawn for them, as the terms of one value (elaborate_terms.c). No name counts
// but those by which a value promises to be a bound.
#include "elaborate/elaborate.h"

#include <string.h>
#include <strings.h>

typedef struct Word {
  DiagnosticCode code;
  Span where;
  struct Word *next;
} Word;

bool word_is_new(Elab *e, DiagnosticCode code, Span where) {
  Span user = user_span(e, where);
  for (const Word *w = e->said; w; w = w->next)
    if (w->code == code && w->where.file == user.file && w->where.begin == user.begin) return false;
  Word *w = NEW(e->arena, Word);
  *w = (Word){code, user, e->said};
  e->said = w;
  return true;
}

static const char *const promises[] = {"elbo", "iwae", "nll", "bound", "likelihood"};

static bool promises_bound(const char *name) {
  for (size_t i = 0; i < sizeof promises / sizeof *promises; i++)
    if (!strcasecmp(promises[i], name)) return true;
  return false;
}

// ---- what a term is about

// How a value was drawn, or NULL.
static const Drawn *draw_of(const Elab *e, const Value *v) {
  const Drawn *d = v->kind == V_TENSOR ? e->drawn : NULL;
  while (d && d->node != v->node) d = d->next;
  return d;
}

static bool drawn_from(const Elab *e, const Value *v, const Dist *dist) {
  return same_distribution(draw_of(e, v)->dist, dist);
}

// The draw that a divergence or the density of a draw speaks of, or NULL.
static const Value *latent_of(const Elab *e, const Term *t) {
  const Value *v = t->kind == TERM_DENSITY                     ? &t->point
                   : t->kind == TERM_KL && t->dist->has_point  ? &t->dist->point
                   : t->kind == TERM_KL && t->other->has_point ? &t->other->point
                                                               : NULL;
  return v && draw_of(e, v) ? v : NULL;
}

static bool is_likelihood(const Elab *e, const Term *t) { return t->kind == TERM_DENSITY && !latent_of(e, t); }

// KL(q || .), or log q at a draw of q.
static bool is_divergence(const Elab *e, const Term *t) {
  if (t->kind != TERM_DENSITY) return t->kind == TERM_KL;
  const Value *z = latent_of(e, t);
  return z && drawn_from(e, z, t->dist);
}

static const char *latent_name(const Term *t) { return t->dist->variable ? t->dist->variable : "the draw"; }

// ---- a value that looks like a bound

typedef struct {
  const char *name;
  const Terms *terms;
  int sign;  // of its log densities of data: 1, or -1 for a bound that is minimised
} Bound;

// False if there are no such densities, or the signs of some are not known or differ.
static bool find_bound(const Elab *e, Bound *b) {
  for (int i = 0; i < b->terms->n; i++) {
    const struct Weighed *w = &b->terms->of[i];
    if (!is_likelihood(e, w->term)) continue;
    int sign = w->lo > 0 ? 1 : w->hi < 0 ? -1 : 0;
    if (!sign || (b->sign && b->sign != sign)) return false;
    b->sign = sign;
  }
  return b->sign != 0;
}

// A divergence in such a value, and the draws it is about.
typedef struct {
  const struct Weighed *weighed;
  const Term *term;
  const Value *z;     // the draw it speaks of, or NULL
  const Dist *from;   // what that was drawn from; without a draw, the first distribution
  bool own;           // and that is the first distribution
  const bool *hangs;  // which nodes hang on a draw from there, any of them; NULL if nothing was drawn
  bool heard;         // do log densities of data?
} Divergence;

// As on the five of mean(5) { z ~ q(z | x) ... }.
static const bool *hanging(Arena *a, const Elab *e, const Dist *dist) {
  bool *hangs = NULL;
  for (const Drawn *d = e->drawn; d; d = d->next) {
    if (!same_distribution(d->dist, dist) || !graph_owns(e->graph, d->node)) continue;
    if (!hangs) hangs = NEW_ARRAY(a, bool, e->graph->count);
    hangs[d->node->id] = true;
  }
  for (int id = 0; hangs && id < e->graph->count; id++) {
    const Node *n = e->graph->node[id];
    for (int i = 0; i < n->arity && !hangs[id]; i++) hangs[id] = hangs[n->in[i]->id];
  }
  return hangs;
}

static Divergence divergence_of(Arena *a, const Elab *e, const Bound *b, const struct Weighed *w) {
  const Term *t = w->term;
  const Value *z = latent_of(e, t);
  Divergence d = {.weighed = w, .term = t, .z = z, .from = z ? draw_of(e, z)->dist : t->dist};
  d.own = same_distribution(d.from, t->dist);
  d.hangs = hanging(a, e, d.from);
  for (int i = 0; i < b->terms->n && d.hangs && !d.heard; i++) {
    const Term *u = b->terms->of[i].term;
    d.heard = is_likelihood(e, u) && d.hangs[u->value.node->id];
  }
  return d;
}

// Added where it should be subtracted. A density of a draw only where its weight is a plain number: others are weights
// of estimators.
static bool check_sign(Elab *e, const Bound *b, const Divergence *d) {
  const Term *t = d->term;
  const struct Weighed *w = d->weighed;
  bool added = b->sign > 0 ? w->lo > 0 : w->hi < 0, counts = d->heard || (t->kind == TERM_KL && !d->hangs);
  if (!added || !counts || (t->kind == TERM_DENSITY && w->lo != w->hi)) return true;
  if (t->kind == TERM_KL && t->other->posterior) return true;  // it may make up for what a bound lacks
  if (warn_once(e, W0711, t->value.span, b->name, term_text(e, t)))
    report_help(e->sources, "%s", "a bound is log p(x | z) - kl(q(z | x) || prior(z))");
  return false;
}

// Log densities of data hang on the draw, and this divergence is of another distribution.
static bool check_draw(Elab *e, const Bound *b, const Divergence *d) {
  const Term *t = d->term;
  if (d->own || !d->heard) return true;
  for (int i = 0; i < b->terms->n; i++) {  // unless its own is counted too
    const Term *u = b->terms->of[i].term;
    if (is_divergence(e, u) && same_distribution(u->dist, d->from)) return true;
  }
  if (same_distribution(d->from, t->other) && (!t->dist->net || t->other->net)) {
    if (warn_once(e, W0712, t->value.span, term_text(e, t), latent_name(t)))
      report_help(e->sources, "%s", "what it was drawn from stands first, as in kl(q(z | x) || prior(z))");
  } else if (warn_once(e, W0713, t->value.span, latent_name(t), term_text(e, t))) {
    report_note(e->sources, user_span(e, draw_of(e, d->z)->where), "it was drawn here");
  }
  return false;
}

// The network whose body is to use the draw, and does not: one that takes an input of its name.
static const Ast *idle_net(const Elab *e, const Bound *b, const char *variable) {
  for (int i = 0; i < b->terms->n; i++) {
    const Term *t = b->terms->of[i].term;
    if (!is_likelihood(e, t) || !t->dist->net) continue;
    for (const Ast *in = t->dist->net->b; in; in = in->next)
      if (!strcmp(in->name, variable)) return t->dist->net;
  }
  return NULL;
}

// What all examples share costs each of them a part.
static bool check_share(Elab *e, const Divergence *d) {
  const Term *t = d->term;
  if (!t->dist->shared || d->weighed->share) return true;
  const char *text = term_text(e, t);
  if (warn_once(e, W0791, t->value.span, text, latent_name(t))) report_help(e->sources, "write `%s / examples`", text);
  return false;
}

static bool check_used(Elab *e, const Bound *b, const Divergence *d) {
  const Term *t = d->term;
  if (!d->z || !d->own) return true;
  for (int i = 0; i < b->terms->n; i++) {
    const Term *u = b->terms->of[i].term;
    const Value *of = latent_of(e, u);
    if (of && drawn_from(e, of, d->from) && !u->dist->posterior) continue;
    if (d->hangs[u->value.node->id]) return true;
  }
  if (!warn_once(e, W0714, t->value.span, b->name, term_text(e, t), latent_name(t))) return false;
  const Ast *net = idle_net(e, b, latent_name(t));
  if (net) report_note(e->sources, net->span, "`%s` takes `%s`, and does not use it", net->name, latent_name(t));
  return false;
}

static bool check_divergence(Elab *e, const Bound *b, const struct Weighed *w) {
  Arena *scratch = arena_open(e->arena);
  Divergence d = divergence_of(scratch, e, b, w);
  bool good = check_sign(e, b, &d) && check_draw(e, b, &d) && check_share(e, &d) && check_used(e, b, &d);
  arena_close(scratch);
  return good;
}

static const Terms *with_blocks(Elab *e, const Terms *t) {
  const Terms *all = NULL;
  for (int i = 0; i < t->n; i++) {
    const struct Weighed *w = &t->of[i];
    const Terms *of = w->term->kind == TERM_CLAIM ? w->term->of : NULL;
    all = sum_terms(e, all, of ? scale_terms(e, with_blocks(e, of), w->lo, w->hi) : weighed_term(e, w));
    if (!all) break;
  }
  return all;
}

const Terms *opened_terms(Elab *e, const Terms *t) {
  const Terms *all = with_blocks(e, t);
  return all ? joined_terms(e, all) : NULL;
}

static bool check_terms(Elab *e, const char *name, const Terms *t) {
  Bound b = {.name = name, .terms = t};
  bool good = true;
  if (!find_bound(e, &b)) return true;
  for (int i = 0; i < t->n; i++)
    if (is_divergence(e, t->of[i].term)) good = check_divergence(e, &b, &t->of[i]) && good;
  return good;
}

// What a name promises, the value must keep: without a word where it is not known whether it does.
static void check_promise(Elab *e, const char *name, const Claim *c, Span where) {
  if (!promises_bound(name) || (c->kind != CLAIM_NONE && c->kind != CLAIM_ESTIMATE)) return;
  const Decl *d = find_measured(e, name);
  if (!c->weighed) {
    warn_once(e, W0716, d ? d->ast->span : where, name,
              c->kind == CLAIM_ESTIMATE ? "it is estimated over the batch" : c->why);
    return;
  }
  const char *weight = weight_text(e->arena, c->lo, c->hi);
  if (warn_once(e, W0715, c->weighed->value.span, name, term_text(e, c->weighed), weight))
    report_help(e->sources, "give it another name, and measure the bound beside it: `metric bound` without the weight");
}

const char *check_words(Elab *e, const char *name, Value v, Span where) {
  const Terms *t = v.kind == V_TENSOR && v.terms ? opened_terms(e, v.terms) : NULL;
  bool good = !t || check_terms(e, name, t);
  if (e->training) return NULL;  // weights have moved: what stands behind them is no part of the value
  Claim c = claim_about(e, v);
  if (good) check_promise(e, name, &c, where);
  Decl *d = find_measured(e, name);
  if (d) d->better = better_by(&c);
  return declare_claim(e, name, &c, where);
}
