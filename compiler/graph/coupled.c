// Where the examples of a batch meet: which values of a graph are those of one example, and which mix several. See
// apart.h for what each operation does.
#include "graph/apart.h"
#include "graph/graph_rules.h"

typedef enum { SAME, APART, MIXED } Kind;  // for all examples; each its own; made of several
typedef struct {
  Kind kind;
  int64_t outer;      // of APART
  const Node *place;  // of MIXED: where they meet
} Meeting;

typedef struct {
  Arena *arena;
  const Node *from;  // the paths from here alone count; or NULL: all
  bool slopes;       // and of these the paths that gradients take
  int64_t batch;
} Search;

static const Meeting same = {SAME, 0, NULL};
static Meeting apart(int64_t outer) { return (Meeting){APART, outer, NULL}; }
static Meeting mixed(const Node *n) { return (Meeting){MIXED, 0, n}; }

// What joins values of these meetings element by element.
static Meeting join(const Node *n, int count, const Meeting *in) {
  Meeting all = same;
  for (int i = 0; i < count; i++) {
    if (in[i].kind == MIXED) return in[i];
    if (in[i].kind == SAME) continue;
    if (all.kind == APART && all.outer != in[i].outer) return mixed(n);
    all = in[i];
  }
  return all;
}

static Meeting meeting(const Search *w, const Node *n, const Meeting *in) {
  int64_t *blocks = NEW_ARRAY(w->arena, int64_t, n->arity);
  for (int i = 0; i < n->arity; i++) {
    if (in[i].kind == MIXED) return in[i];
    blocks[i] = in[i].kind == SAME ? BLOCKS_NONE : in[i].outer;
  }
  int64_t all = blocks_of(n, blocks, w->batch);
  return all == BLOCKS_NONE ? same : all == BLOCKS_MEET ? mixed(n) : apart(all);
}

// ---- loops

static Meeting *find_meetings(const Search *w, const Graph *g, int last, const Meeting *read);

static Meeting read_by(const GraphLoop *l, int i, const Node *loop, Meeting in) {
  if (in.kind != APART || l->kind[i] != OPERAND_SLICED) return in;
  return in.outer % l->times ? mixed(loop) : apart(in.outer / l->times);
}

// What the body reads. What is carried is what it begins as, and what any turn makes of it.
static Meeting *find_reads(const Search *w, const Node *n, const Meeting *in, Meeting **body) {
  const GraphLoop *l = n->attr.loop;
  Meeting *read = NEW_ARRAY(w->arena, Meeting, l->inputs + 1);
  for (int i = 0; i < l->inputs; i++) read[i] = read_by(l, i, n, in[i]);
  for (bool changed = true; changed;) {
    changed = false;
    *body = find_meetings(w, l->body, l->body->count - 1, read);
    for (int i = 0; i < l->inputs; i++) {
      if (!l->next[i]) continue;
      Meeting both = join(n, 2, (Meeting[]){read[i], (*body)[l->next[i]->id]});
      changed = changed || both.kind != read[i].kind;
      read[i] = both;
    }
  }
  return read;
}

static Meeting *find_results(const Search *w, const Node *n, const Meeting *in) {
  const GraphLoop *l = n->attr.loop;
  Meeting *body, *read = find_reads(w, n, in, &body);
  Meeting *result = NEW_ARRAY(w->arena, Meeting, l->inputs + l->stacked + 1);
  for (int i = 0; i < l->inputs; i++) result[i] = read[i];
  for (int k = 0; k < l->stacked; k++) {
    Meeting m = body[l->each[k]->id];
    if (m.kind == APART) m.outer *= l->times;
    result[l->inputs + k] = m;
  }
  return result;
}

// ---- graphs

// A value that the program does not compute; in the body of a loop, what it reads. (Laid out, the body of a loop reads
// what is carried as tensors.)
static Meeting source(const Search *w, const Graph *g, const Node *n, const Meeting *read) {
  if ((n->op == OP_INPUT || n->op == OP_WEIGHT) && read) return read[n->attr.id];
  if (w->from) return same;
  if (n->op == OP_INPUT) return is_of_examples(g->input[n->attr.id].kind) ? apart(1) : same;
  bool drawn = n->op == OP_RANDOM && n->attr.flag != RANDOM_ONCE && n->shape.rank && n->shape.dim[0] == w->batch;
  return drawn ? apart(1) : same;
}

static Meeting *find_meetings(const Search *w, const Graph *g, int last, const Meeting *read) {
  Meeting *met = NEW_ARRAY(w->arena, Meeting, last + 1), **result = NEW_ARRAY(w->arena, Meeting *, last + 1);
  Meeting *in = NULL;
  int room = 0;
  for (int id = 0; id <= last; id++) {
    const Node *n = g->node[id];
    if (n->arity > room) in = NEW_ARRAY(w->arena, Meeting, room = 2 * n->arity);
    for (int i = 0; i < n->arity; i++) in[i] = w->slopes && !graph_carries(n, i) ? same : met[n->in[i]->id];
    if (n == w->from)
      met[id] = apart(1);
    else if (n->op == OP_LOOP)
      result[id] = find_results(w, n, in);
    else if (n->op == OP_RESULT)
      met[id] = result[n->in[0]->id][n->attr.id];
    else
      met[id] = n->arity ? meeting(w, n, in) : source(w, g, n, read);
  }
  return met;
}

static Meeting find_meeting(Graph *g, const Node *y, const Node *from, bool slopes, int64_t batch) {
  Arena *scratch = arena_open(g->arena);
  Search w = {scratch, from, slopes, batch};
  Meeting m = find_meetings(&w, g, y->id, NULL)[y->id];
  arena_close(scratch);
  return m;
}

const Node *graph_coupled(Graph *g, const Node *y, int64_t batch) {
  return batch == 1 ? NULL : find_meeting(g, y, NULL, false, batch).place;
}

const Node *graph_parts_meet(Graph *g, const Node *y, const Node *from, int64_t outer) {
  if (from->shape.dim[0] == 1) return NULL;
  Meeting m = find_meeting(g, y, from, true, from->shape.dim[0]);
  return m.kind == APART && outer && m.outer != outer ? y : m.place;
}

const Node *graph_values_meet(Graph *g, const Node *y, const Node *from) {
  return from->shape.dim[0] == 1 ? NULL : find_meeting(g, y, from, false, from->shape.dim[0]).place;
}

static Meeting meeting_of(int64_t outer, const Node *n) {
  return outer > 0 ? apart(outer) : outer == 0 ? same : mixed(n);
}

static int64_t outer_of(Meeting m) { return m.kind == APART ? m.outer : m.kind == SAME ? 0 : -1; }

int64_t *graph_blocks(Arena *a, const Graph *g, int64_t batch, int reads, const int64_t *read) {
  Arena *scratch = arena_open(a);
  Search w = {scratch, NULL, false, batch};
  int64_t *outer = NEW_ARRAY(a, int64_t, g->count + 1);
  Meeting *in = read ? NEW_ARRAY(scratch, Meeting, reads + 1) : NULL;
  for (int i = 0; i < reads && read; i++) in[i] = meeting_of(read[i], NULL);
  const Meeting *met = g->count ? find_meetings(&w, g, g->count - 1, in) : NULL;
  for (int id = 0; id < g->count; id++) outer[id] = outer_of(met[id]);
  arena_close(scratch);
  return outer;
}

int64_t *graph_loop_blocks(Arena *a, const Node *loop, int64_t batch, const int64_t *outer) {
  Arena *scratch = arena_open(a);
  Search w = {scratch, NULL, false, batch};
  Meeting *in = NEW_ARRAY(scratch, Meeting, loop->arity + 1), *body;
  int64_t *read = NEW_ARRAY(a, int64_t, loop->arity + 1);
  for (int i = 0; i < loop->arity; i++) in[i] = meeting_of(outer[loop->in[i]->id], loop);
  const Meeting *met = find_reads(&w, loop, in, &body);
  for (int i = 0; i < loop->arity; i++) read[i] = outer_of(met[i]);
  arena_close(scratch);
  return read;
}
