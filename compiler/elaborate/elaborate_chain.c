// The distributions that follow from a model's factors: the joint p(x, z), the marginal p(x), the posterior p(k | x).
// Part of the elaborator.
//
// What a call names, and what that is made of in turn, is a chain of variables, each behind those that it is made of.
// The density of them all is the product of the factors' and priors'; variables that the call does not name are summed
// out: over all their values where these are few, and else by the rules about a pair of distributions, one variable
// after another from the last. What stands behind a bar has no density there.
#include "elaborate/elaborate.h"

#include <string.h>

typedef struct Link {
  const char *name;
  Decl *factor;      // that makes it; NULL: it has a prior
  const Ast *said;   // as the call names it; NULL: it is summed out
  bool given;        // behind a bar
  bool smooth;       // it is continuous and summed out, or made of what is
  Value value;       // where its density is taken, and what is made of it; NONE: not known
  const Dist *dist;  // of a marginal, and of what is named: its own, given all that it is made of
  struct Link *next;
} Link;

struct Chain {
  const Ast *call;
  Decl *model;
  Link *first;  // each behind those that it is made of
  Link *busy;   // those whose parts are being looked for
  Link *about;  // of a marginal or posterior: the variable it is a distribution of
  bool posterior;
  bool draws;    // the networks that make them draw
  Link *smooth;  // the first of those that are, which are last; or NULL
  Link **gone;   // those of them that are summed out, from the last
  int gones;
};

static bool has_prior(const Elab *e, const char *name) {
  return find_decl(e, arena_format(e->arena, "prior %s", name)) != NULL;
}

bool draws_output(const Decl *factor, const char *output) {
  for (const Ast *s = factor->ast->c->a; s; s = s->next)
    for (const Ast *v = s->kind == AST_DRAW ? s->a : NULL; v; v = v->next)
      if (!strcmp(v->name, output)) return true;
  return false;
}

static bool is_named(const Ast *args, const char *name) {
  while (args && !(named_in(args) && !strcmp(named_in(args), name))) args = args->next;
  return args != NULL;
}

// Does a call with a bar leave something out that a factor takes, and that has a density itself? One that speaks of one
// factor alone may give it all it takes, by its place.
static bool leaves_out(const Elab *e, Decl *model, const Ast *call) {
  bool left = false;
  const Decl *first = find_factor(model, named_in(call->b));
  for (const Ast *a = call->c; a; a = a->next)
    if (!named_in(a) || !takes_input(model, named_in(a))) return false;
  for (const Ast *a = call->b; a; a = a->next) {
    const Decl *factor = find_factor(model, named_in(a));
    left = left || factor != first;
    for (const Ast *in = factor ? factor->ast->b : NULL; in; in = in->next) {
      if (is_named(call->b, in->name) || is_named(call->c, in->name)) continue;
      if (!find_factor(model, in->name) && !has_prior(e, in->name)) return false;
      left = left || ast_length(call->c) < ast_length(factor->ast->b);
    }
  }
  return left;
}

bool is_density_call(const Elab *e, Decl *model, const Ast *call) {
  bool made = false;
  for (const Ast *a = call->b; a; a = a->next) {
    const char *name = named_in(a);
    Decl *factor = name ? find_factor(model, name) : NULL;
    if (!name || (!factor && !has_prior(e, name))) return false;
    made = made || (factor && draws_output(factor, name));
  }
  return made && (!call->flag || (call->flag == 1 && leaves_out(e, model, call)));
}

bool is_posterior(const Elab *e, Decl *model, const Ast *call) {
  const char *about = call->b && !call->b->next ? named_in(call->b) : NULL;
  if (!about || !(call->flag & 1) || find_factor(model, about) || !has_prior(e, about)) return false;
  bool made = false;
  for (const Ast *a = call->c; a; a = a->next) {
    const char *name = named_in(a);
    if (!name || (!find_factor(model, name) && !has_prior(e, name) && !takes_input(model, name))) return false;
    made = made || find_factor(model, name);
  }
  return made;
}

// ---- which variables there are

static Link *find_link(const Chain *c, const char *name) {
  Link *l = c->first;
  while (l && strcmp(l->name, name)) l = l->next;
  return l;
}

static const Ast *said_of(const Chain *c, const char *name) {
  for (const Ast *list = c->call->b; list; list = list == c->call->b ? c->call->c : NULL)
    for (const Ast *a = list; a; a = a->next)
      if (named_in(a) && !strcmp(named_in(a), name)) return a;
  return NULL;
}

static bool stands_behind_bar(const Chain *c, const Ast *said) {
  const Ast *a = c->call->c;
  while (a && a != said) a = a->next;
  return a && said;
}

static bool add_link(Elab *e, Chain *c, const char *name, const char *user) {
  if (find_link(c, name)) return true;
  for (const Link *l = c->busy; l; l = l->next)
    if (!strcmp(l->name, name)) return complain(e, E0716, c->call->span, user, name), false;
  Link *l = NEW(e->arena, Link);
  *l = (Link){.name = name, .factor = find_factor(c->model, name), .said = said_of(c, name), .next = c->busy};
  bool known = l->factor || has_prior(e, name);
  l->given = stands_behind_bar(c, l->said) && !(c->posterior && known);
  if (!known && !l->given) {
    complain(e, E0718, c->call->span, c->model->name, user, name);
    report_help(e->sources, "name what each is made of behind a `|`: log %s(%s | ..., %s)", c->model->name, user, name);
    return false;
  }
  c->busy = l;
  for (const Ast *in = l->factor && !l->given ? l->factor->ast->b : NULL; in; in = in->next)
    if (!add_link(e, c, in->name, name)) return false;
  c->busy = l->next;
  l->next = NULL;
  Link **end = &c->first;
  while (*end) end = &(*end)->next;
  *end = l;
  return true;
}

static bool add_named(Elab *e, Chain *c, const Ast *args) {
  for (const Ast *a = args; a; a = a->next) {
    if (said_of(c, named_in(a)) != a) return complain(e, E0224, a->span, named_in(a), c->model->name), false;
    if (!add_link(e, c, named_in(a), named_in(a))) return false;
  }
  return true;
}

// What is given must not be made of what is not: then that would be known better.
static bool is_given_apart(Elab *e, const Chain *c, const Link *given, const char *name, int depth) {
  const Decl *factor = find_factor(c->model, name);
  for (const Ast *in = factor && depth < MAX_ARGS ? factor->ast->b : NULL; in; in = in->next) {
    const Link *of = find_link(c, in->name);
    if (of && !of->given)
      return complain(e, E0728, c->call->span, expression_text(e, c->call), given->name, of->name), false;
    if (!of && !is_given_apart(e, c, given, in->name, depth + 1)) return false;
  }
  return true;
}

static Chain *chain_of(Elab *e, Scope *scope, Decl *model, const Ast *call, bool posterior) {
  Chain *c = NEW(e->arena, Chain);
  *c = (Chain){.call = call, .model = model, .posterior = posterior};
  if (!add_named(e, c, call->b) || !add_named(e, c, call->c)) return NULL;
  for (Link *l = c->first; l; l = l->next)
    if (l->given && !is_given_apart(e, c, l, l->name, 0)) return NULL;
  for (Link *l = c->first; l; l = l->next) {
    l->value = l->said ? value_in_call(e, scope, l->said, l->name) : (Value){.kind = V_NONE};
    int classes = l->value.classes;
    if (l->value.kind == V_LIST || l->value.kind == V_NUMBER) l->value = to_tensor(e, l->value);
    l->value.classes = classes;
    if (l->value.kind == V_ERROR) return NULL;
  }
  return c;
}

// ---- their densities

static Value link_dist(Elab *e, const Chain *c, const Link *l) {
  if (!l->factor) return prior_of(e, l->name, c->call->span);
  Value input[MAX_ARGS];
  int n = 0;
  for (const Ast *in = l->factor->ast->b; in; in = in->next) {
    input[n] = find_link(c, in->name)->value;
    if (input[n++].kind != V_NONE) continue;
    return complain(e, E0406, c->call->span, arena_format(e->arena, "%s(%s)", c->model->name, in->name)), value_error();
  }
  Value out = apply_net_values(e, l->factor, n, input, c->call->span);
  if (out.kind == V_LIST) out = out.item[place_of_name(l->factor->ast->a, l->name)];
  if (out.kind == V_DIST || out.kind == V_ERROR) return out;
  return complain(e, E0418, c->call->span, c->model->name, l->name), value_error();
}

// Its values, one behind another in `table`, are the places of a newly opened plate.
static int open_link(Elab *e, const Chain *c, Link *l, const Dist *d, Value *table) {
  int64_t n;
  if (!values_of(e, d, l->name, c->call->span, &n, table)) return -1;
  int plate = open_plate(e, n, c->call->span);
  if (plate < 0) return plate;
  l->value = event_to_plate(e, *table, shape_of(1, &n), plate);
  l->value.classes = d->classes;
  return plate;
}

static Value log_links(Elab *e, const Chain *c, Link *l);
static Value log_smooth(Elab *e, const Chain *c);

static Value log_from(Elab *e, const Chain *c, Link *l, Value dist) {
  if (l->value.kind == V_NONE) return complain(e, E0406, c->call->span, expression_text(e, c->call)), value_error();
  Value own = log_density(e, dist, l->value, WHOLE, c->call->span);
  if (own.kind == V_ERROR || !l->next) return own;
  Value rest = log_links(e, c, l->next);
  return rest.kind == V_ERROR ? rest : apply2(e, OP_ADD, c->call->span, own, rest);
}

// The log density of what is named from l on, for each value of l along a last axis.
static Value log_values(Elab *e, const Chain *c, Link *l, Value dist, Value *table) {
  int plate = open_link(e, c, l, dist.dist, table);
  if (plate < 0) return value_error();
  Value v = log_from(e, c, l, dist);
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  l->value.kind = V_NONE;
  e->plate_count--;
  return v;
}

// The log density of what is named from l on; what is not is summed out.
static Value log_links(Elab *e, const Chain *c, Link *l) {
  while (l->given) l = l->next;
  if (l == c->smooth) return log_smooth(e, c);
  Value table, dist = link_dist(e, c, l);
  if (dist.kind == V_ERROR || l->said) return dist.kind == V_ERROR ? dist : log_from(e, c, l, dist);
  Value v = log_values(e, c, l, dist, &table);
  return v.kind == V_ERROR ? v : call_library(e, "logsumexp", c->call->span, 1, &v);
}

// ---- what is continuous, by rules

static Value dist_after(Elab *e, const Chain *c, Link *x, int n);

typedef struct {
  const Chain *chain;
  Link *x, *z;
  int n;
} Hanging;

static Value at_value(Elab *e, void *what, Value z) {
  const Hanging *h = what;
  Value before = h->z->value;
  h->z->value = z;
  Value v = dist_after(e, h->chain, h->x, h->n);
  h->z->value = before;
  return v;
}

// How x, where n variables are summed out, hangs on z.
static bool look_for_affine(Elab *e, const Chain *c, Link *x, Link *z, int n, Affine *a) {
  Hanging h = {c, x, z, n};
  return find_affine(e, at_value, &h, z->dist->event, z->name, c->call->span, a);
}

static bool hangs(const Affine *a) { return a->place >= 0 || a->why; }

static Value by_rule(Elab *e, const Chain *c, const char *head, Affine *a, Value z, const Value *x) {
  Value v = apply_rule(e, head, a, z.dist, x, c->call->span);
  if (v.kind != V_NONE) return v;
  DiagnosticCode code = c->posterior ? E0719 : E0711;
  complain(e, code, c->call->span, expression_text(e, c->call), a->z);
  report_note(e->sources, user_span(e, a->where), "%s", a->why);
  if (c->posterior) return value_error();
  report_help(e->sources, "a bound: logmeanexp(k) { %s ~ q(%s | x)  log %s(x, %s) - log q(%s | x) }", a->z, a->z,
              c->model->name, a->z, a->z);
  return value_error();
}

// z, where n variables are summed out, given what is made of it up to `until`.
static Value belief(Elab *e, const Chain *c, Link *z, int n, const Link *until) {
  Value v = dist_after(e, c, z, n);
  for (Link *x = z->next; x && x != until && v.kind != V_ERROR; x = x->next) {
    Affine a;
    if (!x->said || x->given) continue;
    if (!look_for_affine(e, c, x, z, n, &a)) return value_error();
    if (!hangs(&a)) continue;
    if (x->value.kind == V_NONE) return complain(e, E0406, c->call->span, expression_text(e, c->call)), value_error();
    v = by_rule(e, c, "posterior", &a, v, &x->value);
  }
  return v;
}

// The distribution of x given the values that the links have, where the first n of those that go are summed out.
static Value dist_after(Elab *e, const Chain *c, Link *x, int n) {
  if (!n) return link_dist(e, c, x);
  Link *z = c->gone[n - 1], *l = z->next;
  while (l && l != x) l = l->next;
  if (!l) return dist_after(e, c, x, n - 1);
  Affine a;
  if (!look_for_affine(e, c, x, z, n - 1, &a)) return value_error();
  if (!hangs(&a)) return a.at_zero;
  Value known = belief(e, c, z, n - 1, x);
  return known.kind == V_ERROR ? known : by_rule(e, c, "marginal", &a, known, NULL);
}

static Value log_smooth(Elab *e, const Chain *c) {
  Value sum = {.kind = V_NONE};
  for (Link *l = c->smooth; l; l = l->next) {
    if (!l->said || l->given) continue;
    Value dist = dist_after(e, c, l, c->gones);
    if (dist.kind != V_ERROR && l->value.kind == V_NONE)
      complain(e, E0406, c->call->span, expression_text(e, c->call)), dist = value_error();
    Value own = dist.kind == V_ERROR ? dist : log_density(e, dist, l->value, WHOLE, c->call->span);
    if (own.kind == V_ERROR) return own;
    sum = sum.kind == V_NONE ? own : apply2(e, OP_ADD, c->call->span, sum, own);
  }
  return sum;
}

// ---- marginals: some variables are summed out

static const char *marginal_name(const Dist *d) { return d->chain->model->name; }

static bool marginal_is_apart(const Dist *d) { return (void)d, false; }

static bool marginal_is_same(const Dist *a, const Dist *b) { return a->chain == b->chain; }

// Is something that the chain holds made of what the marginal is a distribution of?
static bool goes_on(const Chain *c) {
  for (const Link *l = c->first; l; l = l->next)
    if (l->factor && place_of_name(l->factor->ast->b, c->about->name) >= 0) return true;
  return false;
}

static bool marginal_knows(const Dist *d, const char *what) {
  if (d->chain->smooth && (!strcmp(what, "rest") || !strcmp(what, "part"))) return false;
  if (!strcmp(what, "rest")) return !goes_on(d->chain);
  if (!strcmp(what, "mean")) return !goes_on(d->chain) && d->component->kind->knows(d->component, what);
  return !strcmp(what, "log") || !strcmp(what, "sample") || !strcmp(what, "part");
}

// A value of what is summed out: by what it is made of, or by Bayes' rule by all that is seen.
static Value draw_link(Elab *e, const Chain *c, Link *l, Value dist, bool given) {
  if (!given || dist.kind == V_ERROR) return dist.kind == V_ERROR ? dist : sample_value(e, dist.dist);
  Value table, logs = log_values(e, c, l, dist, &table), place = sample_place(e, logs, c->call->span);
  return place.kind == V_ERROR ? place : pick_places(e, table, 0, place, c->call->span);
}

// What it is made of is drawn first.
static Value marginal_sample(Elab *e, const Dist *d) {
  const Chain *c = d->chain;
  Value v = value_error();
  for (Link *l = c->first; l; l = l->next) {
    Value dist = l->said && l != c->about ? (Value){.kind = V_NONE} : link_dist(e, c, l);
    if (dist.kind == V_NONE) continue;
    v = draw_link(e, c, l, dist, d->given && l != c->about);
    if (v.kind == V_ERROR || l == c->about) break;
    if (support_discrete(&dist.dist->support)) v.node = node_unary(e->graph, OP_DISCRETE, v.node);
    v.classes = dist.dist->classes;
    l->value = v;
  }
  for (Link *l = c->first; l; l = l->next)
    if (!l->said) l->value.kind = V_NONE;
  return v;
}

// The mean over the values of what is summed out from l on, by their probabilities given all that is seen.
static Value mean_links(Elab *e, const Chain *c, Link *l, bool given) {
  while (l->said && l != c->about) l = l->next;
  Value table, dist = l->smooth ? dist_after(e, c, c->about, c->gones) : link_dist(e, c, l);
  if (l->smooth) return dist.kind == V_ERROR ? dist : dist_member(e, dist, "mean", WHOLE, c->call->span);
  if (dist.kind == V_ERROR) return dist;
  if (l == c->about) return dist_member(e, dist, "mean", WHOLE, c->call->span);
  Value logs = given ? log_values(e, c, l, dist, &table) : (Value){.kind = V_NONE};
  int plate = logs.kind == V_ERROR ? -1 : open_link(e, c, l, dist.dist, &table);
  if (plate < 0) return value_error();
  if (!given) logs = log_density(e, dist, l->value, WHOLE, c->call->span);
  Value v = mean_links(e, c, l->next, given);
  if (!given && logs.kind != V_ERROR) logs = plate_to_event(e, logs, plate);
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  l->value.kind = V_NONE;
  e->plate_count--;
  return mean_by_shares(e, v, logs, c->call->span);
}

static Value marginal_mean(Elab *e, const Dist *d, const char *mean) {
  return (void)mean, mean_links(e, d->chain, d->chain->first, d->given);
}

static Value marginal_log(Elab *e, const Dist *d, Value point, Span where) {
  (void)where;
  Chain *c = d->chain;
  Value before = c->about->value;
  int classes = before.kind == V_NONE ? d->classes : before.classes;
  c->about->value = point;
  c->about->value.classes = classes;
  Value v = log_links(e, c, c->first);
  c->about->value = before;
  return v;
}

static void marginal_explain(Elab *e, const Dist *d) {
  for (const Link *l = d->chain->first; l; l = l->next)
    if (!l->said) finding(e, "sum", d->span, "log %s sums out %s", expression_text(e, d->chain->call), l->name);
}

static void marginal_parts(const Dist *d, void (*part)(void *to, const Value *v, const Dist *of), void *to) {
  for (const Link *l = d->chain->first; l; l = l->next)
    if (l->said && l != d->chain->about) part(to, &l->value, l->given ? NULL : l->dist);
}

const DistKind marginal_kind = {marginal_name, marginal_is_apart, marginal_is_same, marginal_knows, marginal_sample,
                                marginal_log,  marginal_mean,     marginal_explain, NULL,           marginal_parts};

Chain *rename_chain(Elab *e, const Chain *c, int from, int to) {
  Chain *copy = NEW(e->arena, Chain);
  *copy = *c;
  copy->gone = NEW_ARRAY(e->arena, Link *, c->gones + 1);
  Link **end = &copy->first;
  for (const Link *l = c->first; l; l = l->next) {
    *end = NEW(e->arena, Link);
    **end = *l;
    (*end)->value = rename_plate(e, l->value, from, to);
    if (l == c->about) copy->about = *end;
    if (l == c->smooth) copy->smooth = *end;
    for (int i = 0; i < c->gones; i++)
      if (c->gone[i] == l) copy->gone[i] = *end;
    end = &(*end)->next;
  }
  return copy;
}

// ---- which they are

static void forget_values(const Chain *c) {
  for (Link *l = c->first; l; l = l->next)
    if (!l->said || l == c->about) l->value.kind = V_NONE;
}

static Value zeros_of(Elab *e, const Dist *d) {
  Value v = value_tensor(node_const(e->graph, 0, d->event), 0);
  v.classes = d->classes;
  return v;
}

// Its distribution, given what it is made of, and whether it is continuous and summed out, or hangs on what is. Of
// these some value will do, and all values of others are opened.
static bool survey_link(Elab *e, Chain *c, Link *l, int plates) {
  for (const Ast *in = l->factor ? l->factor->ast->b : NULL; in; in = in->next) {
    const Link *of = find_link(c, in->name);
    l->smooth = l->smooth || (!of->said && of->smooth);
  }
  Value table, dist = link_dist(e, c, l);
  if (dist.kind == V_ERROR) return false;
  Dist *outside = NEW(e->arena, Dist);
  *outside = *dist.dist;
  outside->plates &= plate_bit(plates) - 1;
  l->dist = outside;
  if (l == c->about) l->value = zeros_of(e, outside);  // of a posterior: any will do for now
  if (l->said) return true;
  l->smooth = l->smooth || !support_discrete(&outside->support);
  if (!l->smooth) return open_link(e, c, l, dist.dist, &table) >= 0;
  if (e->em) return complain(e, E0762, em_span(e), l->name), false;
  l->value = zeros_of(e, outside);
  return true;
}

// Those that are smooth become the last.
static void part_links(Elab *e, Chain *c) {
  Link *first = NULL, **plain = &first, *others = NULL, **smooth = &others;
  int n = 0;
  for (Link *l = c->first; l; l = l->next) {
    Link ***end = l->smooth ? &smooth : &plain;
    **end = l;
    *end = &l->next;
    n += l->smooth && !l->said;
  }
  *smooth = NULL;
  *plain = others;
  c->first = first;
  c->smooth = others;
  c->gones = n;
  c->gone = NEW_ARRAY(e->arena, Link *, n + 1);
  for (Link *l = others; l; l = l->next)
    if (!l->said) c->gone[--n] = l;
}

// A latent of all examples has no sum in one.
static bool is_own_of_example(Elab *e, const Chain *c, const Link *l) {
  bool out = (!l->said || l == c->about) && !l->factor && is_shared(e, l->name);
  if (out) complain(e, E0794, c->call->span, l->name, expression_text(e, c->call));
  return !out;
}

static bool survey(Elab *e, Chain *c) {
  for (const Link *l = c->first; l; l = l->next)
    if (!is_own_of_example(e, c, l)) return false;
  int plates = e->plate_count;
  bool good = true;
  int randoms = e->randoms;
  for (Link *l = c->first; l && good; l = l->next) good = l->given || survey_link(e, c, l, plates);
  c->draws = e->randoms > randoms;
  forget_values(c);
  e->plate_count = plates;
  if (good) part_links(e, c);
  return good;
}

// Are there rules for what is smooth, whatever the values of the others?
static bool has_rules(Elab *e, const Chain *c) {
  int plates = e->plate_count;
  bool good = true;
  Value table;
  for (Link *l = c->first; l && good; l = l->next) {
    if (l->smooth && l->said) good = dist_after(e, c, l, c->gones).kind != V_ERROR;
    if (!l->smooth && !l->said) good = open_link(e, c, l, l->dist, &table) >= 0;
  }
  forget_values(c);
  e->plate_count = plates;
  return good;
}

// The one variable that is not summed out, where rules alone do that; or NULL.
static Link *found_by_rules(const Chain *c) {
  Link *one = NULL;
  for (Link *l = c->first; l; l = l->next) {
    if ((!l->said && !l->smooth) || (l->said && !l->given && one)) return NULL;
    if (l->said && !l->given) one = l;
  }
  return one;
}

static Value named_at(Elab *e, Value v, const Link *l, bool posterior) {
  if (v.kind != V_DIST) return v;
  v = with_point(e, v, l->value);
  v.dist->variable = l->name;
  v.dist->posterior = posterior;
  return v;
}

static Value marginal(Elab *e, Chain *c) {
  if (!survey(e, c)) return value_error();
  Link *one = found_by_rules(c);
  if (one) return named_at(e, dist_after(e, c, one, c->gones), one, false);
  if (c->smooth && !has_rules(e, c)) return value_error();
  for (c->about = c->first; c->about->given || !c->about->said || !c->about->factor;) c->about = c->about->next;
  Dist *d = NEW(e->arena, Dist);
  const Dist *of = c->about->dist;
  *d = (Dist){.kind = &marginal_kind,
              .decl = c->call,
              .chain = c,
              .draws = c->draws,
              .component = of,
              .shaped = true,
              .event = of->event,
              .own = of->event.rank,
              .plates = of->plates,
              .variable = c->about->name,
              .support = of->support,
              .domain = of->domain,
              .classes = of->classes,
              .span = c->call->span};
  return with_point(e, (Value){.kind = V_DIST, .dist = d, .span = c->call->span}, c->about->value);
}

Value joint_density(Elab *e, Scope *scope, Decl *model, const Ast *call) {
  Chain *c = chain_of(e, scope, model, call, false);
  if (!c) return value_error();
  int n = 0;
  for (const Link *l = c->first; l; l = l->next, n++)
    if (!l->said) return marginal(e, c);
  Value list = {.kind = V_LIST, .items = n, .item = NEW_ARRAY(e->arena, Value, n), .span = call->span};
  n = 0;
  for (const Link *l = c->first; l; l = l->next) {
    Value dist = link_dist(e, c, l);
    if (dist.kind == V_ERROR) return dist;
    list.item[n++] = with_point(e, dist, l->value);
  }
  return n == 1 ? list.item[0] : list;
}

// ---- posteriors, by Bayes' rule

static Value posterior_by_values(Elab *e, Chain *c, const Dist *d) {
  Span where = c->call->span;
  bool bits = !d->classes;
  Value table;
  int plate = open_link(e, c, c->about, d, &table);
  if (plate < 0) return value_error();
  Value v = log_links(e, c, c->first);
  if (v.kind != V_ERROR) v = plate_to_event(e, v, plate);
  e->plate_count--;
  if (v.kind == V_ERROR) return v;
  finding(e, "posterior", where, "%s: by Bayes' rule, over all values of %s", expression_text(e, c->call),
          c->about->name);
  if (bits) {
    Shape one = {0};
    Value at[2];
    for (int i = 0; i < 2; i++) at[i] = pick_places(e, v, 0, value_tensor(node_const(e->graph, i, one), 0), where);
    v = apply2(e, OP_SUB, where, at[1], at[0]);
  }
  Call logits = {.span = where, .n = 1, .arg = {v}, .name = {"logits"}};
  return call_distribution(e, bits ? "bernoulli" : "categorical", &logits);
}

Value posterior(Elab *e, Scope *scope, Decl *model, const Ast *call) {
  Chain *c = chain_of(e, scope, model, call, true);
  if (!c) return value_error();
  Link *about = c->about = find_link(c, named_in(call->b));
  Link at = *about;
  about->value = (Value){.kind = V_NONE};
  if (!survey(e, c)) return value_error();
  const Dist *d = about->dist;
  bool bits = d->support.kind == SUPPORT_SET && d->support.members == 2 && d->support.lo == 0 && d->support.hi == 1;
  bool summed = false;
  for (const Link *l = c->first; l; l = l->next) summed = summed || (!l->said && !l->smooth);
  if (!support_discrete(&d->support) && !summed) return named_at(e, belief(e, c, about, c->gones, NULL), &at, true);
  if (!d->event.rank && (d->classes || bits)) return named_at(e, posterior_by_values(e, c, d), &at, true);
  complain(e, E0719, call->span, expression_text(e, call), about->name);
  return value_error();
}
