// Fusion: which nodes become one kernel.
//
// Stands after the passes, before values get places. Elementwise nodes over the same elements, and reductions of them
// along one common run of axes, are gathered into regions: first each node with those that it reads, then regions
// that read the same value. A reshape does not part a region, for it keeps the order of the elements; any other
// movement does, for it is a view of memory. So do the lines of a round, for one is done before the next begins, and
// within a line its forward pass and what comes after, so that it is the same kernels in every program.
// Invariant: groups depend on each other without a circle. `reach` holds for every group all that it depends on, and
// is kept exact through every merge, so that a merge is refused when a path leads out of the pair and back in.
#include "plan/planner.h"

enum {
  MAX_MEMBERS = 96,  // nodes of a region: bounds its scratch tiles
  SIBLINGS = 8,      // regions reading a value that are tried for a merge
  SMALL = 16384,     // elements up to which a kernel costs more than what it computes
  AGAIN_OPS = 4      // operations that are cheaper than a store and a load
};

// ---- the order of groups

static int leader(const Fusion *f, int g) {
  while (f->group[g].into != g) g = f->group[g].into;
  return g;
}

int group_of(const Fusion *f, const Node *n) { return f->of[n->id] < 0 ? -1 : leader(f, f->of[n->id]); }

static uint64_t *row_of(const Fusion *f, int g) { return f->reach + (size_t)g * (size_t)f->words; }
static bool reaches(const Fusion *f, int g, int other) { return row_of(f, g)[other / 64] >> other % 64 & 1; }
static void set_reach(Fusion *f, int g, int other) { row_of(f, g)[other / 64] |= (uint64_t)1 << other % 64; }
static void clear_reach(Fusion *f, int g, int other) { row_of(f, g)[other / 64] &= ~((uint64_t)1 << other % 64); }

static void depend(Fusion *f, int g, int on) {
  for (int w = 0; w < f->words; w++) row_of(f, g)[w] |= row_of(f, on)[w];
  set_reach(f, g, on);
}

bool fuse_order(Fusion *f, int first, int second) {
  if (first == second || reaches(f, second, first)) return true;
  if (reaches(f, first, second)) return false;
  depend(f, second, first);
  for (int h = 0; h < f->groups; h++) {
    if (f->group[h].into == h && reaches(f, h, second)) depend(f, h, second);
  }
  return true;
}

// ---- merging

// Whether b reads a from memory, or a path leads from a to b through a third group.
static bool parted(const Fusion *f, int a, int b) {
  for (const Edge *e = f->group[b].edges; e; e = e->next) {
    int from = leader(f, e->from);
    if (from == a ? e->hard : from != b && reaches(f, from, a)) return true;
  }
  return false;
}

// A forward pass is computed alike whether there is a backward pass or not.
static bool share_section(Section a, Section b) {
  return a.line == b.line && (a.phase == PHASE_FORWARD) == (b.phase == PHASE_FORWARD);
}

static bool fits(const Group *a, const Group *b, Shape *space) {
  if (a->kind != GROUP_REGION || b->kind != GROUP_REGION || a->size + b->size > MAX_MEMBERS) return false;
  if (!share_section(a->section, b->section)) return false;
  if (a->length && b->length && (a->length != b->length || a->inner != b->inner)) return false;
  return shape_refine(a->space, b->space, space);
}

static void join_edges(Group *a, Group *b) {
  Edge **end = &a->edges;
  while (*end) end = &(*end)->next;
  *end = b->edges;
}

static bool merge(Fusion *f, int a, int b) {
  Shape space;
  if (a == b || !fits(&f->group[a], &f->group[b], &space) || parted(f, a, b) || parted(f, b, a)) return false;
  Group *into = &f->group[a], *from = &f->group[b];
  into->space = space;
  into->size += from->size;
  if (from->length) into->length = from->length, into->inner = from->inner;
  join_edges(into, from);
  from->into = a;
  depend(f, a, b);
  for (int h = 0; h < f->groups; h++) {
    if (f->group[h].into == h && h != a && (reaches(f, h, a) || reaches(f, h, b))) {
      depend(f, h, a);
      clear_reach(f, h, b);
    }
  }
  clear_reach(f, a, a);
  clear_reach(f, a, b);
  return true;
}

// ---- groups of single nodes, merged with what they read

static bool is_item(const Node *n) {
  return !is_view(n->op) && n->op != OP_RESULT && n->op != OP_CONST && n->op != OP_WEIGHT && n->op != OP_INPUT;
}
static bool is_elementwise(const Node *n) { return op_class(n->op) == ELEMENTWISE; }
static bool is_reduction(const Node *n) { return n->op == OP_SUM || n->op == OP_MAXIMUM; }

static void set_reduction(Group *g, const Node *n) {
  const Shape *s = &n->in[0]->shape;
  g->length = g->inner = 1;
  bool inside = false;
  for (int i = s->rank - 1; i >= 0; i--) {
    bool reduced = n->attr.axes >> i & 1;
    if (reduced) g->length *= s->dim[i];
    if (!reduced && !inside) g->inner *= s->dim[i];
    inside = inside || reduced;
  }
}

static void add_edges(Fusion *f, int g, const Node *n) {
  Group *group = &f->group[g];
  for (int i = 0; i < n->arity; i++) {
    const Node *b = f->base[n->in[i]->id], *owner = f->owner[b->id];
    int from = group_of(f, owner);
    if (from < 0) continue;
    Edge *e = NEW(f->arena, Edge);
    *e = (Edge){from, group->kind != GROUP_REGION || !is_elementwise(b), group->edges};
    group->edges = e;
    depend(f, g, from);
  }
}

static void add_group(Fusion *f, Node *n) {
  int g = f->groups++;
  Group *group = &f->group[g];
  bool region = is_elementwise(n) || is_reduction(n);
  *group = (Group){.kind = region ? GROUP_REGION : GROUP_KERNEL, .into = g, .size = 1, .section = n->section};
  if (n->op == OP_CONCAT) group->kind = GROUP_JOIN;
  f->of[n->id] = g;
  group->space = shape_without_ones(is_reduction(n) ? n->in[0]->shape : n->shape);
  if (is_reduction(n)) set_reduction(group, n);
  add_edges(f, g, n);
  for (int i = 0; region && i < n->arity; i++) {
    const Node *b = f->base[n->in[i]->id];
    if (is_elementwise(b)) merge(f, group_of(f, b), leader(f, g));
  }
}

// A loop computes its results.
static void add_result(Fusion *f, const Node *n) {
  f->of[n->id] = f->of[n->in[0]->id];
  f->group[f->of[n->id]].size++;
  f->stored[n->id] = true;
}

// Regions that read the same value element by element become one, so that it is read once. Sharing a repeated value
// only is worth it where the regions are small: large ones had better run right after what they read was made.
typedef struct Reader {
  int group;
  struct Reader *next;
} Reader;

static void merge_siblings(Fusion *f, Reader **readers, const Node *n) {
  int g = group_of(f, n);
  for (int i = 0; i < n->arity; i++) {
    const Node *b = f->base[n->in[i]->id];
    const Node *owner = f->owner[b->id];
    if (owner->op == OP_CONST || group_of(f, owner) == leader(f, g)) continue;
    if (b != owner && shape_count(b->shape) > SMALL) continue;
    int tried = 0;
    for (const Reader *r = readers[b->id]; r && tried < SIBLINGS; r = r->next, tried++) {
      if (merge(f, leader(f, r->group), leader(f, g))) break;
    }
    Reader *r = NEW(f->arena, Reader);
    *r = (Reader){leader(f, g), readers[b->id]};
    readers[b->id] = r;
  }
}

// ---- what must be in memory

// What it takes to compute a value from what is in memory.
typedef struct {
  const Node *seen[8];  // operations and values of full size
  int count, ops, wide;
} Cost;

static bool is_new(Cost *c, const Node *n) {
  for (int i = 0; i < c->count; i++) {
    if (c->seen[i] == n) return false;
  }
  if (c->count < 8) c->seen[c->count++] = n;
  return true;
}

static void add_cost(const Fusion *f, const Node *n, Cost *c) {
  if (!is_new(c, n)) return;
  c->ops += op_cheap(n->op) ? 1 : AGAIN_OPS + 1;
  for (int i = 0; i < n->arity && c->ops <= AGAIN_OPS; i++) {
    const Node *b = f->base[n->in[i]->id], *owner = f->owner[b->id];
    if (owner->op == OP_CONST) continue;
    bool computed = is_elementwise(b) && !f->stored[b->id];
    if (computed)
      add_cost(f, b, c);
    else if (2 * shape_count(owner->shape) > shape_count(n->shape))
      c->wide += is_new(c, b);
  }
}

// A value that few cheap operations make of one value in memory is not worth a store and a load.
static bool is_worth_storing(const Fusion *f, const Node *n) {
  Cost c = {.count = 0};
  add_cost(f, n, &c);
  return c.ops > AGAIN_OPS || c.wide > 1;
}

// Marks the owner of what n reads. `wanted`: some other region reads it element by element.
static void mark_reads(Fusion *f, bool *wanted, const Node *n) {
  int g = group_of(f, n);
  for (int i = 0; n->op != OP_RESULT && i < n->arity; i++) {
    const Node *b = f->base[n->in[i]->id], *owner = f->owner[b->id];
    int from = group_of(f, owner);
    if (from < 0) continue;
    bool value = f->group[g].kind == GROUP_REGION && is_elementwise(b);
    if (value && from == g) continue;
    *(value ? &wanted[b->id] : &f->stored[owner->id]) = true;
  }
}

static void mark_stored(Fusion *f) {
  const GraphProgram *p = f->program;
  const Graph *g = p->graph;
  bool *wanted = NEW_ARRAY(f->arena, bool, g->count + 1);
  for (int id = 0; id < g->count; id++) {
    if (f->live[id] && f->of[id] >= 0) mark_reads(f, wanted, g->node[id]);
  }
  for (int i = 0; i < p->outputs; i++) f->stored[f->owner[p->output[i].value->id]->id] = true;
  for (int i = 0; i < p->assigns; i++) f->stored[f->owner[p->assign[i].value->id]->id] = true;
  for (int id = 0; id < g->count; id++) {
    if (wanted[id] && !f->stored[id]) f->stored[id] = is_worth_storing(f, g->node[id]);
  }
}

// ---- all of it

static void list_members(Fusion *f) {
  const Graph *g = f->program->graph;
  for (int i = 0; i < f->groups; i++) {
    if (f->group[i].into == i) f->group[i].node = NEW_ARRAY(f->arena, Node *, f->group[i].size);
  }
  for (int id = 0; id < g->count; id++) {
    if (f->of[id] < 0) continue;
    Group *group = &f->group[leader(f, f->of[id])];
    group->node[group->nodes++] = g->node[id];
  }
}

static Fusion *fusion_new(Arena *a, const GraphProgram *p) {
  int n = p->graph->count + 1, items = 0;
  Fusion *f = NEW(a, Fusion);
  *f = (Fusion){.arena = a, .program = p, .live = live_nodes(a, p)};
  f->base = NEW_ARRAY(a, Node *, n);
  f->owner = NEW_ARRAY(a, Node *, n);
  f->of = NEW_ARRAY(a, int, n);
  f->stored = NEW_ARRAY(a, bool, n);
  for (int id = 0; id < n - 1; id++) {
    f->of[id] = -1;
    items += f->live[id] && is_item(p->graph->node[id]);
  }
  f->group = NEW_ARRAY(a, Group, items + 1);
  f->words = items / 64 + 1;
  f->reach = NEW_ARRAY(a, uint64_t, (size_t)f->words * (size_t)(items + 1));
  return f;
}

Fusion *fuse(Arena *a, const GraphProgram *p) {
  Fusion *f = fusion_new(a, p);
  const Graph *g = p->graph;
  for (int id = 0; id < g->count; id++) {
    Node *n = g->node[id];
    f->base[id] = n->op == OP_RESHAPE ? f->base[n->in[0]->id] : n;
    f->owner[id] = is_view(n->op) ? f->owner[n->in[0]->id] : n;
    if (f->live[id] && is_item(n)) add_group(f, n);
    if (f->live[id] && n->op == OP_RESULT) add_result(f, n);
  }
  Reader **readers = NEW_ARRAY(a, Reader *, g->count + 1);
  for (int id = 0; id < g->count; id++) {
    if (f->live[id] && (is_elementwise(g->node[id]) || is_reduction(g->node[id])))
      merge_siblings(f, readers, g->node[id]);
  }
  list_members(f);
  mark_stored(f);
  return f;
}
