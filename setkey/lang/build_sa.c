// SPDX-License-Identifier: MIT
/* The parts of a security association as they are read: SPI, keys, algorithms, security label. */
#include "setkey/lang/build.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "setkey/lang/names.h"

/* RFC 4303 2.1: 1 to 255 are reserved, 0 is not for the wire. IPComp's CPIs have their own ranges (RFC 3173 3.3). */
#define SPI_MIN 256

int build_spi(struct script *sc, unsigned int line, uint64_t spi)
{
	const struct statement *st = sc->st;
	uint64_t max = st->proto == IPPROTO_COMP ? UINT16_MAX : UINT32_MAX;
	bool creates = st->command == CMD_ADD || st->command == CMD_UPDATE || (st->command == CMD_GETSPI && spi);

	if (build_range(sc, line, "SPI", spi, max))
		return -1;
	if (creates && (st->proto == IPPROTO_COMP ? spi == 0 : spi < SPI_MIN)) {
		char token[24];

		snprintf(token, sizeof(token), "%u", (unsigned int)spi);
		build_error(sc, line, "SPIs below 256 are reserved", token);
		return -1;
	}
	sc->st->sa->spi = (uint32_t)spi;
	return 0;
}

static uint8_t nibble(char c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	return (uint8_t)((c | 0x20) - 'a' + 10);
}

int build_hex_key(struct script *sc, struct text digits, struct text *key)
{
	size_t n = (digits.n + 1) / 2, odd = digits.n % 2;
	uint8_t *out = arena_alloc(&sc->arena, n + 1);

	if (!out) {
		build_error(sc, sc->line, "out of memory", NULL);
		return -1;
	}
	for (size_t i = 0; i < digits.n; i++)
		out[(i + odd) / 2] = (uint8_t)(out[(i + odd) / 2] << 4 | nibble(digits.p[i]));
	*key = (struct text){ (const char *)out, n };
	return 0;
}

static const struct ipsec_alg_info *find(enum ipsec_alg_kind kind, const char *name)
{
	const struct ipsec_alg_info *alg = ipsec_alg_by_name(kind, name);

	return alg || kind != IPSEC_ALG_ENC ? alg : ipsec_alg_by_name(IPSEC_ALG_AEAD, name);
}

static void key_error(struct script *sc, unsigned int line, const struct ipsec_alg_info *alg, size_t bits)
{
	char msg[120];

	if (alg->key_min == alg->key_max)
		snprintf(msg, sizeof(msg), "key of %zu bits, and it must have %u", bits, alg->key_min);
	else
		snprintf(msg, sizeof(msg), "key of %zu bits, and it must have %u to %u in steps of %u", bits,
			 alg->key_min, alg->key_max, alg->key_step);
	build_error(sc, line, msg, alg->names[0]);
}

static struct alg_spec *place(struct script *sc, enum ipsec_alg_kind kind)
{
	struct sa_spec *sa = sc->st->sa;

	return kind == IPSEC_ALG_ENC ? &sa->enc : kind == IPSEC_ALG_AUTH ? &sa->auth : &sa->comp;
}

/* Of a policy? */
static bool misplaced(struct script *sc, unsigned int line, const char *name)
{
	if (sc->st->sa)
		return false;
	build_error(sc, line, "algorithms are for associations", name);
	return true;
}

int build_alg(struct script *sc, unsigned int line, enum ipsec_alg_kind kind, struct text name, struct text key)
{
	const struct ipsec_alg_info *alg = find(kind, name.p);

	if (misplaced(sc, line, name.p))
		return -1;
	if (!alg) {
		/* Where the algorithm was forgotten, its key stands in its place. */
		build_error(sc, line, "unknown algorithm", strncasecmp(name.p, "0x", 2) ? name.p : "0x...");
		return -1;
	}
	if (key.n > IPSEC_KEY_MAX || !ipsec_alg_key_ok(alg, (unsigned int)key.n * 8)) {
		key_error(sc, line, alg, key.n * 8);
		return -1;
	}
	*place(sc, kind) = (struct alg_spec){ alg, (const uint8_t *)key.p, (uint16_t)key.n, false };
	return 0;
}

int build_kernel_alg(struct script *sc, unsigned int line, enum ipsec_alg_kind kind, struct text name, struct text key)
{
	struct ipsec_alg_info *alg;

	if (misplaced(sc, line, "\"...\""))
		return -1;
	if (strlen(name.p) != name.n || !kernel_alg_name(name.p)) {
		build_error(sc, line, "not a name of a kernel's algorithm", "\"...\"");
		return -1;
	}
	if (key.n > IPSEC_KEY_MAX) {
		build_error(sc, line, "key too long", name.p);
		return -1;
	}
	alg = arena_alloc(&sc->arena, sizeof(*alg));
	if (!alg) {
		build_error(sc, line, "out of memory", NULL);
		return -1;
	}
	alg->kind = kind;
	if (kind == IPSEC_ALG_ENC && ipsec_alg_by_kernel(IPSEC_ALG_AEAD, name.p, 0))
		alg->kind = IPSEC_ALG_AEAD;
	alg->names[0] = alg->kernel[0] = name.p;
	alg->key_min = alg->key_max = (uint16_t)(key.n * 8);
	alg->key_step = 8;
	*place(sc, kind) = (struct alg_spec){ alg, (const uint8_t *)key.p, (uint16_t)key.n, true };
	return 0;
}
