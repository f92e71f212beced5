// The gradient of a loop: a loop that runs the other way round.
//
// Its body holds the turn once more, and the gradient of what the turn gives, weighed by the adjoints that come from
// outside and from the turn after. It is drafted first, and then settled: what it needs of the turn and would be dear
// to compute again is stacked by the loop that is differentiated, and read from there. Being a loop like any other, it
// can be differentiated again.
#include <string.h>

#include "graph/graph_rules.h"
#include "graph/names.h"

typedef struct {
  Arena *arena;  // scratch
  Graph *g;      // where the loop stands
  Node *node;
  GraphLoop *forward;
  int stacked_before;  // values, when its adjoints were taken: its gradient stacks more
  const bool *wanted;  // of its inputs
  bool *active;        // of its inputs: an adjoint flows to it
  GraphLoop *draft, *back;
  Node **copy;    // in the draft, of the forward body's nodes
  Node **origin;  // in the forward body, of the draft's first nodes
  int origins;
  Node **into;     // in the draft, the adjoint of each active input in this turn, or NULL
  int *carried;    // for each input, which of the draft's carries its adjoint or its sum, or -1
  int *stacked;    // for each input, the number of the draft's result that stacks its adjoint, or -1
  Node **settled;  // in back, of the draft's nodes
  bool *saved;     // of the draft's nodes: stacked by the forward loop
} Back;

// ---- which inputs an adjoint flows to

// Those asked for, and what they lead to through the carried values.
static void find_active(Back *b) {
  const GraphLoop *l = b->forward;
  bool *led = NEW_ARRAY(b->arena, bool, l->body->count + 1), changed = true;
  memcpy(b->active, b->wanted, sizeof(bool) * (size_t)l->inputs);
  while (changed) {
    for (int id = 0; id < l->body->count; id++) {
      const Node *n = l->body->node[id];
      led[id] = n->op == OP_INPUT && b->active[n->attr.id];
      for (int i = 0; i < n->arity; i++) led[id] = led[id] || led[n->in[i]->id];
    }
    changed = false;
    for (int i = 0; i < l->inputs; i++) {
      if (b->active[i] || !l->next[i] || !led[l->next[i]->id]) continue;
      b->active[i] = changed = true;
    }
  }
}

// ---- the draft: the turn once more

// What the turn reads of input i; of a carried one what it was before each turn.
static Node *copy_input(Back *b, Node *n) {
  int i = n->attr.id;
  const char *name = b->forward->body->input[i].name;
  if (b->forward->kind[i] != OPERAND_CARRIED) return loop_input(b->draft, b->forward->kind[i], b->node->in[i], name);
  Node *before = node_result(b->g, b->node, loop_stack(b->forward, n));
  return loop_input(b->draft, OPERAND_SLICED, before, name);
}

static Node *copy_node(Back *b, Node *n) {
  if (n->op == OP_INPUT) return copy_input(b, n);
  Node **in = NEW_ARRAY(b->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) in[i] = b->copy[n->in[i]->id];
  node_made_for(b->draft->body, n);
  return graph_node(b->draft->body, n->op, n->arity, in, &n->attr, &n->shape);
}

// All of the body: what the gradient turns out not to need is not settled.
static void copy_turn(Back *b) {
  const Graph *body = b->forward->body;
  int count = body->count;
  b->copy = NEW_ARRAY(b->arena, Node *, count + 1);
  for (int id = 0; id < count; id++) {
    b->copy[id] = copy_node(b, body->node[id]);
    node_named_as(b->copy[id], body->node[id]);
  }
  b->origins = b->draft->body->count;
  b->origin = NEW_ARRAY(b->arena, Node *, b->origins + 1);
  for (int id = 0; id < count; id++) b->origin[b->copy[id]->id] = body->node[id];
}

// ---- the draft: its gradient

static Node *zeros(Graph *g, Shape s) { return node_const(g, 0, s); }

static Node *adjoint_name_input(Back *b, OperandKind kind, Node *outside, int of) {
  const char *name = arena_format(b->g->arena, "d_%s", b->forward->body->input[of].name);
  return loop_input(b->draft, kind, outside, name);
}

// The sum of the products of a value and its adjoint, added to `total`, which may be NULL.
static Node *add_weighed(Graph *g, Node *total, Node *value, Node *adjoint) {
  Node *product = node_binary(g, OP_MUL, value, adjoint);
  Node *sum = node_reduce(g, OP_SUM, product, (1u << product->shape.rank) - 1);
  return total ? node_binary(g, OP_ADD, total, sum) : sum;
}

// What the turn gives, weighed by the adjoints of its results (by number); NULL if nothing comes.
static Node *weigh_turn(Back *b, Node *const *adjoint) {
  const GraphLoop *l = b->forward;
  Graph *body = b->draft->body;
  Node *total = NULL;
  for (int i = 0; i < l->inputs; i++) {
    if (l->kind[i] != OPERAND_CARRIED || !b->active[i]) continue;
    Node *start =
        adjoint[i] ? adjoint[i] : zeros(b->g, body->input[b->copy[node_input(l->body, i)->id]->attr.id].shape);
    Node *after = adjoint_name_input(b, OPERAND_CARRIED, start, i);
    b->carried[i] = after->attr.id;
    total = add_weighed(body, total, b->copy[l->next[i]->id], after);
  }
  for (int k = 0; k < b->stacked_before; k++) {
    if (!adjoint[l->inputs + k]) continue;
    const char *name = arena_format(b->g->arena, "d_%s", node_called(b->g->arena, l->body, l->each[k]));
    Node *d = loop_input(b->draft, OPERAND_SLICED, adjoint[l->inputs + k], name);
    total = add_weighed(body, total, b->copy[l->each[k]->id], d);
  }
  return total;
}

// False when no adjoint reaches any input.
static bool differentiate(Back *b, Node *total, Node **blocked) {
  const GraphLoop *l = b->forward;
  Node **wrt = NEW_ARRAY(b->arena, Node *, l->inputs + 1), **into = NEW_ARRAY(b->arena, Node *, l->inputs + 1);
  int n = 0;
  for (int i = 0; i < l->inputs; i++)
    if (b->active[i]) wrt[n++] = b->copy[node_input(l->body, i)->id];
  graph_gradient(b->draft->body, total, n, wrt, into, blocked);
  bool any = false;
  n = 0;
  for (int i = 0; i < l->inputs; i++) {
    if (b->active[i]) b->into[i] = into[n++];
    any = any || b->into[i];
  }
  return any;
}

// Adjoints go on to the turn before, are stacked, or are added up.
static void pass_on(Back *b) {
  const GraphLoop *l = b->forward;
  Graph *body = b->draft->body;
  for (int i = 0; i < l->inputs; i++) {
    Node *into = b->into[i];
    if (b->carried[i] >= 0) {
      Shape s = body->input[b->carried[i]].shape;
      b->draft->next[b->carried[i]] = into ? into : zeros(body, s);
    } else if (into && l->kind[i] == OPERAND_FIXED) {
      Node *sum = adjoint_name_input(b, OPERAND_CARRIED, zeros(b->g, into->shape), i);
      b->carried[i] = sum->attr.id;
      b->draft->next[b->carried[i]] = node_binary(body, OP_ADD, sum, into);
    }
  }
  for (int i = 0; i < l->inputs; i++)
    if (b->into[i] && l->kind[i] == OPERAND_SLICED) b->stacked[i] = loop_stack(b->draft, b->into[i]);
}

// ---- settling: what is read from the forward loop

static bool is_forward(const Back *b, const Node *n) {
  return n->id < b->origins || (n->op == OP_RESULT && n->in[0]->id < b->origins);
}

static Node *origin_of(const Back *b, const Node *n) {
  if (n->id < b->origins) return b->origin[n->id];
  return node_result(b->forward->body, b->origin[n->in[0]->id], n->attr.id);
}

// As cheap to compute again, from what is read anyhow, as to store and load.
static bool is_made_again(const Node *n) {
  switch (op_class(n->op)) {
    case SOURCE:
    case MARK: return true;
    case MOVEMENT: return n->op != OP_CONCAT && n->op != OP_GATHER && n->op != OP_SCATTER && n->op != OP_PAD;
    case ELEMENTWISE: return op_cheap(n->op);
    default: return false;
  }
}

// Marks what the draft's results need; values of the turn that are dear are saved, and need nothing.
static bool *find_needed(Back *b) {
  const GraphLoop *d = b->draft;
  const Graph *body = d->body;
  bool *needed = NEW_ARRAY(b->arena, bool, body->count + 1);
  b->saved = NEW_ARRAY(b->arena, bool, body->count + 1);
  for (int i = 0; i < d->inputs; i++)
    if (d->next[i]) needed[d->next[i]->id] = needed[node_input(d->body, i)->id] = true;
  for (int k = 0; k < d->stacked; k++) needed[d->each[k]->id] = true;
  for (int id = body->count - 1; id >= 0; id--) {
    const Node *n = body->node[id];
    if (!needed[id]) continue;
    b->saved[id] = is_forward(b, n) && !is_made_again(n);
    for (int i = 0; !b->saved[id] && i < n->arity; i++) needed[n->in[i]->id] = true;
  }
  return needed;
}

static Node *settle(Back *b, const Node *n) {
  const GraphLoop *d = b->draft;
  if (b->saved[n->id]) {
    Node *origin = origin_of(b, n), *each = node_result(b->g, b->node, loop_stack(b->forward, origin));
    return loop_input(b->back, OPERAND_SLICED, each, node_called(b->g->arena, b->forward->body, origin));
  }
  if (n->op == OP_INPUT)
    return loop_input(b->back, d->kind[n->attr.id], d->outside[n->attr.id], d->body->input[n->attr.id].name);
  Node **in = NEW_ARRAY(b->arena, Node *, n->arity + 1);
  for (int i = 0; i < n->arity; i++) in[i] = b->settled[n->in[i]->id];
  node_made_for(b->back->body, n);
  return graph_node(b->back->body, n->op, n->arity, in, &n->attr, &n->shape);
}

// The finished loop, whose results are the shares.
static void settle_all(Back *b, Node **share) {
  const GraphLoop *d = b->draft, *l = b->forward;
  bool *needed = find_needed(b);
  b->back = loop_new(b->g->arena, l->times, !l->reversed);
  b->settled = NEW_ARRAY(b->arena, Node *, d->body->count + 1);
  for (int reads = 1; reads >= 0; reads--) {  // what the body reads, and then what it computes
    for (int id = 0; id < d->body->count; id++) {
      bool read = b->saved[id] || d->body->node[id]->op == OP_INPUT;
      if (!needed[id] || read != reads) continue;
      b->settled[id] = settle(b, d->body->node[id]);
      node_named_as(b->settled[id], d->body->node[id]);
    }
  }
  for (int i = 0; i < d->inputs; i++) {
    Node *read = d->next[i] ? b->settled[node_input(d->body, i)->id] : NULL;
    if (read) b->back->next[read->attr.id] = b->settled[d->next[i]->id];
  }
  int *result = NEW_ARRAY(b->arena, int, d->stacked + 1);
  for (int k = 0; k < d->stacked; k++) result[k] = loop_stack(b->back, b->settled[d->each[k]->id]);
  Node *back = node_loop(b->g, b->back);
  for (int i = 0; i < l->inputs; i++) {
    Node *read = b->carried[i] >= 0 ? b->settled[node_input(d->body, b->carried[i])->id] : NULL;
    int number = read ? read->attr.id : b->stacked[i] < 0 ? -1 : result[b->stacked[i] - d->inputs];
    share[i] = b->wanted[i] && number >= 0 ? node_result(b->g, back, number) : NULL;
    if (share[i] && node_is(share[i], 0)) share[i] = NULL;
  }
}

void gradient_loop(Graph *g, Node *loop, Node *const *adjoint, const bool *wanted, Node **share, Node **blocked) {
  GraphLoop *l = loop->attr.loop;
  Arena *scratch = arena_open(g->arena);
  Back b = {.arena = scratch, .g = g, .node = loop, .forward = l, .stacked_before = l->stacked, .wanted = wanted};
  Node *stuck = NULL;
  b.active = NEW_ARRAY(scratch, bool, l->inputs + 1);
  b.into = NEW_ARRAY(scratch, Node *, l->inputs + 1);
  b.carried = NEW_ARRAY(scratch, int, l->inputs + 1);
  b.stacked = NEW_ARRAY(scratch, int, l->inputs + 1);
  for (int i = 0; i < l->inputs; i++) b.carried[i] = b.stacked[i] = -1;
  b.draft = loop_new(g->arena, l->times, !l->reversed);  // loops inside the draft outlive it
  find_active(&b);
  copy_turn(&b);
  Node *total = weigh_turn(&b, adjoint);
  if (total && differentiate(&b, total, &stuck)) {
    pass_on(&b);
    settle_all(&b, share);
  }
  if (stuck && blocked && !*blocked) *blocked = stuck;
  arena_close(scratch);
}
