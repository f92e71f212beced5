// Which reader a format of data has. Apart from data.c so that an emitted program holds no reader it does not use.
#include "data/data.h"

DataReader *data_reader(DataFormat format) {
  switch (format) {
    case DATA_IDX: return data_read_idx;
    case DATA_NPY: return data_read_npy;
    case DATA_NPZ: return data_read_npz;
    case DATA_CSV: return data_read_csv;
    case DATA_IMAGES: return data_read_images;
    case DATA_CIFAR10: return data_read_cifar10;
    case DATA_TEXT: return data_read_text;
    case DATA_NONE:
    case DATA_GENERATED: break;
  }
  return NULL;
}

void data_read_any(Arena *a, const DataFiles *files, Data *into) {
  data_reader(files->plan->data.format)(a, files, into);
}
