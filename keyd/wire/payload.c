// SPDX-License-Identifier: MIT
// Walking the chain of payloads.
#include "keyd/wire/payload.h"

#define CRITICAL 0x80	/* the other seven bits are reserved and ignored (RFC 7296 3.2) */

/* Takes the generic header and the body of one payload; *next becomes the type of the one behind it. */
static int payload_get(struct rd *r, struct wire_payload *pl, uint8_t *next)
{
	uint16_t length;
	uint8_t flags;

	pl->type = *next;
	if (rd_u8(r, next) || rd_u8(r, &flags) || rd_u16(r, &length))
		return WIRE_SHORT;
	pl->critical = flags & CRITICAL;
	if (length < WIRE_GENERIC_LEN)
		return WIRE_LENGTH;
	if (rd_view(r, length - WIRE_GENERIC_LEN, &pl->body))
		return WIRE_LENGTH;
	return WIRE_OK;
}

static bool is_encrypted(uint8_t type)
{
	return type == IKEV2_PL_SK || type == IKEV2_PL_SKF;
}

/* Appends the chain that starts with type next; m changes only when all of it is well formed. */
static int chain_get(struct wire_message *m, struct rd *r, uint8_t next, bool inner)
{
	unsigned n = m->n;
	uint64_t present = 0;

	while (next) {
		struct wire_payload *pl = &m->pl[n];
		int error;

		if (n == WIRE_PAYLOADS_MAX)
			return WIRE_TOO_MANY;
		error = payload_get(r, pl, &next);
		if (error)
			return error;
		n++;
		present |= WIRE_BIT(pl->type);
		if (!is_encrypted(pl->type))
			continue;
		if (inner)
			return WIRE_NESTED;
		/* Here next names the first payload inside, not one behind: SK is the last in the datagram. */
		m->sk_next = next;
		break;
	}
	if (rd_left(r))
		return WIRE_TRAILING;
	m->n = n;
	if (inner)
		m->present_sk |= present;
	else
		m->present_clear = present;
	return WIRE_OK;
}

int wire_message_get(struct wire_message *m, struct view datagram)
{
	struct rd r = rd_of_view(datagram);
	int error;

	m->h = (struct wire_header){ 0 };
	m->n = m->n_clear = 0;
	m->sk_next = IKEV2_PL_NONE;
	m->present_clear = m->present_sk = 0;

	error = wire_header_get(&r, &m->h);
	if (error == WIRE_SHORT)
		return error;
	/* The version first: another one may well count its length in another way. */
	if (m->h.major != IKEV2_MAJOR)
		return WIRE_VERSION;
	if (error)
		return error;
	error = chain_get(m, &r, m->h.next_payload, false);
	if (error)
		return error;
	m->n_clear = m->n;
	return WIRE_OK;
}

int wire_inner_get(struct wire_message *m, uint8_t first, struct view plain)
{
	struct rd r = rd_of_view(plain);

	return chain_get(m, &r, first, true);
}

const struct wire_payload *wire_next(const struct wire_message *m, uint8_t type, const struct wire_payload *prev)
{
	const struct wire_payload *end = m->pl + m->n;

	for (const struct wire_payload *pl = prev ? prev + 1 : m->pl; pl < end; pl++)
		if (pl->type == type)
			return pl;
	return NULL;
}

const struct wire_payload *wire_find(const struct wire_message *m, uint8_t type)
{
	return wire_next(m, type, NULL);
}

unsigned wire_count(const struct wire_message *m, uint8_t type)
{
	unsigned count = 0;

	for (unsigned i = 0; i < m->n; i++)
		count += m->pl[i].type == type;
	return count;
}

const struct wire_payload *wire_unknown_critical(const struct wire_message *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		uint8_t type = m->pl[i].type;
		bool known = (type >= IKEV2_PL_SA && type <= IKEV2_PL_EAP) || type == IKEV2_PL_SKF;

		if (m->pl[i].critical && !known)
			return &m->pl[i];
	}
	return NULL;
}
