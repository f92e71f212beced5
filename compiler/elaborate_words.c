// Warnings about objectives and metrics that are not what they seem. Part of the elaborator.
//
// What is looked at is a bound on the log likelihood, or what has the looks of one: log densities of data, and
// divergences of the latents that were drawn for them, as the terms of one value (elaborate_terms.c). No name counts
// but those by which a value promises to be a bound.
#include "elaborate.h"

#include <math.h>
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

static bool depends(const Elab *e, const Term *t, const Value *z) {
  return graph_depends(e->graph, t->value.node, z->node);
}

// The same of any draw from the distribution, as the five of mean(5) { z ~ q(z | x) ... }.
static bool depends_on_draws(const Elab *e, const Term *t, const Dist *dist) {
  for (const Drawn *d = e->drawn; d; d = d->next)
    if (same_distribution(d->dist, dist) && graph_depends(e->graph, t->value.node, d->node)) return true;
  return false;
}

static const char *latent_name(const Term *t) { return t->dist->variable ? t->dist->variable : "the draw"; }

// ---- a value that looks like a bound

typedef struct {
  const char *name;
  const Terms *terms;
  int sign;       // of its log densities of data: 1, or -1 for a bound that is minimised
  double weight;  // the greatest of theirs
} Bound;

// False if there are no such densities, or the signs of some are not known or differ.
static bool find_bound(const Elab *e, Bound *b) {
  for (int i = 0; i < b->terms->n; i++) {
    const Term *t = &b->terms->term[i];
    if (!is_likelihood(e, t)) continue;
    int sign = t->lo > 0 ? 1 : t->hi < 0 ? -1 : 0;
    if (!sign || (b->sign && b->sign != sign)) return false;
    b->sign = sign;
    b->weight = fmax(b->weight, fmax(fabs(t->lo), fabs(t->hi)));
  }
  return b->sign != 0;
}

// A divergence that is added; a density of a draw only where its weight is a plain number, for others are the weights
// of estimators.
static bool is_added(const Bound *b, const Term *t) {
  bool added = b->sign > 0 ? t->lo > 0 : t->hi < 0;
  return added && (t->kind == TERM_KL || t->lo == t->hi);
}

// Does a log density of data depend on the draw, and is no divergence of the draw's own counted?
static bool unpaid(const Elab *e, const Bound *b, const Value *z) {
  bool used = false;
  for (int i = 0; i < b->terms->n; i++) {
    const Term *t = &b->terms->term[i];
    const Value *of = latent_of(e, t);
    if (of && of->node == z->node && is_divergence(e, t) && drawn_from(e, z, t->dist)) return false;
    used = used || (is_likelihood(e, t) && depends(e, t, z));
  }
  return used;
}

static void check_draw(Elab *e, const Bound *b, const Term *t) {
  const Value *z = latent_of(e, t);
  if (t->kind != TERM_KL || !z || drawn_from(e, z, t->dist) || !unpaid(e, b, z)) return;
  bool second = drawn_from(e, z, t->other);
  if (second && (!t->dist->net || t->other->net)) {
    if (warn_once(e, W0712, t->value.span, term_text(e, t), latent_name(t)))
      report_help(e->sources, "%s", "what it was drawn from stands first, as in kl(q(z | x) || prior(z))");
  } else if (warn_once(e, W0713, t->value.span, latent_name(t), term_text(e, t))) {
    report_note(e->sources, user_span(e, draw_of(e, z)->where), "it was drawn here");
  }
}

// The network whose body is to use the draw, and does not: one that takes an input of its name.
static const Ast *idle_net(const Elab *e, const Bound *b, const char *variable) {
  for (int i = 0; i < b->terms->n; i++) {
    const Term *t = &b->terms->term[i];
    if (!is_likelihood(e, t) || !t->dist->net) continue;
    for (const Ast *in = t->dist->net->b; in; in = in->next)
      if (!strcmp(in->name, variable)) return t->dist->net;
  }
  return NULL;
}

static void check_used(Elab *e, const Bound *b, const Term *t) {
  const Value *z = latent_of(e, t);
  if (!z || !drawn_from(e, z, t->dist)) return;
  for (int i = 0; i < b->terms->n; i++) {
    const Term *u = &b->terms->term[i];
    const Value *of = latent_of(e, u);
    bool about = of && drawn_from(e, of, t->dist);
    if (!about && depends_on_draws(e, u, t->dist)) return;
    if (u->lo < 0 && u->hi > 0) return;  // a weight of that kind may depend on it
  }
  if (!warn_once(e, W0714, t->value.span, b->name, term_text(e, t), latent_name(t))) return;
  const Ast *net = idle_net(e, b, latent_name(t));
  if (net) report_note(e->sources, net->span, "`%s` takes `%s`, and does not use it", net->name, latent_name(t));
}

// Weights that make a bound none: less than 1 on a divergence, or on one log density beside another.
static void check_promise(Elab *e, const Bound *b, const Term *t) {
  const Value *z = latent_of(e, t);
  bool counts = is_likelihood(e, t) || (is_divergence(e, t) && (!z || drawn_from(e, z, t->dist)));
  double lo = fmin(fabs(t->lo), fabs(t->hi)) / b->weight, hi = fmax(fabs(t->lo), fabs(t->hi)) / b->weight;
  if (!counts || (t->lo < 0 && t->hi > 0) || !isfinite(b->weight) || lo >= 1 - 1e-6) return;
  const char *weight =
      lo == hi ? arena_format(e->arena, "%g", lo) : arena_format(e->arena, "something in [%g, %g]", lo, hi);
  if (warn_once(e, W0715, t->value.span, b->name, term_text(e, t), weight))
    report_help(e->sources, "give it another name, and measure the bound beside it: `metric bound` without the weight");
}

void check_words(Elab *e, const char *name, Value v) {
  Bound b = {.name = name, .terms = v.terms};
  if (v.kind != V_TENSOR || !v.terms || !find_bound(e, &b)) return;
  for (int i = 0; i < b.terms->n; i++) {
    const Term *t = &b.terms->term[i];
    if (is_divergence(e, t)) {
      if (is_added(&b, t)) {
        if (warn_once(e, W0711, t->value.span, name, term_text(e, t)))
          report_help(e->sources, "%s", "a bound is log p(x | z) - kl(q(z | x) || prior(z))");
        continue;
      }
      check_draw(e, &b, t);
      check_used(e, &b, t);
    }
    if (promises_bound(name)) check_promise(e, &b, t);
  }
}
