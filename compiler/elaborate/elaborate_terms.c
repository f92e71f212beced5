// What a value is the sum of: log densities and divergences with their coefficients. Part of the elaborator.
//
// Kept beside the tensor, since the graph forgets what a number meant. A value whose terms are lost, through an
// operation that is no sum and no factor, has none: what cannot be followed is said nothing about.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

enum { MAX_TERMS = 32 };

static Terms *terms_new(Elab *e, int n) {
  Terms *t = arena_alloc(e->arena, 1, sizeof(Terms) + (size_t)n * sizeof(struct Weighed));
  t->n = n;
  return t;
}

static Value with_term(Elab *e, Value v, Term term) {
  if (v.kind != V_TENSOR) return v;
  Term *kept = NEW(e->arena, Term);
  Terms *t = terms_new(e, 1);
  *kept = term;
  kept->value = v;
  t->of[0] = (struct Weighed){kept, 1, 1};
  v.terms = t;
  return v;
}

Value density_term(Elab *e, Value v, const Dist *d, Value point) {
  return with_term(e, v, (Term){.kind = TERM_DENSITY, .dist = d, .point = point});
}

Value kl_term(Elab *e, Value v, const Dist *f, const Dist *g, Span where) {
  v.span = where;
  return with_term(e, v, (Term){.kind = TERM_KL, .dist = f, .other = g});
}

const char *term_text(Elab *e, const Term *t) { return expression_text(e, &(Ast){.span = t->value.span}); }

static bool speaks(const Terms *t) {
  for (int i = 0; t && i < t->n; i++)
    if (t->of[i].term->kind != TERM_OTHER) return true;
  return false;
}

// The value's own terms; a constant has none, and anything else is one by itself.
static const Terms *terms_of(Elab *e, Value v) {
  if (v.terms) return v.terms;
  if (v.kind == V_TENSOR && v.node->op != OP_CONST) return with_term(e, v, (Term){.kind = TERM_OTHER}).terms;
  return terms_new(e, 0);
}

static double product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

// The terms of `a`, times a number between lo and hi, after those of `first`.
static const Terms *scaled(Elab *e, const Terms *first, const Terms *a, double lo, double hi) {
  int before = first ? first->n : 0;
  if (before + a->n > MAX_TERMS) return NULL;
  Terms *t = terms_new(e, before + a->n);
  if (before) memcpy(t->of, first->of, (size_t)before * sizeof(struct Weighed));
  for (int i = 0; i < a->n; i++) {
    struct Weighed w = a->of[i];
    double end[4] = {product(w.lo, lo), product(w.lo, hi), product(w.hi, lo), product(w.hi, hi)};
    w.lo = fmin(fmin(end[0], end[1]), fmin(end[2], end[3]));
    w.hi = fmax(fmax(end[0], end[1]), fmax(end[2], end[3]));
    t->of[before + i] = w;
  }
  return t;
}

static bool in_user_text(const Elab *e, Span where) {
  return where.file >= 0 && !sources_text(e->sources, where.file)->library;
}

// A factor is followed where it weighs a density or divergence, and where the model's own text writes a number: what
// the library divides by is its own affair.
static const Terms *factor(Elab *e, Op op, Span where, Value a, Value b) {
  if (op == OP_MUL && (a.kind == V_NUMBER || (speaks(b.terms) && !speaks(a.terms)))) {
    Value swap = a;
    a = b, b = swap;
  }
  bool number = b.kind == V_NUMBER, followed = b.kind == V_TENSOR && speaks(a.terms) && !speaks(b.terms);
  if (a.kind != V_TENSOR || !(followed || (number && (a.terms || in_user_text(e, where))))) return NULL;
  double lo = number ? b.number : b.node->lo, hi = number ? b.number : b.node->hi;
  const Terms *weight = number ? NULL : scaled(e, NULL, terms_of(e, b), 0, 0);  // what it hangs on is kept in mind
  if (op == OP_MUL) return scaled(e, weight, terms_of(e, a), lo, hi);
  return lo > 0 || hi < 0 ? scaled(e, weight, terms_of(e, a), 1 / hi, 1 / lo) : NULL;
}

// A whole log density or divergence beside a tensor of the shape whose terms it has added up already:
// sum(mask * log p(x | z)).
static void warn_density(Elab *e, Span where, int n, const Value *args) {
  for (int i = 0; i < n; i++)
    for (int k = 0; args[i].terms && k < args[i].terms->n; k++) {
      const Term *t = args[i].terms->of[k].term;
      if (t->kind == TERM_OTHER || !t->dist->event.rank) continue;
      for (int j = 0; j < n; j++) {
        Shape s;
        if (!list_shape(&args[j], &s) || !shape_equal(s, t->dist->event)) continue;
        const char *shape = shape_text(e->arena, t->dist->event);
        if (warn_once(e, W0723, where, term_text(e, t), shape, (long long)shape_count(t->dist->event)))
          report_help(e->sources, "`each %s` is its term at each place: weigh these, and add them up", term_text(e, t));
        return;
      }
    }
}

const Terms *combine_terms(Elab *e, Op op, Span where, int n, const Value *args) {
  bool any = false;
  for (int i = 0; i < n; i++) any = any || args[i].terms;
  if (any) warn_density(e, where, n, args);
  if (op == OP_MUL || op == OP_DIV) return factor(e, op, where, args[0], args[1]);
  if (!any) return NULL;
  switch (op) {
    case OP_NEG: return scaled(e, NULL, args[0].terms, -1, -1);
    case OP_ADD: return scaled(e, terms_of(e, args[0]), terms_of(e, args[1]), 1, 1);
    case OP_SUB: return scaled(e, terms_of(e, args[0]), terms_of(e, args[1]), -1, -1);
    default: return NULL;
  }
}
