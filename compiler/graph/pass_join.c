// Joins matrix products, because a small one runs at half the speed of a large one.
//
// Products with one right operand (a network applied to two batches) become one of the stacked rows; products with one
// left operand (two heads of a network) one of the columns side by side; a sum of two products becomes one over the
// joined inner axes. The joined operands cost nothing where regions compute them, for these store into slices of the
// whole. Lines of a round keep theirs apart, for one is done before the next begins. Invariant: what is joined does not
// depend on each other; `reach` holds for every node what it depends on, joins included.
#include "graph/passes.h"

enum {
  MAX_NODES = 20000,  // beyond which the relation would take too much memory
  MAX_ROWS = 256,     // of products that are worth stacking
  MAX_COLUMNS = 64,   // of products that are worth setting side by side: their operands are often weights, to be copied
  MAX_MEMBERS = 32
};

typedef struct Class {
  bool rows;  // one right operand: rows are stacked
  Node *member[MAX_MEMBERS];
  int members;
  struct Class *next;  // with the same shared operand
} Class;

typedef struct {
  Arena *arena;
  Graph *from;
  bool *live;
  uint64_t *reach;
  int words;
  Class **of;  // class of each node by id, or NULL
  int *rank;   // by which the factors of a class are ordered
} Joining;

// ---- dependence

static uint64_t *row_of(const Joining *j, const Node *n) { return j->reach + (size_t)n->id * (size_t)j->words; }
static bool depends(const Joining *j, const Node *n, const Node *on) {
  return row_of(j, n)[on->id / 64] >> on->id % 64 & 1;
}

static void add_dependence(Joining *j, const Node *n, const Node *on) {
  for (int w = 0; w < j->words; w++) row_of(j, n)[w] |= row_of(j, on)[w];
  row_of(j, n)[on->id / 64] |= (uint64_t)1 << on->id % 64;
}

static void find_dependence(Joining *j) {
  for (int id = 0; id < j->from->count; id++) {
    const Node *n = j->from->node[id];
    for (int i = 0; j->live[id] && i < n->arity; i++) add_dependence(j, n, n->in[i]);
  }
}

static bool is_apart(const Joining *j, const Class *c, const Node *n) {
  for (int i = 0; i < c->members; i++) {
    if (depends(j, n, c->member[i]) || depends(j, c->member[i], n)) return false;
  }
  return true;
}

// From now on what depends on one member depends on all.
static void add_member(Joining *j, Class *c, Node *n) {
  c->member[c->members++] = n;
  for (int i = 0; i < c->members; i++) {
    for (int w = 0; w < j->words; w++) row_of(j, n)[w] |= row_of(j, c->member[i])[w];
  }
  for (int i = 0; i < c->members; i++) {
    for (int w = 0; w < j->words; w++) row_of(j, c->member[i])[w] = row_of(j, n)[w];
  }
  for (int id = 0; id < j->from->count; id++) {
    const Node *user = j->from->node[id];
    bool any = false;
    for (int i = 0; j->live[id] && i < c->members; i++) any = any || depends(j, user, c->member[i]);
    for (int i = 0; any && i < c->members; i++) add_dependence(j, user, c->member[i]);
  }
}

// ---- classes

static bool can_stack(const Node *n) { return !(n->attr.flag & 1) && n->shape.dim[0] <= MAX_ROWS; }

static bool can_widen(const Node *n) { return n->shape.dim[1] <= MAX_COLUMNS; }

static bool enlist(Joining *j, Class **list, Node *n, bool rows) {
  for (Class *c = *list; c; c = c->next) {
    bool alike = c->rows == rows && c->member[0]->attr.flag == n->attr.flag && c->members < MAX_MEMBERS &&
                 c->member[0]->section.line == n->section.line;
    if (!alike || !is_apart(j, c, n)) continue;
    Node *first = c->member[0];
    if (c->members == 1 && j->of[first->id] && j->of[first->id] != c) continue;  // it has joined others meanwhile
    j->of[first->id] = j->of[n->id] = c;
    add_member(j, c, n);
    return true;
  }
  Class *c = NEW(j->arena, Class);
  *c = (Class){.rows = rows, .member = {n}, .members = 1, .next = *list};
  *list = c;
  return false;
}

static void find_classes(Joining *j) {
  Class **right = NEW_ARRAY(j->arena, Class *, j->from->count + 1),
        **left = NEW_ARRAY(j->arena, Class *, j->from->count + 1);
  for (int id = 0; id < j->from->count; id++) {
    Node *n = j->from->node[id];
    if (!j->live[id] || n->op != OP_MATMUL || n->shape.rank != 2) continue;
    if (can_stack(n) && enlist(j, &right[n->in[1]->id], n, true)) continue;
    if (can_widen(n)) enlist(j, &left[n->in[0]->id], n, false);
  }
}

// ---- rebuilding

static bool is_sum_of_products(const Node *n) {
  return n->op == OP_ADD && n->in[0]->op == OP_MATMUL && n->in[1]->op == OP_MATMUL;
}

// Factors of one product that is summed take the rank of the older of the two, so that the factors of the other
// products of the sum, and those of the products before and after, are joined in one order. A node's own rank is its
// id.
static void find_ranks(Joining *j) {
  j->rank = NEW_ARRAY(j->arena, int, j->from->count + 1);
  for (int id = 0; id < j->from->count; id++) j->rank[id] = id;
  for (int id = 0; id < j->from->count; id++) {
    const Node *n = j->from->node[id];
    for (int i = 0; j->live[id] && is_sum_of_products(n) && i < 2; i++) {
      int left = n->in[i]->in[0]->id, right = n->in[i]->in[1]->id;
      if (left < j->rank[right]) j->rank[right] = left;
      if (right < j->rank[left]) j->rank[left] = right;
    }
  }
}

static Node *own_factor(const Class *c, int i) { return c->member[i]->in[c->rows ? 0 : 1]; }

static void sort_members(const Joining *j, Class *c) {
  for (int i = 1; i < c->members; i++) {
    Node *n = c->member[i];
    int k = i, rank = j->rank[own_factor(c, i)->id];
    for (; k > 0 && j->rank[own_factor(c, k - 1)->id] > rank; k--) c->member[k] = c->member[k - 1];
    c->member[k] = n;
  }
}

static void make_class(const Joining *j, Graph *g, Class *c, Node **map) {
  Node *own[MAX_MEMBERS];
  int flag = c->member[0]->attr.flag;
  sort_members(j, c);
  for (int i = 0; i < c->members; i++) own[i] = map[own_factor(c, i)->id];
  Node *shared = map[c->member[0]->in[c->rows ? 1 : 0]->id];
  Node *joined = node_concat(g, c->rows || flag & 2 ? 0 : 1, c->members, own);
  Node *product = node_matmul(g, c->rows ? joined : shared, c->rows ? shared : joined, flag & 1, flag & 2);
  const char *what = c->rows ? "rows" : "heads";
  node_name_joined(g, product, c->members, c->member, NULL, what);
  node_name_joined(g, joined, c->members, own, product->name ? product->name->scope : NULL, what);
  int64_t start[MAX_RANK] = {0};
  for (int i = 0; i < c->members; i++) {
    const Node *old = c->member[i];
    map[old->id] = node_slice(g, product, start, old->shape);
    node_named_as(map[old->id], old);
    start[c->rows ? 0 : 1] += old->shape.dim[c->rows ? 0 : 1];
  }
}

static void make_node(Joining *j, Graph *g, const Node *old, Node **map) {
  Node **in = NEW_ARRAY(j->arena, Node *, old->arity + 1);
  for (int i = 0; i < old->arity; i++) in[i] = map[old->in[i]->id];
  map[old->id] = rewrite_same(g, old, in);
  node_named_as(map[old->id], old);
}

// The first input without which n, or the class it is in, cannot be made.
static Node *missing_input(const Joining *j, Node *n, Node *const *map) {
  const Class *c = j->of[n->id];
  for (int k = 0; k < (c ? c->members : 1); k++) {
    const Node *m = c ? c->member[k] : n;
    for (int i = 0; i < m->arity; i++) {
      if (!map[m->in[i]->id]) return m->in[i];
    }
  }
  return NULL;
}

static void make_all(Joining *j, Graph *g, Node **map) {
  Node **stack = NEW_ARRAY(j->arena, Node *, j->from->count + 1);
  for (int id = 0; id < j->from->count; id++) {
    int depth = 0;
    if (j->live[id]) stack[depth++] = j->from->node[id];
    while (depth) {
      Node *n = stack[depth - 1], *missing = map[n->id] ? NULL : missing_input(j, n, map);
      if (missing) {
        stack[depth++] = missing;
        continue;
      }
      depth--;
      graph_stand(g, n);
      if (map[n->id]) continue;
      if (j->of[n->id])
        make_class(j, g, j->of[n->id], map);
      else
        make_node(j, g, n, map);
    }
  }
}

static void join_shared(Arena *a, GraphProgram *p) {
  Joining j = {.arena = a, .from = p->graph, .live = live_nodes(a, p), .words = p->graph->count / 64 + 1};
  if (p->graph->count > MAX_NODES) return;
  j.reach = NEW_ARRAY(a, uint64_t, (size_t)j.words * (size_t)(p->graph->count + 1));
  j.of = NEW_ARRAY(a, Class *, p->graph->count + 1);
  find_dependence(&j);
  find_classes(&j);
  find_ranks(&j);
  Graph *to = rewrite_begin(a, p);
  Node **map = NEW_ARRAY(a, Node *, p->graph->count + 1);
  make_all(&j, to, map);
  rewrite_end(p, to, map);
}

// ---- sums of products

// Joining the inner axes moves (k + l)(m + n) elements at worst, and saves a sum of m n.
static bool is_worth_adding(const Node *x, const Node *y) {
  if (x->shape.rank != 2 || x->attr.flag != y->attr.flag) return false;
  int axis = x->attr.flag & 1 ? 0 : 1;
  int64_t inner = x->in[0]->shape.dim[axis] + y->in[0]->shape.dim[axis], m = x->shape.dim[0], n = x->shape.dim[1];
  return inner * (m + n) <= 2 * m * n;
}

// How many of the two pairs of factors are already joined in this order.
static int count_joined(const Graph *g, const Node *x, const Node *y) {
  bool left = false, right = false;
  for (int id = 0; id < g->count; id++) {
    const Node *n = g->node[id];
    if (n->op != OP_CONCAT || n->arity != 2) continue;
    left = left || (n->in[0] == x->in[0] && n->in[1] == y->in[0]);
    right = right || (n->in[0] == x->in[1] && n->in[1] == y->in[1]);
  }
  return left + right;
}

static Node *add_products(Graph *g, Node *x, Node *y) {
  int flag = x->attr.flag;
  Node *left = node_concat(g, flag & 1 ? 0 : 1, 2, (Node *[]){x->in[0], y->in[0]});
  Node *right = node_concat(g, flag & 2 ? 1 : 0, 2, (Node *[]){x->in[1], y->in[1]});
  node_name_joined(g, left, 2, (Node *[]){x->in[0], y->in[0]}, g->scope, "heads");
  node_name_joined(g, right, 2, (Node *[]){x->in[1], y->in[1]}, g->scope, "heads");
  return node_matmul(g, left, right, flag & 1, flag & 2);
}

static void join_added(Arena *a, GraphProgram *p) {
  Joining j = {.arena = a, .from = p->graph, .live = live_nodes(a, p)};
  Graph *to = rewrite_begin(a, p);
  Node **map = NEW_ARRAY(a, Node *, p->graph->count + 1);
  const int *uses = node_uses(a, p);
  for (int id = 0; id < p->graph->count; id++) {
    const Node *n = p->graph->node[id];
    if (!j.live[id]) continue;
    graph_stand(to, n);
    Node *x = is_sum_of_products(n) ? n->in[0] : NULL, *y = x ? n->in[1] : NULL;
    if (x && uses[x->id] == 1 && uses[y->id] == 1 && is_worth_adding(x, y)) {
      bool turn = count_joined(p->graph, y, x) > count_joined(p->graph, x, y);
      map[id] = add_products(to, map[(turn ? y : x)->id], map[(turn ? x : y)->id]);
      node_named_as(map[id], n);
    } else {
      make_node(&j, to, n, map);
    }
  }
  rewrite_end(p, to, map);
}

void pass_join(Arena *a, GraphProgram *p) {
  join_shared(a, p);
  join_added(a, p);
}
