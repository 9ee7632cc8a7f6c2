/* SPDX-License-Identifier: MIT */
/* What the parts of pfkey_probe share: two doors, a second opinion, TAP, waiting for events. */
#ifndef TESTS_NETNS_PFKEY_PROBE_H
#define TESTS_NETNS_PFKEY_PROBE_H

#include "pfkey/alg.h"
#include "pfkey/backend.h"
#include "tests/lib/pfkey_same.h"
#include "tests/lib/tap.h"

#include <stdio.h>

#define PROBE_WAIT_MS 8000		/* for what must come; the emulated machine is slow */
#define PROBE_PORT 7777

extern const char *ns_a, *ns_b;		/* files of their network namespaces */
extern struct ipsec *a, *b;		/* doors to the kernel in both, of the backend under test */
extern struct ipsec *other;		/* the other backend's door to A; NULL: this kernel has none */
extern bool is_pfkey;			/* the backend under test */
extern bool is_extended;		/* pfkeyv2.ko's extensions are there */

/* ---- what goes with TAP ---- */
void note(const char *what, const char *text);
/* NULL, or the name of a field that differs. */
bool same(const char *differs, const char *what, const char *name);
_Noreturn void bail(const char *what, const char *why);

/* ---- the world ---- */
void enter(const char *ns);
struct ipsec *door_in(const char *ns, const char *backend);
struct ipsec_addr addr(const char *text);
/* What ip-xfrm says in NS_A. */
const char *ip_xfrm(const char *what);
void send_udp(const char *ns, const char *to);
void write_sysctl(const char *ns, const char *path, const char *value);
long now_ms(void);
/* SAD, SPD and events of both are empty. */
void clean(void);

/* ---- events ---- */
struct wanted {
	uint8_t type;
	bool found;
	struct ipsec_event ev;		/* the first of the type */
	unsigned int others, same;
};
void look(const struct ipsec_event *ev, void *arg);
bool wait_event(struct ipsec *ip, uint8_t type, struct wanted *w);
/* Throws away what is there already; what the kernel raised before this call has been queued. The number of the type. */
unsigned int drain(struct ipsec *ip, uint8_t type);

/* ---- values ---- */
void set_alg(struct ipsec_alg *alg, enum ipsec_alg_kind kind, const char *name, unsigned int bits);
/* One that either backend carries. */
struct ipsec_sa plain_sa(void);
struct ipsec_sa_id id_of(const struct ipsec_sa *sa);
struct ipsec_policy plain_policy(void);
/* Deletes it in A and counts in *(unsigned int *)arg. */
int delete_each(const struct ipsec_sa *sa, void *arg);

/* ---- parts ---- */
void probe_rights(void);
void probe_sas(void);
void probe_sa_errors(void);
void probe_dump(void);
void probe_policies(void);
void probe_socket_policy(void);
void probe_policy_expire(void);
void probe_acquires(void);
void probe_expire(void);
void probe_aevents(void);
void probe_moves(void);
void probe_floods(void);
void probe_noise(void);
void probe_large(void);

#endif
