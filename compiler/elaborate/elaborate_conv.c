// Convolutions of images and of series, and their adjoint, which leads back. Part of the elaborator.
//
// A series is an image of height 1. Leading axes of the event and plates are images more. Weights that differ along a
// plate are those of groups: what lies along it becomes channels.
#include "elaborate/elaborate_builtin.h"

#include <string.h>

enum { MOST_PLACES = 1000000 };  // of a stride, of a dilation, of zeros at one end

// A convolution as it is called. Of a series, what belongs to the axis y is that of one place.
typedef struct {
  const Call *call;
  bool back;
  int axes;
  Value x, w;
  Shape lead, image, window;  // leading axes of the event; [h, w, channels]; [taps, taps, in / groups, out]
  Attr attr;
  Value padding;
} Convolution;

// A whole number, or one for each axis; false after reporting.
static bool find_steps(Elab *e, const Convolution *c, Value v, int64_t *step) {
  bool list = v.kind == V_LIST && v.items == c->axes;
  step[0] = 1;
  for (int i = 2 - c->axes; i < 2; i++) {
    step[i] = v.kind == V_NONE ? 1 : count_of(e, c->call, list ? v.item[i - 2 + c->axes] : v, MOST_PLACES);
    if (!step[i]) return false;
  }
  return true;
}

static int64_t window_span(const Convolution *c, int axis) {
  return (c->window.dim[axis] - 1) * c->attr.a[axis + 2] + 1;
}

// The zeros before and after an axis of so many places: none, a number of them at either end, or what a function of the
// places, the window's and the stride gives: that, or both numbers.
static bool find_zeros(Elab *e, Convolution *c, int axis, int64_t places) {
  Value v = c->padding, side[2];
  const Value of[] = {value_number((double)places), value_number((double)window_span(c, axis)),
                      value_number((double)c->attr.a[axis])};
  Call ask = {.span = c->call->span, .n = 3, .arg = {of[0], of[1], of[2]}};
  if (v.kind == V_NONE) v = value_number(0);
  if (v.kind == V_CALLABLE) v = call_value(e, v, &ask);
  side[0] = side[1] = v;
  if (v.kind == V_LIST && v.items == 2 && c->padding.kind == V_CALLABLE) side[0] = v.item[0], side[1] = v.item[1];
  for (int i = 0; i < 2; i++) {
    int64_t zeros = whole(e, c->call, side[i], 0, MOST_PLACES, 0);
    if (zeros < 0) return false;
    c->attr.b[2 * axis + i] = zeros;
  }
  return v.kind != V_ERROR;
}

// The window's shape by that of the weights, which says how many axes there are.
static bool find_window(Elab *e, Convolution *c) {
  Shape s = event_shape(&c->w);
  if (s.rank != 3 && s.rank != 4) return complain(e, E0772, c->call->span, shape_text(e->arena, s)), false;
  c->axes = s.rank - 2;
  c->window = shape_of(4, (int64_t[]){1, s.dim[0], s.dim[s.rank - 2], s.dim[s.rank - 1]});
  if (c->axes == 2) c->window = s;
  return true;
}

// The image: without an axis for channels it has one.
static bool find_image(Elab *e, Convolution *c) {
  Shape s = event_shape(&c->x);
  const char *wanted = c->axes == 1 ? "a series [t] or [t, channels]" : "an image [h, w] or [h, w, channels]";
  if (s.rank < c->axes) return complain(e, E0317, c->call->span, wanted, shape_text(e->arena, s)), false;
  int64_t channels = s.rank == c->axes ? 1 : s.dim[s.rank - 1], places = s.rank == c->axes ? s.rank : s.rank - 1;
  const int64_t *last = s.dim + places - c->axes;
  c->image = shape_of(3, (int64_t[]){c->axes == 1 ? 1 : last[0], last[c->axes - 1], channels});
  c->lead = shape_of((int)places - c->axes, s.dim);
  return true;
}

static bool check_channels(Elab *e, const Convolution *c) {
  int64_t groups = c->attr.a[4], in = c->window.dim[2] * groups, out = c->window.dim[3];
  int64_t met = c->image.dim[2], seen = c->back ? out : in;
  if (met == seen && out % groups == 0) return true;
  complain(e, E0773, c->call->span, shape_text(e->arena, event_shape(&c->x)), (long long)met,
           shape_text(e->arena, event_shape(&c->w)), (long long)groups, (long long)in, (long long)out);
  return false;
}

// The layer as written: of a pipe what stands behind its last `|>`.
static const char *layer_text(Elab *e, const Convolution *c) {
  const char *text = span_text(e->arena, e->sources, user_span(e, c->call->span)), *stage = text;
  int depth = 0;
  for (const char *p = text; *p; p++) {
    depth += (*p == '(') - (*p == ')');
    if (depth == 0 && p[0] == '|' && p[1] == '>') stage = p + 2 + strspn(p + 2, " \n");
  }
  return stage;
}

static bool complain_of_fit(Elab *e, const Convolution *c, int axis) {
  int64_t span = window_span(c, axis), room = c->image.dim[axis] + c->attr.b[2 * axis] + c->attr.b[2 * axis + 1];
  const char *far = c->attr.a[axis + 2] > 1 ? arena_format(e->arena, " that reach over %lld", (long long)span) : "";
  complain(e, E0771, c->call->span, layer_text(e, c), shape_text(e->arena, event_shape(&c->x)),
           (long long)c->window.dim[axis], far, (long long)room);
  report_help(e->sources, "at most %lld taps would, or `padding: same`",
              (long long)((room - 1) / c->attr.a[axis + 2] + 1));
  return false;
}

// The places of what is given; of the adjoint, those that lead to the places there are.
static bool find_places(Elab *e, Convolution *c, int axis, int64_t *places) {
  int64_t n = c->image.dim[axis], stride = c->attr.a[axis], *zeros = c->attr.b + 2 * axis;
  bool asked = c->padding.kind == V_CALLABLE;
  *places = 1;
  if (axis < 2 - c->axes) return true;
  if (!find_zeros(e, c, axis, !c->back ? n : n * stride)) return false;
  if (!c->back) {
    *places = conv_places(n, c->window.dim[axis], stride, c->attr.a[axis + 2], zeros[0], zeros[1]);
    return *places || complain_of_fit(e, c, axis);
  }
  *places = asked ? n * stride : (n - 1) * stride + window_span(c, axis) - zeros[0] - zeros[1];
  if (*places > 0 && conv_places(*places, c->window.dim[axis], stride, c->attr.a[axis + 2], zeros[0], zeros[1]) == n)
    return true;
  complain(e, E0774, c->call->span, layer_text(e, c), shape_text(e->arena, event_shape(&c->x)), (long long)n,
           (long long)*places, (long long)zeros[0], (long long)zeros[1]);
  return false;
}

// ---- the node

// Its plates and then [images..., a, b, c], or [a, b, c, d] for weights: what lies along the plates becomes part of the
// last axis, of `inner` numbers for each place of them.
static Node *plates_last(Elab *e, Node *n, int64_t plates, Shape inner) {
  Shape apart = {.rank = inner.rank + 1, .dim = {plates}}, joined = inner;
  int order[MAX_RANK];
  for (int i = 0; i < inner.rank; i++) apart.dim[i + 1] = inner.dim[i], order[i] = i + 1;
  order[inner.rank - 1] = 0, order[inner.rank] = inner.rank;
  joined.dim[inner.rank - 1] *= plates;
  return node_reshape(e->graph, node_permute(e->graph, node_reshape(e->graph, n, apart), order), joined);
}

static Node *plates_first(Elab *e, Node *n, int64_t plates, Shape inner) {
  Shape apart = inner;
  int order[MAX_RANK] = {inner.rank - 1};
  apart.dim[apart.rank++] = inner.dim[inner.rank - 1];
  apart.dim[inner.rank - 1] = plates;
  for (int i = 0; i < inner.rank; i++) order[i + 1] = i + (i == inner.rank - 1);
  return node_permute(e->graph, node_reshape(e->graph, n, apart), order);
}

static Node *convolved(Elab *e, const Convolution *c, Node *x, Node *w, Shape y, const Attr *attr) {
  return c->back ? node_conv_input(e->graph, x, w, attr, y) : node_conv(e->graph, x, w, attr);
}

static Value convolution(Elab *e, Convolution *c, const int64_t *places) {
  Shape event = c->lead, to = c->lead;
  unsigned plates = c->x.plates | c->w.plates;
  Attr attr = c->attr;
  to.dim[to.rank++] = places[1];
  if (c->axes == 2) to.dim[to.rank - 1] = places[0], to.dim[to.rank++] = places[1];
  to.dim[to.rank++] = c->window.dim[c->back ? 2 : 3] * (c->back ? attr.a[4] : 1);
  if (to.rank + __builtin_popcount(plates) > MAX_RANK)
    return complain(e, E0304, c->call->span, MAX_RANK), value_error();
  event = event_shape(&c->x);
  Value x = c->w.plates ? widen(e, c->x, plates, event) : c->x;
  Value w = c->w.plates ? widen(e, c->w, plates, event_shape(&c->w)) : c->w;
  if (x.kind == V_ERROR || w.kind == V_ERROR) return value_error();
  int64_t apart = c->w.plates ? shape_count(x.node->shape) / shape_count(event) : 1;
  int64_t images = shape_count(x.node->shape) / apart / shape_count(c->image);
  Shape in = shape_of(4, (int64_t[]){images, c->image.dim[0], c->image.dim[1], c->image.dim[2]});
  Shape out = shape_of(4, (int64_t[]){images, places[0], places[1], to.dim[to.rank - 1] * apart});
  attr.a[4] *= apart;
  Node *a = apart > 1 ? plates_last(e, x.node, apart, in) : node_reshape(e->graph, x.node, in);
  Node *b = apart > 1 ? plates_last(e, w.node, apart, c->window) : node_reshape(e->graph, w.node, c->window);
  if (apart == 1) attr.a[5] = graph_dead_taps(e->arena, e->graph, b);
  Node *n = convolved(e, c, a, b, out, &attr);
  out.dim[3] /= apart;
  if (apart > 1) n = plates_first(e, n, apart, out);
  return value_tensor(node_reshape(e->graph, n, physical_shape(e, plates, to)), plates);
}

static Value called(Elab *e, const Call *call, const Value *keyword, bool back) {
  Convolution c = {.call = call, .back = back, .x = as_tensor(e, call, 0), .w = as_tensor(e, call, 1)};
  int64_t places[2];
  if (c.x.kind == V_ERROR || c.w.kind == V_ERROR || !find_window(e, &c) || !find_image(e, &c)) return value_error();
  c.padding = keyword[1];
  if (!find_steps(e, &c, keyword[0], c.attr.a) || !find_steps(e, &c, keyword[3], c.attr.a + 2)) return value_error();
  c.attr.a[4] = keyword[2].kind == V_NONE ? 1 : count_of(e, call, keyword[2], 2147483647);
  if (!c.attr.a[4] || !check_channels(e, &c)) return value_error();
  for (int i = 0; i < 2; i++)
    if (!find_places(e, &c, i, &places[i])) return value_error();
  return convolution(e, &c, places);
}

Value call_convolve(Elab *e, const Call *call, Value *keyword) { return called(e, call, keyword, false); }

Value call_convolve_back(Elab *e, const Call *call, Value *keyword) { return called(e, call, keyword, true); }

// ---- which sizes would do

// The layer that made the image, through what goes number by number and reshapes; NULL if there is none.
static const Node *layer_of(const Node *n) {
  while (n && n->op != OP_CONV && n->op != OP_CONV_INPUT) {
    bool passes = op_class(n->op) == ELEMENTWISE || op_class(n->op) == MARK || n->op == OP_RESHAPE;
    const Node *from = NULL;
    for (int i = 0; i < n->arity && passes && !from; i++)
      if (op_class(n->in[i]->op) != SOURCE && n->in[i]->op != OP_BROADCAST) from = n->in[i];
    n = from;
  }
  return n;
}

// The places that a layer with padding `same` leads from to those wanted; 0: to so many it leads from none.
static int64_t places_before(const Node *layer, int axis, int64_t wanted) {
  int64_t stride = layer->attr.a[axis];
  if (layer->op == OP_CONV) return wanted * stride;
  return wanted % stride ? 0 : wanted / stride;
}

static const char *places_text(Elab *e, const int64_t *places) {
  return arena_format(e->arena, "[%lld, %lld]", (long long)places[0], (long long)places[1]);
}

void help_layers(Elab *e, const Node *n, Shape wanted) {
  const Node *layer = layer_of(n);
  if (!layer || wanted.rank < 2 || wanted.rank > 3 || !layer->scope) return;
  const int64_t *given = layer->shape.dim + 1;
  int64_t to[2] = {wanted.dim[0], wanted.dim[1]};
  int layers = 0;
  if (given[0] == to[0] && given[1] == to[1]) return;
  for (const Node *l = layer; l; l = layer_of(l->in[0]), layers++) {
    int64_t before[2] = {places_before(l, 0, to[0]), places_before(l, 1, to[1])};
    if (!before[0] || !before[1]) break;
    to[0] = before[0], to[1] = before[1];
  }
  const char *shape = places_text(e, wanted.dim), *word = layer->scope->word;
  const char *it = layers > 1 ? arena_format(e->arena, "the last %d layers lead", layers) : "it leads";
  if (layers)
    report_help(e->sources, "`%s` gives %s; with `padding: same` %s to %s from %s", word, places_text(e, given), it,
                shape, places_text(e, to));
  else
    report_help(e->sources, "`%s` gives %s; by its stride of %lld and `padding: same` it leads to no %s", word,
                places_text(e, given), (long long)layer->attr.a[0], shape);
}
