// A canvas: anti-aliased shapes and text on white; see canvas.h.
#include "pictures/canvas.h"

#include <math.h>
#include <string.h>

#include "formats/png_write.h"

enum { GLYPH_BASELINE = 4, GLYPH_CAPITAL = 10, GLYPH_POINTS = 16, GLYPH_CURVE = 8 };

Canvas *canvas_new(Arena *a, int width, int height) {
  Canvas *c = NEW(a, Canvas);
  size_t pixels = (size_t)width * (size_t)height;
  *c = (Canvas){.arena = a, .width = width, .height = height, .clip = {0, 0, width, height}};
  c->pixel = NEW_ARRAY(a, Color, pixels);
  c->cover = NEW_ARRAY(a, uint8_t, pixels);
  memset(c->pixel, 255, pixels * sizeof *c->pixel);
  c->touched = (CanvasBox){width, height, 0, 0};
  return c;
}

static int canvas_limit(double v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : (int)v; }

// The pixels that a part from (x0, y0) to (x1, y1) may cover, noted as touched.
static CanvasBox canvas_touch(Canvas *c, double x0, double y0, double x1, double y1) {
  CanvasBox b = {
      canvas_limit(floor(x0), c->clip.left, c->clip.right), canvas_limit(floor(y0), c->clip.top, c->clip.bottom),
      canvas_limit(ceil(x1), c->clip.left, c->clip.right), canvas_limit(ceil(y1), c->clip.top, c->clip.bottom)};
  if (b.left >= b.right || b.top >= b.bottom) return (CanvasBox){0};
  if (b.left < c->touched.left) c->touched.left = b.left;
  if (b.top < c->touched.top) c->touched.top = b.top;
  if (b.right > c->touched.right) c->touched.right = b.right;
  if (b.bottom > c->touched.bottom) c->touched.bottom = b.bottom;
  return b;
}

static void canvas_cover(Canvas *c, int x, int y, double part) {
  uint8_t level = (uint8_t)(part <= 0 ? 0 : part >= 1 ? 255 : 255 * part + 0.5);
  uint8_t *at = &c->cover[(size_t)y * (size_t)c->width + (size_t)x];
  if (level > *at) *at = level;
}

void canvas_line(Canvas *c, double x0, double y0, double x1, double y1, double thickness) {
  double r = thickness / 2, dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy;
  CanvasBox b = canvas_touch(c, fmin(x0, x1) - r - 1, fmin(y0, y1) - r - 1, fmax(x0, x1) + r + 1, fmax(y0, y1) + r + 1);
  for (int y = b.top; y < b.bottom; y++)
    for (int x = b.left; x < b.right; x++) {
      double px = x + 0.5 - x0, py = y + 0.5 - y0;
      double along = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
      double t = along < 0 ? 0 : along > 1 ? 1 : along;  // fmin and fmax would be calls, for every pixel of every line
      double ex = px - t * dx, ey = py - t * dy, d2 = ex * ex + ey * ey;
      if (d2 < (r + 0.5) * (r + 0.5)) canvas_cover(c, x, y, r + 0.5 - sqrt(d2));
    }
}

void canvas_disc(Canvas *c, double x, double y, double radius) { canvas_line(c, x, y, x, y, 2 * radius); }

// How much of the pixel from p to p + 1 lies between lo and hi.
static double canvas_overlap(int p, double lo, double hi) { return fmax(0, fmin(hi, p + 1) - fmax(lo, p)); }

void canvas_rectangle(Canvas *c, double x0, double y0, double x1, double y1) {
  CanvasBox b = canvas_touch(c, x0, y0, x1, y1);
  for (int y = b.top; y < b.bottom; y++)
    for (int x = b.left; x < b.right; x++) canvas_cover(c, x, y, canvas_overlap(x, x0, x1) * canvas_overlap(y, y0, y1));
}

static uint8_t canvas_blend(uint8_t under, uint8_t over, double part) {
  return (uint8_t)(under + (over - under) * part + 0.5);
}

void canvas_paint(Canvas *c, Color color, double opacity) {
  for (int y = c->touched.top; y < c->touched.bottom; y++)
    for (int x = c->touched.left; x < c->touched.right; x++) {
      size_t at = (size_t)y * (size_t)c->width + (size_t)x;
      double part = opacity * c->cover[at] / 255;
      Color *p = &c->pixel[at];
      if (part <= 0) continue;
      *p = (Color){canvas_blend(p->red, color.red, part), canvas_blend(p->green, color.green, part),
                   canvas_blend(p->blue, color.blue, part)};
      c->cover[at] = 0;
    }
  c->touched = (CanvasBox){c->width, c->height, 0, 0};
}

static int canvas_hex(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

// Where text goes: the place of the glyph's origin, pixels for a unit of the font, and which way it runs.
typedef struct {
  double x, y, unit;
  bool turned;
} CanvasPen;

typedef struct {
  double x, y;
} CanvasPoint;

static CanvasPoint canvas_place(const CanvasPen *pen, double x, double y) {
  double along = x * pen->unit, up = (y - GLYPH_BASELINE) * pen->unit;
  return pen->turned ? (CanvasPoint){pen->x - up, pen->y - along} : (CanvasPoint){pen->x + along, pen->y - up};
}

static CanvasPoint canvas_middle(CanvasPoint a, CanvasPoint b) {
  return (CanvasPoint){(a.x + b.x) / 2, (a.y + b.y) / 2};
}

static void canvas_join(Canvas *c, CanvasPoint from, CanvasPoint to, double thickness) {
  canvas_line(c, from.x, from.y, to.x, to.y, thickness);
}

// A parabola from a to b towards q.
static void canvas_arc(Canvas *c, CanvasPoint a, CanvasPoint q, CanvasPoint b, double thickness) {
  CanvasPoint from = a;
  for (int i = 1; i <= GLYPH_CURVE; i++) {
    double t = (double)i / GLYPH_CURVE, s = 1 - t;
    CanvasPoint to = {s * s * a.x + 2 * s * t * q.x + t * t * b.x, s * s * a.y + 2 * s * t * q.y + t * t * b.y};
    canvas_join(c, from, to, thickness);
    from = to;
  }
}

static void canvas_stroke(Canvas *c, char sign, const CanvasPoint *p, int n, double thickness) {
  if (sign == '-')
    for (int i = 1; i < n; i++) canvas_join(c, p[i - 1], p[i], thickness);
  else if (sign == 'o')
    for (int i = 0; i < n; i++) {
      CanvasPoint next = p[(i + 1) % n], last = p[(i + n - 1) % n];
      canvas_arc(c, canvas_middle(last, p[i]), p[i], canvas_middle(p[i], next), thickness);
    }
  else
    for (int i = 1; i < n - 1; i++)
      canvas_arc(c, i == 1 ? p[0] : canvas_middle(p[i - 1], p[i]), p[i],
                 i == n - 2 ? p[n - 1] : canvas_middle(p[i], p[i + 1]), thickness);
}

static void canvas_draw_glyph(Canvas *c, const CanvasPen *pen, const char *glyph) {
  double thickness = fmax(1.0, 1.3 * pen->unit);
  for (const char *s = glyph + 1; *s == ' ';) {
    char sign = *++s;
    CanvasPoint p[GLYPH_POINTS];
    int n = 0;
    for (s++; *s && *s != ' ' && n < GLYPH_POINTS; s += 2)
      p[n++] = canvas_place(pen, canvas_hex(s[0]), canvas_hex(s[1]));
    canvas_stroke(c, sign, p, n, thickness);
  }
}

// The next character of UTF-8 text, as a number below 128 or as -1.
static int canvas_character(const char **text) {
  unsigned char first = (unsigned char)*(*text)++;
  if (first < 0x80) return first;
  while (((unsigned char)**text & 0xc0) == 0x80) ++*text;
  return -1;
}

double canvas_text_width(const char *text, double size) {
  int units = -2;  // there is no gap after the last
  while (*text) units += canvas_hex(canvas_glyph(canvas_character(&text))[0]);
  return units * size / GLYPH_CAPITAL;
}

const char *canvas_text_fit(Arena *a, const char *text, double size, double width) {
  if (canvas_text_width(text, size) <= width) return text;
  double room = width - canvas_text_width("...", size), used = 0;
  const char *end = text;
  for (const char *next = text; *next; end = next) {
    used += canvas_hex(canvas_glyph(canvas_character(&next))[0]) * size / GLYPH_CAPITAL;
    if (used > room) break;
  }
  return arena_format(a, "%.*s..", (int)(end - text), text);
}

void canvas_text(Canvas *c, double x, double y, double size, Align align, bool turned, const char *text) {
  double back = canvas_text_width(text, size) * (align == ALIGN_RIGHT ? 1 : align == ALIGN_CENTER ? 0.5 : 0);
  CanvasPen pen = {turned ? x : x - back, turned ? y + back : y, size / GLYPH_CAPITAL, turned};
  while (*text) {
    const char *glyph = canvas_glyph(canvas_character(&text));
    canvas_draw_glyph(c, &pen, glyph);
    CanvasPoint next = canvas_place(&pen, canvas_hex(glyph[0]), GLYPH_BASELINE);
    pen.x = next.x;
    pen.y = next.y;
  }
}

void canvas_save(Canvas *c, const char *path) {
  size_t pixels = (size_t)c->width * (size_t)c->height;
  uint8_t *bytes = NEW_ARRAY(c->arena, uint8_t, 3 * pixels);
  bool gray = true;
  for (size_t i = 0; i < pixels; i++) {
    Color p = c->pixel[i];
    gray = gray && p.red == p.green && p.green == p.blue;
    bytes[3 * i] = p.red;
    bytes[3 * i + 1] = p.green;
    bytes[3 * i + 2] = p.blue;
  }
  for (size_t i = 0; gray && i < pixels; i++) bytes[i] = bytes[3 * i];
  png_write(c->arena, path, c->width, c->height, gray ? 1 : 3, bytes);
}
