// A canvas: anti-aliased shapes and text on white.
//
// A shape is first collected as coverage of pixels, by as many calls as it takes, and then painted once in one colour:
// so its parts may overlap without showing it. Pixel (0, 0) is the square from (0, 0) to (1, 1); y points down.
#ifndef GMC_CANVAS_H
#define GMC_CANVAS_H

#include "core/base.h"

typedef struct {
  int left, top, right, bottom;  // right and bottom are outside
} CanvasBox;

typedef struct {
  uint8_t red, green, blue;
} Color;

typedef struct {
  Arena *arena;
  int width, height;
  Color *pixel;
  uint8_t *cover;     // of the shape being collected
  CanvasBox touched;  // where cover may not be 0
  CanvasBox clip;     // nothing is collected outside
} Canvas;

typedef enum { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } Align;

Canvas *canvas_new(Arena *a, int width, int height);

// Parts of a shape. Coordinates may lie anywhere, but must be finite.
void canvas_line(Canvas *c, double x0, double y0, double x1, double y1, double thickness);

void canvas_disc(Canvas *c, double x, double y, double radius);

void canvas_rectangle(Canvas *c, double x0, double y0, double x1, double y1);

// One line of text as tall as `size` pixels from baseline to the top of its capitals; (x, y) is on the baseline, at its
// left, centre or right. Turned: reads upwards. Characters outside of ASCII show as boxes.
void canvas_text(Canvas *c, double x, double y, double size, Align align, bool turned, const char *text);

double canvas_text_width(const char *text, double size);

// The text, or its beginning and "..", so that it fits.
const char *canvas_text_fit(Arena *a, const char *text, double size, double width);

// Paints the shape collected, and begins a new one. opacity is 0 to 1.
void canvas_paint(Canvas *c, Color color, double opacity);

void canvas_save(Canvas *c, const char *path);  // as PNG

// The strokes of a character for canvas_text; see canvas_font.c.
const char *canvas_glyph(int character);

#endif
