// What a value is the sum of: log densities, divergences and entropies with their coefficients. Part of the elaborator.
//
// Kept beside the tensor, since the graph forgets what a number meant. The terms of a tensor are those of the sum over
// its event. A value whose terms are lost, through an operation that is not followed, has none: what cannot be followed
// is said nothing about.
#include "elaborate/elaborate.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MAX_TERMS = 64 };

// A term that was made in this program.
typedef struct Spoken {
  const Node *node;
  struct Spoken *next;
} Spoken;

static Terms *terms_new(Elab *e, int n) {
  Terms *t = arena_alloc(e->arena, 1, sizeof(Terms) + (size_t)n * sizeof(struct Weighed));
  t->n = n;
  return t;
}

const Terms *one_term(Elab *e, Term t) {
  Term *kept = NEW(e->arena, Term);
  Terms *terms = terms_new(e, 1);
  *kept = t;
  terms->of[0] = (struct Weighed){.term = kept, .lo = 1, .hi = 1};
  return terms;
}

const Terms *weighed_term(Elab *e, const struct Weighed *w) {
  Terms *t = terms_new(e, 1);
  t->of[0] = *w;
  return t;
}

void note_spoken(Elab *e, const Value *v) {
  Spoken *s = NEW(e->arena, Spoken);
  *s = (Spoken){v->node, e->spoken};
  e->spoken = s;
}

static Value with_term(Elab *e, Value v, Term term) {
  if (v.kind != V_TENSOR) return v;
  note_spoken(e, &v);
  term.value = v;
  term.enumerated = e->enumerated;
  v.terms = one_term(e, term);
  return v;
}

Value density_term(Elab *e, Value v, const Dist *d, Value point) {
  return with_term(e, v, (Term){.kind = TERM_DENSITY, .dist = d, .point = point});
}

Value entropy_term(Elab *e, Value v, const Dist *d) { return with_term(e, v, (Term){.kind = TERM_ENTROPY, .dist = d}); }

Value kl_term(Elab *e, Value v, const Dist *f, const Dist *g, const Value *draw, Span where) {
  Term t = {.kind = TERM_KL, .dist = f, .other = g, .sampled = draw != NULL};
  if (draw) t.point = *draw;
  v.span = where;
  return with_term(e, v, t);
}

const Terms *claim_term(Elab *e, Value v, const Claim *c, const Terms *of) {
  return with_term(e, v, (Term){.kind = TERM_CLAIM, .claim = c, .of = of}).terms;
}

const Terms *batch_term(Elab *e, Value v, const Term *density) {
  return with_term(e, v, (Term){.kind = TERM_BATCH, .dist = density->dist, .point = density->point}).terms;
}

const char *term_text(Elab *e, const Term *t) { return expression_text(e, &(Ast){.span = t->value.span}); }

bool speaks(const Terms *t) {
  for (int i = 0; t && i < t->n; i++)
    if (t->of[i].term->kind != TERM_OTHER) return true;
  return false;
}

// A term made in the body of a loop is hidden in the loop.
bool was_spoken(const Elab *e, const Value *v) {
  if (v->kind != V_TENSOR || !graph_owns(e->graph, v->node)) return false;
  Arena *scratch = arena_open(e->arena);
  bool *hangs = NEW_ARRAY(scratch, bool, v->node->id + 1), loops = false, found = false;
  hangs[v->node->id] = true;
  for (int id = v->node->id; id >= 0; id--) {
    const Node *n = e->graph->node[id];
    loops = loops || (hangs[id] && n->op == OP_LOOP);
    for (int i = 0; hangs[id] && i < n->arity; i++) hangs[n->in[i]->id] = true;
  }
  for (const Spoken *s = e->spoken; s && !found; s = s->next)
    found = graph_owns(e->graph, s->node) ? s->node->id <= v->node->id && hangs[s->node->id] : loops;
  arena_close(scratch);
  return found;
}

static double count_of(const Value *v) { return (double)shape_count(event_shape(v)); }

double bounded_product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

static double lowest(const Value *v) { return v->kind == V_NUMBER ? v->number : v->node->lo; }
static double highest(const Value *v) { return v->kind == V_NUMBER ? v->number : v->node->hi; }

// The value's own terms; a constant is what it is, and anything else is one by itself.
static const Terms *terms_of(Elab *e, Value v) {
  if (v.terms) return v.terms;
  double n = count_of(&v);
  if (v.kind == V_NUMBER || v.node->op == OP_CONST) {
    Terms *t = terms_new(e, 0);
    t->lo = t->hi = bounded_product(n, lowest(&v));
    return t;
  }
  Term other = {
      .kind = TERM_OTHER, .value = v, .lo = bounded_product(n, v.node->lo), .hi = bounded_product(n, v.node->hi)};
  return one_term(e, other);
}

static void interval(double a, double b, double c, double d, double *lo, double *hi) {
  double end[4] = {bounded_product(a, c), bounded_product(a, d), bounded_product(b, c), bounded_product(b, d)};
  *lo = fmin(fmin(end[0], end[1]), fmin(end[2], end[3]));
  *hi = fmax(fmax(end[0], end[1]), fmax(end[2], end[3]));
}

const Terms *sum_terms(Elab *e, const Terms *a, const Terms *b) {
  if (!a || !b) return a ? a : b;
  if (a->n + b->n > MAX_TERMS) return NULL;
  Terms *t = terms_new(e, a->n + b->n);
  memcpy(t->of, a->of, (size_t)a->n * sizeof *a->of);
  memcpy(t->of + a->n, b->of, (size_t)b->n * sizeof *b->of);
  t->lo = a->lo + b->lo;
  t->hi = a->hi + b->hi;
  return t;
}

const Terms *scale_terms(Elab *e, const Terms *a, double lo, double hi) {
  if (lo == 1 && hi == 1) return a;
  Terms *t = terms_new(e, a->n);
  memcpy(t->of, a->of, (size_t)a->n * sizeof *a->of);
  interval(a->lo, a->hi, lo, hi, &t->lo, &t->hi);
  for (int i = 0; i < t->n; i++) {
    interval(a->of[i].lo, a->of[i].hi, lo, hi, &t->of[i].lo, &t->of[i].hi);
    if (lo != -1 || hi != -1) t->of[i].by = NULL;
  }
  return t;
}

// The same, times or divided by a value, which is between bounds.
static const Terms *weigh_terms(Elab *e, const Terms *a, const Value *by, bool divided, double lo, double hi) {
  Reach r = {0};
  reach_value(e, by, e->enumerated, &r);
  bool uneven = r.hidden || count_of(by) > 1;
  for (int i = 0; i < r.n; i++) uneven = uneven || r.of[i].kind != FROM_COLUMN;
  const Terms *scaled = scale_terms(e, a, lo, hi);
  Terms *t = terms_new(e, a->n);
  memcpy(t, scaled, sizeof *t + (size_t)a->n * sizeof *a->of);
  for (int i = 0; i < t->n; i++) {
    bool plain = a->of[i].lo == 1 && a->of[i].hi == 1 && !a->of[i].by;
    t->of[i].uneven = t->of[i].uneven || (uneven && lo < hi);
    t->of[i].by = plain && !divided && !event_rank(by) ? by->node : NULL;
  }
  return t;
}

static bool same_term(const Term *a, const Term *b) {
  bool named = a->kind != TERM_OTHER && a->kind != TERM_CLAIM;
  return a == b || (named && a->kind == b->kind && a->value.node == b->value.node);
}

// Coefficients are computed: what is left of some that cancel is as small as this beside them.
static bool cancels(const struct Weighed *w, double most) {
  return w->term->kind != TERM_OTHER && fmax(fabs(w->lo), fabs(w->hi)) <= 1e-9 * fmin(most, FLT_MAX);
}

const Terms *joined_terms(Elab *e, const Terms *a) {
  Terms *t = terms_new(e, a->n);
  double *most = NEW_ARRAY(e->arena, double, a->n + 1);
  t->lo = a->lo, t->hi = a->hi;
  t->n = 0;
  for (int i = 0; i < a->n; i++) {
    const struct Weighed *w = &a->of[i];
    int k = 0;
    while (k < t->n && !(same_term(t->of[k].term, w->term) && t->of[k].share == w->share)) k++;
    struct Weighed *into = &t->of[k];
    if (k == t->n) {
      t->of[t->n++] = *w;
    } else {
      into->lo += w->lo, into->hi += w->hi;
      into->uneven = into->uneven || w->uneven;
      into->by = NULL;
    }
    most[k] = fmax(most[k], fmax(fabs(w->lo), fabs(w->hi)));
  }
  int n = 0;
  for (int k = 0; k < t->n; k++)
    if (!cancels(&t->of[k], most[k])) t->of[n++] = t->of[k];
  t->n = n;
  return t;
}

static bool in_user_text(const Elab *e, Span where) {
  return where.file >= 0 && !sources_text(e->sources, where.file)->library;
}

// A part for each example, / examples: what the coefficients count is told apart.
static const Terms *share_terms(Elab *e, const Terms *a) {
  Terms *t = terms_new(e, a->n);
  memcpy(t, a, sizeof *t + (size_t)a->n * sizeof *a->of);
  for (int i = 0; i < t->n; i++) {
    struct Weighed *w = &t->of[i];
    if (w->share) w->lo = fmin(w->lo, 0), w->hi = fmax(w->hi, 0);  // shares of shares
    w->share = true;
  }
  return t;
}

// examples, or for a factor 1 / examples.
static bool is_share(const Elab *e, const Value *v, bool divided) {
  const Graph *g = program_graph(e);
  const Node *n = v->kind == V_TENSOR && graph_owns(g, v->node) ? v->node : NULL;
  if (n && !divided) n = n->op == OP_DIV && n->in[0]->op == OP_CONST && n->in[0]->attr.value == 1 ? n->in[1] : NULL;
  while (n && (n->op == OP_RESHAPE || n->op == OP_BROADCAST)) n = n->in[0];
  return n && n->op == OP_INPUT && g->input[n->attr.id].kind == INPUT_EXAMPLES;
}

// A factor is followed where it weighs a density or divergence, and where the model's own text writes a number: what
// the library divides by is its own affair.
static const Terms *factor(Elab *e, Op op, Span where, double places, Value a, Value b) {
  if (op == OP_MUL && (a.kind == V_NUMBER || (speaks(b.terms) && !speaks(a.terms)))) {
    Value swap = a;
    a = b, b = swap;
  }
  bool number = b.kind == V_NUMBER, followed = b.kind == V_TENSOR && speaks(a.terms) && !speaks(b.terms);
  if (a.kind != V_TENSOR || !(followed || (number && (a.terms || in_user_text(e, where))))) return NULL;
  double lo = lowest(&b), hi = highest(&b);
  if (op == OP_DIV && !(lo > 0 || hi < 0)) return NULL;
  if (op == OP_DIV) {
    double least = 1 / hi;
    hi = 1 / lo, lo = least;
  }
  const Terms *own = scale_terms(e, terms_of(e, a), places / count_of(&a), places / count_of(&a));
  if (is_share(e, &b, op == OP_DIV)) return share_terms(e, own);
  if (number) return scale_terms(e, own, lo, hi);
  const Terms *weight = scale_terms(e, terms_of(e, b), 0, 0);  // what it hangs on is kept in mind
  return sum_terms(e, weight, weigh_terms(e, own, &b, op == OP_DIV, lo, hi));
}

static void help_density(Elab *e, const Term *t) {
  const char *text = term_text(e, t);
  const char *part = t->kind == TERM_DENSITY ? "; at observed(x, m) a part of it counts alone" : "";
  report_help(e->sources, "`each %s` is its term at each place: weigh these, and add them up%s", text, part);
}

// A whole log density or divergence beside a tensor of the shape whose terms it has added up already:
// sum(mask * log p(x | z)).
static void warn_density(Elab *e, Span where, int n, const Value *args) {
  for (int i = 0; i < n; i++)
    for (int k = 0; args[i].terms && !event_rank(&args[i]) && k < args[i].terms->n; k++) {
      const Term *t = args[i].terms->of[k].term;
      if (!t->dist || !t->dist->event.rank) continue;
      for (int j = 0; j < n; j++) {
        if (!shape_equal(event_shape(&args[j]), t->dist->event)) continue;
        const char *shape = shape_text(e->arena, t->dist->event);
        if (warn_once(e, W0723, where, term_text(e, t), shape, (long long)shape_count(t->dist->event)))
          help_density(e, t);
        return;
      }
    }
}

// The greater of two values is the one, and something that is not negative; the smaller one likewise.
static const Terms *beyond(Elab *e, Op op, Value v, const Value *args) {
  const Value *a = speaks(args[0].terms) ? &args[0] : &args[1];
  if (!speaks(a->terms)) return NULL;
  const Terms *own = scale_terms(e, a->terms, count_of(&v) / count_of(a), count_of(&v) / count_of(a));
  Term rest = {.kind = TERM_OTHER, .value = v, .lo = 0, .hi = INFINITY};
  if (op == OP_MIN) rest.lo = -INFINITY, rest.hi = 0;
  return sum_terms(e, own, one_term(e, rest));
}

const Terms *combine_terms(Elab *e, Op op, Value v, int n, const Value *args) {
  bool any = false;
  double places = count_of(&v);
  for (int i = 0; i < n; i++) any = any || args[i].terms;
  if (any) warn_density(e, v.span, n, args);
  if (op == OP_MUL || op == OP_DIV) return factor(e, op, v.span, places, args[0], args[1]);
  if (!any) return NULL;
  const Terms *of[2] = {NULL, NULL};
  for (int i = 0; i < n && i < 2; i++)
    of[i] = scale_terms(e, terms_of(e, args[i]), places / count_of(&args[i]), places / count_of(&args[i]));
  switch (op) {
    case OP_NEG: return scale_terms(e, of[0], -1, -1);
    case OP_ADD: return sum_terms(e, of[0], of[1]);
    case OP_SUB: return sum_terms(e, of[0], scale_terms(e, of[1], -1, -1));
    case OP_MAX:
    case OP_MIN: return beyond(e, op, v, args);
    default: return NULL;
  }
}
