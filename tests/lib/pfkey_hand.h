/* SPDX-License-Identifier: MIT */
/* PF_KEY messages put together word by word, and SAs and policies to compare them with. For unit tests: cmocka comes first. */
#ifndef TESTS_LIB_PFKEY_HAND_H
#define TESTS_LIB_PFKEY_HAND_H

#include "pfkey/alg.h"
#include "pfkey/pfkey.h"
#include "tests/lib/pfkey_same.h"

#include <arpa/inet.h>
#include <linux/udp.h>

static inline struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

/* ---- messages by hand ---- */

/* What a message should be, put together from words of RFC 2367's pictures. */
struct hand {
	uint8_t b[2048];
	size_t n, ext;			/* ext: where the extension that is being written begins */
};

static inline void u8(struct hand *h, uint8_t v) { h->b[h->n++] = v; }
static inline void u16(struct hand *h, uint16_t v) { memcpy(h->b + h->n, &v, 2); h->n += 2; }
static inline void u32(struct hand *h, uint32_t v) { memcpy(h->b + h->n, &v, 4); h->n += 4; }
static inline void u64(struct hand *h, uint64_t v) { memcpy(h->b + h->n, &v, 8); h->n += 8; }
static inline void raw(struct hand *h, const void *p, size_t n) { memcpy(h->b + h->n, p, n); h->n += n; }
static inline void pad(struct hand *h) { while (h->n % 8) u8(h, 0); }

/* Length in 8 bytes, given by hand as well. */
static inline void ext(struct hand *h, uint16_t words, uint16_t type)
{
	assert_int_equal(h->n % 8, 0);
	u16(h, words);
	u16(h, type);
}

static inline void head(struct hand *h, uint8_t type, uint8_t satype, uint16_t words, uint32_t seq)
{
	memset(h, 0, sizeof(*h));
	u8(h, 2);
	u8(h, type);
	u8(h, 0);
	u8(h, satype);
	u16(h, words);
	u16(h, 0);
	u32(h, seq);
	u32(h, 0);
}

static inline void sin4(struct hand *h, const char *text, uint16_t port)
{
	struct ipsec_addr a = addr(text);

	u16(h, 2);
	u16(h, htons(port));
	raw(h, a.b, 4);
	u64(h, 0);
}

static inline void sin6(struct hand *h, const char *text, uint16_t port)
{
	struct ipsec_addr a = addr(text);

	u16(h, 10);
	u16(h, htons(port));
	u32(h, 0);
	raw(h, a.b, 16);
	u32(h, 0);
}

static inline void address4(struct hand *h, uint16_t type, uint8_t proto, uint8_t len, const char *text, uint16_t port)
{
	ext(h, 3, type);
	u8(h, proto);
	u8(h, len);
	u16(h, 0);
	sin4(h, text, port);
}

static inline void address6(struct hand *h, uint16_t type, uint8_t proto, uint8_t len, const char *text, uint16_t port)
{
	ext(h, 5, type);
	u8(h, proto);
	u8(h, len);
	u16(h, 0);
	sin6(h, text, port);
	pad(h);
}

static inline void lifetime(struct hand *h, uint16_t type, uint32_t packets, uint64_t bytes, uint64_t add, uint64_t use)
{
	ext(h, 4, type);
	u32(h, packets);
	u64(h, bytes);
	u64(h, add);
	u64(h, use);
}

static inline void sa_ext(struct hand *h, uint32_t spi, uint8_t replay, uint8_t state, uint8_t auth, uint8_t encrypt, uint32_t flags)
{
	ext(h, 2, 1);
	u32(h, htonl(spi));
	u8(h, replay);
	u8(h, state);
	u8(h, auth);
	u8(h, encrypt);
	u32(h, flags);
}

static inline void sa2_ext(struct hand *h, uint8_t mode, uint32_t reqid)
{
	ext(h, 2, 19);
	u8(h, mode);
	u8(h, 0);
	u16(h, 0);
	u32(h, 0);
	u32(h, reqid);
}

static inline void key_ext(struct hand *h, uint16_t words, uint16_t type, uint16_t bits)
{
	ext(h, words, type);
	u16(h, bits);
	u16(h, 0);
	for (unsigned int i = 0; i < bits / 8; i++)
		u8(h, (uint8_t)(0xf0 + i));
	pad(h);
}

static inline void policy_ext(struct hand *h, uint16_t words, uint16_t type, uint8_t dir, uint32_t index, uint32_t priority)
{
	ext(h, words, 18);
	u16(h, type);
	u8(h, dir);
	u8(h, 0);
	u32(h, index);
	u32(h, priority);
}

static inline void request(struct hand *h, uint16_t n, uint16_t proto, uint8_t mode, uint8_t level, uint32_t reqid)
{
	u16(h, n);
	u16(h, proto);
	u8(h, mode);
	u8(h, level);
	u16(h, 0);
	u32(h, reqid);
	u32(h, 0);
}

static inline void text_ext(struct hand *h, uint16_t words, const char *label)
{
	ext(h, words, 24);
	u8(h, 1);
	u8(h, 1);
	u16(h, (uint16_t)(strlen(label) + 1));
	raw(h, label, strlen(label) + 1);
	pad(h);
}

/* tunnel_policy(), below. */
static inline void hand_policy(struct hand *h, uint8_t type)
{
	head(h, type, 0, 31, 0);
	address4(h, 5, 6, 16, "10.1.0.0", 1000);
	address4(h, 6, 6, 24, "10.2.0.0", 80);
	lifetime(h, 3, 6, 5, 7, 8);
	lifetime(h, 4, 2, 1, 3, 4);
	policy_ext(h, 13, 2, 2, 0, 0x80000000);
	request(h, 72, 50, 2, 3, 0x3fff);
	sin6(h, "2001:db8::1", 0);
	sin6(h, "2001:db8::2", 0);
	request(h, 16, 51, 1, 1, 0);
	text_ext(h, 2, "label");
}

static inline void same_bytes(const struct hand *h, const struct pfkey_msg *m)
{
	assert_int_equal(h->b[4] | h->b[5] << 8, h->n / 8);	/* the hand's own arithmetic */
	assert_int_equal(pfkey_msg_size(m), h->n);
	assert_memory_equal(m->bytes, h->b, h->n);
}

/* ---- values ---- */

static inline void alg(struct ipsec_alg *a, enum ipsec_alg_kind kind, const char *name, unsigned int bits)
{
	uint8_t key[IPSEC_KEY_MAX];

	for (unsigned int i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0xf0 + i);
	assert_int_equal(ipsec_alg_set(a, ipsec_alg_by_name(kind, name), key, bits), 0);
}

static inline struct ipsec_sa esp_sa(void)
{
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL,
		.flags = IPSEC_SA_NOECN | IPSEC_SA_DECAP_DSCP, .spi = 0x12345678, .reqid = 5, .replay_window = 32, .acquire_seq = 77,
		.soft = { 1, 2, 3, 4 }, .hard = { 5, 6, 7, 8 }, .encap = { UDP_ENCAP_ESPINUDP, 4500, 61234, { 0 } }, .ctx = "a:b:c" };

	alg(&sa.enc, IPSEC_ALG_ENC, "aes-cbc", 128);
	alg(&sa.auth, IPSEC_ALG_AUTH, "hmac-sha1", 160);
	sa.sel = (struct ipsec_selector){ .src = addr("10.0.0.0"), .src_len = 8, .dst = addr("0.0.0.0") };
	return sa;
}

static inline struct ipsec_sa plain_sa(void)
{
	struct ipsec_sa sa = { .src = addr("2001:db8::1"), .dst = addr("2001:db8::2"), .proto = IPPROTO_AH, .spi = 0x100 };

	alg(&sa.auth, IPSEC_ALG_AUTH, "hmac-md5", 128);
	return sa;
}

static inline struct ipsec_policy tunnel_policy(void)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .priority = 0x80000000, .ntmpl = 2, .soft = { 1, 2, 3, 4 },
		.hard = { 5, 6, 7, 8 }, .ctx = "label" };

	pol.sel = (struct ipsec_selector){ .src = addr("10.1.0.0"), .dst = addr("10.2.0.0"), .src_len = 16, .dst_len = 24,
		.proto = IPPROTO_TCP, .sport = 1000, .sport_mask = 0xffff, .dport = 80, .dport_mask = 0xffff };
	pol.tmpl[0] = (struct ipsec_tmpl){ .src = addr("2001:db8::1"), .dst = addr("2001:db8::2"), .proto = IPPROTO_ESP,
		.mode = IPSEC_MODE_TUNNEL, .reqid = 0x3fff };
	pol.tmpl[1] = (struct ipsec_tmpl){ .proto = IPPROTO_AH, .optional = true };
	return pol;
}

static inline void same(const char *differs)
{
	if (differs)
		fail_msg("%s differs", differs);
}

static inline int sa_back(const struct pfkey_msg *m, struct ipsec_sa *sa)
{
	struct pfkey_exts t;
	int err = pfkey_exts_get(&t, &m->head, pfkey_msg_size(m));

	return err ? err : pfkey_sa_get(&m->head, &t, sa);
}

static inline int policy_back(const struct pfkey_msg *m, struct ipsec_policy *pol)
{
	struct pfkey_exts t;
	int err = pfkey_exts_get(&t, &m->head, pfkey_msg_size(m));

	return err ? err : pfkey_policy_get(&t, pol);
}

#endif
