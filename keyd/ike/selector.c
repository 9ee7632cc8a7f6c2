// SPDX-License-Identifier: MIT
// Selectors of the kernel against traffic selectors of IKEv2.
#include "keyd/ike/selector.h"

#include "keyd/wire/ikev2.h"

#include <stdio.h>
#include <string.h>

bool selector_equal(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->sport == b->sport &&
	       a->sport_mask == b->sport_mask && a->dport == b->dport && a->dport_mask == b->dport_mask &&
	       a->ifindex == b->ifindex;
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

static bool proto_has_types(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 || proto == 135;
}

void selector_turn(struct ipsec_selector *s)
{
	struct ipsec_selector from = *s;

	s->src = from.dst;
	s->src_len = from.dst_len;
	s->dst = from.src;
	s->dst_len = from.src_len;
	if (proto_has_types(s->proto))
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

/* Type and code stand in both sides' ports (RFC 7296 3.13.1); the kernel has the type as source, the code as target. */
static void types_to_ports(const struct ipsec_selector *s, struct wire_ts *ts)
{
	uint8_t type = (uint8_t)s->sport, code = (uint8_t)s->dport;

	if (!s->sport_mask)
		return;
	ts->port_start = (uint16_t)(type << 8 | (s->dport_mask ? code : 0));
	ts->port_end = (uint16_t)(type << 8 | (s->dport_mask ? code : 0xff));
}

void selector_to_ts(const struct ipsec_selector *s, enum selector_side side, struct wire_ts *ts)
{
	bool src = side == SELECTOR_SRC;
	struct ipsec_addr first, last;
	uint16_t port = src ? s->sport : s->dport, mask = src ? s->sport_mask : s->dport_mask;

	ipsec_addr_prefix_range(src ? &s->src : &s->dst, src ? s->src_len : s->dst_len, &first, &last);
	*ts = (struct wire_ts){ .proto = s->proto, .port_end = 65535 };
	ts->type = first.family == AF_INET6 ? IKEV2_TS_IPV6_ADDR_RANGE : IKEV2_TS_IPV4_ADDR_RANGE;
	ts->addr_len = first.family == AF_INET6 ? 16 : 4;
	memcpy(ts->start, first.b, ts->addr_len);
	memcpy(ts->end, last.b, ts->addr_len);
	if (proto_has_types(s->proto)) {
		types_to_ports(s, ts);
	} else {
		ts->port_start = port & mask;
		ts->port_end = port | (uint16_t)~mask;
	}
}

static bool ts_within(const struct wire_ts *in, const struct wire_ts *out)
{
	return in->type == out->type && (!out->proto || in->proto == out->proto) &&
	       in->port_start >= out->port_start && in->port_end <= out->port_end &&
	       memcmp(in->start, out->start, in->addr_len) >= 0 && memcmp(in->end, out->end, in->addr_len) <= 0;
}

bool ts_list_within(const struct wire_ts_list *inner, const struct wire_ts_list *outer)
{
	for (unsigned i = 0; i < inner->n; i++) {
		unsigned k = 0;

		while (k < outer->n && !ts_within(&inner->ts[i], &outer->ts[k]))
			k++;
		if (k == outer->n)
			return false;
	}
	return inner->n > 0;
}

static bool ts_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out)
{
	if (a->type != b->type || (a->proto && b->proto && a->proto != b->proto))
		return false;
	*out = *a;
	out->proto = a->proto ? a->proto : b->proto;
	out->port_start = a->port_start > b->port_start ? a->port_start : b->port_start;
	out->port_end = a->port_end < b->port_end ? a->port_end : b->port_end;
	if (memcmp(b->start, a->start, a->addr_len) > 0)
		memcpy(out->start, b->start, a->addr_len);
	if (memcmp(b->end, a->end, a->addr_len) < 0)
		memcpy(out->end, b->end, a->addr_len);
	return out->port_start <= out->port_end && memcmp(out->start, out->end, out->addr_len) <= 0;
}

/* Adds ts unless an entry covers it; entries that it covers go. */
static void ts_list_merge(struct wire_ts_list *l, const struct wire_ts *ts)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < l->n; i++)
		if (ts_within(ts, &l->ts[i]))
			return;
	for (unsigned i = 0; i < l->n; i++)
		if (!ts_within(&l->ts[i], ts))
			l->ts[kept++] = l->ts[i];
	l->n = kept;
	if (l->n < WIRE_TS_MAX)
		l->ts[l->n++] = *ts;
}

bool selector_narrow(const struct ipsec_selector *s, enum selector_side side, const struct wire_ts_list *offered,
		     struct wire_ts_list *out)
{
	struct wire_ts ours, common;

	selector_to_ts(s, side, &ours);
	*out = (struct wire_ts_list){ 0 };
	for (unsigned i = 0; i < offered->n; i++)
		if (ts_intersect(&offered->ts[i], &ours, &common))
			ts_list_merge(out, &common);
	return out->n > 0;
}

/* Bits of a range that is a prefix, or -1. */
static int range_prefix_len(const uint8_t *start, const uint8_t *end, unsigned n)
{
	unsigned bits = n * 8, len = 0;

	while (len < bits && !((start[len / 8] ^ end[len / 8]) & (0x80 >> len % 8)))
		len++;
	for (unsigned i = len; i < bits; i++)
		if ((start[i / 8] & (0x80 >> i % 8)) || !(end[i / 8] & (0x80 >> i % 8)))
			return -1;
	return (int)len;
}

static bool ts_to_end(const struct wire_ts *ts, struct ipsec_addr *a, uint8_t *len, uint16_t *port, uint16_t *mask)
{
	int bits = range_prefix_len(ts->start, ts->end, ts->addr_len);

	if (bits < 0 || ipsec_addr_from_bytes(a, ts->start, ts->addr_len))
		return false;
	*len = (uint8_t)bits;
	*port = *mask = 0;
	if (ts->port_start == 0 && ts->port_end == 65535)
		return true;
	*port = ts->port_start;
	*mask = 0xffff;
	return ts->port_start == ts->port_end;
}

bool selector_from_ts(const struct wire_ts_list *src, const struct wire_ts_list *dst, struct ipsec_selector *out)
{
	*out = (struct ipsec_selector){ 0 };
	if (src->n != 1 || dst->n != 1 || src->ts[0].proto != dst->ts[0].proto || src->ts[0].type != dst->ts[0].type)
		return false;
	out->proto = src->ts[0].proto;
	if (!ts_to_end(&src->ts[0], &out->src, &out->src_len, &out->sport, &out->sport_mask) ||
	    !ts_to_end(&dst->ts[0], &out->dst, &out->dst_len, &out->dport, &out->dport_mask))
		return false;
	/* Type and code of ICMP came in both sides; a selector for them is left to the policy. */
	return !(proto_has_types(out->proto) && (out->sport_mask || out->dport_mask));
}

int ts_list_bits(const struct wire_ts_list *l)
{
	int best = 0;

	for (unsigned i = 0; i < l->n; i++) {
		const struct wire_ts *ts = &l->ts[i];
		unsigned same = 0;
		int bits, ports = ts->port_end - ts->port_start;

		while (same < ts->addr_len * 8u && !((ts->start[same / 8] ^ ts->end[same / 8]) & (0x80 >> same % 8)))
			same++;
		bits = ts->addr_len * 8 - (int)same + (ts->proto ? 0 : 8);
		for (; ports > 0; ports >>= 1)
			bits++;
		if (bits > best)
			best = bits;
	}
	return best;
}

static int format_ts(const struct wire_ts *ts, char *buf, size_t n)
{
	char start[IPSEC_ADDR_STRLEN], end[IPSEC_ADDR_STRLEN];
	struct ipsec_addr a, b;
	int used;

	if (ipsec_addr_from_bytes(&a, ts->start, ts->addr_len) || ipsec_addr_from_bytes(&b, ts->end, ts->addr_len))
		return snprintf(buf, n, "?");
	ipsec_addr_format(&a, start, sizeof(start));
	ipsec_addr_format(&b, end, sizeof(end));
	used = ipsec_addr_equal(&a, &b) ? snprintf(buf, n, "%s", start) : snprintf(buf, n, "%s-%s", start, end);
	if (ts->proto && (size_t)used < n)
		used += snprintf(buf + used, n - (size_t)used, " proto %u", ts->proto);
	if ((ts->port_start || ts->port_end != 65535) && (size_t)used < n)
		used += snprintf(buf + used, n - (size_t)used, " port %u-%u", ts->port_start, ts->port_end);
	return used;
}

const char *ts_list_format(const struct wire_ts_list *l, char *buf, size_t n)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < l->n && used + 2 < n; i++) {
		if (i)
			used += (size_t)snprintf(buf + used, n - used, ", ");
		if (used < n)
			used += (size_t)format_ts(&l->ts[i], buf + used, n - used);
	}
	return buf;
}
