// The hash of data: a number that tells them apart. See data.h.
#include "data/data.h"
#include "core/hash.h"
#include "core/pool.h"
#include "core/spill.h"

// Bytes being hashed by the pool's threads: in portions, whose hashes are hashed.
enum { DATA_PORTIONS = 64 };
typedef struct {
  const uint8_t *bytes;
  size_t size;
  uint64_t portion[DATA_PORTIONS];
} Hashing;

static void data_hash_piece(void *hashing, int piece, int pieces) {
  Hashing *h = hashing;
  size_t each = h->size / DATA_PORTIONS;
  for (int i = DATA_PORTIONS * piece / pieces; i < DATA_PORTIONS * (piece + 1) / pieces; i++) {
    size_t first = each * (size_t)i, end = i + 1 < DATA_PORTIONS ? first + each : h->size;
    h->portion[i] = hash_bytes((uint64_t)i, h->bytes + first, end - first);
  }
}

uint64_t data_hash(const Run *run, const Data *data) {
  uint64_t hash = (uint64_t)data->examples;
  for (int c = 0; data->column && c < run->plan->columns; c++) {
    const Array *array = &data->column[c];
    size_t elements = (size_t)(array->examples * array->count);
    Hashing h = {.bytes = array->byte, .size = elements};
    if (!array->byte) h = (Hashing){.bytes = (const uint8_t *)array->value, .size = elements * sizeof *array->value};
    pool_run(run->pool, data_hash_piece, &h, DATA_PORTIONS);
    hash = hash_bytes(hash + !array->byte, h.portion, sizeof h.portion);
    if (array->known) hash = hash_bytes(hash, array->known, elements);
    spill_let_go(data->spill);
  }
  return hash;
}
