/* SPDX-License-Identifier: GPL-2.0-only */
/* pfkeyv2.ko: what its files share. RFC 2367; extensions are KAME's, Linux's (<linux/pfkeyv2.h>) and ours. */
#ifndef GAPLESS_PFKEY_H
#define GAPLESS_PFKEY_H

#include <linux/ipsec.h>
#include <linux/mutex.h>
#include <linux/pfkeyv2.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "compat.h"
#include "uapi/pfkeyv2_ext.h"

#define PFKEY_WORD	sizeof(u64)		/* lengths count these */
#define PFKEY_MSG_MAX	65536			/* bytes that a process may send at once */
#define PFKEY_EXT_TOP	SADB_X_EXT_SELECTOR

/* ---- a network namespace ---- */

struct pfkey_net {
	struct hlist_head socks;	/* RCU */
	spinlock_t lock;		/* changes of socks */
	atomic_t open;			/* sockets */
	atomic_t promisc;		/* those of them that hear all */
	/* Whose request is under way, and who serves it, under xfrm_cfg_mutex: their addresses only */
	struct sock *asking;
	struct task_struct *server;
	atomic_t reqid;			/* last one made for a policy of level unique */
};

extern unsigned int pfkey_net_id;

static inline struct pfkey_net *pfkey_net(const struct net *net)
{
	return net_generic(net, pfkey_net_id);
}

/* ---- a socket ---- */

struct pfkey_dump;

struct pfkey_sock {
	struct sock sk;			/* first */
	u16 registered;			/* bits 1 << SADB_SATYPE_* */
	bool promisc;
	bool extended;			/* speaks uapi/pfkeyv2_ext.h */
	struct mutex dump_lock;
	struct pfkey_dump *dump;	/* the one under way */
};

static inline struct pfkey_sock *pfkey_sk(const struct sock *sk)
{
	return (struct pfkey_sock *)sk;
}

extern struct proto pfkey_proto;
extern const struct net_proto_family pfkey_family;

/* ---- a message that came (pfkey_parse.c) ---- */

struct pfkey_addr {
	xfrm_address_t a;
	u16 family;			/* 0: there is none */
	__be16 port;
	u8 prefixlen;
	u8 proto;			/* as it came: IPSEC_PROTO_ANY or a protocol */
};

struct pfkey_req {
	struct net *net;
	struct sock *sk;
	const struct sadb_msg *msg;
	size_t len;
	const void *ext[PFKEY_EXT_TOP + 1];	/* by type, each as long as its rule says; NULL: not there */
	struct pfkey_addr src, dst, proxy, oa;	/* src and dst are of one family when both are there */
	u8 proto;			/* IPPROTO_* of the satype, IPSEC_PROTO_ANY of none, 0: of an unknown one */
};

/* What others are told of rq. */
static inline struct km_event pfkey_event_of(const struct pfkey_req *rq, u32 event)
{
	return (struct km_event){ .event = event, .seq = rq->msg->sadb_msg_seq, .portid = rq->msg->sadb_msg_pid,
				  .net = rq->net };
}

/* The extensions of rq->msg, which has rq->len bytes, a multiple of 8. 0 or -EINVAL. */
int pfkey_parse(struct pfkey_req *rq);
/* One extension at p, of which n bytes are there, taken for one of this type: its length in bytes, or -EINVAL. */
int pfkey_ext_check(const void *p, size_t n, u16 type);
/* Two sockaddrs, one behind the other in n bytes. 0 or -EINVAL. */
int pfkey_pair_get(const void *p, size_t n, xfrm_address_t *src, xfrm_address_t *dst, u16 *family);
/* Either may be NULL: no limit (RFC 2367 2.3.2). */
void pfkey_lifetimes_get(struct xfrm_lifetime_cfg *lft, const struct sadb_lifetime *hard,
			 const struct sadb_lifetime *soft);
/* A label for the security module; NULL: none. Who calls frees it with kfree(). */
struct xfrm_user_sec_ctx *pfkey_ctx_get(const struct sadb_x_sec_ctx *x, gfp_t gfp);

u8 pfkey_proto_of(u8 satype);
u8 pfkey_satype_of(u8 proto);
int pfkey_mode_get(u8 mode);		/* XFRM_MODE_*, or -EINVAL */
u8 pfkey_mode_put(u8 mode);		/* IPSEC_MODE_ANY for one without a word */

/* ---- a message to be said (pfkey_put.c) ---- */

/*
 * It grows as it is written, always with zeros, and its lengths are counted in one place. After a failure what
 * follows does nothing, and pfkey_msg_end() tells. A pointer from pfkey_put() is good until the next one.
 */
struct pfkey_msg {
	struct sk_buff *skb;
	unsigned int last;		/* where the last extension begins */
	gfp_t gfp;
	int err;
};

struct pfkey_cb {
	u32 plain;		/* bytes before what only those see who speak our extensions; 0: all is for all */
};

#define PFKEY_CB(skb) ((struct pfkey_cb *)(skb)->cb)

void pfkey_msg_start(struct pfkey_msg *m, u8 type, u8 satype, gfp_t gfp);
void *pfkey_put(struct pfkey_msg *m, u16 type, size_t n);	/* NULL: failed */
void *pfkey_put_more(struct pfkey_msg *m, size_t n);		/* more of the last extension */
void pfkey_msg_extended(struct pfkey_msg *m);			/* what follows is for those who speak ours */
struct sk_buff *pfkey_msg_end(struct pfkey_msg *m, u32 seq, u32 pid);	/* or ERR_PTR */
void pfkey_put_addr(struct pfkey_msg *m, u16 type, const xfrm_address_t *a, u16 family, __be16 port, u8 prefixlen,
		    u8 proto);
void pfkey_put_pair(struct pfkey_msg *m, const xfrm_address_t *src, const xfrm_address_t *dst, u16 family);
void pfkey_put_lifetime(struct pfkey_msg *m, u16 type, const struct xfrm_lifetime_cfg *lft);
void pfkey_put_current(struct pfkey_msg *m, const struct xfrm_lifetime_cur *cur);
void pfkey_put_ctx(struct pfkey_msg *m, const struct xfrm_sec_ctx *ctx);
/* Only a head, like msg's; or ERR_PTR. */
struct sk_buff *pfkey_msg_head(const struct sadb_msg *msg, int err, gfp_t gfp);
static inline size_t pfkey_pair_size(u16 family)
{
	return 2 * (family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

/* ---- who is told (pfkey_sock.c); each takes skb, which may be an ERR_PTR: what is lost by that is counted, too ---- */

int pfkey_answer(struct sock *sk, struct sk_buff *skb);		/* not lost, however full the queue is */
/* And those that have registered for satype, of what has been found for sk; each socket once. */
int pfkey_answer_registered(struct sock *sk, struct sk_buff *skb, u8 satype);
void pfkey_tell_all(struct net *net, struct sk_buff *skb);
/* Those that have registered for satype: 0, or -ESRCH when there is nobody. */
int pfkey_tell_registered(struct net *net, struct sk_buff *skb, u8 satype);
void pfkey_tell_promisc(const struct pfkey_req *rq);		/* what was asked */
bool pfkey_is_registered(const struct net *net, u8 satype);	/* 0: for anything */
void pfkey_queue(struct sock *sk, struct sk_buff *skb);

/* ---- algorithms (pfkey_alg.c) ---- */

struct pfkey_aead {
	u8 id;
	u16 icv_bits;
	u16 min_bits, max_bits;		/* of a key, with its salt */
	const char *name;
};

const struct pfkey_aead *pfkey_aead_by_id(u8 id);
u8 pfkey_aead_id(const struct xfrm_algo_aead *aead);		/* 0: without a number */
void pfkey_put_supported(struct pfkey_msg *m);			/* may sleep, loads modules */
void pfkey_put_proposal(struct pfkey_msg *m, u8 proto, const struct xfrm_tmpl *t);

/* ---- SAs, policies ---- */

struct xfrm_state *pfkey_state_new(const struct pfkey_req *rq);	/* or ERR_PTR (pfkey_sa_new.c) */

#define PFKEY_SOFT 1
#define PFKEY_HARD 2
/* The SA as extensions (pfkey_sa_put.c). */
void pfkey_put_state(struct pfkey_msg *m, const struct xfrm_state *x, bool keys, unsigned int lifetimes);
struct sk_buff *pfkey_state_msg(const struct xfrm_state *x, u8 type, u32 seq, u32 pid);
struct sk_buff *pfkey_policy_msg(const struct xfrm_policy *xp, int dir, u8 type, u32 seq, u32 pid);
struct sk_buff *pfkey_policy_expire_msg(const struct xfrm_policy *xp, int dir, bool hard);

void pfkey_selector_get(const struct pfkey_req *rq, struct xfrm_selector *sel);
struct xfrm_policy *pfkey_compile_policy(struct sock *sk, int opt, u8 *data, int len, int *dir);

/* What is asked (pfkey_sa.c, pfkey_policy.c, pfkey_migrate.c, pfkey_dump.c): 0 or an error that becomes the answer. */
int pfkey_do_getspi(const struct pfkey_req *rq);
int pfkey_do_add(const struct pfkey_req *rq);
int pfkey_do_delete(const struct pfkey_req *rq);
int pfkey_do_get(const struct pfkey_req *rq);
int pfkey_do_acquire(const struct pfkey_req *rq);
int pfkey_do_register(const struct pfkey_req *rq);
int pfkey_do_flush(const struct pfkey_req *rq);
int pfkey_do_dump(const struct pfkey_req *rq);
int pfkey_do_promisc(const struct pfkey_req *rq);
int pfkey_do_spdadd(const struct pfkey_req *rq);
int pfkey_do_spddelete(const struct pfkey_req *rq);
int pfkey_do_spdget(const struct pfkey_req *rq);
int pfkey_do_spdflush(const struct pfkey_req *rq);
int pfkey_do_migrate(const struct pfkey_req *rq);
int pfkey_request(struct pfkey_req *rq);	/* by the message's type (pfkey_request.c) */

void pfkey_dump_more(struct pfkey_sock *pfk);	/* as far as there is room */
void pfkey_dump_end(struct pfkey_sock *pfk);

extern struct xfrm_mgr pfkey_mgr;		/* pfkey_event.c */

#endif
