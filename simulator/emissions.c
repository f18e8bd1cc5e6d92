#include "simulator/emissions.h"

#include "simulator/vectors.h"

#include <stdlib.h>
#include <string.h>

enum {
	WORD = 64,
	ONE_BITS = 0x3f800000, /* of the float 1 */
	CONSTANTS_PART = 8,    /* of the limit: so much at most for constants */
};

/* --- bits ----------------------------------------------------------------------------- */

static bool
pack_from(const float *x, uint64_t first, uint64_t count, uint64_t *words)
{
	bool binary = true;
	uint32_t bits;
	uint64_t i;

	for (i = first; i < count; i++) {
		memcpy(&bits, &x[i], sizeof bits);
		if (i % WORD == 0)
			words[i / WORD] = 0;
		words[i / WORD] |= (uint64_t)(bits == ONE_BITS) << i % WORD;
		binary = binary && (bits == 0 || bits == ONE_BITS);
	}
	return binary;
}

#ifdef HAVE_WIDER
__attribute__((target("avx2"))) static bool
pack_avx2(const float *x, uint64_t count, uint64_t *words)
{
	const __m256i one = _mm256_set1_epi32(ONE_BITS);
	__m256i others = _mm256_setzero_si256(); /* bits that 0 and 1 do not have */
	uint64_t i, k;

	for (i = 0; i + WORD <= count; i += WORD) {
		uint64_t word = 0;

		for (k = 0; k < WORD; k += 8) {
			__m256i bits = _mm256_loadu_si256(
				(const __m256i *)(const void *)(x + i + k));
			__m256i is_one = _mm256_cmpeq_epi32(bits, one);

			others = _mm256_or_si256(others, _mm256_andnot_si256(is_one, bits));
			word |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_one))
				<< k;
		}
		words[i / WORD] = word;
	}
	return _mm256_testz_si256(others, others) && pack_from(x, i, count, words);
}
#endif

static bool
pack_bytes(const uint8_t *x, uint64_t count, uint64_t *words)
{
	bool binary = true;
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (i % WORD == 0)
			words[i / WORD] = 0;
		words[i / WORD] |= (uint64_t)(x[i] & 1) << i % WORD;
		binary = binary && x[i] <= 1;
	}
	return binary;
}

bool
emission_pack(int32_t type, const void *data, uint64_t count, uint64_t *words)
{
#ifdef HAVE_WIDER
	if (type == TYPE_FLOAT && __builtin_cpu_supports("avx2"))
		return pack_avx2(data, count, words);
#endif
	if (type == TYPE_FLOAT)
		return pack_from(data, 0, count, words);
	return type == TYPE_BOOL && pack_bytes(data, count, words);
}

static void
unpack_from(const uint64_t *words, uint64_t first, uint64_t count, float *x)
{
	uint64_t i;

	for (i = first; i < count; i++)
		x[i] = (float)(words[i / WORD] >> i % WORD & 1);
}

#ifdef HAVE_WIDER
__attribute__((target("avx2"))) static void
unpack_avx2(const uint64_t *words, uint64_t count, float *x)
{
	const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
	const __m256i one = _mm256_set1_epi32(ONE_BITS);
	uint64_t i, k;

	for (i = 0; i + WORD <= count; i += WORD)
		for (k = 0; k < WORD; k += 8) {
			__m256i all = _mm256_set1_epi32((int)(words[i / WORD] >> k));
			__m256i is_one = _mm256_cmpeq_epi32(_mm256_and_si256(all, bit), bit);

			_mm256_storeu_si256((__m256i *)(void *)(x + i + k),
					    _mm256_and_si256(is_one, one));
		}
	unpack_from(words, i, count, x);
}
#endif

void
emission_unpack(int32_t type, const uint64_t *words, uint64_t count, void *data)
{
	uint8_t *bytes = data;
	uint64_t i;

#ifdef HAVE_WIDER
	if (type == TYPE_FLOAT && __builtin_cpu_supports("avx2")) {
		unpack_avx2(words, count, data);
		return;
	}
#endif
	if (type == TYPE_FLOAT) {
		unpack_from(words, 0, count, data);
		return;
	}
	for (i = 0; i < count; i++)
		bytes[i] = words[i / WORD] >> i % WORD & 1;
}

/* --- what is kept ------------------------------------------------------------------------ */

static void
drop(struct emissions *emissions, struct emission **at)
{
	struct emission *gone = *at;

	*at = gone->next;
	emissions->bytes -= gone->bytes;
	free(gone->bits);
	free(gone);
}

static void
put_first(struct emissions *emissions, struct emission *emission)
{
	emission->next = emissions->first;
	emission->in_use = true;
	emissions->first = emission;
}

struct emission *
emissions_find(struct emissions *emissions, const uint8_t digest[EMISSION_DIGEST_BYTES])
{
	struct emission **at = &emissions->first, *found;

	while (*at && memcmp((*at)->digest, digest, EMISSION_DIGEST_BYTES) != 0)
		at = &(*at)->next;
	found = *at;
	if (!found)
		return NULL;
	*at = found->next;
	put_first(emissions, found);
	return found;
}

/* The last one that nobody uses; NULL: there is none. */
static struct emission **
least_used(struct emissions *emissions)
{
	struct emission **at, **found = NULL;

	for (at = &emissions->first; *at; at = &(*at)->next)
		if (!(*at)->in_use)
			found = at;
	return found;
}

static void
drop_constants(struct emissions *emissions, bool all)
{
	struct emission_constant **at = &emissions->constants;

	while (*at) {
		struct emission_constant *each = *at;

		if (each->in_use && !all) {
			each->in_use = false;
			at = &each->next;
			continue;
		}
		*at = each->next;
		emissions->constant_bytes -= each->bytes;
		free(each);
	}
}

/* False, with nothing lost, where there can be no room even so. */
static bool
make_room(struct emissions *emissions, uint64_t bytes)
{
	const struct emission *at;
	uint64_t used = 0;

	for (at = emissions->first; at; at = at->next)
		used += at->in_use ? at->bytes : 0;
	if (bytes > emissions->limit || used > emissions->limit - bytes)
		return false;
	if (emissions->bytes + emissions->constant_bytes > emissions->limit - bytes)
		drop_constants(emissions, true);
	while (emissions->bytes > emissions->limit - bytes)
		drop(emissions, least_used(emissions));
	return true;
}

struct emission *
emissions_add(struct emissions *emissions, const uint8_t digest[EMISSION_DIGEST_BYTES],
	      const struct tensor *shape, uint64_t moments)
{
	struct emission made = { .shape = *shape, .words = (shape->count + WORD - 1) / WORD };
	struct emission *emission;

	if ((shape->type != TYPE_FLOAT && shape->type != TYPE_BOOL) || shape->count == 0 ||
	    moments == 0 || made.words > UINT64_MAX / sizeof *made.bits / moments)
		return NULL;
	made.bytes = moments * made.words * sizeof *made.bits;
	memcpy(made.digest, digest, EMISSION_DIGEST_BYTES);
	if (!make_room(emissions, made.bytes))
		return NULL;
	emission = malloc(sizeof *emission);
	made.bits = malloc((size_t)made.bytes);
	if (!emission || !made.bits) { /* they are no more than a help */
		free(emission);
		free(made.bits);
		return NULL;
	}
	*emission = made;
	emissions->bytes += made.bytes;
	put_first(emissions, emission);
	return emission;
}

/* --- constants --------------------------------------------------------------------------- */

static uint64_t
bytes_of(const struct tensor *constant)
{
	return constant->count * type_bytes(constant->type);
}

static bool
is_same(const struct emission_constant *known, const struct tensor *constant)
{
	const struct tensor *shape = &known->constant;
	uint64_t bytes = bytes_of(constant);

	return shape->type == constant->type && shape->rank == constant->rank &&
	       memcmp(shape->dims, constant->dims, shape->rank * sizeof *shape->dims) == 0 &&
	       known->bytes == bytes && memcmp(known->data, constant->data, (size_t)bytes) == 0;
}

const uint8_t *
emissions_constant(struct emissions *emissions, const struct tensor *constant)
{
	struct emission_constant *at;

	if (bytes_of(constant) == 0)
		return NULL;
	for (at = emissions->constants; at; at = at->next)
		if (is_same(at, constant)) {
			at->in_use = true;
			return at->digest;
		}
	return NULL;
}

void
emissions_add_constant(struct emissions *emissions, const struct tensor *constant,
		       const uint8_t digest[EMISSION_DIGEST_BYTES])
{
	uint64_t bytes = bytes_of(constant), most = emissions->limit / CONSTANTS_PART;
	struct emission_constant *made;

	if (bytes == 0 || bytes > most || emissions->constant_bytes > most - bytes ||
	    emissions->bytes + emissions->constant_bytes > emissions->limit - bytes)
		return;
	made = malloc(sizeof *made + (size_t)bytes);
	if (!made)
		return; /* it is no more than a help */
	made->constant = *constant;
	made->bytes = bytes;
	made->in_use = true;
	memcpy(made->digest, digest, EMISSION_DIGEST_BYTES);
	memcpy(made->data, constant->data, (size_t)bytes);
	made->next = emissions->constants;
	emissions->constants = made;
	emissions->constant_bytes += bytes;
}

/* --- the end of a run ---------------------------------------------------------------------- */

void
emissions_end(struct emissions *emissions)
{
	struct emission **at = &emissions->first;

	drop_constants(emissions, false);
	while (*at) {
		(*at)->in_use = false;
		if ((*at)->complete)
			at = &(*at)->next;
		else
			drop(emissions, at);
	}
}

void
emissions_free(struct emissions *emissions)
{
	while (emissions->first)
		drop(emissions, &emissions->first);
	drop_constants(emissions, true);
}
