// A number that tells bytes apart: for checksums, and for saying that something is no longer what it was.
#ifndef GMC_HASH_H
#define GMC_HASH_H

#include "core/base.h"

// Depends on all bytes, their number and the seed, and on nothing of the machine but its order of bytes. Two texts of
// one length that differ in one word of eight bytes never have the same.
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size);

uint64_t hash_text(uint64_t seed, const char *text);

// The checksum of PNG and zip files (CRC-32 of ISO 3309), going on from that of what stands before; 0: nothing does.
uint32_t hash_crc32(uint32_t before, const uint8_t *bytes, size_t size);

#endif
