// A region made ready: what region_prepare.c makes and region.c runs. Private to them.
//
// The iteration space is seen as rows of columns. Axes of size 1 are dropped and neighbours joined where every view allows
// it; the columns are the last axis, the rows all others. A region is run tile by tile: some columns of one row, or some
// whole rows if they are short. Every value of a tile is contiguous, in memory where a view allows it and otherwise in a
// scratch tile, or is one number for the whole tile.
#ifndef GMC_REGION_CODE_H
#define GMC_REGION_CODE_H

#include "region.h"

// out[i] = op(a[i], b[i], c[i]) for n >= 1 elements; unused inputs may point anywhere readable. An input that the loop was
// asked to take as a number is read once, before anything is written. out may be one of the inputs.
typedef void Loop(float *out, const float *a, const float *b, const float *c, int64_t n);

// The loop of an operation whose input i is a number if bit i of `numbers` is set. Not all inputs may be numbers, except of
// an operation of one input, where it does not matter.
Loop *region_loop(ScalarOp op, int numbers);

// Where the elements lie: memory[at + sum of index[i] * row[i] + column index * column].
typedef struct {
  int64_t at, row[MAX_RANK], column;
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
  int out, in[3];  // values
  bool number;     // computes one number
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

struct RegionCode {
  int axes;  // of the rows, outermost first; with REDUCE_ROWS the last one is the reduced one
  int64_t dim[MAX_RANK];
  int64_t rows, columns;
  ReduceWay reduce;
  int64_t run;  // rows that end to end must be done in one go: of the reduced axis, otherwise 1
  int pieces;
  bool cut_columns;  // into pieces; otherwise the rows are
  int64_t tile_rows, tile_columns, tile;  // tile: floats from one scratch tile to the next
  int values, slots, tiles;
  LoadCode *load;
  int loads;
  const float *constant;
  int constants;
  Step *first;  // steps that compute numbers for the whole piece
  int firsts;
  Step *step;   // for every tile
  int steps;
  int *place;   // of each step's result, both lists: slot of a number, otherwise tile
  StoreCode *store;
  int stores;
};

// Floats: in a tile at most; in scratch while tiles are large; in scratch at all, which is on the stack; between tiles.
enum { REGION_TILE = 1024, REGION_NEAR = 16384, REGION_SCRATCH = 32768, REGION_PAD = 16, REGION_VALUES = 2048 };

#endif
