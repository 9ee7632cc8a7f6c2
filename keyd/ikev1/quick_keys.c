// SPDX-License-Identifier: MIT
// Keys and lifetimes of a child of quick mode (RFC 2409 5.5, RFC 2407 4.5).
#include "keyd/ikev1/quick.h"

#include "keyd/crypto/keymat.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/selector.h"

#include <string.h>

#define NONCE_LEN 32
#define DEFAULT_LIFE 28800		/* seconds (RFC 2407 4.5.4) */
#define LIFE_LEAST 10			/* whatever a peer says, a child is not renewed more often */

int v1_quick_nonce(struct secret *n)
{
	return n->n ? 0 : secret_alloc(n, NONCE_LEN) || crypto_rand(n->p, n->n) ? -1 : 0;
}

const char *v1_quick_kex(struct exchange *x, const struct crypto_alg *group)
{
	const struct wire_payload *ke = wire_find(&x->m, ISAKMP_PL_KE);

	if (!group)
		return NULL;
	if (!ke)
		return "it has a group and no KE payload";
	if (!x->kex)
		x->kex = crypto_kex_new(group);
	if (!x->kex || crypto_kex_alg(x->kex) != group)
		return "no key pair of its group could be made";
	return crypto_kex_derive(x->kex, ke->body, &x->shared) ? "its key exchange value is not a valid one" : NULL;
}

/* Of one direction: that to who chose the SPI. */
static int derive(struct exchange *x, uint32_t spi, struct secret *key, struct secret *auth)
{
	const struct ikev1_state *s = x->sa->v1;
	const struct child_sa *c = x->child;
	size_t encr = crypto_alg_encr_key_len(c->encr), integ = c->integ ? c->integ->key : 0;
	struct secret keymat = { 0 };
	int ret = -1;

	if (encr + integ == 0)
		return 0;
	if (!ikev1_keymat_child(s->suite.prf, secret_view(&s->keys.skeyid_d), secret_view(&x->shared), ISAKMP_PROTO_ESP, spi,
				secret_view(&x->ni), secret_view(&x->nr), &keymat, encr + integ))
		ret = secret_set(key, keymat.p, encr) || secret_set(auth, keymat.p + encr, integ) ? -1 : 0;
	secret_clear(&keymat);
	return ret;
}

int v1_quick_derive(struct exchange *x)
{
	struct child_sa *c = x->child;

	return derive(x, c->spi_in, &c->key_in, &c->auth_in) || derive(x, c->spi_out, &c->key_out, &c->auth_out) ? -1 : 0;
}

bool v1_encap_is_transport(uint16_t encap)
{
	return encap == ISAKMP_ENCAP_TRANSPORT || encap == ISAKMP_ENCAP_UDP_TRANSPORT || encap == ISAKMP_ENCAP_UDP_TRANSPORT_DRAFT;
}

void v1_limit_child(struct child_sa *c, const struct isakmp_life *life)
{
	uint64_t seconds = life->seconds ? life->seconds : DEFAULT_LIFE, bytes = life->kilobytes * 1024;

	c->life_longer = c->sa->v1->kin;
	if (seconds < LIFE_LEAST)
		seconds = LIFE_LEAST;
	if (!c->life_seconds || seconds < c->life_seconds)
		c->life_seconds = seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
	if (bytes && life->kilobytes <= UINT64_MAX / 1024 && (!c->life_bytes || bytes < c->life_bytes))
		c->life_bytes = bytes;
}

struct isakmp_life v1_life_of(const struct conf_peer *conf)
{
	return (struct isakmp_life){ .seconds = conf->child_lifetime, .kilobytes = conf->child_bytes / 1024 };
}

/* Of the range for private use (RFC 2408 3.14.1), where others may mean something else: hence the text. */
#define N_REPLACES 33000
static const char replaces[] = "gapless: replaces";

void v1_put_replaced(const struct exchange *x, struct wire_out *out)
{
	uint32_t spi = x->old_spi;
	uint8_t bytes[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi };

	if (spi && x->sa->v1->kin)
		v1_put_notify(out, ISAKMP_PROTO_ESP, N_REPLACES, (struct view){ bytes, sizeof(bytes) },
			      (struct view){ (const uint8_t *)replaces, sizeof(replaces) - 1 });
}

uint32_t v1_take_replaced(const struct exchange *x)
{
	struct isakmp_notify n;
	uint32_t spi;

	if (!v1_message_has_notify(&x->m, N_REPLACES, &n) || n.data.n != sizeof(replaces) - 1 ||
	    memcmp(n.data.p, replaces, n.data.n) != 0 || !isakmp_notify_spi(&n, &spi))
		return 0;
	return spi;
}

static bool under_way(const struct child_sa *c)
{
	const struct exchange *x = c->sa->active;

	if (c->state == CHILD_NEW)
		return !c->initiator || (x && x->child == c);
	return c->state == CHILD_INBOUND && !c->confirmed;
}

void v1_note_crossing(struct child_sa *c)
{
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol))
		if (o != c && o->sa == c->sa && o->initiator != c->initiator && under_way(o))
			c->crossed = o->crossed = true;
}

void v1_note_nonce(const struct exchange *x, struct child_sa *c)
{
	struct view i = secret_view(&x->ni), r = secret_view(&x->nr);
	size_t n = i.n < r.n ? i.n : r.n;
	struct view low = n && memcmp(i.p, r.p, n) > 0 ? r : i;

	if (secret_set(&c->nonce, low.p, low.n))
		secret_clear(&c->nonce);
	child_touch(c);
}

struct child_sa *v1_predecessor(const struct child_sa *c)
{
	struct child_sa *best = NULL;

	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol))
		if (o != c && o->sa == c->sa && o->state == CHILD_UP && !o->deleting &&
		    selector_equal(&o->sel, &c->sel) && (!best || o->up_at >= best->up_at))
			best = o;
	return best;
}
