// Networks, and the tensors that persist: weights, states. Part of the elaborator.
//
// A network owns one set of weights however often it is applied: its body is expanded at every application, and
// a weight is found again by its path (q/dense_1/W), which counts the applications of each block within the body.
#include "elaborate/elaborate.h"

#include <math.h>
#include <string.h>

// --- tensors

int tensor_find(const Elab *e, const char *name) {
  uint32_t hash = path_hash(name);
  for (int i = e->tensors; i--;)
    if (e->start[i].hash == hash && !strcmp(e->model->tensor[i].name, name)) return i;
  return -1;
}

static void grow_tensors(Elab *e) {
  int room = e->tensor_room;
  GROW(e->arena, e->start, e->tensors, &room);
  GROW(e->arena, e->model->tensor, e->tensors, &e->tensor_room);
}

int tensor_declare(Elab *e, const char *name, const char *owner, TensorKind kind, Shape shape, Span where,
                   TensorStart start) {
  int t = tensor_find(e, name);
  if (t >= 0) {
    TensorInfo *info = &e->model->tensor[t];
    if (shape_equal(info->shape, shape)) return t;
    complain(e, E0508, where, name, shape_text(e->arena, info->shape), shape_text(e->arena, shape));
    report_note(e->sources, info->span, "first applied here");
    return -1;
  }
  if (e->tensors == e->tensor_room) grow_tensors(e);
  t = e->tensors++;
  e->model->tensor[t] = (TensorInfo){.name = name,
                                     .owner = owner,
                                     .kind = kind,
                                     .shape = shape,
                                     .lo = -INFINITY,
                                     .hi = INFINITY,
                                     .span = user_span(e, where),
                                     .file = trained_file(e, name, owner, kind)};
  e->start[t] = start;
  e->start[t].hash = path_hash(name);
  e->model->tensors = e->tensors;
  return t;
}

static Node **current_slot(Elab *e, int t) {
  if (t >= e->current_room) {
    int room = e->tensor_room;
    Node **grown = NEW_ARRAY(e->arena, Node *, room);
    if (e->current_room) memcpy(grown, e->current, (size_t)e->current_room * sizeof *grown);
    e->current = grown;
    e->current_room = room;
  }
  return &e->current[t];
}

Node *tensor_value(Elab *e, int t) {
  Graph *g = program_graph(e);
  e->looks++;
  g->tensor = e->model->tensor;
  g->tensors = e->tensors;
  if (e->started && e->started[t] != STARTED) start_tensor(e, t);  // one parameter begins with another's value
  if (e->model->tensor[t].average && !e->training && !e->started) t = e->model->tensor[t].average - 1;
  Node **slot = current_slot(e, t);
  if (!*slot) *slot = node_weight(g, t);
  return *slot;
}

// From here on the program reads the new value; a gradient does not flow back into how it came about.
void tensor_assign(Elab *e, int t, Node *value) {
  tensor_value(e, t);
  e->moves++;
  *current_slot(e, t) = node_unary(e->graph, OP_STOP, value);
  for (int i = 0; i < e->assigns; i++)
    if (e->assign[i].target->attr.id == t) {
      e->assign[i].value = value;
      return;
    }
  GROW(e->arena, e->assign, e->assigns, &e->assign_room);
  e->assign[e->assigns++] = (Assign){node_weight(e->graph, t), value};
}

// --- weight and state statements

static int declare_one(Elab *e, Scope *scope, const Ast *s, Support *on) {
  Shape shape;
  bool is_weight = s->kind == AST_WEIGHT;
  if (e->optimizing >= 0) {  // a slot beside the weight that is optimised, of its shape where none is written
    if (is_weight) return complain(e, E0509, s->span), -1;
    const TensorInfo *w = &e->model->tensor[e->optimizing];
    shape = w->shape;
    if (s->a && !eval_dims(e, scope, s->a, &shape)) return -1;
    return tensor_declare(e, slot_path(e, s->name), w->owner, TENSOR_SLOT, shape, s->span,
                          (TensorStart){.init = s->b, .scope = scope, .beside = e->optimizing + 1});
  }
  if (!e->frame || !e->frame->path) return complain(e, E0510, s->span, "weight", s->name), -1;
  if (!eval_dims(e, scope, s->a, &shape)) return -1;
  const char *path = arena_format(e->arena, "%s/%s", e->frame->path, s->name);
  if (!held_support(e, scope, is_weight ? s->c : NULL, on)) return -1;
  TensorStart start = {.init = s->b, .scope = scope, .drawn = s->flag != 0, .support = *on};
  return tensor_declare(e, path, e->frame->owner, is_weight ? TENSOR_WEIGHT : TENSOR_STATE, shape, s->span, start);
}

void declare_weights(Elab *e, Scope *scope, const Ast *s) {
  if (e->build && e->build->frame == e->frame) complain(e, E0742, s->span, s->name);
  Support on = {0};
  int t = declare_one(e, scope, s, &on);
  Value v = t < 0 ? value_error() : held_value(e, t, &on, s->name, s->span);
  bind_name(e, scope, s->name, v);
  scope->first->tensor = t + 1;
}

static bool is_learning(const Elab *e, const char *owner) {
  for (int i = 0; i < e->learners; i++)
    if (!strcmp(e->learning[i], owner)) return true;
  return false;
}

// The tensor that `<-` gives a new value to, or -1: in an optimiser the weight itself too, in an average the average.
static int assigned_tensor(Elab *e, const char *name) {
  bool follows = e->shadow >= 0;
  if (e->optimizing < 0)
    return e->frame && e->frame->path ? tensor_find(e, arena_format(e->arena, "%s/%s", e->frame->path, name)) : -1;
  if (!strcmp(name, follows ? "shadow" : "value")) return follows ? e->shadow : e->optimizing;
  return tensor_find(e, slot_path(e, name));
}

// `m <- ...`: the name stands for the new value from here on; it is kept when its owner learns in this line.
void update_state(Elab *e, Scope *scope, const Ast *s) {
  if (update_carried(e, scope, s) || fit_arrow(e, scope, s)) return;
  Value v = eval(e, scope, s->b);
  Binding *old = find_binding(scope, s->name);
  int t = assigned_tensor(e, s->name);
  if (v.kind == V_ERROR) return;
  if (!old || t < 0 || (e->optimizing < 0 && e->model->tensor[t].kind == TENSOR_WEIGHT)) {
    complain(e, E0511, s->span, s->name);
    return;
  }
  Shape shape = e->model->tensor[t].shape, merged;
  v = to_tensor(e, v);
  if (v.kind == V_ERROR) return;
  if (v.plates) {
    complain(e, E0512, s->span, s->name);
    report_help(e->sources, "average it over the batch first: `batch_mean(...)`");
    return;
  }
  if (!broadcast_shapes(shape, event_shape(&v), &merged) || !shape_equal(merged, shape)) {
    complain(e, E0301, s->span, shape_text(e->arena, shape), shape_text(e->arena, event_shape(&v)), "<-");
    return;
  }
  v = widen(e, v, 0, shape);
  name_bound(e, s, s->name, &v);
  old->value = v;
  if (!e->training || (e->optimizing < 0 && !is_learning(e, e->model->tensor[t].owner))) return;
  if (e->build)
    complain(e, E0745, s->span, s->name);
  else
    tensor_assign(e, t, v.node);
}

// --- networks

const char *name_at(const Ast *list, int i) {
  while (list && i--) list = list->next;
  return list ? list->name : "";
}

int place_of_name(const Ast *list, const char *name) {
  int i = 0;
  for (; list; list = list->next, i++)
    if (!strcmp(list->name, name)) return i;
  return -1;
}

// An input or output that is a variable of the model must have its shape.
static bool fits_variable(Elab *e, const Decl *net, const char *role, const char *name, Value *v, Span where) {
  Shape declared, own = v->kind == V_DIST ? v->dist->event : event_shape(v);
  int classes;
  Support support;
  if (net->around || !variable_of(e, name, &declared, &support, &classes)) return true;
  if (v->kind == V_DIST && !v->dist->shaped) {
    *v = shape_distribution(e, *v, declared, where);
    return v->kind != V_ERROR;
  }
  if (!shape_equal(own, declared)) {
    complain(e, E0321, where, net->name, role, name, shape_text(e->arena, own), shape_text(e->arena, declared));
    if (shape_count(own) == shape_count(declared) && declared.rank > 1)
      report_help(e->sources, "append `|> reshape(...)` to give it shape %s", shape_text(e->arena, declared));
    const Value *made = v->kind == V_DIST && v->dist->params ? &v->dist->param[0] : v;
    if (made->kind == V_TENSOR) help_layers(e, made->node, declared);
    return false;
  }
  if (v->kind != V_DIST && classes && !v->classes) {
    if (v->node->lo < 0 || v->node->hi > classes - 1) {
      complain(e, E0322, where, name, classes, v->node->lo, v->node->hi);
      return false;
    }
    v->classes = classes;
  }
  return true;
}

// The parameters of an output's distribution are called after it: z_loc.
static void name_output(Elab *e, const NameScope *application, const Dist *d) {
  const NameScope *outer = names_here(e);
  close_names(e, application);
  name_parameters(e, open_names(e, d->variable, false), d);
  close_names(e, outer);
}

// It sees what stands above it. Its weights are the body's, under its name.
void declare_network(Elab *e, Scope *scope, const Ast *net) {
  Value v = value_error();
  v.span = net->span;
  if (!e->frame || !e->frame->path) {
    complain(e, E0510, net->span, "network", net->name);
  } else if (e->optimizing >= 0) {
    complain(e, E0509, net->span);
  } else if (explains_itself(net)) {
    complain(e, E0785, net->span);
  } else if (ast_length(net->a) > MAX_ARGS || ast_length(net->b) > MAX_ARGS) {
    complain(e, E0221, net->span, MAX_ARGS);
  } else {
    Decl *d = NEW(e->arena, Decl);
    *d = (Decl){.name = net->name, .ast = net, .owner = e->frame->owner, .around = NEW(e->arena, Scope)};
    d->path = arena_format(e->arena, "%s/%s", e->frame->path, net->name);
    *d->around = *scope;
    v = (Value){.kind = V_CALLABLE, .decl = d, .span = net->span};
  }
  if (fresh_name(e, scope, net->name, net->span)) bind_name(e, scope, net->name, v);
}

Value expand_net(Elab *e, Decl *d, int n, const Value *input, Span where) {
  const Ast *net = d->ast;
  Scope *scope = d->around ? scope_new(e, d->around) : scope_for(e, net);
  bool explains = explains_itself(net);
  if (explains) {  // what is explained, until the body gives it its distribution
    bind_name(e, scope, net->a->name, input[--n]);
    scope = scope_new(e, scope);
  }
  const Ast *name = net->b;
  for (int i = 0; i < n; i++, name = name->next) bind_name(e, scope, name->name, input[i]);
  if (e->depth > MAX_CALL_DEPTH) return complain(e, E0226, where, d->name), value_error();
  Frame *f = push_frame(e, net, where);
  f->path = d->path;
  f->owner = d->owner;
  f->scope->network = true;
  f->scope->argument = n || explains ? argument_word(e, &input[0]) : NULL;
  e->depth++;
  d->used = true;
  eval_body(e, scope, net->c);
  e->depth--;
  pop_frame(e);
  Value list = {.kind = V_LIST, .items = ast_length(net->a), .item = NEW_ARRAY(e->arena, Value, ast_length(net->a))};
  int i = 0;
  for (const Ast *out = net->a; out; out = out->next, i++) {
    Binding *b = own_binding(scope, out->name);
    if (!b) return complain(e, E0515, out->span, d->name, out->name), value_error();
    Value v = b->value;
    if (v.kind == V_NUMBER || v.kind == V_LIST) v = to_tensor(e, v);
    if (v.kind == V_ERROR || !fits_variable(e, d, "makes", out->name, &v, v.span)) return value_error();
    if (v.kind == V_DIST) {
      Dist *copy = NEW(e->arena, Dist);
      *copy = *v.dist;
      copy->variable = out->name;
      copy->net = net;
      copy->names = f->scope;
      v.dist = copy;
      if (!d->around && !share_draw(e, copy, out->name, v.span)) return value_error();
      name_output(e, f->scope, copy);
    }
    list.item[i] = v;
  }
  if (net->flag && !explains && !keeps_places(e, d, n, input, where)) return value_error();
  return list.items == 1 ? list.item[0] : list;
}

// The plate of another example whose values alone these are, or 0.
static int other_example(const Elab *e, int n, const Value *input) {
  unsigned plates = 0;
  for (int i = 0; i < n; i++) plates |= input[i].plates;
  unsigned others = plates & e->others;
  return plates & PLATE_BATCH || others & (others - 1) || !others ? 0 : __builtin_ctz(others);
}

// What it gives for an example, seen from that one: the very nodes, and the draws it made there.
static Value apply_to_other(Elab *e, Decl *d, int n, const Value *input, int other, Span where) {
  Value own[MAX_ARGS];
  for (int i = 0; i < n; i++) own[i] = rename_plate(e, input[i], other, 0);
  return rename_plate(e, apply_to_values(e, d, n, own, where), 0, other);
}

Value apply_net_values(Elab *e, Decl *d, int n, Value *input, Span where) {
  int wanted = ast_length(d->ast->b);
  if (n != wanted) return complain(e, E0516, where, d->name, wanted, n), value_error();
  for (int i = 0; i < n; i++) {
    const char *name = name_at(d->ast->b, i);
    if (input[i].kind == V_DIST) {
      complain(e, E0517, input[i].span, d->name, name);
      return value_error();
    }
    int classes = input[i].classes;
    Span span = input[i].span;
    input[i] = input[i].kind == V_OBSERVED ? to_point(e, input[i], span) : to_tensor(e, input[i]);
    if (input[i].kind == V_ERROR) return value_error();
    input[i].classes = classes;
    if (!fits_variable(e, d, "takes", name, &input[i], span)) return value_error();
  }
  return explains_itself(d->ast) ? apply_ordered(e, d, n, input, where) : apply_to_values(e, d, n, input, where);
}

static Node *mask_node(const Value *v) { return v->kind == V_OBSERVED ? v->item->node : NULL; }

Value apply_to_values(Elab *e, Decl *d, int n, const Value *input, Span where) {
  for (Application *a = e->applications; a; a = a->next) {
    bool same = a->net == d && is_around(e, a->graph) && (a->context == e->context || !a->holds_draw);
    for (int i = 0; same && i < n; i++)
      same = a->argument[i] == input[i].node && a->plates[i] == input[i].plates && a->mask[i] == mask_node(&input[i]);
    if (same) return e->looks++, e->randoms += a->holds_draw, a->result;
  }
  Application *a = NEW(e->arena, Application);
  *a = (Application){.net = d, .graph = e->graph, .context = e->context};
  for (int i = 0; i < n; i++)
    a->argument[i] = input[i].node, a->plates[i] = input[i].plates, a->mask[i] = mask_node(&input[i]);
  int randoms = e->randoms, other = other_example(e, n, input);
  a->result = other ? apply_to_other(e, d, n, input, other, where) : expand_net(e, d, n, input, where);
  a->holds_draw = e->randoms > randoms;
  a->next = e->applications;
  e->applications = a;
  return a->result;
}
