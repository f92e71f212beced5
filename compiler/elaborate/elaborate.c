// The elaborator's entry: declarations, names, overrides, and the order of the whole. See elaborate.h.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

#include "text/embedded.h"
#include "text/vocabulary.h"

// --- places and messages

static bool in_library(const Elab *e, Span where) {
  return where.file >= 0 && sources_text(e->sources, where.file)->library;
}

Span user_span(const Elab *e, Span where) {
  if (where.file >= 0 && !in_library(e, where)) return where;
  for (const Frame *f = e->frame; f; f = f->up)
    if (f->call.file >= 0 && !in_library(e, f->call)) return f->call;
  return e->graph && e->graph->span.file >= 0 ? e->graph->span : where;
}

void complain(Elab *e, DiagnosticCode code, Span where, ...) {
  e->complaints++;
  va_list list;
  va_start(list, where);
  Span user = user_span(e, where);
  report_list(e->sources, code, user, list);
  va_end(list);
  bool moved = user.file != where.file || user.begin != where.begin;
  if (moved && where.file >= 0) report_note(e->sources, where, "in the library, reached from there");
}

void finding(Elab *e, const char *topic, Span where, const char *format, ...) {
  Model *m = e->model;
  va_list list;
  va_start(list, format);
  Finding f = {topic, arena_vformat(e->arena, format, list), user_span(e, where)};
  va_end(list);
  for (int i = 0; i < m->findings; i++)
    if (!strcmp(m->finding[i].text, f.text) && m->finding[i].span.begin == f.span.begin) return;
  if ((m->findings & (m->findings - 1)) == 0) {
    Finding *grown = NEW_ARRAY(e->arena, Finding, m->findings ? 2 * m->findings : 1);
    if (m->findings) memcpy(grown, m->finding, (size_t)m->findings * sizeof *grown);
    m->finding = grown;
  }
  m->finding[m->findings++] = f;
}

// FNV-1a; it also addresses a stream of random numbers.
uint32_t path_hash(const char *path) {
  uint32_t h = 2166136261u;
  for (; *path; path++) h = (h ^ (uint8_t)*path) * 16777619u;
  return h;
}

bool name_in(const char *name, int n, const char *const *list) {
  while (n--)
    if (same_name(list[n], name)) return true;
  return false;
}

const Setting *find_setting(const Setting *list, int n, const char *name) {
  for (int i = n; i--;)
    if (!strcmp(list[i].name, name)) return &list[i];
  return NULL;
}

// --- declarations

static unsigned bucket_of(const char *name) {
  unsigned h = 5381;
  for (; *name; name++) h = h * 33 + (unsigned char)*name;
  return h % 256;
}

Decl *find_seen(const Elab *e, const char *name, int group) {
  for (Decl *d = e->bucket[bucket_of(name)]; d; d = d->next)
    if (!strcmp(d->name, name) && is_seen(d, group)) return d;
  return NULL;
}

Decl *find_decl(const Elab *e, const char *name) { return find_seen(e, name, 0); }

// What `name` means to the text at `where`: the library's own texts do not see the model's declarations, so that no
// name a model chooses can change what a library function does. A file that names were taken from sees its own names and
// the library's.
Decl *find_decl_at(const Elab *e, const char *name, Span where) {
  Decl *d = find_seen(e, name, group_at(e, where));
  while (d && in_library(e, where) && (!d->library || strcmp(d->name, name))) d = d->next;
  return d;
}

Decl *find_metric(const Elab *e, const char *name, Span where) {
  return find_decl_at(e, arena_format(e->arena, "metric %s", name), where);
}

// Of the networks of one name the weights are called after what each makes.
static void name_factors(Elab *e, Decl *d) {
  for (; d; d = d->factor) {
    Text path = text_new(e->arena);
    text_add(&path, "%s", d->name);
    for (const Ast *o = d->ast->a; o; o = o->next) text_add(&path, ".%s", o->name);
    d->path = path.data;
  }
}

static void add_decl(Elab *e, const char *name, const Ast *ast, bool library) {
  Decl *d = NEW(e->arena, Decl), *old = name[0] ? find_seen(e, name, e->group) : NULL;
  Decl *model = ast->kind == AST_NET && old && !old->library && old->ast->kind == AST_NET ? old : NULL;
  for (const Ast *o = model ? ast->a : NULL; o && model; o = o->next)
    if (find_factor(model, o->name)) old = find_factor(model, o->name), model = NULL;
  if (old && !old->library && !model) {
    complain(e, E0201, ast->span, name);
    report_note(e->sources, old->ast->span, "first declared here");
    return;
  }
  unsigned b = bucket_of(name);
  *d = (Decl){.name = name,
              .ast = ast,
              .library = library,
              .group = e->group,
              .seen = 1u << e->group,
              .next = e->bucket[b],
              .path = name,
              .owner = name,
              .factor = model};
  if (model) name_factors(e, d);
  e->bucket[b] = d;
  GROW(e->arena, e->decl, e->decls, &e->decl_room);
  e->decl[e->decls++] = d;
}

static void declare_only(Elab *e, const Ast **slot, const Ast *ast, const char *what) {
  if (*slot) {
    complain(e, E0207, ast->span, what);
    report_note(e->sources, (*slot)->span, "the first one");
  } else {
    *slot = ast;
  }
}

static void add_set(Elab *e, const Ast *data) {
  if (e->sets == MAX_SETS)
    complain(e, E0681, data->span, MAX_SETS);
  else
    e->set[e->sets++] = (DataSet){.ast = data, .clause = data->b};
}

static void add_net(Elab *e, const Ast *net, bool library) {
  if (ast_length(net->a) > MAX_ARGS || ast_length(net->b) > MAX_ARGS)
    complain(e, E0221, net->span, MAX_ARGS);
  else
    add_decl(e, net->name, net, library);
}

// Some bodies give by their statements alone.
static void check_end(Elab *e, const Ast *i) {
  bool gives_none = i->kind == AST_NET || i->kind == AST_OBJECTIVE || i->kind == AST_OPTIMIZER ||
                    i->kind == AST_AVERAGE || i->kind == AST_SHOW;
  if (gives_none && i->c && i->c->b) complain(e, E0514, i->c->b->span, i->name);
}

// What belongs to a model as a whole, and is not taken from another file by its name.
static bool is_of_model(AstKind kind) {
  return kind == AST_MODEL || kind == AST_DATA || kind == AST_TRAIN || kind == AST_SHOW || kind == AST_METRIC ||
         kind == AST_EXPECT;
}

void declare_file(Elab *e, int file, bool library, int depth) {
  const Ast *tree = parse_file(e->arena, e->sources, file);
  if (file == e->file) e->model->tree = tree;
  for (const Ast *i = tree->a; i; i = i->next) {
    check_end(e, i);
    if (i->kind == AST_DISTRIBUTION || i->kind == AST_SUPPORT) check_members(e, i);
    if (e->group && is_of_model(i->kind)) continue;
    switch (i->kind) {
      case AST_MODEL: e->model->name = i->name; break;
      case AST_USE: use_file(e, i, depth); break;
      case AST_DATA: add_set(e, i); break;
      case AST_TRAIN: declare_only(e, &e->train, i, "train"); break;
      case AST_PRIOR: add_decl(e, arena_format(e->arena, "prior %s", i->a->name), i, library); break;
      case AST_KL:
      case AST_RULE:
      case AST_EXPECT: add_decl(e, "", i, library); break;
      case AST_SUPPORT: add_decl(e, arena_format(e->arena, "support %s", i->name), i, library); break;
      case AST_SHOW: add_decl(e, arena_format(e->arena, "show %s", i->name), i, library); break;
      case AST_METRIC: add_decl(e, arena_format(e->arena, "metric %s", i->name), i, library); break;
      case AST_NET: add_net(e, i, library); break;
      case AST_BIJECTOR:  // it is applied to distributions alone, and may have the name of a function
        add_decl(e, arena_format(e->arena, "bijector %s", i->name), i, library);
        check_bijector(e, i);
        break;
      case AST_ESTIMATOR:
        add_decl(e, arena_format(e->arena, "estimator %s", i->name), i, library);
        check_estimator(e, i);
        break;
      case AST_ERROR: break;
      default: add_decl(e, i->name, i, library);
    }
  }
}

static void declare_library(Elab *e) {
  for (const EmbeddedFile *f = embedded_std; f->name; f++) {
    const char *slash = strrchr(f->name, '/');
    const char *name = arena_format(e->arena, "std%s", slash ? slash : f->name);
    declare_file(e, sources_add(e->sources, name, f->text, f->length, true), true, 0);
  }
}

// --- names

static const char *const words[] = {"true",   "false",         "none",     "infinity", "step",   "epoch",
                                    "update", "gradient_norm", "training", "row",      "column", "batch_size",
                                    "examples"};

// Names of the place: known in the texts of one kind, and in lets, which stand for a part of one.
static const struct {
  const char *name;
  AstKind kind;
} place_word[] = {{"update", AST_OPTIMIZER}, {"gradient_norm", AST_OPTIMIZER}, {"row", AST_SHOW}, {"column", AST_SHOW}};

static AstKind place_of(const char *name) {
  for (size_t i = 0; i < sizeof place_word / sizeof *place_word; i++)
    if (same_name(name, place_word[i].name)) return place_word[i].kind;
  return AST_COUNT;
}

static bool seen_here(const Elab *e, const Scope *scope, const char *name) {
  return is_word(scope, name) && (place_of(name) == AST_SHOW ? e->in_show : e->optimizing >= 0);
}

bool is_word(const Scope *scope, const char *name) {
  AstKind kind = place_of(name);
  bool counts = scope->of && scope->of->kind == AST_AVERAGE && !strcmp(name, "update");
  if (kind != AST_COUNT) return counts || (scope->of && (scope->of->kind == kind || scope->of->kind == AST_LET));
  return name_in(name, sizeof words / sizeof *words, words);
}

static bool word_value(Elab *e, const Scope *scope, const char *name, Value *v) {
  *v = (Value){.kind = V_NUMBER};
  if (!strcmp(name, "true"))
    v->number = 1;
  else if (!strcmp(name, "false"))
    v->number = 0;
  else if (!strcmp(name, "none"))
    v->kind = V_NONE;
  else if (!strcmp(name, "infinity"))
    v->number = INFINITY;
  else if (!strcmp(name, "training"))
    v->number = e->training, e->modes++;
  else if (!e->graph)
    return false;
  else if (!strcmp(name, "step"))
    *v = value_tensor(feed_node(e, INPUT_STEP), 0);
  else if (!strcmp(name, "epoch"))
    *v = value_tensor(feed_node(e, INPUT_EPOCH), 0);
  else if (!strcmp(name, "examples") && e->sets)
    *v = value_tensor(feed_node(e, INPUT_EXAMPLES), 0);
  else if (!strcmp(name, "batch_size") && e->model->batch)
    v->number = (double)(scope->of && !e->started ? e->plate[0] : e->model->batch);
  else if (!strcmp(name, "update") && seen_here(e, scope, name))
    *v = update_count(e), e->places++;
  else if (!strcmp(name, "gradient_norm") && seen_here(e, scope, name))
    *v = gradient_norm(e);
  else if (seen_here(e, scope, name) && (!strcmp(name, "row") || e->across))
    *v = show_place(e, name);
  else
    return false;
  return true;
}

// Does a statement speak of the name that it gives, behind a minus: `z ~ prior(z)   -sum(z)`?
static bool goes_on(const Elab *e, const char *name, Span where) {
  const Ast *s = e->giving, *v = s ? s->b : NULL;
  if (!v || v->kind != AST_BINARY || strcmp(v->text, "-") != 0) return false;
  if (v->b->span.file != where.file || where.begin < v->b->span.begin || where.end > v->b->span.end) return false;
  for (const Ast *n = s->a; n; n = n->next)
    if (!strcmp(n->name, name)) return true;
  return false;
}

void unknown_name(Elab *e, const Scope *scope, const char *name, Span where) {
  int room = e->decls + 256, n = 0, builtins;
  const char **known = NEW_ARRAY(e->arena, const char *, room);
  for (const Scope *s = scope; s; s = s->up)
    for (Binding *b = s->first; b && n < 64; b = b->next) known[n++] = b->name;
  for (int i = 0; i < e->columns && scope->sees_data; i++) known[n++] = e->column[i].name;
  for (int i = 0; i < e->decls; i++)
    if (is_seen(e->decl[i], group_at(e, where)))
      known[n++] = e->decl[i]->ast->kind == AST_BIJECTOR ? e->decl[i]->ast->name : e->decl[i]->name;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) known[n++] = words[i];
  const char *const *builtin = builtin_names(e->arena, &builtins);
  for (int i = 0; i < builtins && n < room; i++) known[n++] = builtin[i];
  const WordEntry *word = word_find(name);
  if (word && word->kind == LATER) {
    report_later(e->sources, user_span(e, where), arena_format(e->arena, "`%s`", name), word->help);
    return;
  }
  complain(e, E0202, where, name);
  if (goes_on(e, name, where)) {
    report_help(e->sources, "the line goes on with `-`: a new line, or a comma, before it begins something new");
    return;
  }
  if (word) {
    report_help(e->sources, "%s", word->help);
    return;
  }
  if (find_bijector(e, name, where)) {
    report_help(e->sources, "`%s` is a bijector: a distribution is sent through it, normal(0, 1) |> %s", name, name);
    return;
  }
  const char *near = nearest_name(name, n, known);
  if (place_of(name) != AST_COUNT) {
    report_help(e->sources, "`%s` is known in the text of %s itself: give it from there as an argument", name,
                place_of(name) == AST_SHOW ? "a show" : "an optimizer");
    return;
  }
  if (near && near[0]) report_help(e->sources, "did you mean `%s`?", near);
  const Decl *prior = find_decl(e, arena_format(e->arena, "prior %s", name));
  if (prior) report_help(e->sources, "draw it first: `%s ~ prior(%s)`", name, name);
}

void not_seen(Elab *e, const Scope *scope, const char *name, Span where) {
  static const struct {
    AstKind kind;
    const char *sees;
  } body[] = {{AST_NET, "a network sees what stands after its `|`"},
              {AST_FUNCTION, "functions and blocks see their arguments"},
              {AST_DISTRIBUTION, "a distribution sees its arguments"},
              {AST_BIJECTOR, "a bijector sees its arguments"},
              {AST_ESTIMATOR, "an estimator sees its arguments"},
              {AST_PRIOR, "a prior is the same for all examples"},
              {AST_KL, "a rule sees the parameters of its two distributions"},
              {AST_RULE, "a rule sees the parameters of its two distributions"},
              {AST_OPTIMIZER, "an optimizer sees a weight and its gradient"},
              {AST_AVERAGE, "an average sees a weight"},
              {AST_SOURCE, "a source sees its arguments"},
              {AST_SUPPORT, "a support sees its arguments"}};
  const char *sees = "this is settled before any data are seen";
  for (size_t i = 0; i < sizeof body / sizeof *body; i++)
    if (scope->of && scope->of->kind == body[i].kind) sees = body[i].sees;
  const Decl *d = find_column(e, name) < 0 ? find_measured(e, name) : NULL;
  bool objective = d && d->ast->kind == AST_OBJECTIVE, metric = d && d->ast->kind == AST_METRIC;
  complain(e, E0782, where, name, objective ? "an objective" : metric ? "a metric" : "data", sees);
  if (scope->of && scope->of->kind == AST_NET && place_of_name(scope->of->a, name) >= 0)
    report_help(e->sources, "to give each place of it those before, write `autoregressive` behind the head: `%s(%s) autoregressive { ... }`",
                scope->of->name, name);
  else if (scope->of && scope->of->kind == AST_NET && !objective && !metric)
    report_help(e->sources, "name it in the head, `%s(... | ..., %s)`, and give it where `%s` is applied",
                scope->of->name, name, scope->of->name);
}

static Value param_value(Elab *e, Decl *d) {
  const Ast *ast = d->ast->a;
  const Setting *s = d->library || !is_seen(d, 0) ? NULL : find_setting(e->overrides->param, e->overrides->params, d->name);
  if (s)
    ast = parse_expression(e->arena, e->sources, sources_add(e->sources, s->origin, s->text, strlen(s->text), false));
  if (s && diagnostics_errors(e->sources)) return value_error();
  return eval(e, e->global, ast);
}

// Whatever is being drawn where a let is first used, its random numbers are those of its name.
static Value let_value(Elab *e, const Decl *d) {
  Drawing saved = e->drawing;
  e->drawing = (Drawing){.path = arena_format(e->arena, "let %s", d->name)};
  Value v = eval(e, scope_for(e, d->ast), d->ast->a);
  e->drawing = saved;
  return v;
}

// Params are numbers or texts, the same in all programs; lets may depend on `step` and are made anew in each, and in
// one program after a line has moved what they may be made of.
static bool still_known(const Elab *e, const Decl *d) {
  bool same_draw = (!d->holds_draw || d->context == e->context) && !d->holds_place;
  bool same_tensors = !d->holds_tensor || d->moves == e->moves;
  bool same = d->program == e->program && same_draw && same_tensors && (!d->graph || is_around(e, d->graph));
  return d->known && (d->ast->kind == AST_PARAM || (d->ast->kind == AST_LET && same));
}

static Value named_value(Elab *e, const Scope *scope, Decl *d, Span where) {
  if (!still_known(e, d)) {
    if (d->busy) return complain(e, E0208, where, d->name), value_error();
    int reads = e->reads, randoms = e->randoms, places = e->places, looks = e->looks;
    d->busy = true;
    d->value = d->ast->kind == AST_PARAM ? param_value(e, d)
               : d->ast->kind == AST_LET ? let_value(e, d)
                                         : parameter_value(e, d);
    name_declared(e, d->ast, &d->value);
    d->busy = false;
    d->value = optimizer_named(e, d, d->value);
    d->known = true;
    d->program = e->program;
    d->context = e->context;
    d->moves = e->moves;
    d->graph = e->graph;
    d->holds_tensor = e->looks > looks;
    d->holds_data = e->reads > reads;
    d->holds_draw = e->randoms > randoms;
    d->holds_place = e->places > places;
  }
  e->reads += d->holds_data;
  e->randoms += d->holds_draw;
  e->looks += d->holds_tensor;
  if (d->holds_data && !scope->sees_data) return not_seen(e, scope, d->name, where), value_error();
  return d->value;
}

static Value decl_value(Elab *e, const Scope *scope, Decl *d, Span where) {
  switch (d->ast->kind) {
    case AST_PARAM:
    case AST_LET:
    case AST_PARAMETER: return named_value(e, scope, d, where);
    case AST_FUNCTION:
    case AST_DISTRIBUTION:
    case AST_OPTIMIZER:
    case AST_SOURCE: return (Value){.kind = V_CALLABLE, .decl = d};
    case AST_OBJECTIVE: return apply_objective(e, scope, d, &(Call){.span = where});
    default: break;
  }
  complain(e, E0209, where, d->name, ast_kind_name(d->ast->kind));
  return value_error();
}

// What a name is bound to. Where starts are evaluated, a weight or a state above is what it begins with.
static Value bound_value(Elab *e, const Binding *b) {
  Value v = b->value;
  bool elsewhere = v.kind == V_TENSOR && !graph_owns(e->graph, v.node);
  int t = b->tensor - 1;
  return e->started && t >= 0 && elsewhere ? held_value(e, t, &e->start[t].support, b->name, v.span) : v;
}

Value lookup(Elab *e, const Scope *scope, const Ast *name) {
  Binding *b = find_binding(scope, name->name);
  Value v;
  if (b) return bound_value(e, b);
  v = example_value(e, scope, name);
  if (v.kind != V_NONE) return v;
  int column = e->graph && !in_library(e, name->span) ? find_column(e, name->name) : -1;
  if (column >= 0 && !scope->sees_data) return not_seen(e, scope, name->name, name->span), value_error();
  if (column >= 0 && e->column_value && has_source(e, column)) return e->reads++, column_value(e, column);
  Decl *d = find_decl_at(e, name->name, name->span);
  if (d) return decl_value(e, scope, d, name->span);
  if (word_value(e, scope, name->name, &v)) return v;
  if (is_builtin(name->name)) return (Value){.kind = V_CALLABLE, .text = name->name};
  d = find_metric(e, name->name, name->span);
  if (d) return apply_metric(e, scope, d, name->span);
  unknown_name(e, scope, name->name, name->span);
  return value_error();
}

// --- settings and overrides

void unknown_setting(Elab *e, const Ast *setting, int n, const char *const *known) {
  const WordEntry *word = word_find(setting->name);
  if (word && word->kind == LATER) {
    report_later(e->sources, setting->span, arena_format(e->arena, "`%s`", setting->name), word->help);
    return;
  }
  complain(e, E0603, setting->span, setting->name);
  const char *near = nearest_name(setting->name, n, known);
  if (word || near) report_help(e->sources, word ? "%s" : "did you mean `%s`?", word ? word->help : near);
}

double whole_number(Elab *e, const Ast *ast, const char *what, double absent, double lo, double hi) {
  if (!ast || diagnostics_errors(e->sources)) return absent;
  double x = eval_number(e, e->global, ast, what);
  if (isnan(x)) return absent;
  if (x >= lo && x <= hi && floor(x) == x) return x;
  complain(e, E0313, ast->span, arena_format(e->arena, "%g", x), lo, hi);
  return absent;
}

double train_setting(Elab *e, const Ast *phase, const char *name, double absent, double lo, double hi) {
  const Setting *s = find_setting(e->overrides->train, e->overrides->trains, name);
  const Ast *ast = phase_setting(phase, name);
  if (s)
    ast = parse_expression(e->arena, e->sources, sources_add(e->sources, s->origin, s->text, strlen(s->text), false));
  return whole_number(e, ast, name, absent, lo, hi);
}

static bool is_own_param(const Decl *d) { return d->ast->kind == AST_PARAM && !d->library && is_seen(d, 0); }

bool model_has_param(const Model *m, const Ast *param) {
  const Decl *d = find_decl(m->elab, param->name);
  return d && is_own_param(d) && d->ast->span.file == param->span.file && d->ast->span.begin == param->span.begin;
}

static void check_overrides(Elab *e) {
  const Overrides *o = e->overrides;
  const char **known = NEW_ARRAY(e->arena, const char *, e->decls + 1);
  int n = 0;
  for (int i = 0; i < e->decls; i++)
    if (is_own_param(e->decl[i])) known[n++] = e->decl[i]->name;
  for (int i = 0; i < o->params; i++) {
    if (name_in(o->param[i].name, n, known)) continue;
    int file = sources_add(e->sources, o->param[i].origin, o->param[i].name, strlen(o->param[i].name), false);
    complain(e, E0210, (Span){file, 0, (uint32_t)strlen(o->param[i].name)}, o->param[i].name);
    const char *near = nearest_name(o->param[i].name, n, known);
    if (near) report_help(e->sources, "did you mean `%s`?", near);
  }
}

// `z ~ laplace(0, 1)` in place of the model's own prior of z; the shape stays as the model declares it.
static void replace_priors(Elab *e) {
  const Overrides *o = e->overrides;
  for (int i = 0; i < o->priors; i++) {
    int file = sources_add(e->sources, o->prior[i].origin, o->prior[i].text, strlen(o->prior[i].text), false);
    const Ast *prior = parse_prior(e->arena, e->sources, file);
    if (!prior || prior->kind != AST_PRIOR) continue;
    Decl *d = find_decl(e, arena_format(e->arena, "prior %s", prior->a->name));
    if (!d) {
      complain(e, E0416, prior->span, prior->a->name);
      continue;
    }
    Ast *merged = NEW(e->arena, Ast);
    *merged = *prior;
    if (!prior->a->a && !prior->a->b) merged->a = d->ast->a;
    merged->flag = d->ast->flag;
    d->ast = merged;
  }
}

static void replace_data(Elab *e) {
  const Setting *s = e->overrides->data;
  if (!s) return;
  int file = sources_add(e->sources, s->origin, s->text, strlen(s->text), false);
  const Ast *ast = parse_expression(e->arena, e->sources, file);
  if (e->sets == 1)
    e->set[0].clause = ast;
  else
    complain(e, E0625, (Span){file, 0, (uint32_t)strlen(s->text)}, e->sets ? "several sets of data" : "no data");
}

static void warn_unused(Elab *e) {
  for (int i = 0; i < e->decls; i++) {
    const Decl *d = e->decl[i];
    bool prior = d->ast->kind == AST_PRIOR, trained = d->library || (d->ast->kind != AST_NET && !prior);
    const char *owner = prior ? "prior" : d->name;
    for (int k = 0; k < e->model->lines && !trained; k++)
      for (const Ast *o = e->step[k]->b; o; o = o->next) trained = trained || !strcmp(o->name, owner);
    const char *path = prior ? arena_format(e->arena, "prior.%s/", d->ast->a->name) : "";
    bool has_weights = false;
    trained = trained || (d->trained && d->used);
    for (int t = 0; t < e->tensors; t++) {
      const TensorInfo *info = &e->model->tensor[t];
      has_weights = has_weights || (!strcmp(info->owner, owner) && !strncmp(info->name, path, strlen(path)));
    }
    if (!trained && e->train && (has_weights || !(d->used || prior)))
      complain(e, W0501, d->ast->span, d->name, has_weights ? "its weights stay as they begin" : "it is not used");
  }
}

// A prior is drawn, and its density taken.
static void check_prior(Elab *e, const Ast *ast) {
  Value dist = prior_of(e, ast->a->name, ast->span);
  Value z = dist.kind == V_DIST ? draw(e, dist, ast->a->name, NULL, ast->span) : value_error();
  if (z.kind != V_ERROR && dist.dist->kind->knows(dist.dist, "log"))
    log_density(e, dist, z, WHOLE, ast->span);
}

// A network is applied to the variables that it names; one that names others waits for who applies it.
static void check_net(Elab *e, Decl *d) {
  Value input[MAX_ARGS];
  int n = 0;
  for (const Ast *in = d->ast->b; in; in = in->next, n++) {
    int column = find_column(e, in->name);
    Value prior = {.kind = V_NONE};
    if (column < 0 && !find_decl(e, arena_format(e->arena, "prior %s", in->name))) return;
    if (column < 0) prior = prior_of(e, in->name, in->span);
    input[n] = column >= 0            ? column_value(e, column)
               : prior.kind == V_DIST ? draw(e, prior, in->name, NULL, in->span)
                                      : prior;
    if (input[n].kind == V_ERROR) return;
  }
  apply_net_values(e, d, n, input, d->ast->span);
}

static void check_decl(Elab *e, Decl *d) {
  switch (d->ast->kind) {
    case AST_PRIOR: check_prior(e, d->ast); return;
    case AST_NET:
      if (!d->used) check_net(e, d);
      return;
    case AST_LET:
      for (size_t i = 0; i < sizeof place_word / sizeof *place_word; i++)
        if (mentions(d->ast->a, place_word[i].name)) return;  // it waits for its place
      if (mentions_measure_word(d->ast->a)) return;
      check_optimizer(e, named_value(e, scope_for(e, d->ast), d, d->ast->span));
      return;
    case AST_PARAM:
    case AST_PARAMETER: named_value(e, scope_for(e, d->ast), d, d->ast->span); return;
    case AST_OBJECTIVE: check_objective(e, d); return;
    default: return;
  }
}

// What no program has reached is looked at all the same, each declaration as far as its arguments are known, and then
// the names of all. The graphs that this makes are thrown away.
static void check_the_rest(Elab *e) {
  int tensors = e->tensors, programs = e->model->programs;
  bool *used = NEW_ARRAY(e->arena, bool, e->decls);  // by the model itself
  for (int i = 0; i < e->decls; i++) used[i] = e->decl[i]->used;
  begin_program(e, 2, false);
  for (int c = 0; c < e->columns; c++)
    if (has_source(e, c)) column_value(e, c);
  for (int i = 0; i < e->decls; i++) {
    if (e->decl[i]->library) continue;
    e->graph->span = e->decl[i]->ast->span;
    check_decl(e, e->decl[i]);
  }
  for (int i = 0; i < e->decls; i++) e->decl[i]->used = used[i];
  if (e->tensors > tensors && !diagnostics_errors(e->sources)) elaborate_init(e);
  e->tensors = e->model->tensors = tensors;
  e->model->programs = programs;
  e->model->from_values = 0;
  bool names = !diagnostics_errors(e->sources);  // else they were told, or hang on what was
  for (int i = 0; i < e->decls && names; i++)
    if (!e->decl[i]->library) check_names(e, e->decl[i]->ast);
}

static bool good(const Elab *e) { return !diagnostics_errors(e->sources) && !e->unfinished; }

Model *elaborate(Arena *a, Sources *s, int file, const Overrides *overrides) {
  static const Overrides none;
  Elab *e = NEW(a, Elab);
  Model *m = NEW(a, Model);
  const SourceText *text = sources_text(s, file);
  *e = (Elab){
      .arena = a, .sources = s, .overrides = overrides ? overrides : &none, .model = m, .file = file, .optimizing = -1, .shadow = -1, .staging = -1};
  *m = (Model){.arena = a, .sources = s, .source = text->name, .name = "model", .test = -1, .init = -1, .elab = e};
  e->given = sources_count(s);
  e->declared = NEW_ARRAY(a, bool, e->given + 1);
  e->declared[file] = true;
  e->global = scope_new(e, NULL);
  declare_library(e);
  declare_file(e, file, false, 0);
  drop_unused_names(e);
  replace_priors(e);
  replace_data(e);
  if (diagnostics_errors(s)) return NULL;  // what follows would only repeat them
  check_overrides(e);
  check_phases(e);
  check_measured_names(e);
  begin_program(e, 1, false);  // where params and supports are evaluated
  m->batch = (int64_t)train_setting(e, e->train, "batch", 128, 1, MAX_BATCH);
  m->shards = (int64_t)train_setting(e, e->train, "shards", 1, 1, MOST_SHARDS);
  m->seed = (uint32_t)train_setting(e, e->train, "seed", 1, 0, 4294967295.0);
  declare_data(e);
  if (diagnostics_errors(s)) return NULL;
  elaborate_training(e);
  if (good(e)) elaborate_averages(e);
  if (good(e)) elaborate_test(e);
  if (good(e)) elaborate_keep(e);
  if (good(e)) elaborate_expectations(e);
  if (good(e)) elaborate_shows(e);
  check_the_rest(e);
  if (good(e)) check_trained(e);
  if (good(e)) elaborate_init(e);
  if (good(e)) elaborate_health(e);
  if (good(e)) try_bijectors(e);
  if (good(e)) warn_unused(e);
  if (!good(e)) return NULL;
  for (int i = 0; i < m->programs; i++) {
    m->program[i].graph.graph->tensor = m->tensor;
    m->program[i].graph.graph->tensors = m->tensors;
  }
  return m;
}
