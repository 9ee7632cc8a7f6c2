// SPDX-License-Identifier: MIT
// Moves an SA that is in use to where its peer is now, without losing a packet that it protects.
#include "keyd/kern/move.h"

#include "keyd/util/secret.h"
#include "pfkey/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * An SA that goes on at another address is a second one with the same key. The first may send until the second is there,
 * and no sequence number (nor nonce made from it) may be used twice: the second begins this far behind. At 15 million
 * packets a second that is 70 ms.
 */
#define SKIP (1u << 20)

static int refuse(char *why, size_t n, int error, const char *text)
{
	snprintf(why, n, "%s", text);
	return error;
}

static bool key_told(const struct ipsec_alg *alg)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < alg->key_bits / 8u && i < sizeof(alg->key); i++)
		any |= alg->key[i];
	return !alg->key_bits || any;
}

static int add_copy(struct ipsec *ip, struct ipsec_sa *sa, char *why, size_t n)
{
	/* A kernel that is locked down tells zeros for keys (CONFIG_SECURITY_LOCKDOWN_LSM). */
	if (!key_told(&sa->aead) || !key_told(&sa->enc) || !key_told(&sa->auth))
		return refuse(why, n, -EACCES, "the kernel does not tell the keys of its SAs, so none can be copied");
	if (!(sa->flags & IPSEC_SA_ESN) && sa->usage.oseq > UINT32_MAX - 2 * SKIP)
		return refuse(why, n, -ERANGE, "its sequence numbers are nearly used up");
	sa->usage.oseq += SKIP;
	sa->resume = true;
	return ipsec_sa_add(ip, sa);
}

int move_sa(struct ipsec *ip, const struct kern_request *rq, char *why, size_t n)
{
	struct ipsec_sa_id id = { .dst = rq->old_dst, .proto = rq->sa.proto, .spi = rq->sa.spi, .mark = rq->sa.mark };
	struct ipsec_sa sa = { 0 };
	int r = ipsec_sa_get(ip, &id, &sa);

	if (r)
		return r;
	sa.encap = rq->sa.encap;
	sa.acquire_seq = 0;
	sa.ae = IPSEC_AE_NEVER;
	if (ipsec_addr_equal(&sa.dst, &rq->sa.dst)) {
		r = ipsec_sa_update(ip, &sa);
	} else {
		sa.src = rq->sa.src;
		sa.dst = rq->sa.dst;
		r = add_copy(ip, &sa, why, n);
	}
	secret_cleanse(&sa, sizeof(sa));
	return r;
}
