// What each latent costs on held-out data, for whoever tells that latents are not used. Part of the elaborator.
//
// A divergence of the objective, kl(q(z | x) || prior(z)), or log prior(z) - log q(z | x) at the draw of z, has a closed
// form for each latent by itself: it becomes an output of the test program, which is added up over the split.
#include "elaborate/elaborate.h"

#include <string.h>

// Parameters that are known here, outside of loops, and are the same for all draws of an aggregate.
static bool is_here(const Elab *e, const Dist *d) {
  if (d->plates & ~(unsigned)PLATE_BATCH || d->base || d->given || !d->shaped) return false;
  for (int i = 0; i < d->params; i++)
    if (d->param[i].kind == V_TENSOR && !graph_owns(e->graph, d->param[i].node)) return false;
  return true;
}

static void add_divergence(Elab *e, const Dist *f, const Dist *g, Span where, const char *text, Outputs *out) {
  bool apart = f->net && !f->own && !g->own && f->plates & PLATE_BATCH;
  if (!apart || !is_here(e, f) || !is_here(e, g) || !find_rule(e, "kl", f, g)) return;
  Value each = kl_divergence(e, (Value){.kind = V_DIST, .dist = (Dist *)f, .span = where},
                             (Value){.kind = V_DIST, .dist = (Dist *)g, .span = where},
                             f->event.rank ? EACH : WHOLE, where);
  if (each.kind == V_ERROR) return;
  each = widen(e, each, PLATE_BATCH, event_shape(&each));
  for (int i = 0; i < out->n; i++)
    if (out->of[i].latents && out->of[i].value == each.node) return;
  Output cost = {.name = text, .value = each.node, .per_example = true, .total = true, .latents = "latents"};
  if (f->variable) cost.latents = f->variable;
  add_output(e, out, cost);
}

// The density of the same draw that is added, where `t` is taken off.
static const Term *added_at(const Terms *all, const Term *t) {
  for (int i = 0; i < all->n; i++) {
    const Term *u = all->of[i].term;
    if (u->kind == TERM_DENSITY && all->of[i].lo > 0 && u != t && u->point.node == t->point.node) return u;
  }
  return NULL;
}

void add_latent_costs(Elab *e, Value objective, Outputs *out) {
  const Terms *all = objective.kind == V_TENSOR && objective.terms ? opened_terms(e, objective.terms) : NULL;
  for (int i = 0; all && i < all->n; i++) {
    const Term *t = all->of[i].term;
    const Term *other = t->kind == TERM_DENSITY && all->of[i].hi < 0 ? added_at(all, t) : NULL;
    if (t->kind == TERM_KL && !t->sampled)
      add_divergence(e, t->dist, t->other, t->value.span, term_text(e, t), out);
    else if (other)
      add_divergence(e, t->dist, other->dist, t->value.span,
                     arena_format(e->arena, "%s - %s", term_text(e, other), term_text(e, t)), out);
  }
}
