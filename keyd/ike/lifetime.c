// SPDX-License-Identifier: MIT
// Soft and hard limits, and the margin between them.
#include "keyd/ike/lifetime.h"

#include "keyd/ike/report.h"

#include <string.h>

/* Doubling of waits ends here, as in ikev2/window.c. */
#define BACKOFF_STEPS_MAX 6
/*
 * Each of these may take as long as it takes to send it the last time: what is under way when the limit is met (the window
 * is one request), a first try that is refused for the moment (RFC 7296 2.25), CREATE_CHILD_SA, and the DELETE that lets
 * the responder switch.
 */
#define REKEY_EXCHANGES 4
/* As long as no request of ours has been answered. */
#define RTT_UNKNOWN SECONDS(1)
/* For kernel, keeper of keys and a peer that is busy. */
#define REKEY_WORK SECONDS(1)

/* The line that a margin is made for where nothing faster was measured: 10 Gbit/s, of the smallest frames (64 bytes). */
#define LINE_BYTES UINT64_C(1250000000)
#define LINE_PACKETS UINT64_C(14880952)
/* A faster line is measured in averages; bursts go beyond them. */
#define BURST 2
/* A volume that lasts shorter than this is told to the administrator. */
#define SMALL_LIMIT_LASTS SECONDS(2)
/* Looks that are closer together say little of the rate. */
#define LOOK_LEAST MILLISECONDS(100)

/* By time, a hard limit stands this many seconds behind at least: time to try again when a rekey fails. */
#define TIME_SLACK_MIN 300

/* Without extended sequence numbers (RFC 4303 3.3.3) the kernel sends no packet after this one. */
#define SEQUENCE_MAX UINT64_C(0xffffffff)

/*
 * 2^38.5 bytes keep an attacker's advantage below 2^-57 where blocks have 128 bits: RFC 8446 5.5 says so of AES-GCM, and
 * the same square of the number of blocks bounds CBC and CTR. ChaCha20-Poly1305 has no such limit within 2^64 packets
 * (RFC 8446 5.5), and "null" has no key.
 */
#define BLOCKS_128_BYTES UINT64_C(388736063996)
/*
 * With blocks of 64 bits two are the same after some 32 GiB (CVE-2016-2183); a 32nd of that leaves one chance in a thousand.
 */
#define BLOCKS_64_BYTES (UINT64_C(1) << 30)
static const struct { uint16_t ikev2_id; uint64_t bytes; } caps[] = {
	{ 3, BLOCKS_64_BYTES },		/* 3DES-CBC */
	{ 12, BLOCKS_128_BYTES },	/* AES-CBC */
	{ 13, BLOCKS_128_BYTES },	/* AES-CTR */
	{ 18, BLOCKS_128_BYTES },	/* AES-GCM with an ICV of 8, 12, 16 bytes */
	{ 19, BLOCKS_128_BYTES },
	{ 20, BLOCKS_128_BYTES },
};

uint64_t lifetime_cap_bytes(const struct crypto_alg *encr)
{
	for (unsigned i = 0; encr && i < sizeof(caps) / sizeof(caps[0]); i++)
		if (caps[i].ikev2_id == encr->ikev2_id)
			return caps[i].bytes;
	return 0;
}

/* From the first sending of a request to the last. */
static uint64_t sendings_time(const struct conf_peer *conf)
{
	uint64_t time = 0;

	for (unsigned i = 0; i + 1 < conf->retransmit_tries; i++)
		time += MILLISECONDS(conf->retransmit_ms) << (i < BACKOFF_STEPS_MAX ? i : BACKOFF_STEPS_MAX);
	return time;
}

/* When an answer should be here, if nothing is lost. */
static uint64_t round_trip(const struct ike_sa *sa)
{
	return sa->rtt ? sa->rtt + 4 * sa->rtt_var : RTT_UNKNOWN;
}

uint64_t lifetime_rekey_time(const struct ike_sa *sa)
{
	return REKEY_EXCHANGES * (sendings_time(&sa->peer->conf) + round_trip(sa) + REKEY_WORK);
}

uint64_t lifetime_soft(const struct conf_peer *conf, uint64_t lifetime, bool first)
{
	uint64_t half = lifetime / 200 * conf->jitter;

	if (first)
		return lifetime - (half ? half + engine_random_below(half + 1) : lifetime / 64);
	return lifetime - engine_random_below(half - half / 4 + 1);
}

void lifetime_limit(uint64_t wanted, uint64_t cap, uint64_t slack, uint64_t *soft, uint64_t *hard)
{
	uint64_t margin = wanted / 4 + 1 > slack ? wanted / 4 + 1 : slack;

	*hard = wanted && wanted <= UINT64_MAX - margin ? wanted + margin : 0;
	if (cap && (!*hard || *hard > cap))
		*hard = cap;
	/* Where the slack is too much for the cap, half of it must do: an SA that is renewed all the time helps nobody. */
	if (slack > *hard / 2)
		slack = *hard / 2;
	*soft = *hard - slack;
	if (wanted && wanted < *soft)
		*soft = wanted;
}

/* What passes in that time, rate a second. */
static uint64_t passes(uint64_t rate, uint64_t time)
{
	return rate * (time / SECONDS(1) + 1);
}

static uint64_t at_least(uint64_t measured, uint64_t line)
{
	return measured * BURST > line ? measured * BURST : line;
}

/* The lower of two limits, of which 0 is none. */
static uint64_t lower(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* Where the peer ends it at a certain time, whoever did not begin it must not wait for that either. */
uint64_t lifetime_soft_child(const struct child_sa *c)
{
	const struct conf_peer *conf = &c->sa->peer->conf;
	uint64_t life = SECONDS(lower(conf->child_lifetime, c->life_seconds)), half = life / 200 * conf->jitter;
	uint64_t margin = half / 2 > life / 64 ? half / 2 : life / 64;

	if (!c->life_seconds || c->initiator)
		return lifetime_soft(conf, life, c->initiator);
	return life - margin - engine_random_below(half / 4 + 1);
}

void lifetime_choose(struct child_sa *c)
{
	const struct conf_peer *conf = &c->sa->peer->conf;
	const struct child_sa *old = c->replaces ? child_find(c->sa->e, c->replaces) : NULL;
	uint64_t time = lifetime_rekey_time(c->sa), slack = TIME_SLACK_MIN;

	if (c->hard.add_seconds)
		return;
	if (old) {
		c->byte_rate = old->byte_rate;
		c->packet_rate = old->packet_rate;
	}
	lifetime_limit(conf->child_bytes, lower(lifetime_cap_bytes(c->encr), c->life_bytes),
		       passes(at_least(c->byte_rate, LINE_BYTES), time), &c->soft.bytes, &c->hard.bytes);
	lifetime_limit(conf->child_packets, c->esn ? 0 : SEQUENCE_MAX,
		       passes(at_least(c->packet_rate, LINE_PACKETS), time), &c->soft.packets, &c->hard.packets);
	c->soft.bytes = lifetime_soft(conf, c->soft.bytes, c->initiator);
	c->soft.packets = lifetime_soft(conf, c->soft.packets, c->initiator);
	/* Our own timer comes before the kernel's soft limit. */
	if (slack < conf->child_lifetime / 4)
		slack = conf->child_lifetime / 4;
	if (slack < time / SECONDS(1))
		slack = time / SECONDS(1);
	c->soft.add_seconds = conf->child_lifetime;
	c->hard.add_seconds = conf->child_lifetime + slack;
	if (c->life_seconds) {		/* then the peer stops there; what it has sent may come in a little later */
		c->soft.add_seconds = lower(conf->child_lifetime, c->life_seconds);
		c->hard.add_seconds = c->life_seconds + (c->life_longer ? slack : conf->linger);
	}
}

static void measure(struct child_sa *c, struct child_meter *m, const struct ipsec_usage *u)
{
	uint64_t now = c->sa->e->now, since = m->at ? m->at : c->up_at, ms = (now - since) / 1000;

	if (now < since + LOOK_LEAST || u->bytes < m->bytes || u->packets < m->packets)
		return;
	c->byte_rate = (u->bytes - m->bytes) / ms * 1000;
	c->packet_rate = (u->packets - m->packets) / ms * 1000;
	*m = (struct child_meter){ .at = now, .bytes = u->bytes, .packets = u->packets };
}

/* Does what is left last for a rekey at this rate? */
static bool near_end(uint64_t used, uint64_t hard, uint64_t rate, uint64_t time)
{
	uint64_t need = passes(rate * BURST, time);

	if (need > hard / 2)
		need = hard / 2;
	return hard && used >= hard - need;
}

void lifetime_take_usage(struct child_sa *c, bool outbound, const struct ipsec_usage *u)
{
	uint64_t time = lifetime_rekey_time(c->sa), faster_b = c->byte_rate, faster_p = c->packet_rate;

	measure(c, outbound ? &c->meter_out : &c->meter_in, u);
	child_touch(c);
	if (near_end(u->bytes, c->hard.bytes, c->byte_rate, time))
		child_rekey(c, "bytes");
	else if (near_end(u->packets, c->hard.packets, c->packet_rate, time))
		child_rekey(c, "packets");
	/* The faster direction counts; what was faster before is forgotten by and by. */
	c->byte_rate = c->byte_rate > faster_b - faster_b / 4 ? c->byte_rate : faster_b - faster_b / 4;
	c->packet_rate = c->packet_rate > faster_p - faster_p / 4 ? c->packet_rate : faster_p - faster_p / 4;
}

/* The kernel tells that a soft limit is met, and not which. */
static const char *limit_met(const struct ipsec_sa *sa)
{
	if (sa->soft.bytes && sa->usage.bytes >= sa->soft.bytes)
		return "bytes";
	return sa->soft.packets && sa->usage.packets >= sa->soft.packets ? "packets" : "time";
}

/* A limit that lasts no longer than a rekey makes rekeys without end; that is lossless, but nobody wanted it. */
static void tell_small(struct child_sa *c, const char *why)
{
	uint64_t age = c->sa->e->now - c->up_at;

	if (c->sa->limit_told || *why == 't' || age >= SMALL_LIMIT_LASTS)
		return;
	c->sa->limit_told = true;
	ike_sa_touch(c->sa);
	report_child(c, LOG_LEVEL_WARNING, "CHILD_SA", "busy",
		     "its %s were used up within %u ms; a larger limit in \"lifetime child\" of this peer spares rekeys", why,
		     (unsigned)(age / MILLISECONDS(1)));
}

void lifetime_soft_met(struct child_sa *c, bool outbound, const struct ipsec_sa *sa)
{
	const char *why = limit_met(sa);

	lifetime_take_usage(c, outbound, &sa->usage);
	tell_small(c, why);
	if (c->initiator)
		child_rekey(c, why);
	else
		child_rekey_unless_peer(c, why, 2 * (round_trip(c->sa) + MILLISECONDS(c->sa->peer->conf.retransmit_ms)));
}
