// SPDX-License-Identifier: MIT
// Selectors of the kernel against traffic selectors of IKEv2.
#include "keyd/ike/selector.h"

#include <stdio.h>
#include <string.h>

bool selector_equal(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->sport == b->sport &&
	       a->sport_mask == b->sport_mask && a->dport == b->dport && a->dport_mask == b->dport_mask &&
	       a->ifindex == b->ifindex;
}

uint64_t selector_hash(uint64_t h, const struct ipsec_selector *s)
{
	h = table_hash(h, s->src.b, sizeof(s->src.b));
	h = table_hash(h, s->dst.b, sizeof(s->dst.b));
	const uint32_t rest[] = { s->src.family, s->dst.family, s->src_len, s->dst_len, s->proto, s->ifindex,
				  (uint32_t)s->sport << 16 | s->sport_mask, (uint32_t)s->dport << 16 | s->dport_mask };

	return table_hash(h, rest, sizeof(rest));
}

static bool port_covers(uint16_t port_a, uint16_t mask_a, uint16_t port_b, uint16_t mask_b)
{
	return (mask_a & mask_b) == mask_a && ((port_a ^ port_b) & mask_a) == 0;
}

bool selector_covers(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return a->src_len <= b->src_len && a->dst_len <= b->dst_len &&
	       ipsec_addr_in_prefix(&b->src, &a->src, a->src_len) &&
	       ipsec_addr_in_prefix(&b->dst, &a->dst, a->dst_len) && (!a->proto || a->proto == b->proto) &&
	       port_covers(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
	       port_covers(a->dport, a->dport_mask, b->dport, b->dport_mask);
}

static bool ports_meet(uint16_t port_a, uint16_t mask_a, uint16_t port_b, uint16_t mask_b)
{
	return ((port_a ^ port_b) & mask_a & mask_b) == 0;
}

static bool prefixes_meet(const struct ipsec_addr *a, uint8_t a_len, const struct ipsec_addr *b, uint8_t b_len)
{
	return ipsec_addr_in_prefix(a, b, a_len < b_len ? a_len : b_len);
}

bool selector_meets(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return prefixes_meet(&a->src, a->src_len, &b->src, b->src_len) &&
	       prefixes_meet(&a->dst, a->dst_len, &b->dst, b->dst_len) &&
	       (!a->proto || !b->proto || a->proto == b->proto) &&
	       ports_meet(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
	       ports_meet(a->dport, a->dport_mask, b->dport, b->dport_mask);
}

void selector_turn(struct ipsec_selector *s)
{
	struct ipsec_selector from = *s;

	s->src = from.dst;
	s->src_len = from.dst_len;
	s->dst = from.src;
	s->dst_len = from.src_len;
	if (ts_proto_has_types(s->proto))
		return;	/* these are no ports: type and code stay where they are */
	s->sport = from.dport;
	s->sport_mask = from.dport_mask;
	s->dport = from.sport;
	s->dport_mask = from.sport_mask;
}

static void format_end(const struct ipsec_addr *a, uint8_t len, uint16_t port, uint16_t mask, char *buf, size_t n)
{
	char text[IPSEC_ADDR_STRLEN];

	ipsec_addr_format(a, text, sizeof(text));
	if (mask)
		snprintf(buf, n, "%s/%u[%u]", text, len, port);
	else
		snprintf(buf, n, "%s/%u[any]", text, len);
}

const char *selector_format(const struct ipsec_selector *s, char *buf, size_t n)
{
	char src[IPSEC_ADDR_STRLEN + 16], dst[IPSEC_ADDR_STRLEN + 16];

	format_end(&s->src, s->src_len, s->sport, s->sport_mask, src, sizeof(src));
	format_end(&s->dst, s->dst_len, s->dport, s->dport_mask, dst, sizeof(dst));
	if (s->proto)
		snprintf(buf, n, "%s %s %u", src, dst, s->proto);
	else
		snprintf(buf, n, "%s %s any", src, dst);
	return buf;
}

/*
 * The type is the upper byte, the code the lower one (RFC 7296 3.13.1); the kernel has the type as source port, the
 * code as destination port. A mobility header has no code: its lower byte is zero.
 */
static void types_to_ports(const struct ipsec_selector *s, struct wire_ts *ts)
{
	uint16_t type = (uint16_t)((s->sport & 0xff) << 8), code = s->dport & 0xff;

	if (!s->sport_mask)
		return;
	ts->port_start = (uint16_t)(type | (s->dport_mask ? code : 0));
	ts->port_end = (uint16_t)(type | (s->dport_mask ? code : 0xff));
	if (s->proto != IPPROTO_ICMP && s->proto != IPPROTO_ICMPV6)
		ts->port_start = ts->port_end = type;
}

void selector_to_ts(const struct ipsec_selector *s, enum selector_side side, struct wire_ts *ts)
{
	bool src = side == SELECTOR_SRC;
	struct ipsec_addr first, last;
	uint16_t port = src ? s->sport : s->dport, mask = src ? s->sport_mask : s->dport_mask;

	ipsec_addr_prefix_range(src ? &s->src : &s->dst, src ? s->src_len : s->dst_len, &first, &last);
	*ts = (struct wire_ts){ .proto = s->proto, .port_end = UINT16_MAX };
	ts_set_host(ts, &first);
	memcpy(ts->end, last.b, ts->addr_len);
	if (ts_proto_has_types(s->proto)) {
		types_to_ports(s, ts);
	} else {
		ts->port_start = port & mask;
		ts->port_end = port | (uint16_t)~mask;
	}
}


/* --- from ranges to prefixes --- */

/* The low bits of an n byte address from bit len on, all zero or all one. */
static void fill_low(uint8_t *a, unsigned n, unsigned len, bool ones)
{
	for (unsigned i = len; i < n * 8; i++) {
		if (ones)
			a[i / 8] |= (uint8_t)(0x80 >> i % 8);
		else
			a[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	}
}

/* Does the prefix of length len around a lie between start and end? n bytes each, not more than 16. */
static bool prefix_fits(const uint8_t *a, unsigned len, const uint8_t *start, const uint8_t *end, unsigned n)
{
	uint8_t first[16], last[16];

	memcpy(first, a, n);
	memcpy(last, a, n);
	fill_low(first, n, len, false);
	fill_low(last, n, len, true);
	return memcmp(first, start, n) >= 0 && memcmp(last, end, n) <= 0;
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned bits = 0;

	while (bits < n * 8 && !((a[bits / 8] ^ b[bits / 8]) & (0x80 >> bits % 8)))
		bits++;
	return bits;
}

/* The shortest prefix around a that lies between start and end, where the one of length len does. */
static unsigned grow(const uint8_t *a, unsigned len, const uint8_t *start, const uint8_t *end, unsigned n)
{
	while (len && prefix_fits(a, len - 1, start, end, n))
		len--;
	return len;
}

/*
 * Ports as two bytes, so that what holds for addresses holds for them. OPAQUE is port 0: so the kernel sees such
 * packets.
 */
static void port_bytes(const struct wire_ts *ts, uint8_t start[2], uint8_t end[2])
{
	uint16_t first = ts_is_opaque(ts) ? 0 : ts->port_start, last = ts_is_opaque(ts) ? 0 : ts->port_end;

	/* A mobility header's type comes without a code. */
	if (ts_proto_has_types(ts->proto) && ts->proto != IPPROTO_ICMP && ts->proto != IPPROTO_ICMPV6)
		last |= 0xff;
	start[0] = (uint8_t)(first >> 8);
	start[1] = (uint8_t)first;
	end[0] = (uint8_t)(last >> 8);
	end[1] = (uint8_t)last;
}

/* One side of a selector, as it is being made. */
struct end {
	uint8_t addr[16], addr_len, bits;	/* prefix */
	uint8_t port[2], port_bits;		/* the same for ports */
};

static uint16_t bits_mask(unsigned bits)
{
	return (uint16_t)(0xffff0000u >> bits);
}

/* Ports of a selector as a prefix: its value and length; of types and codes both together. */
static unsigned near_port(const struct ipsec_selector *s, bool src, uint8_t port[2])
{
	uint16_t value = src ? s->sport : s->dport, mask = src ? s->sport_mask : s->dport_mask;
	unsigned bits = 0;

	if (ts_proto_has_types(s->proto)) {
		value = (uint16_t)(s->sport << 8 | (s->dport_mask ? s->dport & 0xff : 0));
		mask = (uint16_t)((s->sport_mask ? 0xff00 : 0) | (s->sport_mask && s->dport_mask ? 0xff : 0));
	}
	while (bits < 16 && mask & 0x8000u >> bits)
		bits++;
	port[0] = (uint8_t)(value >> 8);
	port[1] = (uint8_t)value;
	return bits;
}

/* The largest prefix in ts around one side of near; false if that is not in ts. near NULL: around where ts begins. */
static bool end_inside(const struct wire_ts *ts, const struct ipsec_selector *near, enum selector_side side,
		       struct end *e)
{
	bool src = side == SELECTOR_SRC;
	const struct ipsec_addr *a = near ? src ? &near->src : &near->dst : NULL;
	unsigned bits = ts->addr_len * 8u, port_bits = 16;
	uint8_t first[2], last[2];

	*e = (struct end){ .addr_len = ts->addr_len };
	port_bytes(ts, first, last);
	memcpy(e->addr, ts->start, ts->addr_len);
	memcpy(e->port, first, sizeof(first));
	if (near && ipsec_addr_size(a->family) != ts->addr_len)
		return false;
	if (near) {
		memcpy(e->addr, a->b, ts->addr_len);
		bits = src ? near->src_len : near->dst_len;
	}
	/* A message of ICMP has the type that its sender sends; the other side's is that of answers. */
	if (near && (src || !ts_proto_has_types(near->proto)))
		port_bits = near_port(near, src, e->port);
	if (!prefix_fits(e->addr, bits, ts->start, ts->end, ts->addr_len) ||
	    !prefix_fits(e->port, port_bits, first, last, sizeof(first)))
		return false;
	e->bits = (uint8_t)grow(e->addr, bits, ts->start, ts->end, ts->addr_len);
	fill_low(e->addr, e->addr_len, e->bits, false);
	e->port_bits = (uint8_t)grow(e->port, port_bits, first, last, sizeof(first));
	fill_low(e->port, sizeof(e->port), e->port_bits, false);
	return true;
}

static void put_end(struct ipsec_selector *out, enum selector_side side, const struct end *e)
{
	bool src = side == SELECTOR_SRC;
	uint16_t *port = src ? &out->sport : &out->dport, *mask = src ? &out->sport_mask : &out->dport_mask;

	/* The length is one of the two. */
	if (ipsec_addr_from_bytes(src ? &out->src : &out->dst, e->addr, e->addr_len))
		return;
	*(src ? &out->src_len : &out->dst_len) = e->bits;
	*mask = bits_mask(e->port_bits);
	*port = (uint16_t)(e->port[0] << 8 | e->port[1]) & *mask;
}

/* What the sender of a selector's packets may send: its side's types and codes (RFC 4301 4.4.1.1). */
static void put_types(struct ipsec_selector *out, const struct end *src, bool opaque)
{
	unsigned type_bits = src->port_bits < 8 ? src->port_bits : 8, code_bits = src->port_bits - type_bits;

	out->sport_mask = type_bits ? 0xff00 | (bits_mask(8 + type_bits) & 0xff) : 0;
	out->sport = src->port[0] & out->sport_mask;
	out->dport_mask = code_bits ? 0xff00 | (bits_mask(8 + code_bits) & 0xff) : 0;
	out->dport = src->port[1] & out->dport_mask;
	if (opaque)	/* it may send none: no message has this type */
		out->sport = out->sport_mask = UINT16_MAX;
}

static void make(struct ipsec_selector *out, uint8_t proto, const struct end *src, const struct end *dst, bool opaque)
{
	*out = (struct ipsec_selector){ .proto = proto };
	put_end(out, SELECTOR_SRC, src);
	put_end(out, SELECTOR_DST, dst);
	if (ts_proto_has_types(proto))
		put_types(out, src, opaque);
}

static bool inside(const struct wire_ts_list *src, const struct wire_ts_list *dst, const struct ipsec_selector *near,
		   struct ipsec_selector *out)
{
	for (unsigned i = 0; i < src->n; i++) {
		for (unsigned k = 0; k < dst->n; k++) {
			const struct wire_ts *s = &src->ts[i], *d = &dst->ts[k];
			uint8_t proto = s->proto ? s->proto : d->proto;
			struct end from, to;

			if (s->type != d->type || (s->proto && d->proto && s->proto != d->proto) ||
			    (near && proto && proto != near->proto))
				continue;
			if (!end_inside(s, near, SELECTOR_SRC, &from) || !end_inside(d, near, SELECTOR_DST, &to))
				continue;
			make(out, proto, &from, &to, ts_is_opaque(s));
			return true;
		}
	}
	return false;
}

bool selector_inside(const struct wire_ts_list *src, const struct wire_ts_list *dst, const struct ipsec_selector *near,
		     struct ipsec_selector *out)
{
	if (near && near->src.family && inside(src, dst, near, out))
		return true;
	return inside(src, dst, NULL, out);
}

static uint8_t least(unsigned a, unsigned b, unsigned c)
{
	return (uint8_t)(a < b ? a < c ? a : c : b < c ? b : c);
}

/* The smallest prefixes around all of l. False: it has addresses of both families. */
static bool end_around(const struct wire_ts_list *l, struct end *e)
{
	uint8_t first[2], last[2];

	*e = (struct end){ .addr_len = l->ts[0].addr_len, .bits = (uint8_t)(l->ts[0].addr_len * 8), .port_bits = 16 };
	memcpy(e->addr, l->ts[0].start, e->addr_len);
	port_bytes(&l->ts[0], e->port, last);
	for (unsigned i = 0; i < l->n; i++) {
		const struct wire_ts *ts = &l->ts[i];

		if (ts->addr_len != e->addr_len)
			return false;
		port_bytes(ts, first, last);
		e->bits = least(e->bits, common_bits(e->addr, ts->start, e->addr_len),
				common_bits(e->addr, ts->end, e->addr_len));
		e->port_bits = least(e->port_bits, common_bits(e->port, first, sizeof(first)),
				     common_bits(e->port, last, sizeof(last)));
	}
	fill_low(e->addr, e->addr_len, e->bits, false);
	return true;
}

/* The one protocol of a list; 0: any, or several. */
static uint8_t only_proto(const struct wire_ts_list *l)
{
	for (unsigned i = 1; i < l->n; i++)
		if (l->ts[i].proto != l->ts[0].proto)
			return 0;
	return l->ts[0].proto;
}

void selector_around(const struct wire_ts_list *src, const struct wire_ts_list *dst, struct ipsec_selector *out)
{
	uint8_t proto;
	struct end from, to;

	*out = (struct ipsec_selector){ 0 };
	if (!src->n || !dst->n || !end_around(src, &from) || !end_around(dst, &to) || from.addr_len != to.addr_len)
		return;
	proto = only_proto(src) ? only_proto(src) : only_proto(dst);
	if (!proto)	/* ports of one protocol are no ports of another */
		from.port_bits = to.port_bits = 0;
	make(out, proto, &from, &to, false);
}
