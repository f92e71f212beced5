// A region made ready: what region_prepare.c makes and region.c runs. Private to them.
//
// The iteration space is seen as rows of columns. Axes of size 1 are dropped and neighbours joined where every view
// allows it; the columns are the last axis, the rows all others. A region is run tile by tile: some columns of one row,
// or some whole rows if they are short. Every value of a tile is contiguous, in memory where a view allows it and
// otherwise in a scratch tile, or is one number for the whole tile.
#ifndef GMC_REGION_CODE_H
#define GMC_REGION_CODE_H

#include "engine/region.h"

enum {
  REGION_TILE = 1024,       // floats of a tile at most
  REGION_NEAR = 16384,      // of all scratch, as long as tiles are larger than 8 LANES: what stays in the nearest cache
  REGION_SCRATCH = 32768,   // of all scratch; it lies on the stack
  REGION_PAD = 16,          // between scratch tiles
  REGION_STREAM = 1 << 19,  // read by a region that fetches ahead: more than the second cache holds
  REGION_VALUES = 2048,     // values of a region
  REGION_BODY = 64,         // instructions of a body at most
  REGION_OPERANDS = 24,     // its operands
  REGION_RESULTS = 8        // and what it stores
};

// out[k][i] = f_k(in[0][i], in[1][i], ...) for n elements. An operand whose step is 0 is LANES copies of one number,
// otherwise its step is LANES. An out may be one of the operands whose step is not 0.
typedef void Loop(float *const *out, const float *const *in, const int64_t *step, int64_t n);

// Loops of one operation. All four operands must be readable.
Loop *region_loop(ScalarOp op);

// The operations that loops chain; a BUS b is b - a, a VID b is b / a, and a SQRT b is the root of a. A chain begins
// with one that is not BUS or VID; SQRT stands nowhere else, and in a join only on the left.
typedef enum { LINK_ADD, LINK_SUB, LINK_MUL, LINK_DIV, LINK_BUS, LINK_VID, LINK_SQRT } LinkOp;
Loop *region_pair(LinkOp x, LinkOp y);             // (a x b) y c
Loop *region_chain(LinkOp x, LinkOp y, LinkOp z);  // ((a x b) y c) z d
Loop *region_join(LinkOp x, LinkOp y, LinkOp z);   // (a x b) z (c y d)

// Where the elements lie: operand[sum of index[i] * row[i] + column index * column].
typedef struct {
  int operand;
  int64_t row[MAX_RANK], column;
} Access;

typedef enum {
  LOAD_NUMBER,      // one number for the whole piece
  LOAD_ROW_NUMBER,  // one number for a row, and a tile is part of a row
  LOAD_DIRECT,      // used where it lies
  LOAD_COPY,        // copied into a scratch tile
  LOAD_REPEAT       // the same, but equal for all rows: copied once
} LoadWay;

typedef struct {
  Access from;
  LoadWay way;
  int place;  // of a number: its slot; of a copy: its tile
} LoadCode;

typedef struct {
  Loop *loop;
  int outs, out[REGION_RESULTS], ins, in[REGION_OPERANDS];  // values
  int64_t step[REGION_OPERANDS];                            // of the operands, as the loop wants them
  bool number;                                              // computes one number
} Step;

typedef struct {
  Access to;
  StoreKind kind;
  int value;
  bool direct;  // the step that computes the value writes it there
  int fill;     // scratch tile for a value that is a number, otherwise -1
  int total;    // scratch tile of a reduction's sums so far
} StoreCode;

typedef enum { REDUCE_NONE, REDUCE_LANES, REDUCE_ROWS } ReduceWay;

typedef struct {
  int axes;  // of the rows, outermost first; with REDUCE_ROWS the last one is the reduced one
  int64_t dim[MAX_RANK];
  int64_t rows, columns;
  ReduceWay reduce;
  int64_t run;       // rows that must be done one after another by one piece: those of the reduced axis, otherwise 1
  bool cut_columns;  // into pieces; otherwise the rows are
  int64_t tile_rows, tile_columns, tile;  // tile: floats from one scratch tile to the next
  int values, slots, tiles;
  LoadCode *load;
  int loads;
  const float *constant;
  int constants;
  Step *first;  // steps that compute numbers for the whole piece
  int firsts;
  Step *step;  // for every tile
  int steps;
  int *place;  // of each instruction's result: slot of a number, otherwise tile; -1: it has none
  StoreCode *store;
  int stores;
  const char *body;  // of all steps but those of numbers, or NULL; see region_body.h
  bool streams;      // so much is read that the next tile is asked for in time
} RegionCode;

// What is known of a value while a region is made ready.
typedef struct {
  bool number, constant;  // one number for a tile; one for the whole piece
  bool stored;
  int uses;        // by instructions and stores
  int step, last;  // the step that computes it, and the last that reads it
} RegionValue;

// region_steps.c: the steps for the instructions, given which loads are numbers. Sets number, constant, step and last
// of all results, and gives numbers their slots.
void region_steps(Arena *a, RegionCode *code, const Region *r, RegionValue *value);
// Scratch tiles for the results of steps that are neither numbers nor written where they are stored.
void region_tiles(RegionCode *code, const Region *r, const RegionValue *value);

#endif
