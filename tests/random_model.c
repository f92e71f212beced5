// Random models, declaration by declaration; see random_model.h.
//
// Every declaration is written from what stands before it, so that a model with odds of 0 mostly holds no mistake; the
// odds then put mistakes of every kind into some of them.
#include "random_model.h"

#include <string.h>

#include "text/embedded.h"
#include "random_writer.h"

enum { DEPTH = 3, ROOM = 40 };

// The library's names, as its texts declare them.
static void collect_words(Writer *w) {
  Sources *s = sources_new(w->arena);
  for (const EmbeddedFile *f = embedded_std; f->name; f++) {
    const Ast *tree = parse_file(w->arena, s, sources_add(s, f->name, f->text, f->length, true));
    for (const Ast *i = tree->a; i; i = i->next)
      if (i->name && w->words < MOST_WORDS) w->word[w->words++] = i->name;
  }
}

// ---- bodies

static void write_statement(Writer *w, int depth) {
  Variable v = variable_of_shape(new_name(w, "h"), random_shape(w, 2));
  if (chance(w, w->odds, 400)) {
    static const char *const odd[] = {"weight v[2] = 1",
                                      "state s = 0",
                                      "v <- 1",
                                      "maximize 1",
                                      "minimize x",
                                      "grid 1",
                                      "plot 2",
                                      "rows 3",
                                      "columns 0",
                                      "points -1",
                                      "nothing 4",
                                      "a, b = 3",
                                      "x = 1",
                                      "weight v[0] ~ 1",
                                      "weight v ~ normal(0, 1)",
                                      "value <- 0",
                                      "z, u ~ normal(0, 1)",
                                      "z[2, 3] ~ normal(zeros(5), 1)"};
    WRITE(w, "  %s\n", odd[below(w, sizeof odd / sizeof *odd)]);
  }
  if (w->place & IN_OBJECTIVE && chance(w, 1, 4)) {
    if (w->latents && chance(w, 1, 2)) {
      const Variable *z = &w->latent[below(w, w->latents)];
      v = (Variable){v.name, z->shape, z->ground, z->classes};
      WRITE(w, "  %s ~ prior(%s)\n", v.name, z->name);
    } else {
      WRITE(w, "  %s ~ ", v.name);
      write_distribution(w, &v, depth);
      WRITE(w, "\n");
    }
  } else if (chance(w, 1, 8) && v.shape.rank) {
    Variable u = variable_of_shape(new_name(w, "h"), v.shape);
    Shape both = v.shape;
    both.dim[0] *= 2;
    WRITE(w, "  %s, %s = split(2, ", v.name, u.name);
    write_expression(w, both, depth);
    WRITE(w, ", axis: 0)\n");
    know(w, u);
  } else {
    WRITE(w, "  %s = ", v.name);
    write_expression(w, v.shape, depth);
    WRITE(w, "\n");
  }
  know(w, v);
}

static void write_statements(Writer *w, int most) {
  for (int n = below(w, most + 1); n--;) write_statement(w, DEPTH);
}

// A weight, or a state that follows a mean over the batch.
static void write_tensors(Writer *w) {
  Variable v = variable_of_shape(new_name(w, "w"), random_shape(w, 2));
  int place = w->place;
  bool state = chance(w, 1, 3), drawn = !state && chance(w, 1, 2);
  WRITE(w, "  %s %s", state ? "state" : "weight", v.name);
  if (v.shape.rank) WRITE(w, "["), write_dims(w, v.shape), WRITE(w, "]");
  if (!state && chance(w, 1, 4)) {  // held on a support, at a start that lies there
    static const char *const held[] = {" on positive", " in [-1, 2]", " on positive = 0.5", " in [-1, 2] ~ uniform(0, 1)",
                                       " on ordered"};
    WRITE(w, "%s\n", held[below(w, v.shape.rank ? 5 : 4)]);
    know(w, v);
    return;
  }
  WRITE(w, drawn ? " ~ " : " = ");
  w->place = IN_NOTHING;
  int knowns = w->knowns;
  if (!w->odds || chance(w, 9, 10)) w->knowns = 0;
  if (drawn)
    write_distribution(w, &v, 1);
  else
    write_expression(w, v.shape, 1);
  w->knowns = knowns;
  w->place = place;
  WRITE(w, "\n");
  know(w, v);
  if (!state) return;
  WRITE(w, "  %s <- 0.9 * %s + 0.1 * ", v.name, v.name);
  if (v.shape.rank == 1)
    WRITE(w, "batch_mean("), write_expression(w, v.shape, 2), WRITE(w, ")");
  else
    WRITE(w, "step");
  WRITE(w, "\n");
}

// ---- declarations

static void write_params(Writer *w) {
  for (int n = below(w, 3); n--;) {
    Variable p = {.name = new_name(w, "p"), .classes = 2 + below(w, 3)};
    WRITE(w, "param %s = ", p.name);
    if (chance(w, w->odds, 300))
      write_odd(w, 1);
    else
      WRITE(w, "%d", p.classes);
    WRITE(w, "\n");
    w->param[w->params++] = p;
    know(w, p);
  }
  for (int n = below(w, 2); n--;) {
    Variable p = {.name = new_name(w, "l")};
    WRITE(w, "let %s = min(1, ", p.name);
    write_scalar(w, 2);
    WRITE(w, ")\n");
    know(w, p);
  }
}

static void write_support(Writer *w, const Variable *v) {
  static const char *const interval[] = {"[0, 1]", "{0, 1}"},
                           *const odd[] = {"{}",         "[1]",      "[1, 0]",    "[0, infinity]", "real[2]",
                                           "simplex",    "class(0)", "spd[2, 2]", "{3, 1, 2}",     "[-infinity, 0]",
                                           "class(2.5)", "positive", "[0, x]",    "{1}",           "class(1000001)",
                                           "[1, \"a\"]", "real[0]"};
  if (chance(w, w->odds, 300))
    WRITE(w, " in %s", odd[below(w, sizeof odd / sizeof *odd)]);
  else if (v->ground == ON_CLASS)
    WRITE(w, " : class(%d)", v->classes);
  else if (v->ground == ON_UNIT || v->ground == ON_BITS)
    WRITE(w, " in %s", interval[v->ground == ON_BITS]);
  else if (v->ground == ON_POSITIVE)
    WRITE(w, " on positive");
}

static void write_variable(Writer *w, const Variable *v) {
  WRITE(w, "%s", v->name);
  if (v->shape.rank) WRITE(w, "["), write_dims(w, v->shape), WRITE(w, "]");
  write_support(w, v);
}

// A formula of random numbers for a column.
static void write_generated(Writer *w, const Variable *v, int axis) {
  static const char *const number[] = {"gaussian()", "(0.1 + random())", "random()", "(random() < 0.5)"};
  if (v->ground == ON_CLASS) {
    WRITE(w, "min(floor(%d * random()), %d)", v->classes, v->classes - 1);
  } else if (axis == v->shape.rank) {
    WRITE(w, "%s", number[v->ground]);
  } else {
    WRITE(w, "[");
    for (int i = 0; i < v->shape.dim[axis]; i++) {
      if (i) WRITE(w, ", ");
      write_generated(w, v, axis + 1);
    }
    WRITE(w, "]");
  }
}

static void write_source(Writer *w, const char *source, int first, int n, int holes) {
  WRITE(w, "source %s(examples: %d) {\n", source, 20 + below(w, 20));
  write_statements(w, 1);
  WRITE(w, n > 1 ? "  [" : "  ");
  for (int i = first; i < first + n; i++) {
    if (i > first) WRITE(w, ", ");
    if (i == holes) WRITE(w, "observed(");
    write_generated(w, &w->column[i], 0);
    if (i == holes) WRITE(w, ", random() < 0.7)");
  }
  WRITE(w, n > 1 ? "]\n}\n" : "\n}\n");
}

// A set of data of n columns, the last of which may have holes.
static void write_set(Writer *w, const char *source, int first, int n, int holes) {
  int generated = holes >= 0 || chance(w, 3, 4);
  if (generated) write_source(w, source, first, n, holes);
  w->knowns = w->params;
  WRITE(w, "data ");
  for (int i = first; i < first + n; i++) {
    if (i > first) WRITE(w, ", ");
    write_variable(w, &w->column[i]);
    if (i == holes) WRITE(w, " missing");
  }
  WRITE(w, " from ");
  if (chance(w, w->odds, 400)) {
    write_odd(w, 2);
  } else if (generated) {
    WRITE(w, "%s%s", source, chance(w, 1, 2) ? "" : "(examples: 30)");
  } else {
    static const char *const reader[] = {"idx", "npy", "csv"};
    WRITE(w, "%s(\"a\", \"b\", \"c\"%s)", reader[below(w, 3)], chance(w, 1, 2) ? "" : ", holdout: 0.2");
  }
  const Variable *v = &w->column[first];
  int along = !generated && n == 1 && v->ground == ON_REAL && v->shape.rank == 1 ? (int)v->shape.dim[0] : 0;
  if (along && chance(w, 1, 2)) WRITE(w, " |> principal(%d, of: %d)", along, along + below(w, 4));
  if (chance(w, 1, 6)) WRITE(w, chance(w, 1, 2) ? " |> binarize" : " |> binarize(fresh: true)");
  if (chance(w, 1, 12)) WRITE(w, " |> first(%d)", 1 + below(w, 30));
  if (chance(w, w->odds, 400)) WRITE(w, " |> "), write_odd(w, 1);
  WRITE(w, "\n");
}

static void write_data(Writer *w) {
  int n = below(w, 4);
  if (n == 0 && chance(w, 2, 3)) n = 1;
  for (int i = 0; i < n; i++) {
    Variable v = {.name = i == 0 ? "x" : i == 1 ? "y" : "t", .ground = (Ground)below(w, 5)};
    if (v.ground == ON_CLASS)
      v.classes = 2 + below(w, 3);
    else
      v.shape = random_shape(w, 2);
    w->column[w->columns++] = v;
  }
  if (!n) return;
  int holes = n > 1 && chance(w, 1, 4) ? n - 1 : -1, own = n > 1 && chance(w, 1, 4) ? 1 + below(w, n - 1) : n;
  write_set(w, "made", 0, own, holes < own ? holes : -1);
  if (own < n) write_set(w, "more", own, n - own, holes);
  if (holes >= 0) w->missing = w->column[--w->columns];
}

static void write_priors(Writer *w) {
  for (int n = 1 + below(w, 2); n--;) {
    Variable z = variable_of_shape(new_name(w, "z"), random_shape(w, 1));
    z.ground = chance(w, 7, 8) ? ON_REAL : (Ground)below(w, 5);
    if (z.ground == ON_CLASS) z.classes = 2 + below(w, 2), z.shape.rank = 0, z.shape.dim[0] = 0;
    WRITE(w, "prior ");
    write_variable(w, &z);
    WRITE(w, " ~ ");
    write_distribution(w, &z, 1);
    WRITE(w, "\n");
    w->latent[w->latents++] = z;
  }
}

// Latents that all examples share, with the network that makes them and what they are for: a line through the first column.
static void write_shared(Writer *w) {
  const Variable *x = w->columns ? &w->column[0] : NULL;
  if (!x || x->ground == ON_CLASS || !chance(w, 1, 3)) return;
  const char *a = new_name(w, "g"), *b = new_name(w, "g"), *q = new_name(w, "n"), *of = new_name(w, "n");
  int n = 1 + below(w, 3);
  bool odd = chance(w, w->odds, 100);
  WRITE(w, "shared prior %s[%d] ~ normal(0, 1), %s ~ %s\n", a, n, b, chance(w, 1, 2) ? "laplace(0, 1)" : "normal(0, 2)");
  WRITE(w, "net %s(%s, %s%s) { weight m[%d] ~ normal(0, 1), s[%d] on positive   %s ~ normal(m, s)   %s ~ normal(%s, 1) }\n", q,
        a, b, odd ? " | x" : "", n, n, a, b, odd ? "sum(x)" : "sum(m)");
  WRITE(w, "function %s(x, a, b) = tanh(sum(x) * sum(a) + b)\n", of);
  WRITE(w, "objective %s { %s, %s ~ %s(%s, %s)   ", w->objective[w->objectives] = new_name(w, "o"), a, b, q, a, b);
  WRITE(w, "minimize square(%s(x, %s, %s) - 1) + %s(%s(%s, %s) || prior(%s, %s))%s }\n", of, a, b, "kl", q, a, b, a, b,
        chance(w, 1, 4) ? "" : " / examples");
  w->over[w->objectives] = q;
  w->minimized[w->objectives++] = true;
  if (chance(w, 1, 2))
    WRITE(w, "show %s { %s, %s ~ %s(%s, %s)   plot %s(t, %s, %s) over t in [-1, 1]  curves 3 }\n", new_name(w, "s"), a, b,
          q, a, b, of, a, b);
  if (chance(w, 1, 3)) WRITE(w, "show %s { %s ~ prior(%s)   plot density(%s)  points 9 }\n", new_name(w, "s"), b, b, b);
}

// A parameter on a support of vectors or matrices, one or several.
static void write_held(Writer *w, const char *name) {
  static const char *const vector[] = {"simplex", "sphere", "ordered"}, *const matrix[] = {"spd", "cholesky"};
  bool square = chance(w, 1, 2);
  int n = 1 + below(w, 3), times = below(w, 3);
  Shape s = square ? shape_of(2, (int64_t[]){n, n}) : shape_of(1, (int64_t[]){n});
  if (times) {
    memmove(s.dim + 1, s.dim, sizeof s.dim[0] * (size_t)s.rank++);
    s.dim[0] = times;
  }
  WRITE(w, "parameter %s[", name);
  write_dims(w, s);
  WRITE(w, "] on %s", square ? matrix[below(w, 2)] : vector[below(w, 3)]);
  if (chance(w, 1, 3)) WRITE(w, square ? " = 0.3 * identity(%d)" : " = 1 + iota(%d)", n);
  WRITE(w, "\n");
  know(w, variable_of_shape(name, s));
}

static void write_parameters(Writer *w) {
  static const char *const support[] = {"", " on positive", " in [-1, 2]", " on simplex", " in {0, 1}", " on real[2]"};
  for (int n = below(w, 3); n--;) {
    Variable v = variable_of_shape(new_name(w, "a"), random_shape(w, 2));
    if (chance(w, 1, 4)) {
      write_held(w, v.name);
      continue;
    }
    int k = below(w, w->odds ? 6 : 3 + (v.shape.rank > 0)), start = below(w, 3);
    WRITE(w, "parameter %s", v.name);
    if (v.shape.rank) WRITE(w, "["), write_dims(w, v.shape), WRITE(w, "]");
    WRITE(w, "%s", support[k]);
    if (start == 1 && k != 3) WRITE(w, " = 0.5");
    if (start == 2 && k < 3) WRITE(w, k == 0 ? " ~ normal(0, 1)" : " ~ uniform(0.1, 1)");
    WRITE(w, "\n");
    know(w, v);
  }
}

static void write_function(Writer *w) {
  const char *name = new_name(w, "f");
  int knowns = w->knowns;
  know(w, (Variable){.name = "u"});
  know(w, (Variable){.name = "k"});
  WRITE(w, "function %s(u, k: %d%s) = u + 0 * ", name, 1 + below(w, 3), chance(w, 1, 2) ? " > 0" : "");
  write_scalar(w, 2);
  if (chance(w, 1, 3)) WRITE(w, " where t = k + 1");
  WRITE(w, "\n");
  w->knowns = knowns;
  w->function[w->functions++] = name;
}

static void write_block(Writer *w) {
  const char *name = new_name(w, "b");
  int knowns = w->knowns, place = w->place;
  w->place = IN_NET | IN_BATCH;
  WRITE(w, "block %s(u, units) {\n", name);
  write_tensors(w);
  write_statements(w, 1);
  WRITE(w, "  u |> dense(units)\n}\n");
  w->knowns = knowns;
  w->place = place;
  w->block[w->blocks++] = name;
}

static void write_distribution_text(Writer *w) {
  const char *name = new_name(w, "own");
  int knowns = w->knowns;
  Variable centre = {.name = "centre"}, at = {.name = "at"};
  know(w, centre);
  WRITE(w, "distribution %s(centre: 0, width: 1 > 0) on real {\n", name);
  WRITE(w, "  sample = centre + width * random() + 0 * ");
  write_scalar(w, 1);
  know(w, at);
  WRITE(w, "\n  log(at) = -abs(at - centre) / width - log(2 * width) + 0 * ");
  write_scalar(w, 1);
  WRITE(w, "\n");
  if (chance(w, 1, 2)) WRITE(w, "  mean = centre\n");
  if (chance(w, 1, 2)) WRITE(w, "  entropy = log(width)\n");
  WRITE(w, "}\n");
  if (chance(w, 1, 2)) WRITE(w, "kl(%s(a, b) || normal(c, d)) = square(a - c) / d + 0 * b\n", name);
  w->knowns = knowns;
  w->distribution[w->distributions++] = name;
}

static void write_bijector(Writer *w) {
  const char *name = new_name(w, "map");
  WRITE(w, "bijector %s[n](by: 1) {\n  weight s[n] ~ normal(0, 0.3)\n", name);
  bool in_order = chance(w, 1, 2);
  if (in_order)
    WRITE(w, "  net slope(v | u) autoregressive { v = masked(tanh(masked(u, n)), n, strict: true) }\n");
  else
    WRITE(w, "  net slope(v | u) { v = tanh(dense(u, n)) }\n");
  const char *at = in_order && chance(w, 1, 2) ? "x" : "s";  // of x nobody writes an inverse
  WRITE(w, "  forward(x) = (x + by) * exp(slope(%s))\n", at);
  if (*at == 's') WRITE(w, "  inverse(y) = y * exp(-slope(s)) - by\n");
  WRITE(w, "  logdet(x%s) = sum(slope(%s))\n}\n", chance(w, 1, 2) ? ", y" : "", at);
  w->bijector[w->bijectors++] = name;
}

static void write_optimizer(Writer *w) {
  const char *name = new_name(w, "opt");
  WRITE(w, "optimizer %s(lr: 0.1) {\n  state m = 0\n  m <- 0.5 * m + gradient\n", name);
  if (chance(w, 1, 2))
    WRITE(w, "  value <- value - lr * m / (1 + gradient_norm) * (1 + 0 * update)\n");
  else
    WRITE(w, "  value <- value - lr * tanh(m)\n");
  if (chance(w, w->odds, 300)) WRITE(w, "  weight q = 1\n");
  WRITE(w, "}\n");
  w->optimizer[w->optimizers++] = name;
}

// ---- networks

static void write_names(Writer *w, const Variable *v, int n) {
  for (int i = 0; i < n; i++) WRITE(w, "%s%s", i ? ", " : "", v[i].name);
}

static void write_outputs(Writer *w, const Net *n) {
  for (int i = 0; i < n->outs; i++) {
    const Variable *out = &n->out[i];
    if (chance(w, w->odds, 500)) continue;
    WRITE(w, "  %s %s ", out->name, n->density ? "~" : "=");
    if (n->density)
      write_distribution(w, out, DEPTH);
    else
      write_moved(w, out->shape, DEPTH);
    WRITE(w, "\n");
  }
}

// What explains each place by those before it; with odds also by itself.
static void write_ordered(Writer *w, const Net *n) {
  const Variable *x = &n->out[0];
  int64_t places = shape_count(x->shape);
  const char *strict = chance(w, w->odds, 1000) ? "false" : "true";
  for (int i = 0; i < n->ins; i++) know(w, n->in[i]);
  w->room = ROOM;
  switch (below(w, x->shape.rank == 2 ? 5 : 4)) {
    case 4:
      WRITE(w, "  m = conv_%s(%s, %d, %d) |> tanh |> conv_upto(1, 3, dilation: %d)\n",
            strict[0] == 't' ? "before" : "upto", x->name, 1 + below(w, 4), 2 + below(w, 4), 1 + below(w, 2));
      WRITE(w, "  o = reshape(m, "), write_dims(w, x->shape), WRITE(w, ")\n");
      break;
    case 0: WRITE(w, "  o = tanh(before(%s, axis: 0))\n", x->name); break;
    case 1:
      WRITE(w, "  o = reshape(cumsum(flatten(before(%s))), ", x->name), write_dims(w, x->shape), WRITE(w, ")\n");
      break;
    case 2:
      WRITE(w, "  s = scan(v in flatten(%s), h = 0) { before_it = h   h <- tanh(h + v)   before_it }\n", x->name);
      WRITE(w, "  o = reshape(s, "), write_dims(w, x->shape), WRITE(w, ")\n");
      break;
    default:
      WRITE(w, "  m = flatten(%s) |> masked(%d) |> tanh |> masked(%lld, strict: %s)\n", x->name, 1 + below(w, 8),
            (long long)places, strict);
      WRITE(w, "  o = reshape(m, "), write_dims(w, x->shape), WRITE(w, ")\n");
  }
  WRITE(w, "  q = o + ");
  write_scalar(w, 2);
  WRITE(w, "\n  %s ~ ", x->name);
  switch (x->ground) {
    case ON_REAL: WRITE(w, "normal(q, 1)\n"); break;
    case ON_POSITIVE: WRITE(w, "exponential(exp(soft_clip(q, 3)))\n"); break;
    case ON_CLASS: WRITE(w, "categorical(logits: expand(q) * iota(%d))\n", x->classes); break;
    default: WRITE(w, "bernoulli(logits: q)\n");
  }
}

static void write_net(Writer *w, Net n) {
  static const char *const word[] = {"encoder", "decoder", "generator", "discriminator", "net"};
  int knowns = w->knowns;
  w->place = IN_NET | IN_BATCH;
  WRITE(w, "%s %s(", word[below(w, 5)], n.name);
  write_names(w, n.out, n.outs);
  if (n.ins) WRITE(w, " | ");
  write_names(w, n.in, n.ins);
  bool modelled = false;
  for (int i = 0; i < w->columns; i++) modelled = modelled || !strcmp(w->column[i].name, n.out[0].name);
  for (int i = 0; i < w->latents; i++)
    modelled = modelled || (!strcmp(w->latent[i].name, n.out[0].name) && n.out[0].ground != ON_UNIT);
  bool ordered = n.density && n.outs == 1 && n.out[0].shape.rank && modelled && chance(w, 1, 4);
  const char *over = chance(w, 1, 8) ? " over rows" : "";
  if (ordered || chance(w, w->odds, 2000))
    WRITE(w, ") autoregressive%s {\n", over);
  else
    WRITE(w, ") {\n");
  if (ordered) {
    write_ordered(w, &n);
    WRITE(w, "}\n");
    w->knowns = knowns;
    w->place = IN_NOTHING;
    w->net[w->nets++] = n;
    return;
  }
  for (int i = 0; i < n.ins; i++) know(w, n.in[i]);
  w->room = ROOM;
  if (chance(w, 1, 3)) write_tensors(w);
  write_statements(w, 2);
  write_outputs(w, &n);
  if (chance(w, w->odds, 1000)) WRITE(w, "  "), write_odd(w, 1), WRITE(w, "\n");
  WRITE(w, "}\n");
  w->knowns = knowns;
  w->place = IN_NOTHING;
  w->net[w->nets++] = n;
}

// What goes in or comes out: a column, a latent, or something of its own.
static Variable any_variable(Writer *w, const char *prefix) {
  int k = below(w, 3);
  if (k == 0 && w->columns) return w->column[below(w, w->columns)];
  if (k == 1 && w->latents) return w->latent[below(w, w->latents)];
  return variable_of_shape(new_name(w, prefix), random_shape(w, 2));
}

static bool has_variable(const Variable *v, int n, const char *name) {
  while (n--)
    if (!strcmp(v[n].name, name)) return true;
  return false;
}

static void write_nets(Writer *w) {
  if (w->columns && w->latents) {  // an encoder and a decoder
    Net q = {.name = "q", .outs = 1, .ins = 1, .density = true}, p = q;
    p.name = "p";
    q.in[0] = p.out[0] = w->column[0];
    q.out[0] = p.in[0] = w->latent[0];
    if (w->columns > 1 && chance(w, 1, 2)) q.in[q.ins++] = p.in[p.ins++] = w->column[1];
    write_net(w, q);
    write_net(w, p);
  }
  for (int k = below(w, 3); k--;) {
    Net n = {.name = new_name(w, "n"), .density = chance(w, 1, 2)};
    for (int i = below(w, 3); i--;) {
      Variable v = any_variable(w, "i");
      if (!has_variable(n.in, n.ins, v.name)) n.in[n.ins++] = v;
    }
    for (int i = 1 + below(w, 2); i--;) {
      Variable v = any_variable(w, "o");
      if (!has_variable(n.out, n.outs, v.name) && !has_variable(n.in, n.ins, v.name)) n.out[n.outs++] = v;
    }
    if (n.outs) write_net(w, n);
  }
}

// ---- objectives, metrics, training, shows

static void begin_measure(Writer *w) {
  w->place = IN_OBJECTIVE | IN_BATCH;
  w->room = ROOM;
  for (int i = 0; i < w->columns; i++) know(w, w->column[i]);
  if (w->missing.name) {
    know(w, variable_of_shape(arena_format(w->arena, "filled(%s, 0)", w->missing.name), w->missing.shape));
    know(w, variable_of_shape(arena_format(w->arena, "known(%s)", w->missing.name), w->missing.shape));
  }
}

static void write_bound(Writer *w, int kind) {
  static const char *const form[] = {
      "log p(x | z%s) - kl(q(z | x%s) || prior(z))\n",
      "logmeanexp(3) { z ~ q(z | x%s)\n  log p(x | z%s) + log prior(z) - log q(z | x%s) }\n",
      "logmeanexp(3) { z ~ q(z | x)\n  log p(x, z) - log q(z | x) }\n"};
  bool given = w->net[1].ins > 1;
  if (given && kind == 2) kind = 1;  // what is given has no prior
  const char *z = w->latent[0].name, *y = given ? ", y" : "";
  Text t = text_new(w->arena);
  if (kind == 0) WRITE(w, "  %s ~ q(%s | x%s)\n", z, z, y);
  WRITE(w, "  maximize ");
  for (const char *c = form[kind]; *c; c++) {  // z stands for the latent's name
    bool word = c > form[kind] && c[-1] >= 'a' && c[-1] <= 'z';
    if (*c == 'z' && !word)
      text_add(&t, "%s", z);
    else if (c[0] == '%' && c[1] == 's')
      text_add(&t, "%s", y), c++;
    else
      text_append(&t, c, 1);
  }
  WRITE(w, "%s", t.data);
}

static void write_objectives(Writer *w) {
  bool bound = w->nets > 1 && !strcmp(w->net[0].name, "q");
  for (int n = 1 + below(w, 2); n--;) {
    int knowns = w->knowns, i = w->objectives;
    w->objective[i] = new_name(w, "j");
    begin_measure(w);
    WRITE(w, "objective %s", w->objective[i]);
    if (chance(w, 1, 4)) WRITE(w, "(beta: 1)");
    WRITE(w, " {\n");
    w->minimized[i] = chance(w, 1, 3);
    if (bound && chance(w, 2, 3)) {
      w->minimized[i] = false;
      w->over[i] = chance(w, 1, 2) ? "q, p" : "p";
      write_bound(w, below(w, 3));
    } else if (w->nets) {
      const Net *net = &w->net[below(w, w->nets)];
      w->over[i] = net->name;
      write_statements(w, 2);
      WRITE(w, "  %s ", w->minimized[i] ? "minimize" : "maximize");
      WRITE(w, net->density ? "log " : net->outs > 1 ? "sum(square(" : "sum(square(0 + ");
      write_application(w, net, net->density ? BAR_POINT : NO_BAR, 1);
      WRITE(w, net->density ? " + " : net->outs > 1 ? "[0])) + " : ")) + ");
      write_scalar(w, DEPTH);
      WRITE(w, "\n");
    } else {
      w->over[i] = w->knowns ? w->known[below(w, w->knowns)].name : "x";
      WRITE(w, "  minimize ");
      w->minimized[i] = true;
      write_scalar(w, DEPTH);
      WRITE(w, "\n");
    }
    WRITE(w, "}\n");
    w->objectives++;  // later texts may apply it
    w->knowns = knowns;
  }
  w->place = IN_NOTHING;
}

// A model of its own of a column, in which all is normal and what a latent makes is affine in it: what rules say of it.
static void write_linear(Writer *w) {
  static const char *const of_latent[] = {"normal(0, 1)", "normal([1, -1], 0.5)",
                                          "normal(0, cov: [[1, 0.3], [0.3, 0.5]])", "normal(0, 2)"},
                           *const made[] = {"dense(lat, %d)", "(dense(lat, %d) - 1) / 2", "(lat @ ones(2, %d))",
                                            "tile(sum(lat), %d)", "(dense(-lat[.. 1], %d) + sum(lat))"},
                           *const noise[] = {"1", "exp(dense(ones(1), 1)[0])", "0.5 + 0 * sum(dense(ones(2), 1))"},
                           *const asked[] = {"log lin(%s)",
                                             "sum(mean lin(lat | %s))",
                                             "sum(draw lin(%s))",
                                             "kl(lin(lat | %s) || prior(lat))",
                                             "entropy(lin(lat | %s)) + entropy(lin(%s))",
                                             "mean(2) { lat ~ lin(lat | %s)  log lin(%s, lat) - log lin(lat | %s) }"};
  const Variable *x = w->columns ? &w->column[below(w, w->columns)] : NULL;
  if (!x || x->classes || !chance(w, 1, 3)) return;
  WRITE(w, "prior lat[2] ~ %s\ndecoder lin(%s | lat) { %s ~ normal(", of_latent[below(w, 4)], x->name, x->name);
  int n = (int)shape_count(x->shape);
  WRITE(w, "reshape(");
  text_add(&w->text, made[below(w, 5)], n);
  for (int i = 0; i < x->shape.rank; i++) WRITE(w, ", %d", (int)x->shape.dim[i]);
  WRITE(w, "%s, %s) }\n", x->shape.rank ? ")" : ", 1)[0]", noise[below(w, 3)]);
  for (int k = 1 + below(w, 2); k--;) {
    WRITE(w, "metric %s = ", new_name(w, "m"));
    text_add(&w->text, asked[below(w, 6)], x->name, x->name, x->name);
    WRITE(w, "\n");
  }
}

static void write_metrics(Writer *w) {
  for (int n = below(w, 3); n--;) {
    int knowns = w->knowns;
    begin_measure(w);
    w->metric = new_name(w, "m");
    WRITE(w, "metric %s ", w->metric);
    if (chance(w, 1, 5)) WRITE(w, "every %d ", 1 + below(w, 3));
    if (chance(w, 1, 6)) {
      WRITE(w, "= total(");
      write_scalar(w, DEPTH);
      WRITE(w, ") / total(1)\n");
    } else if (chance(w, 1, 8)) {
      static const char *const of[] = {"sum(", "average(flat_rows(", "told_apart(reverse(",
                                       "kernel_distance(ones(3, 1), expand(", "learnt_apart(ones(4), "};
      int which = below(w, 5);
      WRITE(w, "= %sgathered(", of[which]);
      write_scalar(w, DEPTH);
      WRITE(w, ", %d)%s\n", 2 + below(w, 3),
            which == 0   ? ")"
            : which == 1 ? ")) * 2"
            : which == 2 ? "), ones(4))"
            : which == 3 ? "))"
                         : "), turns: 2)");
    } else if (chance(w, 1, 2)) {
      WRITE(w, "= ");
      write_scalar(w, DEPTH);
      WRITE(w, "\n");
    } else {
      WRITE(w, "{\n");
      write_statements(w, 2);
      WRITE(w, "  0 + ");
      write_scalar(w, DEPTH);
      WRITE(w, "\n}\n");
    }
    w->knowns = knowns;
  }
  w->place = IN_NOTHING;
}

static void write_line(Writer *w) {
  static const char *const with[] = {"adam(1e-3)",           "sgd(0.1, momentum: 0.9)", "rmsprop(warm_up(1e-3, 10))",
                                     "adamw(1e-3, clip: 1)", "sgd(cosine(0.1, 100))",   "adam"};
  int i = below(w, w->objectives), k = below(w, 6 + w->optimizers);
  WRITE(w, "  %s %s over %s with ", w->minimized[i] ? "minimize" : "maximize", w->objective[i], w->over[i]);
  if (chance(w, w->odds, 300))
    write_odd(w, 1);
  else
    WRITE(w, "%s", k < 6 ? with[k] : w->optimizer[k - 6]);
  WRITE(w, "\n");
}

// A number over what a condition may speak of.
static void write_condition(Writer *w) {
  static const char *const measure[] = {"recent(%s) < 1", "change(%s) < 0.1", "recent(%s) < best(%s) + 1"};
  if (w->objectives && chance(w, 1, 6)) {
    const char *m = w->objective[below(w, w->objectives)];
    WRITE(w, measure[below(w, 3)], m, m);
    return;
  }
  static const char *const of[] = {"step < %d", "%d < step + epoch", "1 - step / %d", "epoch - %d",
                                   "floor(step / %d) == 0"};
  WRITE(w, of[below(w, sizeof of / sizeof *of)], 1 + below(w, 3));
}

// Lines, some in blocks within one another.
static void write_lines(Writer *w, int depth) {
  for (int n = 1 + below(w, 2); n--;) {
    int block = depth ? below(w, 12) : 3;
    if (block == 0) WRITE(w, "  repeat %d {\n", 1 + below(w, 3));
    if (block == 1) WRITE(w, "  every %d {\n", 1 + below(w, 3));
    if (block == 2) WRITE(w, "  when "), write_condition(w), WRITE(w, " {\n");
    if (block < 3)
      write_lines(w, depth - 1), WRITE(w, "  }\n");
    else
      write_line(w);
  }
}

static void write_phase(Writer *w, bool first) {
  static const char *const odd[] = {
      "rows 3",          "batch 0",     "batch -1",        "batch 1e9",
      "epochs none",     "seed 1.5",    "repeat 0 { }",    "repeat 1001 { }",
      "seed 4294967296", "every 0 { }", "when x { }",      "every 2 { batch 3 }",
      "until step < 0",  "until 1",     "when step + { }", "repeat 1000 { repeat 1000 { } }",
      "shards 0"};
  WRITE(w, "{\n");
  write_lines(w, 3);
  if (first && chance(w, 1, 4) && w->objectives) {
    static const char *const average[] = {"ema(%s)", "ema(%s, 0.9)", "running_mean(%s)", "followed(%s, 0.5)"};
    WRITE(w, "  average ");
    WRITE(w, average[below(w, 4)], w->over[below(w, w->objectives)]);
    WRITE(w, "\n");
  }
  if (first && chance(w, 1, 8)) WRITE(w, "  keep every 2\n");
  if (first && chance(w, 1, 4) && w->metric)
    WRITE(w, "  keep best(%s%s)%s\n", chance(w, 1, 2) ? "-" : "", w->metric, chance(w, 1, 2) ? ", restarts 2" : "");
  if (chance(w, w->odds, 300)) WRITE(w, "  %s\n", odd[below(w, sizeof odd / sizeof *odd)]);
  if (chance(w, 1, 6)) WRITE(w, "  until "), write_condition(w), WRITE(w, "\n");
  int batch = 1 + below(w, 4);
  WRITE(w, "  batch %d, epochs 1", batch);
  if (first && chance(w, 1, 3)) WRITE(w, ", shards %d", chance(w, 1, 2) ? batch : 1 + below(w, 2));
}

static void write_train(Writer *w) {
  if (chance(w, 1, 4)) {  // an optimiser that lines may share
    int k = below(w, 1 + w->optimizers);
    const char *name = new_name(w, "d");
    WRITE(w, "let %s = %s\n", name, k ? w->optimizer[k - 1] : "adam(1e-3)");
    w->optimizer[w->optimizers++] = name;
  }
  WRITE(w, "average followed(d: 0.9) { state c = value   c <- d * c + value * tanh(update)   shadow <- shadow + c }\n");
  WRITE(w, "train ");
  write_phase(w, true);
  WRITE(w, "%s\n}", chance(w, 1, 5) ? ", seed 7" : "");
  while (chance(w, 1, 6)) {
    WRITE(w, " then ");
    write_phase(w, false);
    WRITE(w, "\n}");
  }
  WRITE(w, "\n");
}

// What the run has measured.
static void write_curves(Writer *w) {
  const char *name = w->metric && !chance(w, w->odds, 100) ? w->metric : "o0";
  WRITE(w, "show %s { plot %s", new_name(w, "s"), name);
  if (chance(w, 1, 3)) WRITE(w, ", %s", name);
  if (chance(w, w->odds, 200)) WRITE(w, ", "), write_scalar(w, 1);
  WRITE(w, " over %s }\n", chance(w, w->odds, 200) ? "t" : chance(w, 1, 2) ? "step" : "epoch");
}

// Values as text.
static void write_printed(Writer *w) {
  int knowns = w->knowns;
  begin_measure(w);
  WRITE(w, "show %s { ", new_name(w, "s"));
  if (chance(w, 1, 2)) {
    WRITE(w, "rows u in [0.5, 2]   ");
    know(w, (Variable){.name = "u"});
  }
  WRITE(w, "print ");
  write_expression(w, shape_of(1, (int64_t[]){2}), 2);
  WRITE(w, ", ");
  write_scalar(w, 2);
  if (w->columns && w->column[0].ground == ON_CLASS) WRITE(w, ", x");
  if (chance(w, w->odds, 200)) WRITE(w, ", "), write_expression(w, random_shape(w, 3), 1);
  WRITE(w, " }\n");
  w->knowns = knowns;
  w->place = IN_NOTHING;
}

static void write_show(Writer *w) {
  int knowns = w->knowns, kind = below(w, 4);
  begin_measure(w);
  WRITE(w, "show %s {\n", new_name(w, "s"));
  write_statements(w, 2);
  if (kind) WRITE(w, chance(w, 1, 2) ? "  points 9\n" : "  points 20\n");
  if (kind == 0) {
    know(w, (Variable){.name = "row"});
    if (chance(w, 1, 2)) know(w, (Variable){.name = "column"});
    if (chance(w, 1, 4)) {
      static const char *const over[] = {"0 .. 2", "linspace(-1, 1, 2)", "[0.5, 3]", "{\"a\", \"b\"}", "0 .. 0"};
      WRITE(w, "  rows u in %s%s\n", over[below(w, chance(w, w->odds, 200) ? 5 : 4)],
            chance(w, 1, 2) ? "  columns v in 1 .. 4" : "");
      know(w, (Variable){.name = "u"});
    } else {
      WRITE(w, "  rows 2, columns %d\n", 1 + below(w, 3));
    }
    WRITE(w, "  grid ");
    write_expression(w, shape_of(2, (int64_t[]){2, 3}), DEPTH);
    if (chance(w, 1, 3)) WRITE(w, ", "), write_expression(w, shape_of(1, (int64_t[]){3}), DEPTH);
    if (chance(w, w->odds, 300)) WRITE(w, ", "), write_expression(w, random_shape(w, 3), 1);
  } else if (kind == 1) {
    WRITE(w, "  plot ");
    write_expression(w, shape_of(1, (int64_t[]){2}), DEPTH);
  } else if (kind == 2) {
    WRITE(w, "  plot density(");
    write_scalar(w, DEPTH);
    WRITE(w, ")");
  } else {
    WRITE(w, "  plot ");
    if (chance(w, 3, 4)) w->knowns = knowns, w->place = IN_NOTHING;
    know(w, (Variable){.name = "t"});
    write_scalar(w, DEPTH);
    WRITE(w, " over t in %s", chance(w, w->odds, 200) ? "real" : "[-2, 2]");
  }
  WRITE(w, "\n}\n");
  w->knowns = knowns;
  w->place = IN_NOTHING;
}

// ---- the whole

static const Setting *new_setting(Writer *w, const char *origin, const char *name, const char *text) {
  Setting *s = NEW(w->arena, Setting);
  *s = (Setting){.name = name, .text = text, .origin = origin};
  return s;
}

static const char *number_text(Writer *w) {
  static const char *const text[] = {"3", "2", "0.5", "-1", "1e9", "none", "2 +", "\"a\"", "x", "p0", "4"};
  return text[below(w, sizeof text / sizeof *text)];
}

static const Overrides *random_settings(Writer *w) {
  static const char *const prior[] = {
      "laplace(0, 1)", "normal(0, 2)", "uniform(0, 1)", "mixture over k in 0 .. 2 { normal(k, 1) }", "3",
      "normal(",       "nothing"};
  static const char *const data[] = {
      "made(examples: 25)",     "toy.moons", "mnist", "npy(\"a\")", "3", "made |> binarize", "(",
      "csv(\"a\", test: \"b\")"};
  Overrides *o = NEW(w->arena, Overrides);
  if (!chance(w, 1, 5)) return NULL;
  if (chance(w, 1, 3)) {
    o->params = 1;
    o->param = new_setting(w, "--set", w->params && chance(w, 3, 4) ? w->param[0].name : "p9", number_text(w));
  }
  if (chance(w, 1, 3) && w->latents) {
    const char *name = chance(w, 7, 8) ? w->latent[0].name : "nobody";
    o->priors = 1;
    o->prior = new_setting(w, "--prior", name, arena_format(w->arena, "%s ~ %s", name, prior[below(w, 7)]));
  }
  if (chance(w, 1, 6)) o->data = new_setting(w, "--data", "data", data[below(w, 8)]);
  if (chance(w, 1, 3)) {
    o->trains = 1;
    o->train = new_setting(w, "--batch", "batch", number_text(w));
  }
  return o;
}

static const Setting *random_given(Writer *w) {
  static const char *const name[] = {"y", "x", "nothing"};
  if (chance(w, 5, 6)) return NULL;
  const char *latent = w->latents ? w->latent[0].name : "z0";
  int k = below(w, 5);
  return new_setting(w, "--given", k < 3 ? name[k] : latent, number_text(w));
}

static void write_use(Writer *w) {
  if (chance(w, 1, 2))
    WRITE(w, "use \"part.gm\"\n");
  else
    WRITE(w, "use %s, %s from \"part.gm\"\n", w->function[w->functions - 1], w->distribution[w->distributions - 1]);
}

static const char *random_part(Writer *w) {
  Writer part = {.arena = w->arena,
                 .text = text_new(w->arena),
                 .state = random_bits(&w->state),
                 .odds = w->odds,
                 .room = ROOM,
                 .made = 100};
  memcpy(part.word, w->word, sizeof part.word);
  part.words = w->words;
  write_function(&part);
  write_distribution_text(&part);
  if (chance(w, w->odds, 500)) WRITE(&part, "use \"part.gm\"\nuse \"nobody.gm\"\nmodel other\n");
  w->function[w->functions++] = part.function[0];
  w->distribution[w->distributions++] = part.distribution[0];
  return part.text.data;
}

// Declarations that may stand anywhere, and twice where there is a mistake in them.
static void write_helpers(Writer *w) {
  w->room = ROOM;
  if (chance(w, 1, 3)) write_function(w);
  if (chance(w, 1, 3)) write_distribution_text(w);
  if (chance(w, 1, 3)) write_bijector(w);
  if (chance(w, 1, 3)) write_optimizer(w);
  if (chance(w, 1, 3)) write_block(w);
}

static void write_expectations(Writer *w) {
  for (int n = below(w, 3); n-- && w->metric;) {
    bool bad = chance(w, w->odds, 100);
    const char *name = bad ? "nobody" : w->metric;
    WRITE(w, "expect %s %s %d", name, bad && chance(w, 1, 2) ? "==" : chance(w, 1, 2) ? "<=" : ">=", below(w, 9) - 4);
    if (chance(w, 1, 2)) WRITE(w, " after %d epochs", bad ? below(w, 9) : 1);
    WRITE(w, "\n");
  }
}

RandomModel random_model(Arena *a, uint64_t seed) {
  static const int odds[] = {0, 0, 2, 5, 10, 30, 100};
  Writer *w = NEW(a, Writer);
  RandomModel m = {0};
  *w = (Writer){.arena = a, .text = text_new(a), .state = seed, .room = ROOM};
  w->joint = chance(w, 1, 4);
  w->odds = odds[below(w, 7)];
  collect_words(w);
  WRITE(w, "model random\n");
  if (chance(w, 1, 4)) m.part = random_part(w), write_use(w);
  write_params(w);
  write_data(w);
  write_priors(w);
  write_parameters(w);
  write_helpers(w);
  write_nets(w);
  if (chance(w, w->odds, 400)) write_params(w), write_data(w);
  write_objectives(w);
  write_shared(w);
  write_metrics(w);
  write_linear(w);
  for (int n = below(w, 3); n--;) write_show(w);
  if (chance(w, 1, 6)) write_curves(w);
  if (chance(w, 1, 6)) write_printed(w);
  if (chance(w, 7, 8)) write_train(w);
  write_expectations(w);
  m.text = w->text.data;
  m.settings = random_settings(w);
  m.given = random_given(w);
  return m;
}
