// SPDX-License-Identifier: MIT
// How the ike role goes on where the process before it was, and where that died.
#include "keyd/roles/ike.h"

#define FINE_AFTER 5000000u		/* µs: who has run for so long does not die of what it was given */
#define TRIES_MAX 2			/* so often records are tried again that their readers die of */

void ike_fine(void)
{
	if (!ike.state || !ike.began_at || loop_now() - ike.began_at <= FINE_AFTER)
		return;
	state_fine(ike.state);
	ike.began_at = 0;
}

/* Two have died of this: its sender's exchange comes to nothing, and all the others go on. */
bool ike_poisonous(const struct engine_datagram *d)
{
	static uint64_t said_at;
	char remote[IPSEC_ADDR_STRLEN];

	if (!ike.state || !state_poisonous(ike.state, d->data))
		return false;
	if (!said_at || loop_now() - said_at > 1000000)
		log_error("a datagram of which two processes have died is dropped; please report this: role=ike remote=%s bytes=%zu",
			  ipsec_addr_format(&d->remote, remote, sizeof(remote)), d->data.n);
	said_at = loop_now();
	return true;
}

static void thaw_one(void *arg, uint64_t id, const void *record, size_t n)
{
	(void)arg;
	if (engine_thaw(ike.engine, id, record, n))
		log_error("out of memory: a record is left out: role=ike");
}

/* What the process before this one knew, unless it was just that of which it and others died. */
void ike_thaw(void)
{
	if (!ike.state)
		return;
	ike.began_at = loop_now();
	if (state_died(ike.state))
		log_error("the process before this one died while it worked on a datagram: role=ike");
	if (state_tries(ike.state) > TRIES_MAX) {
		log_error("several processes have died of what they were to go on with: it is dropped, SAs are negotiated anew: role=ike");
		state_clear(ike.state);
	}
	if (state_records(ike.state))
		state_each(ike.state, thaw_one, NULL);
	engine_thawed(ike.engine, loop_now());
}
