// SPDX-License-Identifier: MIT
/*
 * A peer that has the keys and says anything: the input is what stands inside SK, sealed before it reaches the other engine.
 * Whatever it was, no SA is there for ever, and none of the kernel's is forgotten.
 */
#include "keyd/crypto/alg.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/timer.h"
#include "tests/unit/rogue.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 8000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum phase {
	AUTH_REQUESTED,		/* the responder waits for IKE_AUTH */
	AUTH_ANSWERED,		/* the initiator waits for its answer */
	ESTABLISHED,
	REKEYING,		/* and the victim's own requests wait for answers */
};

/* Bits of an item's first byte. */
#define RESPONSE 0x01
#define EXCHANGE(what) (IKEV2_EXCH_IKE_SA_INIT + ((what) >> 1 & 7))
#define VICTIM 0x10
#define WRONG_ID(what) ((what) >> 5 & 3)
#define REKEY 0x80

static struct world w;

/* The peer's end of the SA that the victim has. */
static struct ike_sa *other_end(const struct ike_sa *victim, unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->seal && sa->state != IKE_DEAD && !memcmp(sa->spi_i, victim->spi_i, sizeof(sa->spi_i)))
			return sa;
	return NULL;
}

static uint32_t id_for(const struct ike_sa *victim, uint8_t what)
{
	uint32_t id = what & RESPONSE ? victim->next_request : victim->next_expected;

	return WRONG_ID(what) == 1 ? id - 1 : WRONG_ID(what) == 2 ? id + 1 : id;
}

static void say(uint8_t what, uint8_t first, struct view text)
{
	static uint8_t buf[TEXT_MAX + 200];
	unsigned host = !!(what & VICTIM);
	struct ike_sa *victim = rogue_sa(&w, host), *speaker = victim ? other_end(victim, 1 - host) : NULL;
	struct engine_datagram d = { .local = w.host[host].addr, .remote = w.host[1 - host].addr, .local_port = 500,
				     .remote_port = 500 };
	struct wire_header h;

	if (!speaker)
		return;
	h = rogue_header(speaker, EXCHANGE(what), what & RESPONSE, id_for(victim, what));
	d.data = rogue_sealed(speaker, &h, first, text, buf, sizeof(buf));
	engine_input(w.host[host].engine, w.now, &d);
	world_run(&w, MILLISECONDS(5));
}

static void begin(uint8_t flags)
{
	enum phase phase = flags >> 1 & 3;

	world_init(&w, 1, flags & 1);
	world_packet(&w, 0);
	if (phase >= ESTABLISHED) {
		if (!world_until(&w, SECONDS(5), world_joined))
			abort();
		world_run(&w, SECONDS(1));
		return;
	}
	world_run(&w, MILLISECONDS(25));
	w.host[phase == AUTH_REQUESTED ? 1 : 0].down = true;	/* the genuine one gets lost */
	world_run(&w, MILLISECONDS(30));
	w.host[0].down = w.host[1].down = false;
}

static void end(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		engine_down(w.host[i].engine, w.now, NULL);
	world_run(&w, SECONDS(300));
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		if (!list_empty(&w.host[i].engine->sas) || w.host[i].nsas || w.host[i].engine->half_open.n)
			abort();
	world_free(&w);
}

/*
 * Input: a byte (1: tunnel; 2 and 4: the phase), then items, each two bytes of length, one of what it is (above), one with the
 * type of the first payload, and the text.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	uint8_t flags, what, first;
	struct view text;
	uint16_t n;

	if (size > TEXT_MAX || crypto_init() || rd_u8(&r, &flags))
		return 0;
	begin(flags);
	while (!rd_u16(&r, &n) && !rd_u8(&r, &what) && !rd_u8(&r, &first) &&
	       !rd_view(&r, n < rd_left(&r) ? n : rd_left(&r), &text)) {
		if (what & REKEY || (flags >> 1 & 3) == REKEYING)
			engine_rekey(w.host[!!(what & VICTIM)].engine, w.now, NULL,
				     what & REKEY ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
		say(what, first, text);
	}
	end();
	return 0;
}
