/* bits.h - zeros and ones as bits: element i is bit i % 64 of word i / 64. */
#ifndef SNNFIT_SIMULATOR_BITS_H
#define SNNFIT_SIMULATOR_BITS_H

#include <stdint.h>
#include <string.h>

/* Words of so many bits. */
static inline uint64_t
bit_words(uint64_t bits)
{
	return (bits + 63) / 64;
}

/* 64 bits from one on: of words that others follow. */
static inline uint64_t
bits_at(const uint64_t *words, uint64_t at)
{
	uint64_t low = words[at / 64] >> at % 64;

	/* in two steps: a shift by 64 is none */
	return low | words[at / 64 + 1] << 1 << (63 - at % 64);
}

/* Up to 56 bits from one on, bit i % 8 of byte i / 8: 8 bytes from there on are read. */
static inline uint64_t
bits_of_bytes(const uint8_t *bytes, uint64_t at)
{
	uint64_t word;

	memcpy(&word, bytes + (at >> 3), sizeof word);
	return word >> (at & 7);
}

/* Sets those of 64 bits from one on that are 1 there. */
static inline void
bits_set(uint64_t *words, uint64_t at, uint64_t bits)
{
	uint64_t high = at % 64 ? bits >> (64 - at % 64) : 0;

	words[at / 64] |= bits << at % 64;
	if (high)
		words[at / 64 + 1] |= high;
}

/* The lowest bits, up to 64. */
static inline uint64_t
low_bits(uint64_t count)
{
	return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

#endif
