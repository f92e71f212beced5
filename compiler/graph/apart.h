// Which values of a graph are an example's own, and where the examples of a batch meet.
//
// A tensor that differs between examples holds, some times over, one block of elements for each example, in order: once
// where the batch is the outermost axis or the outer part of one, once a turn where a loop has stacked it. An operation
// that keeps to these blocks leaves the examples apart; one that adds along the batch, or changes its order, lets them
// meet. No name is asked for: a mean over the batch is known by what it does. Asked by coupled.c and by pass_shards.c.
#ifndef GMC_APART_H
#define GMC_APART_H

#include "graph/graph.h"

// How many times over a tensor holds the blocks, from 1, or one of these: there are none; or the examples meet.
enum { BLOCKS_NONE = 0, BLOCKS_MEET = -1 };

// That of a node, but for loops, from those of its inputs, none of which meet.
int64_t blocks_of(const Node *n, const int64_t *in, int64_t batch);

// The axis along which the blocks follow each other: it is [over, batch, inner]. Where the batch is spread over several
// there is none.
typedef struct {
  int axis;
  int64_t over, inner;
} Blocks;
bool blocks_find(const Shape *s, int64_t blocks, int64_t batch, Blocks *b);

int64_t count_before(const Shape *s, int axis);  // elements of the axes before it

#endif
