// A name of its own for every value that a program stores.
//
// Stands between fusion, which says what is stored, and lowering. A value in memory has the best of the names of all
// that shows the whole of it: reshaped, permuted, repeated. One without a name to which something is added to make a
// value with one, as a bias is to a product, has the name of that sum. A network that is applied several times is told
// with what it is applied to: D_x, D_G. Values whose names are still one are told with all scopes around them, and at
// last numbered.
#include <string.h>

#include "plan/planner.h"

// ---- texts that are taken

typedef struct {
  const char *text;
  int times;
  bool stuck;  // more detail does not tell its values apart
} Taken;

typedef struct {
  Taken *slot;
  uint32_t mask;
} TakenTexts;

static TakenTexts taken_new(Arena *a, int most) {
  uint32_t room = 16;
  while (room < 2 * (uint32_t)most) room *= 2;
  return (TakenTexts){NEW_ARRAY(a, Taken, room), room - 1};
}

static Taken *taken_find(const TakenTexts *t, const char *text) {
  uint32_t at = 2166136261u;
  for (const char *c = text; *c; c++) at = (at ^ (unsigned char)*c) * 16777619u;
  for (at &= t->mask; t->slot[at].text && strcmp(t->slot[at].text, text); at = (at + 1) & t->mask) {
  }
  return &t->slot[at];
}

static void take(const TakenTexts *t, const char *text) {
  Taken *at = taken_find(t, text);
  at->text = text;
  at->times++;
}

// ---- which name

// A scope that names tell, and how.
typedef struct Told {
  const NameScope *scope;
  const char *text;
  bool shared, full;
  struct Told *next;
} Told;

// Scopes that are told: the innermost that is not hidden; those within it too; all.
typedef enum { BRIEF, WITHIN, FULL } Detail;

typedef struct {
  Arena *arena;
  const GraphProgram *program;
  const Fusion *fusion;
  int *whole;         // of each node by id: what it shows the whole of
  const Name **best;  // of each stored value
  int *value;         // ids of the stored values that names are to be found for
  int values;
  const char **text;  // of each node by id
  Told *told;
} Naming;

static bool is_whole(Op op) { return op == OP_RESHAPE || op == OP_PERMUTE || op == OP_BROADCAST; }

// Those of tensors and of outputs.
static void find_known(Naming *w, bool outputs) {
  const GraphProgram *p = w->program;
  const Fusion *f = w->fusion;
  for (int i = 0; i < p->assigns; i++) {
    const Node *b = f->base[p->assign[i].value->id];
    bool replaces = b->op != OP_CONST && b->op != OP_RESULT && b->op != OP_CONCAT;
    if (replaces) w->text[b->id] = p->graph->tensor[p->assign[i].target->attr.id].name;
  }
  for (int i = 0; outputs && i < p->outputs; i++) {
    const Node *b = f->base[p->output[i].value->id];
    if (!w->text[b->id]) w->text[b->id] = p->output[i].name;
  }
}

static void find_best(Naming *w) {
  const Graph *g = w->program->graph;
  for (int id = 0; id < g->count; id++) {
    const Node *n = g->node[id];
    w->whole[id] = is_whole(n->op) ? w->whole[n->in[0]->id] : id;
    const Name **best = &w->best[w->whole[id]];
    if (w->fusion->live[id] && n->name && (!*best || (*best)->rank < n->name->rank)) *best = n->name;
  }
}

static bool can_borrow(const Naming *w, const int *reads, const Node *n) {
  bool has_name = w->best[n->id] || w->text[n->id] || node_has_own_name(n);
  return w->fusion->stored[n->id] && !has_name && reads[n->id] == 1;
}

// A sum of two such values has terms; if it is stored itself, its name is its own.
static void lend_name(Naming *w, const int *reads, const Node *sum) {
  const Name *name = w->best[sum->id];
  const Node *in[2];
  for (int i = 0; i < 2; i++) in[i] = w->program->graph->node[w->whole[sum->in[i]->id]];
  bool can[2] = {can_borrow(w, reads, in[0]), can_borrow(w, reads, in[1])};
  if (can[0] && can[1]) {
    Name *term = NEW(w->arena, Name);
    *term = *name;
    term->word = name->word ? arena_format(w->arena, "%s_term", name->word) : "term";
    name = term;
  }
  bool lends = !w->fusion->stored[sum->id] || name != w->best[sum->id];
  for (int i = 0; i < 2; i++)
    if (can[i] && lends) w->best[in[i]->id] = name;
}

// The sum that is not stored itself lends its name to what it adds something to, if that is read by nobody else.
static void lend_names(Naming *w) {
  const Graph *g = w->program->graph;
  const bool *live = w->fusion->live;
  int *reads = NEW_ARRAY(w->arena, int, g->count + 1);
  for (int id = 0; id < g->count; id++) {
    const Node *n = g->node[id];
    for (int i = 0; live[id] && !is_whole(n->op) && i < n->arity; i++) reads[w->whole[n->in[i]->id]]++;
  }
  for (int id = 0; id < g->count; id++) {
    const Node *sum = g->node[id];
    if (live[id] && sum->op == OP_ADD && w->best[id] && w->best[id]->rank != NAME_PART) lend_name(w, reads, sum);
  }
}

static const Name *default_name(const Naming *w, const Node *n) {
  Name *name = NEW(w->arena, Name);
  *name = (Name){.rank = NAME_PART, .scope = n->scope, .word = op_name(n->op)};
  return name;
}

// ---- how scopes are told

static void tell_scope(Naming *w, const NameScope *s) {
  Told **end = &w->told;
  for (; *end; end = &(*end)->next)
    if ((*end)->scope == s) return;
  *end = NEW(w->arena, Told);
  **end = (Told){.scope = s, .text = s->word};
}

static void find_shared(const Naming *w) {
  for (Told *t = w->told; t; t = t->next) {
    t->shared = false;
    for (const Told *other = w->told; other && !t->shared; other = other->next)
      t->shared = other != t && t->scope->argument && other->scope->argument && !strcmp(other->text, t->text);
  }
}

// Applications of one network are told apart by what they are applied to, then by what they stand in.
static void tell_apart(Naming *w) {
  find_shared(w);
  for (Told *t = w->told; t; t = t->next)
    if (t->shared) t->text = arena_format(w->arena, "%s_%s", t->text, t->scope->argument);
  find_shared(w);
  for (Told *t = w->told; t; t = t->next)
    if (t->shared && t->scope->up) {
      t->text = arena_format(w->arena, "%s_%s", t->scope->up->word, t->text);
      t->full = true;
    }
}

static const char *scope_text(const Naming *w, const NameScope *s, Detail detail) {
  if (!s) return "";
  const Told *t = w->told;
  while (t && t->scope != s) t = t->next;
  const char *own = t ? t->text : s->word;
  if (!s->hidden && (detail < FULL || (t && t->full))) return own;
  const char *around = scope_text(w, s->up, detail);
  if (s->hidden && detail == BRIEF) return around;
  return arena_format(w->arena, "%s%s%s", around, *around ? "_" : "", own);
}

// What has no name of the page's is told with the block it stands in.
static const char *text_of(const Naming *w, int id, Detail detail) {
  const Name *name = w->best[id];
  if (name->rank == NAME_PART && detail == BRIEF) detail = WITHIN;
  return name_text(w->arena, name, scope_text(w, name->scope, detail));
}

// ---- all of it

static void find_values(Naming *w) {
  const GraphProgram *p = w->program;
  const Fusion *f = w->fusion;
  for (int id = 0; id < p->graph->count; id++) {
    bool named = w->text[id] || node_has_own_name(p->graph->node[id]);
    if (!f->live[id] || !f->stored[id] || named || f->base[id]->id != id) continue;
    w->value[w->values++] = id;
    if (!w->best[id]) w->best[id] = default_name(w, p->graph->node[id]);
  }
}

static TakenTexts take_known(const Naming *w) {
  const Graph *g = w->program->graph;
  TakenTexts t = taken_new(w->arena, g->tensors + g->inputs + w->program->outputs + g->count);
  for (int i = 0; i < w->program->outputs; i++) take(&t, w->program->output[i].name);
  for (int i = 0; i < g->tensors; i++) take(&t, g->tensor[i].name);
  for (int i = 0; i < g->inputs; i++) take(&t, g->input[i].name);
  return t;
}

static TakenTexts take_all(const Naming *w) {
  TakenTexts t = take_known(w);
  for (int i = 0; i < w->values; i++) take(&t, w->text[w->value[i]]);
  return t;
}

// Values that share a text are told in more detail where that tells all of them apart.
static void tell_more(Naming *w, Detail detail) {
  TakenTexts brief = take_all(w), more = take_known(w);
  const char **text = NEW_ARRAY(w->arena, const char *, w->values + 1);
  for (int i = 0; i < w->values; i++) {
    int id = w->value[i];
    bool shared = taken_find(&brief, w->text[id])->times > 1;
    if (shared) text[i] = text_of(w, id, detail);
    take(&more, shared ? text[i] : w->text[id]);
  }
  for (int i = 0; i < w->values; i++)
    if (text[i] && taken_find(&more, text[i])->times > 1) taken_find(&brief, w->text[w->value[i]])->stuck = true;
  for (int i = 0; i < w->values; i++)
    if (text[i] && !taken_find(&brief, w->text[w->value[i]])->stuck) w->text[w->value[i]] = text[i];
}

static void number_rest(Naming *w) {
  TakenTexts t = take_known(w);
  for (int i = 0; i < w->values; i++) {
    int id = w->value[i], k = 2;
    const char *text = w->text[id];
    for (; taken_find(&t, text)->times; k++) text = arena_format(w->arena, "%s_%d", w->text[id], k);
    take(&t, w->text[id] = text);
  }
}

const char **value_names(Arena *a, const Fusion *f, bool outputs) {
  const GraphProgram *p = f->program;
  int n = p->graph->count + 1;
  Naming w = {.arena = a, .program = p, .fusion = f};
  w.whole = NEW_ARRAY(a, int, n);
  w.best = NEW_ARRAY(a, const Name *, n);
  w.value = NEW_ARRAY(a, int, n);
  w.text = NEW_ARRAY(a, const char *, n);
  find_known(&w, outputs);
  find_best(&w);
  lend_names(&w);
  find_values(&w);
  for (int i = 0; i < w.values; i++) {
    const NameScope *s = scope_told(w.best[w.value[i]]->scope);
    if (s) tell_scope(&w, s);
  }
  tell_apart(&w);
  for (int i = 0; i < w.values; i++) w.text[w.value[i]] = text_of(&w, w.value[i], BRIEF);
  tell_more(&w, WITHIN);
  tell_more(&w, FULL);
  number_rest(&w);
  return w.text;
}
