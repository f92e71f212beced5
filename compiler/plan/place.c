// Places in memory: every buffer gets its offset.
//
// Stands after the order is fixed; the last step of planning. Tensors lie where the plan says. Of the others, those
// that are never live at once share memory: the largest first, each into the tightest gap. The result of a kernel that
// may work in place takes over the memory of an operand that it reads for the last time, element by element.
// Invariant, checked at the end: two buffers that overlap in memory are not live at the same time, unless one takes
// over the other in such a kernel, which reads and writes them by one view.
#include <stdlib.h>

#include "plan/planner.h"

static int64_t align(int64_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

// ---- life

static void find_lives(Layout *l) {
  for (int i = 0; i < l->buffers; i++) {
    Buffer *b = &l->buffer[i];
    bool from_start = b->input >= 0 || (b->tensor >= 0 && b->over < 0);
    b->first = from_start ? -1 : l->steps;
    b->last = b->keep ? l->steps : -1;
  }
  for (int i = 0; i < l->steps; i++) {
    for (int k = 0; k < l->step[i]->kernel.operands; k++) {
      Buffer *b = &l->buffer[l->step[i]->buffer[k]];
      if (i < b->first) b->first = i;
      if (i > b->last) b->last = i;
    }
  }
  for (int i = 0; i < l->buffers; i++) {
    const Buffer *piece = &l->buffer[i];
    Buffer *whole = &l->buffer[buffer_whole(l, i)];
    if (piece->first < whole->first) whole->first = piece->first;
    if (piece->last > whole->last) whole->last = piece->last;
  }
  for (int i = 0; i < l->buffers; i++) {
    Buffer *b = &l->buffer[i];
    bool once = b->first >= 0 && b->first < l->still;
    if (once && b->last >= l->still) b->last = l->steps;  // made once, and read for each batch
  }
}

// ---- taking over an operand's memory

// Whether the step touches `old` only to read it element by element as it writes `to`.
static bool reads_only(const Layout *l, const Step *s, int old, const Operand *to) {
  for (int k = 0; k < s->kernel.operands; k++) {
    const Operand *o = &s->kernel.operand[k];
    bool alike = !o->write && view_equal(&o->view, &to->view) &&
                 shape_equal(shape_of(o->rank, o->dim), shape_of(to->rank, to->dim));
    if (buffer_whole(l, s->buffer[k]) == old && !alike) return false;
  }
  return true;
}

static bool is_whole(const Operand *o, int64_t count) {
  Shape s = shape_of(o->rank, o->dim);
  return o->view.at == 0 && view_is_rows(&o->view, s) && shape_count(s) == count;
}

// Looks for an operand whose memory the new buffer, written as `to`, can have.
static void take_over(Layout *l, const Step *s, int step, int new, const Operand *to, bool *taken) {
  Buffer *b = &l->buffer[new];
  if (b->fixed || b->over >= 0 || b->within >= 0 || b->first != step || !is_whole(to, b->count)) return;
  for (int k = 0; k < s->kernel.operands; k++) {
    int old = s->buffer[k];
    const Buffer *o = &l->buffer[old];
    if (s->kernel.operand[k].write || o->fixed || o->within >= 0 || o->last != step || o->count != b->count) continue;
    if (taken[old] || !reads_only(l, s, old, to)) continue;
    b->over = old;
    taken[old] = true;
    return;
  }
}

static void take_over_all(Layout *l) {
  bool *taken = NEW_ARRAY(l->scratch, bool, l->buffers + 1);
  for (int i = 0; i < l->steps; i++) {
    const Step *s = l->step[i];
    for (int k = 0; k < s->kernel.operands && kernel_row[s->kernel.kind].in_place; k++)
      if (s->kernel.operand[k].write) take_over(l, s, i, s->buffer[k], &s->kernel.operand[k], taken);
  }
}

// ---- packing

// A chain of buffers that take over each other, as one block.
typedef struct {
  int first, last, order;
  int64_t size, at;
} Block;

static int by_size(const void *x, const void *y) {
  const Block *a = x, *b = y;
  if (a->size != b->size) return a->size < b->size ? 1 : -1;
  return a->order - b->order;
}

static int by_place(const void *x, const void *y) {
  const Block *a = *(Block *const *)x, *b = *(Block *const *)y;
  return a->at < b->at ? -1 : a->at > b->at;
}

// The tightest gap between the blocks that live at the same time; `placed` is ordered by place.
static int64_t find_gap(Block *const *placed, int n, const Block *b, int64_t begin) {
  int64_t best = -1, room = INT64_MAX, end = begin;
  for (int i = 0; i < n; i++) {
    const Block *p = placed[i];
    if (p->last < b->first || b->last < p->first) continue;
    int64_t gap = p->at - end;
    if (gap >= b->size && gap < room) best = end, room = gap;
    if (p->at + p->size > end) end = p->at + p->size;
  }
  return best >= 0 ? best : end;
}

static int64_t pack(Layout *l, Block *block, int n, int64_t begin) {
  Block **placed = NEW_ARRAY(l->scratch, Block *, n + 1);
  int64_t end = begin;
  qsort(block, (size_t)n, sizeof *block, by_size);
  for (int i = 0; i < n; i++) {
    Block *b = &block[i];
    b->at = find_gap(placed, i, b, begin);
    if (b->at + b->size > end) end = b->at + b->size;
    int k = i;
    for (; k > 0 && by_place(&b, &placed[k - 1]) < 0; k--) placed[k] = placed[k - 1];
    placed[k] = b;
  }
  return end;
}

// ---- the check

// Offsets of a new buffer's memory may be written in the step that reads the old one's last if both have one view
// there.
static bool hands_over(const Layout *l, const Buffer *old, const Buffer *new) {
  if (new->over < 0 || &l->buffer[new->over] != old || old->last > new->first) return false;
  if (old->last < new->first || new->carried) return true;
  const Step *s = l->step[new->first];
  if (!kernel_row[s->kernel.kind].in_place) return false;
  for (int k = 0; k < s->kernel.operands; k++) {
    if (&l->buffer[s->buffer[k]] == new && !reads_only(l, s, new->over, &s->kernel.operand[k])) return false;
  }
  return true;
}

static int by_offset(const void *x, const void *y) {
  const Buffer *a = *(Buffer *const *)x, *b = *(Buffer *const *)y;
  return a->at < b->at ? -1 : a->at > b->at;
}

static void check_overlaps(Layout *l) {
  Buffer **list = NEW_ARRAY(l->scratch, Buffer *, l->buffers + 1);
  int n = 0;
  for (int i = 0; i < l->buffers; i++) {
    if (l->buffer[i].within < 0) list[n++] = &l->buffer[i];
  }
  qsort(list, (size_t)n, sizeof *list, by_offset);
  for (int i = 0; i < n; i++) {
    for (int j = i + 1; j < n && list[j]->at < list[i]->at + list[i]->count; j++) {
      const Buffer *a = list[i], *b = list[j];
      bool apart = a->last < b->first || b->last < a->first;
      if (!apart && !hands_over(l, a, b) && !hands_over(l, b, a)) {
        fail(l->arena, EXIT_SOFTWARE, "planner: buffers overlap at %lld: live in steps %d..%d and %d..%d",
             (long long)b->at, a->first, a->last, b->first, b->last);
      }
    }
  }
}

static void count_writes(const Layout *l, const Step *s, int *left, int change) {
  for (int k = 0; k < s->kernel.operands; k++) {
    for (int b = s->buffer[k]; s->kernel.operand[k].write && b >= 0; b = l->buffer[b].within) left[b] += change;
  }
}

// Every read comes after all writes of that buffer.
static void check_order(Layout *l) {
  int *left = NEW_ARRAY(l->scratch, int, l->buffers + 1), *all = NEW_ARRAY(l->scratch, int, l->buffers + 1);
  for (int i = 0; i < l->steps; i++) count_writes(l, l->step[i], left, 1);
  for (int i = 0; i < l->buffers; i++) all[i] = left[i];
  for (int i = 0; i < l->steps; i++) {
    const Step *s = l->step[i];
    for (int k = 0; k < s->kernel.operands; k++) {
      int b = s->buffer[k];
      bool ready = left[b] == 0 && (all[b] > 0 || l->buffer[b].first < 0);
      if (!s->kernel.operand[k].write && !ready) {
        fail(l->arena, EXIT_SOFTWARE, "planner: read before it is written: %s", kernel_text(l->arena, &s->kernel));
      }
    }
    count_writes(l, s, left, -1);
  }
}

// ---- all of it

int64_t place_buffers(Layout *l, int64_t begin) {
  find_lives(l);
  take_over_all(l);
  Block *block = NEW_ARRAY(l->scratch, Block, l->buffers + 1);
  int n = 0, *root = NEW_ARRAY(l->scratch, int, l->buffers + 1);
  for (int i = 0; i < l->buffers; i++) {
    const Buffer *b = &l->buffer[i];
    root[i] = buffer_whole(l, i);
    if (l->buffer[root[i]].fixed) continue;
    while (l->buffer[root[i]].over >= 0) root[i] = l->buffer[root[i]].over;
    if (root[i] == i) block[n++] = (Block){b->first, b->last, i, align(b->count), 0};
  }
  int *block_of = NEW_ARRAY(l->scratch, int, l->buffers + 1);
  for (int i = 0; i < n; i++) block_of[block[i].order] = i;
  for (int i = 0; i < l->buffers; i++) {
    Block *k = l->buffer[root[i]].fixed ? NULL : &block[block_of[root[i]]];
    if (k && l->buffer[i].last > k->last) k->last = l->buffer[i].last;
  }
  int64_t end = pack(l, block, n, begin);
  for (int i = 0; i < n; i++) block_of[block[i].order] = i;
  for (int i = 0; i < l->buffers; i++) {
    const Buffer *whole = &l->buffer[root[i]];
    l->buffer[i].at = whole->fixed ? whole->at : block[block_of[root[i]]].at;
  }
  check_order(l);
  check_overlaps(l);
  return end;
}

static const Home *home_of(const Layout *l, const Home **known, int buffer) {
  buffer = buffer_whole(l, buffer);
  if (known[buffer]) return known[buffer];
  const Buffer *b = &l->buffer[buffer];
  Home *home = NEW(l->arena, Home);
  *home = (Home){.name = arena_format(l->arena, "%s", b->name), .rank = b->shape.rank};
  for (int i = 0; i < home->rank; i++) home->dim[i] = b->shape.dim[i];
  return known[buffer] = home;
}

static void place_operand(const Layout *l, const Home **known, Operand *o, int buffer, bool has_home) {
  if (!has_home) o->home = home_of(l, known, buffer), o->within = o->view.at;
  o->view.at += l->buffer[buffer].at;
}

void place_operands(Layout *l) {
  const Home **known = NEW_ARRAY(l->scratch, const Home *, l->buffers + 1);
  for (int i = 0; i < l->steps; i++) {
    const Step *s = l->step[i];
    for (int k = 0; k < s->kernel.operands; k++) place_operand(l, known, &s->kernel.operand[k], s->buffer[k], false);
    for (const Inner *in = s->inner; in; in = in->next) place_operand(l, known, in->operand, in->buffer, in->work);
  }
}
