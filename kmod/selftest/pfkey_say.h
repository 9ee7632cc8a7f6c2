/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of pfkeyv2.ko in C share: a socket, messages made by hand, and a strict look at what comes back. */
#ifndef KMOD_SELFTEST_PFKEY_SAY_H
#define KMOD_SELFTEST_PFKEY_SAY_H

#include "kmod/uapi/pfkeyv2_ext.h"
#include "pfkey/pfkey.h"
#include "tests/lib/tap.h"

#define ANSWER_MAX (1 << 17)

/* The last message that was read; p is whole 8 bytes. */
struct heard {
	_Alignas(8) unsigned char p[ANSWER_MAX];
	size_t n;
};

int say_open(void);
/* Sends it with a number of its own. 0 or -errno. */
int say(int fd, struct pfkey_msg *m);
/* Reads one message, waiting for a while, or not at all. 0, or -errno (-EAGAIN: none). Ends the test when it is not as it should be. */
int hear(int fd, struct heard *h);
int hear_now(int fd, struct heard *h);
/* Sends and reads until the answer: its error, positive, 0, or -errno when there is none. */
int ask(int fd, struct pfkey_msg *m, struct heard *h);
void hear_out(int fd);			/* all that waits */

const struct sadb_msg *heard_msg(const struct heard *h);
const void *heard_ext(const struct heard *h, uint16_t type);

unsigned int drops(int fd);		/* what had no room there */

/* A test point: two numbers are the same. */
void is(const char *what, long got, long wanted);

/* Why a message is wrong: its lengths do not add up, an extension is there twice, a byte that means nothing is not 0; NULL: right. */
const char *wrong(const void *p, size_t n);

/* ---- parts; family AF_INET or AF_INET6 ---- */

void put_ends(struct pfkey_msg *m, int family);
void put_sa(struct pfkey_msg *m, uint32_t spi, uint8_t auth, uint8_t enc);
void put_key(struct pfkey_msg *m, uint16_t type, unsigned int bits);
void put_replay(struct pfkey_msg *m, uint32_t window, uint32_t flags, uint64_t oseq, uint64_t seq);
void put_icv(struct pfkey_msg *m, uint16_t bits);
void put_selector(struct pfkey_msg *m, uint16_t family, uint8_t dplen, uint8_t proto);
/* A whole SADB_ADD of ESP with AES-CBC and HMAC-SHA-1. */
void make_add(struct pfkey_msg *m, int family, uint32_t spi);
/* A whole SADB_X_SPDADD with n tunnels of tunnel_family, outbound. */
void make_spdadd(struct pfkey_msg *m, int family, uint8_t host, unsigned int n, int tunnel_family);
/* SADB_X_MIGRATE of the same. */
void make_migrate(struct pfkey_msg *m, int family, uint8_t host, unsigned int n, int tunnel_family);
void make_head(struct pfkey_msg *m, uint8_t type, uint8_t satype);
/* SADB_GET of ESP, sent and answered as by ask(). */
int get(int fd, uint32_t spi, struct heard *h);

/* In a message that is being made: an extension, a policy's first rule. */
void *part_of(struct pfkey_msg *m, uint16_t type);
struct sadb_x_ipsecrequest *request_of(struct pfkey_msg *m);

/* ---- tests that stand in files of their own ---- */

void test_refused(int fd);				/* the SAD and the SPD are empty */
void test_room(int fd);					/* fd speaks the extensions */
void test_reqids(int fd, struct ipsec *netlink);	/* nobody has been given a reqid yet */

#endif
