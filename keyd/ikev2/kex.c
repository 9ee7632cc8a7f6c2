// SPDX-License-Identifier: MIT
// Key exchange of IKE_SA_INIT and CREATE_CHILD_SA.
#include "keyd/ikev2/kex.h"

#include "keyd/crypto/keymat.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

#define TRIES_MAX 8
#define RETRY_MIN MILLISECONDS(500)
#define RETRY_SPREAD MILLISECONDS(1500)
/* What crosses ends soon; and while the kernel has no SA, every moment costs packets. */
#define RETRY_LOST MILLISECONDS(100)
#define RETRY_LOST_TIMES 4
#define OUT_OF_SYNC SECONDS(180)

int kex_nonce(struct secret *nonce)
{
	return secret_alloc(nonce, IKEV2_NONCE_LEN) || crypto_rand(nonce->p, nonce->n) ? -1 : 0;
}

int kex_begin(struct ike_sa *sa, const struct crypto_alg *ke)
{
	crypto_kex_free(sa->kex);
	sa->kex = ke ? crypto_kex_new(ke) : NULL;
	sa->ke = ke;
	return sa->kex ? 0 : -1;
}

int kex_end(struct ike_sa *sa, struct view peer_ke, const char **why)
{
	struct secret shared = { 0 };
	int ret = -1;

	*why = "the peer's key exchange value is not a valid one";
	if (crypto_kex_derive(sa->kex, peer_ke, &shared))
		goto out;
	*why = "the keys could not be derived";
	if (ikev2_keymat_ike(&sa->keys, &sa->suite, secret_view(&sa->ni), secret_view(&sa->nr), secret_view(&shared),
			     sa->spi_i, sa->spi_r) ||
	    ike_sa_ciphers(sa))
		goto out;
	crypto_kex_free(sa->kex);
	sa->kex = NULL;
	ret = 0;
out:
	secret_clear(&shared);
	return ret;
}

int kex_fresh(struct exchange *x, const struct conf_proposals *ours)
{
	const struct crypto_alg *ke = x->group ? crypto_alg_by_id(CRYPTO_KE, x->group, 0) : proposal_first_group(ours);

	crypto_kex_free(x->kex);
	x->kex = NULL;
	if (!ke)
		return 0;
	x->kex = crypto_kex_new(ke);
	return x->kex ? 0 : -1;
}

/* The next kex_fresh takes the group that the peer names. False: we do not have it, or it is the one we used. */
static bool other_group(struct exchange *x, const struct wire_notify *n)
{
	uint16_t group = n->data.n == 2 ? (uint16_t)(n->data.p[0] << 8 | n->data.p[1]) : 0;

	if (!x->kex || !crypto_alg_by_id(CRYPTO_KE, group, 0) || crypto_kex_alg(x->kex)->ikev2_id == group)
		return false;
	x->group = group;
	return true;
}

/* After some minutes of that, the two sides disagree about what there is: a new IKE SA takes over (RFC 7296 2.25). */
static void refused_for_now(struct ike_sa *sa)
{
	if (!sa->refused_since)
		sa->refused_since = sa->e->now;
	if (sa->e->now - sa->refused_since < OUT_OF_SYNC)
		return;
	sa->refused_since = 0;
	report_sa(sa, LOG_LEVEL_WARNING, "CREATE_CHILD_SA", "out-of-sync",
		  "the peer has answered TEMPORARY_FAILURE for %u s: another IKE SA takes over",
		  (unsigned)(OUT_OF_SYNC / SECONDS(1)));
	reauth_begin(sa, "TEMPORARY_FAILURE again and again");
}

/* After TEMPORARY_FAILURE. */
static uint64_t retry_delay(const struct exchange *x)
{
	const struct child_sa *old = x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;

	if (old && old->lost && x->tries < RETRY_LOST_TIMES)
		return RETRY_LOST + engine_random_below(RETRY_LOST);
	return RETRY_MIN + engine_random_below(RETRY_SPREAD);
}

bool kex_retry(struct exchange *x, uint16_t error)
{
	struct wire_notify n;
	uint64_t delay = 0;

	if (error == IKEV2_N_TEMPORARY_FAILURE) {
		delay = retry_delay(x);
		refused_for_now(x->sa);
	} else if (error != IKEV2_N_INVALID_KE_PAYLOAD || !message_has_notify(&x->m, error, &n) || !other_group(x, &n)) {
		return false;
	}
	if (++x->tries >= TRIES_MAX)
		return false;
	window_retry(x, delay);
	return true;
}

int kex_take(struct exchange *x, const struct crypto_alg *ke)
{
	struct wire_ke theirs;

	if (x->kex && crypto_kex_alg(x->kex) == ke && !message_get_ke(&x->m, &theirs) && theirs.group == ke->ikev2_id &&
	    !crypto_kex_derive(x->kex, theirs.data, &x->shared))
		return 0;
	report_sa(x->sa, LOG_LEVEL_WARNING, x->ops->name, "failed",
		  "the peer's KE payload is missing, of another group than it chose, or not a valid value");
	return -1;
}

uint16_t kex_serve(struct exchange *x, const struct crypto_alg *ke)
{
	struct wire_ke theirs;

	if (message_get_ke(&x->m, &theirs) || theirs.group != ke->ikev2_id || theirs.data.n != ke->public_len)
		return IKEV2_N_INVALID_KE_PAYLOAD;
	x->kex = crypto_kex_new(ke);
	if (!x->kex)
		return IKEV2_N_TEMPORARY_FAILURE;
	return crypto_kex_derive(x->kex, theirs.data, &x->shared) ? IKEV2_N_INVALID_SYNTAX : 0;
}

void kex_refuse(struct exchange *x, uint16_t notify)
{
	uint16_t group = x->choice.ke ? x->choice.ke->ikev2_id : 0;
	uint8_t bytes[2] = { (uint8_t)(group >> 8), (uint8_t)group };
	struct wire_out out;

	if (notify != IKEV2_N_INVALID_KE_PAYLOAD) {
		window_refuse(x, notify);
		return;
	}
	window_answer_begin(x, &out);
	message_put_notify(&out, notify, (struct view){ bytes, sizeof(bytes) });
	window_answer_end(x, &out);
}
