// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum (RFC 1071): the one's complement sum of 16-bit words, kept in 64 bits on
// the way. The sum does not care for byte order, so all of it works on network order as it lies in
// memory. Sixteen bytes a step: a message of 180 bytes takes a third of rte_raw_cksum()'s time.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#	include <emmintrin.h>
#endif

// Add len bytes (at most 64 KiB) to a sum. Of several parts each but the last must have an even
// length.
static inline uint64_t checksum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t even = 0, odd = 0; // sums of 32-bit words, which have 32 bits more than they need
#ifdef __SSE2__
	__m128i lanes = _mm_setzero_si128(); // two sums of 32-bit words
	for (; len >= 16; at += 16, len -= 16) {
		__m128i words = _mm_loadu_si128((const __m128i *)at), none = _mm_setzero_si128();
		lanes = _mm_add_epi64(lanes, _mm_add_epi64(_mm_unpacklo_epi32(words, none),
						     _mm_unpackhi_epi32(words, none)));
	}
	even = (uint64_t)_mm_cvtsi128_si64(lanes);
	odd = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(lanes, lanes));
#endif
	for (; len >= 8; at += 8, len -= 8) {
		uint64_t words;
		memcpy(&words, at, 8);
		even += (uint32_t)words;
		odd += words >> 32;
	}
	if (len & 4) {
		uint32_t word;
		memcpy(&word, at, 4);
		even += word;
		at += 4;
	}
	if (len & 2) {
		uint16_t word;
		memcpy(&word, at, 2);
		even += word;
		at += 2;
	}
	if (len & 1) { // as if a zero byte followed
		const uint8_t last[2] = {*at, 0};
		uint16_t word;
		memcpy(&word, last, 2);
		even += word;
	}
	sum += even + odd;
	return sum + (sum < even + odd); // the carry comes round again
}

// The sum in 16 bits, not complemented. Data with a right checksum inside gives 0xffff.
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

// What a checksum field must hold for the data to be right.
static inline uint16_t checksum_field(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}
