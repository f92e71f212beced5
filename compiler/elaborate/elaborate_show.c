// Shows, and the programs that draw samples. Part of the elaborator.
//
// A show is a small program over cells. Where its text speaks of `column`, one example runs down each row and the
// columns are a plate of their own; otherwise every cell is an example of its own, and `row` is the cell's row.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

enum { TEXT_ROWS = 5, CURVE_POINTS = 201, CURVES = 20, MOST_CURVES = 1000 };

bool mentions(const Ast *ast, const char *name) {
  for (; ast; ast = ast->next) {
    if (ast->kind == AST_NAME && !strcmp(ast->name, name)) return true;
    if (mentions(ast->a, name) || mentions(ast->b, name) || mentions(ast->c, name)) return true;
  }
  return false;
}

int64_t whole_setting(Elab *e, const Ast *body, const char *name, int64_t absent, int64_t most) {
  const Ast *s = axis_setting(body, name);
  double n = s ? eval_number(e, e->global, s->a, name) : NAN;
  if (n >= 1 && n <= (double)most && floor(n) == n) return (int64_t)n;
  if (!isnan(n)) complain(e, E0614, s->span, name, (long long)most, n);
  return absent;
}

// A grid has rows and columns, a text rows, and these may run over something; a plot has points, and curves over an axis.
static bool has_setting(const Ast *picture, const char *name) {
  bool rows = !strcmp(name, "rows"), columns = !strcmp(name, "columns"), points = !strcmp(name, "points");
  if (picture->kind == AST_PLOT) return points || (picture->name && !rows && !columns);
  return rows || (columns && picture->kind == AST_GRID);
}

static const char *settings_text(const Ast *picture) {
  if (picture->kind == AST_PLOT) return picture->name ? "over an axis a plot has points and curves" : "a plot has points";
  return picture->kind == AST_GRID ? "a grid has rows and columns" : "a text has rows";
}

static void check_settings(Elab *e, const Ast *body, const Ast *picture) {
  static const char *const known[] = {"rows", "columns", "points", "curves"};
  bool measures = picture && picture->kind == AST_PLOT && picture->name && !picture->b;  // these have none: E0641
  for (const Ast *s = body->a; s; s = s->next) {
    if (s->kind != AST_SETTING) continue;
    bool word = name_in(s->name, 4, known), own = word && picture && has_setting(picture, s->name);
    if (word && s->a->kind == AST_BINDER && !(own && picture->kind != AST_PLOT))
      complain(e, E0650, s->span, s->name);
    else if (!word)
      unknown_setting(e, s, 4, known);
    else if (picture && !own && !measures)
      complain(e, E0603, s->span, s->name), report_help(e->sources, "%s", settings_text(picture));
  }
}

static const Ast *picture_statement(Elab *e, const Ast *show) {
  const Ast *found = NULL;
  for (const Ast *s = show->c->a; s; s = s->next) {
    if (s->kind != AST_GRID && s->kind != AST_PRINT && s->kind != AST_PLOT) continue;
    if (found) complain(e, E0615, s->span, show->name);
    found = s;
  }
  if (!found) complain(e, E0616, show->span, show->name);
  return found;
}

Value show_place(Elab *e, const char *name) {
  bool is_row = !strcmp(name, "row");
  int plate = e->across && !is_row;
  Value index = value_tensor(node_iota(e->graph, 0, shape_of(1, &e->plate[plate])), plate_bit(plate));
  if (e->across) return index;
  Span where = e->graph->span;
  Value row = apply1(e, OP_FLOOR, where, apply2(e, OP_DIV, where, index, value_number((double)e->cols)));
  if (is_row) {  // its bounds are known better than interval arithmetic tells
    Value most = value_number((double)e->rows - 1);
    return apply2(e, OP_MIN, where, row, most);
  }
  return apply2(e, OP_SUB, where, index, apply2(e, OP_MUL, where, row, value_number((double)e->cols)));
}

static Value picture_value(Elab *e, Scope *scope, const Ast *ast) {
  Value v = eval(e, scope, ast);
  if (v.kind == V_DIST) {
    complain(e, E0617, ast->span);
    report_help(e->sources, "write `mean %s` or `draw %s`", expression_text(e, ast), expression_text(e, ast));
    return value_error();
  }
  return v.kind == V_ERROR ? v : to_tensor(e, v);
}

static bool finite_range(const Node *n) { return n->lo > -1e30 && n->hi < 1e30; }

static bool grid_item(Elab *e, Scope *scope, const Ast *ast, PlanItem *item, Output *out) {
  Value v = picture_value(e, scope, ast);
  if (v.kind == V_ERROR) return false;
  Shape s = event_shape(&v);
  if (s.rank == 0 || s.rank > 3 || (s.rank == 3 && s.dim[2] != 3) || (s.rank == 1 && s.dim[0] <= 2)) {
    complain(e, E0618, ast->span, shape_text(e->arena, s));
    if (s.rank <= 1) report_help(e->sources, "points and numbers are drawn with `plot`");
    return false;
  }
  bool wide = e->across && v.plates & PLATE_ACROSS;
  v = widen(e, v, wide ? PLATE_BATCH | PLATE_ACROSS : PLATE_BATCH, s);
  if (v.kind == V_ERROR) return false;
  *item = (PlanItem){.kind = ITEM_IMAGE, .columns = wide ? (int)e->cols : 1, .label = expression_text(e, ast), .hi = 1};
  if (finite_range(v.node)) item->lo = (float)v.node->lo, item->hi = (float)v.node->hi;
  *out = (Output){.name = item->label, .value = v.node, .per_example = true};
  return true;
}

// `density(v)`, a cloud of points, or a curve over the axis.
static bool plot_item(Elab *e, Scope *scope, const Ast *ast, PlanItem *item, Output *out) {
  bool density = ast->kind == AST_CALL && ast->a->kind == AST_NAME && !strcmp(ast->a->name, "density");
  const Ast *inner = density && ast->b ? (ast->b->kind == AST_ARGUMENT ? ast->b->a : ast->b) : ast;
  Value v = picture_value(e, scope, inner);
  if (v.kind == V_ERROR) return false;
  Shape s = event_shape(&v);
  bool curve = e->across && v.plates & PLATE_ACROSS, single = shape_count(s) == 1;
  *item = (PlanItem){.label = expression_text(e, ast), .columns = 1};
  if (single && (curve || !density) && e->across) {
    if (v.plates & PLATE_BATCH) return complain(e, E0619, ast->span), false;
    unsigned several = v.plates & PLATE_CURVES;
    v = widen(e, reshape_event(e, v, (Shape){0}), PLATE_ACROSS | several, (Shape){0});
    if (several && v.kind != V_ERROR) v.node = node_permute(e->graph, v.node, (int[]){1, 0});  // curve by curve
    item->kind = ITEM_CURVE;
    item->columns = CURVE_POINTS;
  } else if (single) {
    v = widen(e, reshape_event(e, v, (Shape){0}), PLATE_BATCH, (Shape){0});
    item->kind = ITEM_DENSITY;
  } else if (s.rank == 1 && s.dim[0] == 2 && !density) {
    v = widen(e, v, PLATE_BATCH, s);
    item->kind = ITEM_POINTS;
  } else {
    complain(e, E0620, ast->span, shape_text(e->arena, s));
    return false;
  }
  if (v.kind == V_ERROR) return false;
  *out = (Output){.name = item->label, .value = v.node, .per_example = v.plates & PLATE_BATCH};
  return true;
}

// The column whose labels these are, by how they came about or by what the text speaks of; or -1.
static int labels_of(Elab *e, const Value *v, const Ast *ast) {
  const Drawn *d = draw_at(e, v, NULL);
  const char *drawn = d && d->dist ? d->dist->variable : NULL;
  for (int i = 0; i < e->columns && v->classes; i++) {
    const Column *c = &e->column[i];
    bool own = e->column_value[i].kind == V_TENSOR && e->column_value[i].node == v->node;
    bool named = drawn ? !strcmp(drawn, c->name) : mentions(&(Ast){.kind = AST_LIST, .a = (Ast *)ast}, c->name);
    if (c->classes == v->classes && (own || named)) return i;
  }
  return -1;
}

// A line of text for each example.
static bool text_item(Elab *e, Scope *scope, const Ast *ast, PlanItem *item, Output *out) {
  Value v = picture_value(e, scope, ast);
  if (v.kind == V_ERROR) return false;
  int column = labels_of(e, &v, ast);
  Shape s = event_shape(&v);
  if (s.rank > 1) return complain(e, E0651, ast->span, shape_text(e->arena, s)), false;
  v = widen(e, v, PLATE_BATCH, s);
  if (v.kind == V_ERROR) return false;
  *item = (PlanItem){.kind = ITEM_TEXT, .columns = 1, .label = expression_text(e, ast), .words = column + 1};
  *out = (Output){.name = item->label, .value = v.node, .per_example = true};
  return true;
}

static bool open_axis(Elab *e, Scope *scope, const Ast *picture, PlanShow *show) {
  if (picture->kind != AST_PLOT || !picture->name) return true;
  Support range;
  if (!eval_support(e, e->global, picture->b, &range)) return false;
  if (range.kind != SUPPORT_INTERVAL || range.hi == INFINITY) return complain(e, E0621, picture->b->span), false;
  show->t_lo = (float)range.lo;
  show->t_hi = (float)range.hi;
  Value t = value_tensor(node_iota(e->graph, 0, shape_of(1, &e->plate[1])), 2);
  t = apply2(e, OP_MUL, picture->span, t, value_number((range.hi - range.lo) / (CURVE_POINTS - 1)));
  t = apply2(e, OP_ADD, picture->span, t, value_number(range.lo));
  t.node->lo = range.lo;
  t.node->hi = range.hi;
  bind_name(e, scope, picture->name, t);
  return true;
}

// `plot elbo, gap over step`: what the run has measured, from its records; no program is run for it.
static void elaborate_curves(Elab *e, const Ast *ast, const Ast *picture, PlanShow *show) {
  *show = (PlanShow){.name = ast->name, .kind = SHOW_CURVES, .program = -1, .epochs = !strcmp(picture->name, "epoch")};
  PlanItem *item = NEW_ARRAY(e->arena, PlanItem, ast_length(picture->a));
  for (const Ast *s = ast->c->a; s; s = s->next)
    if (s != picture) complain(e, E0641, s->span, picture->name);
  if (!show->epochs && strcmp(picture->name, "step")) {
    complain(e, E0621, picture->span);
    report_help(e->sources, "or what the run has measured, `over step` or `over epoch`");
    return;
  }
  for (const Ast *x = picture->a; x; x = x->next) {
    bool named = x->kind == AST_NAME;
    item[show->items++] = (PlanItem){.kind = ITEM_CURVE, .output = -1, .columns = 1, .label = named ? x->name : ""};
    if (!named)
      complain(e, E0641, x->span, picture->name);
    else if (!find_measure(e, x->name).output && !line_of(e, x->name))
      complain(e, E0206, x->span, "measure", x->name);
  }
  show->item = item;
}

static void elaborate_show(Elab *e, const Ast *ast, PlanShow *show) {
  const Ast *picture = picture_statement(e, ast), *body = ast->c;
  int complaints = e->complaints;
  check_settings(e, body, picture);
  if (!picture || e->complaints > complaints) return;
  if (picture->kind == AST_PLOT && picture->name && !picture->b) {
    elaborate_curves(e, ast, picture, show);
    return;
  }
  bool plot = picture->kind == AST_PLOT, text = picture->kind == AST_PRINT;
  e->rows = axis_length(e, ast, "rows", text ? TEXT_ROWS : 10);
  e->cols = text ? 1 : axis_length(e, ast, "columns", 10);
  const Ast *columns = axis_setting(body, "columns");
  bool bound = columns && columns->a->kind == AST_BINDER;
  e->across = plot ? picture->name != NULL : !text && (bound || mentions(body->a, "column"));
  int64_t points = whole_setting(e, body, "points", 2000, 100000);
  *show = (PlanShow){.name = ast->name,
                     .kind = plot ? SHOW_PLOT : text ? SHOW_TEXT : SHOW_GRID,
                     .rows = (int)e->rows,
                     .columns = (int)e->cols,
                     .across = e->across};
  begin_program(e, plot ? points : e->across ? e->rows : e->rows * e->cols, false);
  if (e->across) e->plate[e->plate_count++] = plot ? CURVE_POINTS : e->cols;
  e->curves = plot && e->across;
  if (e->curves) e->plate[e->plate_count++] = whole_setting(e, body, "curves", CURVES, MOST_CURVES);
  e->in_show = true;
  push_frame(e, ast, ast->span);
  Scope *scope = scope_for(e, ast);
  eval_body(e, scope, body);
  int n = ast_length(picture->a);
  PlanItem *item = NEW_ARRAY(e->arena, PlanItem, n);
  Output *out = NEW_ARRAY(e->arena, Output, n);
  bool good = open_axis(e, scope, picture, show);
  int i = 0;
  for (const Ast *x = picture->a; x && good; x = x->next, i++) {
    good = plot   ? plot_item(e, scope, x, &item[i], &out[i])
           : text ? text_item(e, scope, x, &item[i], &out[i])
                  : grid_item(e, scope, x, &item[i], &out[i]);
    item[i].output = i;
  }
  pop_frame(e);
  e->in_show = e->curves = false;
  show->item = item;
  show->items = n;
  e->unfinished |= !good;
  if (good) show->program = end_program(e, arena_format(e->arena, "show %s", ast->name), e->plate[0], out, n);
  if (good && !plot) label_axes(e, ast, show);
}

void elaborate_shows(Elab *e) {
  Model *m = e->model;
  m->show = NEW_ARRAY(e->arena, PlanShow, e->decls + 1);
  for (int i = 0; i < e->decls; i++) {
    const Ast *ast = e->decl[i]->ast;
    if (ast->kind == AST_SHOW) elaborate_show(e, ast, &m->show[m->shows++]);
  }
}

// --- samples

static Decl *maker_of(const Elab *e, const char *name) {
  for (int i = 0; i < e->decls; i++) {
    const Ast *net = e->decl[i]->ast;
    for (const Ast *o = net->kind == AST_NET ? net->a : NULL; o; o = o->next)
      if (!strcmp(o->name, name)) return e->decl[i];
  }
  return NULL;
}

// Is it where the variable may lie, as far as its bounds tell?
static bool given_fits(Elab *e, const char *name, const Value *v) {
  Shape shape;
  Support s;
  int classes;
  if ((v->kind != V_NUMBER && v->kind != V_TENSOR) || !variable_of(e, name, &shape, &s, &classes)) return true;
  if (lies_within(e, v, &s)) return true;
  double lo = v->kind == V_NUMBER ? v->number : v->node->lo, hi = v->kind == V_NUMBER ? v->number : v->node->hi;
  const char *what = lo == hi ? arena_format(e->arena, "%g", lo) : value_text(e, *v);
  return complain(e, E0636, v->span, name, what, support_text(e, &s)), false;
}

static Value given_value(Elab *e, const Setting *given) {
  int file = sources_add(e->sources, given->origin, given->text, strlen(given->text), false);
  const Ast *ast = parse_expression(e->arena, e->sources, file);
  return diagnostics_errors(e->sources) ? value_error() : eval(e, e->global, ast);
}

// What all examples share is known by the data: it is as a network that takes nothing makes it, if there is one.
static Value shared_dist(Elab *e, const char *name, Span where) {
  Decl *maker = is_shared(e, name) ? maker_of(e, name) : NULL;
  if (!maker || maker->ast->b || maker->ast->flag || !draws_output(maker, name)) return prior_of(e, name, where);
  Value v = apply_net_values(e, maker, 0, NULL, where);
  return v.kind == V_LIST ? v.item[place_of_name(maker->ast->a, name)] : v;
}

// What a network's input is given: as asked for, drawn from its prior, or each class in turn.
static Value sample_input(Elab *e, const char *name, const Setting *given, int givens, Span where) {
  const Setting *s = find_setting(given, givens, name);
  int column = find_column(e, name);
  if (s) {
    Value v = given_value(e, s);
    if (v.kind == V_LIST) v = to_tensor(e, v);
    if (v.kind == V_ERROR || !given_fits(e, name, &v)) return value_error();
    return column < 0 ? v : standardized(e, column, to_tensor(e, v), false, v.span);
  }
  if (find_decl(e, arena_format(e->arena, "prior %s", name))) {
    Value prior = shared_dist(e, name, where);
    return prior.kind == V_DIST ? draw(e, prior, name, NULL, where) : value_error();
  }
  if (column < 0 || !e->column[column].classes) return complain(e, E0622, where, name, name), value_error();
  int n = e->column[column].classes;
  Value i = value_tensor(node_iota(e->graph, 0, shape_of(1, &e->plate[0])), PLATE_BATCH);
  Value turn = apply1(e, OP_FLOOR, where, apply2(e, OP_DIV, where, i, value_number(n)));
  Value y = apply2(e, OP_SUB, where, i, apply2(e, OP_MUL, where, turn, value_number(n)));
  y = apply2(e, OP_MAX, where, apply2(e, OP_MIN, where, y, value_number(n - 1)), value_number(0));
  y.classes = n;
  return y;
}

// What is known of the record being drawn: each input once, whichever network asks for it.
typedef struct {
  const Setting *given;
  int givens;
  bool mean;
  Scope *known;
} Sampling;

// A column as the network makes it: its draw, or its mean.
static Value sample_made(Elab *e, Sampling *s, Decl *net, const char *column, bool mean);

// An input of one factor may be made by another of the same model.
static Value sample_part(Elab *e, Sampling *s, const Decl *net, const char *name, Span where) {
  Decl *maker = find_factor(find_decl(e, net->name), name);
  bool other = maker && find_column(e, name) < 0 && !find_setting(s->given, s->givens, name) &&
               !find_decl(e, arena_format(e->arena, "prior %s", name));
  if (!other) return sample_input(e, name, s->given, s->givens, where);
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0716, where, name, name), value_error();
  e->depth++;
  Value v = sample_made(e, s, maker, name, false);
  e->depth--;
  return v;
}

static Value sample_made(Elab *e, Sampling *s, Decl *net, const char *column, bool mean) {
  Value input[MAX_ARGS];
  int inputs = 0, k = 0;
  Span where = net->ast->span;
  for (const Ast *in = net->ast->b; in; in = in->next) {
    Binding *b = find_binding(s->known, in->name);
    Value v = b ? b->value : sample_part(e, s, net, in->name, where);
    if (v.kind == V_ERROR) return v;
    if (!b) bind_name(e, s->known, in->name, v);
    input[inputs++] = v;
  }
  Value v = apply_net_values(e, net, inputs, input, where);
  for (const Ast *o = net->ast->a; v.kind == V_LIST && strcmp(o->name, column); o = o->next) k++;
  if (v.kind == V_LIST) v = v.item[k];
  if (v.kind == V_DIST) v = mean ? dist_member(e, v, "mean", WHOLE, where) : draw(e, v, column, NULL, where);
  return v;
}

// Adds a column to what the program puts out, in the units of the files.
static bool sample_output(Elab *e, const char *column, Value v, Span where, Output *out) {
  int c = find_column(e, column);
  if (v.kind != V_ERROR) v = to_tensor(e, v);
  if (v.kind != V_ERROR && c >= 0) v = standardized(e, c, v, true, where);
  if (v.kind != V_ERROR) v = widen(e, v, 1, event_shape(&v));
  *out = (Output){.name = column, .value = v.node, .per_example = true};
  return v.kind != V_ERROR;
}

// All columns: first those of numbers, which may ask for labels; then labels, as they were asked for or made.
static int sample_record(Elab *e, Sampling *s, Output *out) {
  Value made[sizeof e->column / sizeof *e->column];
  int n = 0;
  for (int labels = 0; labels < 2; labels++)
    for (int i = 0; i < e->columns; i++) {
      const char *name = e->column[i].name;
      Decl *net = maker_of(e, name);
      Binding *known = find_binding(s->known, name);
      if (labels != (e->column[i].classes > 0)) continue;
      made[i] = known ? known->value : net ? sample_made(e, s, net, name, s->mean) : (Value){.kind = V_NONE};
      if (made[i].kind == V_ERROR) return -1;
    }
  for (int i = 0; i < e->columns; i++)
    if (made[i].kind != V_NONE && !sample_output(e, e->column[i].name, made[i], e->column[i].span, &out[n++]))
      return -1;
  return n;
}

// The first column that some network makes, or NULL.
static const char *first_made(const Elab *e) {
  for (int i = 0; i < e->columns; i++)
    if (maker_of(e, e->column[i].name)) return e->column[i].name;
  return NULL;
}

static int end_sample(Elab *e, const char *name, int64_t n, Output *out, int outputs) {
  Model *m = e->model;
  int p = end_program(e, name, n, out, outputs);
  m->program[p].graph.graph->tensor = m->tensor;
  m->program[p].graph.graph->tensors = m->tensors;
  return p;
}

int elaborate_examples(Model *m, int64_t n) {
  Elab *e = m->elab;
  const char *column = first_made(e);
  Output *out = NEW(e->arena, Output);
  if (!column) return complain(e, E0623, (Span){e->file, 0, 0}, "the data"), -1;
  begin_program(e, n, false);
  int c = find_column(e, column);
  return sample_output(e, column, column_value(e, c), e->column[c].span, out) ? end_sample(e, "examples", n, out, 1) : -1;
}

int elaborate_sample(Model *m, const char *column, bool whole, int64_t n, const Setting *given, int givens, bool mean) {
  Elab *e = m->elab;
  bool record = whole && !column;
  if (!column) column = first_made(e);
  Decl *net = column ? maker_of(e, column) : NULL;
  Span where = net ? net->ast->span : (Span){e->file, 0, 0};
  if (!net) return complain(e, E0623, where, column ? column : "the data"), -1;
  begin_program(e, n, false);
  Sampling s = {given, givens, mean, scope_new(e, NULL)};
  Output *out = NEW_ARRAY(e->arena, Output, e->columns + 1);
  int outputs = record                                                                  ? sample_record(e, &s, out)
                : sample_output(e, column, sample_made(e, &s, net, column, s.mean), where, out) ? 1
                                                                                        : -1;
  if (outputs < 0) return -1;
  for (int i = 0; i < givens; i++)
    if (!find_binding(s.known, given[i].name)) return complain(e, E0624, where, net->name, given[i].name), -1;
  return end_sample(e, "sample", n, out, outputs);
}
