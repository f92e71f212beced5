// Regions as plain loops; see emit.h.
//
// A region becomes one nest of loops whose innermost statement is the region's arithmetic, in the words of ops.def.
// Values that are used once are written into the expression that uses them. A reduction along the last axis goes
// through a row of values and the sum in lanes of kernel.h; one along an earlier axis adds row upon row. Invariant:
// every result comes of the same operations on the same operands in the same order as in runtime/engine/region.c.
#include <string.h>

#include "emit/emit_kernels.h"

enum { LONGEST_EXPRESSION = 60, LONGEST_ROW = 4096, TILE_ROW = 1024 };

// How a value is written where it is used.
typedef struct {
  const char *text;
  bool compound;  // needs brackets as an operand of + and the like
} Term;

typedef struct {
  KernelText *k;
  const Region *r;
  const Operand *load, *to;  // of each store
  int axis[MAX_RANK], axes;  // those of the region that are looped over: of more than one index, or reduced
  int rows;                  // position in `axis` of the leading one, whose size is a parameter, or -1
  int cut;                   // of the one that pieces divide, or -1
  int reduce;                // of the reduced one, or -1
  Term *value;
  int *uses;
} RegionText;

static char axis_letter(int position) { return "ijklpqrs"[position]; }

// --- which axes, and where the pieces cut ---

static void region_axes(RegionText *t) {
  const Region *r = t->r;
  t->rows = t->reduce = t->cut = -1;
  for (int i = 0; i < r->rank; i++) {
    bool within = r->reduce >= 0 && i == r->rank - 1;  // a sum along an earlier axis runs over this one inside
    if (r->dim[i] == 1 && i != r->reduce && !within) continue;
    if (i == r->reduce) t->reduce = t->axes;
    t->axis[t->axes++] = i;
  }
  bool lanes = r->reduce >= 0 && r->reduce == r->rank - 1;
  if (t->axes && t->axis[0] == 0 && !(lanes && r->rank == 1)) t->rows = 0;
  int pieces = t->k->code->pieces;
  if (pieces == 1) return;
  for (int i = 0; i < t->axes; i++) {
    if (i == t->reduce) continue;
    if (t->cut < 0 || r->dim[t->axis[i]] > r->dim[t->axis[t->cut]]) t->cut = i;
    if (r->dim[t->axis[t->cut]] >= 2 * pieces) break;
  }
}

// --- elements ---

// A stride in terms of the sizes of the axes further in, where it is a product of them.
static const char *stride_text(const RegionText *t, int64_t stride) {
  int64_t product = 1;
  Text text = text_new(t->k->arena);
  for (int i = t->axes - 1; i > 0; i--) {
    product *= t->r->dim[t->axis[i]];
    text_add(&text, "%sN%d", text.length ? " * " : "", i);
    if (product == stride) return text.data;
  }
  return arena_format(t->k->arena, "%lld", (long long)stride);
}

// The element of a view at the point of the loops.
static const char *element_text(const RegionText *t, const Operand *o) {
  Text text = text_new(t->k->arena);
  text_add(&text, "%s[", kernel_pointer(t->k, o));
  size_t begin = text.length;
  for (int i = 0; i < t->axes; i++) {
    int64_t stride = o->view.stride[t->axis[i]];
    if (stride == 0 || t->r->dim[t->axis[i]] == 1) continue;
    text_add(&text, "%s%c", text.length > begin ? " + " : "", axis_letter(i));
    if (stride != 1) text_add(&text, " * %s", stride_text(t, stride));
  }
  text_add(&text, "%s]", text.length > begin ? "" : "0");
  return text.data;
}

static bool is_overwritten(const RegionText *t, const Operand *o) {
  for (int i = 0; i < t->r->stores; i++)
    if (kernel_may_meet(t->k, &t->to[i], o)) return true;
  return false;
}

// --- values ---

static void count_uses(RegionText *t) {
  const Region *r = t->r;
  int first = r->loads + r->constants;
  for (int i = 0; i < r->stores; i++) t->uses[r->store[i].value]++;
  for (int i = r->instrs - 1; i >= 0; i--)
    for (int k = 0; k < scalar_row[r->instr[i].op].arity && t->uses[first + i]; k++) t->uses[r->instr[i].in[k]]++;
}

// Puts the operands in the places of a, b and c of an operation's text.
static Term apply(const RegionText *t, const Instr *instr) {
  const char *begin = scalar_row[instr->op].expression, *p = begin;
  Text text = text_new(t->k->arena);
  bool call = strchr(p, '(') != NULL;
  for (; *p; p++) {
    bool alone = (p == begin || !kernel_is_word(p[-1])) && !kernel_is_word(p[1]);
    if (*p < 'a' || *p > 'c' || !alone) {
      text_append(&text, p, 1);
      continue;
    }
    Term in = t->value[instr->in[*p - 'a']];
    text_add(&text, in.compound && !call ? "(%s)" : "%s", in.text);
  }
  return (Term){text.data, !call};
}

// A name for a value that is used more than once or would be too long.
static void name_value(RegionText *t, int v, int depth) {
  const char *name = kernel_local(t->k, t->r->word ? t->r->word[v] : NULL);
  kernel_line(t->k, depth, "const float %s = %s;", name, t->value[v].text);
  t->value[v] = (Term){name, false};
}

static void print_loads(RegionText *t, int depth) {
  for (int i = 0; i < t->r->loads; i++) {
    if (!t->uses[i]) continue;
    t->value[i] = (Term){element_text(t, &t->load[i]), false};
    if (t->uses[i] > 1 || is_overwritten(t, &t->load[i])) name_value(t, i, depth);
  }
}

// Loads, and the values that need names.
static void print_values(RegionText *t, int depth) {
  const Region *r = t->r;
  print_loads(t, depth);
  for (int i = 0; i < r->constants; i++) {
    if (!t->uses[r->loads + i]) continue;
    const char *text = emit_float(t->k->arena, r->constant[i]), *said = r->word ? r->word[r->loads + i] : NULL;
    t->value[r->loads + i] = (Term){kernel_constant(t->k, text, said), *text == '-'};
  }
  for (int i = 0; i < r->instrs; i++) {
    int v = r->loads + r->constants + i;
    if (!t->uses[v]) continue;
    t->value[v] = apply(t, &r->instr[i]);
    if (t->uses[v] > 1 || strlen(t->value[v].text) > LONGEST_EXPRESSION) name_value(t, v, depth);
  }
}

// --- loops ---

static void say_in_place(RegionText *t, int depth) {
  if (t->k->in_place) kernel_line(t->k, depth, "IN_PLACE");
}

static void open_loop(RegionText *t, int position, int depth) {
  char i = axis_letter(position);
  if (position == t->axes - 1) say_in_place(t, depth);
  if (position == t->cut)
    kernel_line(t->k, depth, "for (int64_t %c = begin; %c < end; %c++) {", i, i, i);
  else if (position == t->rows)
    kernel_line(t->k, depth, "for (int64_t %c = 0; %c < rows; %c++) {", i, i, i);
  else
    kernel_line(t->k, depth, "for (int64_t %c = 0; %c < N%d; %c++) {", i, i, position, i);
}

static void close_loops(RegionText *t, int depth, int outermost) {
  while (depth-- > outermost) kernel_line(t->k, depth, "}");
}

// The stores of every point.
static void print_stores(RegionText *t, int depth) {
  for (int i = 0; i < t->r->stores; i++) {
    const Store *s = &t->r->store[i];
    if (s->kind == STORE_ALL) kernel_line(t->k, depth, "%s = %s;", element_text(t, &t->to[i]), t->value[s->value].text);
  }
}

static void print_elementwise(RegionText *t) {
  for (int i = 0; i < t->axes; i++) open_loop(t, i, i + 1);
  print_values(t, t->axes + 1);
  print_stores(t, t->axes + 1);
  close_loops(t, t->axes + 1, 1);
}

// "row", "row2": the array in which the values of a reduced store wait for their sum.
static const char *row_name(RegionText *t, const char *what, int store) {
  int before = 0;
  for (int i = 0; i < store; i++) before += t->r->store[i].kind != STORE_ALL;
  return before ? arena_format(t->k->arena, "%s%d", what, before + 1) : what;
}

// Rows of the last axis: their values first, then the sum in lanes. Rows that are long go by tiles.
static void print_rows(RegionText *t) {
  const Region *r = t->r;
  int last = t->axes - 1, depth = t->axes;
  int64_t length = r->dim[r->reduce];
  bool tiled = length > LONGEST_ROW;
  const char *n = tiled ? arena_format(t->k->arena, "%d", TILE_ROW) : arena_format(t->k->arena, "N%d", last);
  for (int i = 0; i < last; i++) open_loop(t, i, i + 1);
  for (int i = 0; i < r->stores; i++) {
    if (r->store[i].kind == STORE_ALL) continue;
    kernel_line(t->k, depth, "float %s[%s], %s[LANES];", row_name(t, "row", i), n, row_name(t, "lane", i));
    kernel_line(t->k, depth, "lanes_%s(%s);", r->store[i].kind == STORE_SUM ? "zero" : "low", row_name(t, "lane", i));
  }
  char j = axis_letter(last);
  if (tiled) {
    kernel_line(t->k, depth, "for (int64_t tile = 0; tile < N%d; tile += %s) {", last, n);
    depth++;
    kernel_line(t->k, depth, "const int64_t n = N%d - tile < %s ? N%d - tile : %s;", last, n, last, n);
    say_in_place(t, depth);
    kernel_line(t->k, depth, "for (int64_t %c = tile; %c < tile + n; %c++) {", j, j, j);
  } else {
    open_loop(t, last, depth);
  }
  print_values(t, depth + 1);
  print_stores(t, depth + 1);
  for (int i = 0; i < r->stores; i++)
    if (r->store[i].kind != STORE_ALL)
      kernel_line(t->k, depth + 1, "%s[%c%s] = %s;", row_name(t, "row", i), j, tiled ? " - tile" : "",
                  t->value[r->store[i].value].text);
  kernel_line(t->k, depth, "}");
  for (int i = 0; i < r->stores; i++)
    if (r->store[i].kind != STORE_ALL)
      kernel_line(t->k, depth, "lanes_%s(%s, %s, %s);", r->store[i].kind == STORE_SUM ? "add" : "maximum",
                  row_name(t, "lane", i), row_name(t, "row", i), tiled ? "n" : n);
  if (tiled) kernel_line(t->k, --depth, "}");
  for (int i = 0; i < r->stores; i++)
    if (r->store[i].kind != STORE_ALL)
      kernel_line(t->k, depth, "%s = lanes_%s(%s);", element_text(t, &t->to[i]),
                  r->store[i].kind == STORE_SUM ? "sum" : "largest", row_name(t, "lane", i));
  close_loops(t, depth, 1);
}

// Row upon row along an earlier axis: the results are zeroed, then every row is added to them in turn.
static void print_columns(RegionText *t) {
  const Region *r = t->r;
  int last = t->axes - 1, depth = 1;
  for (int i = 0; i < last; i++)
    if (i != t->reduce) open_loop(t, i, depth++);
  int outer = depth;
  open_loop(t, last, depth++);
  for (int i = 0; i < r->stores; i++)
    if (r->store[i].kind != STORE_ALL)
      kernel_line(t->k, depth, "%s = %s;", element_text(t, &t->to[i]),
                  r->store[i].kind == STORE_SUM ? "0.0f" : "-INFINITY");
  close_loops(t, depth, outer);
  depth = outer;
  open_loop(t, t->reduce, depth++);
  open_loop(t, last, depth++);
  print_values(t, depth);
  print_stores(t, depth);
  for (int i = 0; i < r->stores; i++) {
    const char *y = element_text(t, &t->to[i]), *v = t->value[r->store[i].value].text;
    if (r->store[i].kind == STORE_SUM) kernel_line(t->k, depth, "%s += %s;", y, v);
    if (r->store[i].kind == STORE_MAXIMUM) kernel_line(t->k, depth, "%s = m_max(%s, %s);", y, y, v);
  }
  close_loops(t, depth, 1);
}

// The shape of what a store leaves: axes that it does not move along are not part of it.
static void output_of_store(KernelText *k, const Operand *to) {
  int64_t dim[MAX_RANK];
  int rank = 0;
  for (int i = 0; i < to->rank; i++)
    if (to->view.stride[i]) dim[rank++] = to->dim[i];
  kernel_output(k, to, rank, dim);
}

void region_emit(KernelText *k, const Kernel *kernel) {
  const Region *r = &kernel->region;
  int values = r->loads + r->constants + r->instrs;
  RegionText t = {.k = k, .r = r, .load = kernel->operand, .to = kernel->operand + r->loads};
  t.value = NEW_ARRAY(k->arena, Term, values);
  t.uses = NEW_ARRAY(k->arena, int, values);
  region_axes(&t);
  for (int i = 0; i < t.axes; i++)
    if (i != t.rows) kernel_size(k, arena_format(k->arena, "N%d", i), r->dim[t.axis[i]]);
  if (t.cut >= 0) kernel_cut(k, t.cut == t.rows ? 1 : r->dim[t.axis[t.cut]], t.cut == t.rows, 1);
  k->uses_rows = t.rows >= 0 && t.cut != t.rows;
  for (int i = 0; i < r->stores; i++) output_of_store(k, &t.to[i]);
  count_uses(&t);
  if (t.reduce < 0)
    print_elementwise(&t);
  else if (r->reduce == r->rank - 1)
    print_rows(&t);
  else
    print_columns(&t);
}
