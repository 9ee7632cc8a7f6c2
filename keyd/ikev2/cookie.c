// SPDX-License-Identifier: MIT
// Stateless cookies: a byte that says which secret, and an HMAC.
#include "keyd/ikev2/cookie.h"

#include "keyd/crypto/hash.h"
#include "keyd/crypto/rand.h"
#include "keyd/ikev2/message.h"
#include "keyd/util/secret.h"

#include <string.h>

#define SECRET_LIFE SECONDS(60)

static int mac(struct engine *e, unsigned which, const struct engine_datagram *d, const struct wire_message *m,
	       struct view nonce, uint8_t out[COOKIE_LEN])
{
	uint8_t port[2] = { (uint8_t)(d->remote_port >> 8), (uint8_t)d->remote_port };
	struct view parts[] = { nonce, { d->remote.b, sizeof(d->remote.b) }, { port, sizeof(port) },
				{ m->h.spi_i, sizeof(m->h.spi_i) } };

	out[0] = (uint8_t)which;
	return crypto_hmac_sha256((struct view){ e->cookie_secret[which], sizeof(e->cookie_secret[which]) }, parts,
				  sizeof(parts) / sizeof(parts[0]), out + 1);
}

static unsigned current(const struct engine *e)
{
	return (unsigned)(e->now / SECRET_LIFE) & 1;
}

/* The two secrets take turns; the one whose turn begins is made anew, and both where one was not in use for long. */
static int turn(struct engine *e)
{
	uint64_t period = e->now / SECRET_LIFE, before = e->cookie_changed;

	if (period == before)
		return 0;
	e->cookie_changed = period;
	if (period != before + 1 && crypto_rand(e->cookie_secret[!(period & 1)], sizeof(e->cookie_secret[0])))
		return -1;
	return crypto_rand(e->cookie_secret[period & 1], sizeof(e->cookie_secret[0]));
}

int cookie_make(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, struct view nonce,
		uint8_t out[COOKIE_LEN])
{
	return turn(e) ? -1 : mac(e, current(e), d, m, nonce, out);
}

bool cookie_shown(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, struct view nonce)
{
	uint8_t want[COOKIE_LEN];
	struct wire_notify n;

	if (!message_has_notify(m, IKEV2_N_COOKIE, &n) || n.data.n != COOKIE_LEN || n.data.p[0] > 1 || turn(e))
		return false;
	if (mac(e, n.data.p[0], d, m, nonce, want))
		return false;
	return secret_equal(n.data, (struct view){ want, sizeof(want) });
}
