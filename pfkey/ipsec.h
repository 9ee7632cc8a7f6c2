/* SPDX-License-Identifier: MIT */
/*
 * Security associations and policies as values, named after RFC 4301 and RFC 2367. Plain data: no pointers, so a value
 * may be copied, compared and sent between processes. All integers are in host order, SPIs and ports included.
 */
#ifndef PFKEY_IPSEC_H
#define PFKEY_IPSEC_H

#include "pfkey/addr.h"

IPSEC_API_BEGIN

#define IPSEC_ALG_NAME_MAX 64	/* with the final NUL; the kernel's limit */
#define IPSEC_KEY_MAX 128	/* bytes of key material of one algorithm */
#define IPSEC_TMPL_MAX 6	/* XFRM_MAX_DEPTH */
#define IPSEC_CTX_MAX 128	/* bytes of a security label, with NUL */

/* ANY: transport when added, as af_key has it; when read back, a mode that has no name here. */
enum ipsec_mode { IPSEC_MODE_TRANSPORT, IPSEC_MODE_TUNNEL, IPSEC_MODE_BEET, IPSEC_MODE_ANY };
enum ipsec_dir { IPSEC_DIR_IN, IPSEC_DIR_OUT, IPSEC_DIR_FWD };
enum ipsec_action { IPSEC_ACTION_ALLOW, IPSEC_ACTION_BLOCK };	/* allow with no template is "none" */
enum ipsec_sa_state { IPSEC_STATE_LARVAL, IPSEC_STATE_MATURE, IPSEC_STATE_DYING, IPSEC_STATE_DEAD };

/* Which traffic. proto 0 is any; a port mask of 0 is any port. For ICMP, sport is the type and dport the code. */
struct ipsec_selector {
	struct ipsec_addr src, dst;
	uint8_t src_len, dst_len;		/* prefix lengths, bits */
	uint8_t proto;				/* IPPROTO_* or 0 */
	uint16_t sport, sport_mask, dport, dport_mask;
	uint32_t ifindex;			/* 0: any interface */
};

/* An algorithm with its key. name is the kernel's ("cbc(aes)", "hmac(sha256)", "rfc4106(gcm(aes))"); empty: none. */
struct ipsec_alg {
	char name[IPSEC_ALG_NAME_MAX];
	uint16_t key_bits;			/* AEAD: with the salt */
	uint16_t icv_bits;			/* 0: what the kernel does by itself */
	uint8_t key[IPSEC_KEY_MAX];
};

/* 0 means "no limit" in each. Seconds count from the addition (add) and from the first use (use). */
struct ipsec_lifetime {
	uint64_t bytes, packets, add_seconds, use_seconds;
};

struct ipsec_mark { uint32_t value, mask; };

/* UDP encapsulation (RFC 3948); type 0: none, else UDP_ENCAP_ESPINUDP. */
struct ipsec_encap {
	uint16_t type, sport, dport;
	struct ipsec_addr oa;			/* original address; AF_UNSPEC: not known */
};

/* Whether a network device does the work (XFRMA_OFFLOAD_DEV). */
enum ipsec_offload_kind { IPSEC_OFFLOAD_NONE, IPSEC_OFFLOAD_CRYPTO, IPSEC_OFFLOAD_PACKET };
struct ipsec_offload {
	uint32_t ifindex;
	uint8_t kind;				/* enum ipsec_offload_kind */
	bool inbound;				/* an SA that receives; policies leave it false */
};

struct ipsec_usage {
	uint64_t bytes, packets;
	uint64_t add_time, use_time;		/* seconds since 1970; 0: never */
	uint64_t seq, oseq;			/* last sequence number received, sent; 64 bits long with ESN */
	uint32_t replay_failed, icv_failed;	/* packets */
};

enum {						/* struct ipsec_sa .flags */
	IPSEC_SA_ESN = 1 << 0,			/* extended sequence numbers */
	IPSEC_SA_NOECN = 1 << 1,
	IPSEC_SA_DECAP_DSCP = 1 << 2,
	IPSEC_SA_NOPMTUDISC = 1 << 3,
	IPSEC_SA_WILDRECV = 1 << 4,
	IPSEC_SA_ICMP = 1 << 5,
	IPSEC_SA_AF_UNSPEC = 1 << 6,		/* in a tunnel: packets of both families, or of the selector's */
	IPSEC_SA_ALIGN4 = 1 << 7,
	IPSEC_SA_DONT_ENCAP_DSCP = 1 << 8,
	IPSEC_SA_OSEQ_MAY_WRAP = 1 << 9,
};

/* When an SA raises IPSEC_EVENT_AE. FIRST: by its first packet, within a tick, then once a tick at most, until NEVER. */
enum ipsec_ae_when { IPSEC_AE_SYSCTL, IPSEC_AE_FIRST, IPSEC_AE_NEVER };

enum ipsec_sa_dir { IPSEC_SA_DIR_ANY, IPSEC_SA_DIR_IN, IPSEC_SA_DIR_OUT };	/* XFRM_SA_DIR_* */

struct ipsec_sa {
	struct ipsec_addr src, dst;		/* outer addresses */
	uint8_t proto;				/* IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP */
	uint8_t mode;				/* enum ipsec_mode */
	uint16_t flags;
	uint32_t spi;				/* IPComp: the CPI */
	uint32_t reqid;				/* binds it to templates; 0: none */
	struct ipsec_selector sel;		/* sel.src.family AF_UNSPEC: none; packets of the SA's own family */
	struct ipsec_alg aead;			/* either this… */
	struct ipsec_alg enc, auth;		/* …or these */
	struct ipsec_alg comp;			/* IPComp */
	struct ipsec_encap encap;
	struct ipsec_mark mark, output_mark;
	uint32_t if_id;
	uint32_t replay_window;			/* packets, 0–4096 */
	uint32_t tfc_pad;
	struct ipsec_offload offload;
	uint8_t dir;				/* enum ipsec_sa_dir; what the kernel then holds it to (Linux 6.10) */
	uint8_t ae;				/* enum ipsec_ae_when; not read back */
	uint32_t nat_keepalive;			/* seconds between keepalives the kernel sends (Linux 6.11); 0: none */
	struct ipsec_lifetime soft, hard;
	uint32_t acquire_seq;			/* of the ACQUIRE it answers; 0: none */
	/*
	 * When added: go on after usage.seq and usage.oseq, taking all up to seq as received. For an SA that comes back.
	 * With usage.add_time also its counters and times go on, so that its lifetimes end when they would have.
	 */
	bool resume;
	char ctx[IPSEC_CTX_MAX];		/* security label; empty: none */
	/* read back from the kernel, ignored when added */
	uint8_t state;				/* enum ipsec_sa_state */
	struct ipsec_usage usage;
};

/* One step of processing that a policy asks for (RFC 4301 4.4.1.2). */
struct ipsec_tmpl {
	struct ipsec_addr src, dst;		/* tunnel ends; AF_UNSPEC or any in transport mode */
	uint8_t proto;
	uint8_t mode;
	bool optional;				/* level "use" */
	/* 0 (level "require"): inbound any SA will do; outbound Linux wants an SA whose reqid is 0 as well. */
	uint32_t reqid;
	uint32_t spi;				/* 0: any */
};

enum {						/* struct ipsec_policy .flags */
	IPSEC_POLICY_LOCALOK = 1 << 0,		/* a socket may override it */
	IPSEC_POLICY_ICMP = 1 << 1,		/* matches the payload of ICMP errors, too */
};

struct ipsec_policy {
	struct ipsec_selector sel;
	uint8_t dir;				/* enum ipsec_dir */
	uint8_t action;				/* enum ipsec_action */
	uint8_t type;				/* XFRM_POLICY_TYPE_MAIN or _SUB */
	uint8_t flags;
	uint32_t priority;			/* the kernel's: small wins */
	uint32_t index;				/* 0 when added: the kernel chooses */
	struct ipsec_mark mark;
	uint32_t if_id;
	struct ipsec_offload offload;
	uint8_t ntmpl;
	struct ipsec_tmpl tmpl[IPSEC_TMPL_MAX];
	struct ipsec_lifetime soft, hard;
	char ctx[IPSEC_CTX_MAX];
	/* read back */
	bool socket;				/* belongs to one socket (IP_XFRM_POLICY), not to the SPD at large */
	struct ipsec_usage usage;
};

/* What names one SA to the kernel (RFC 4301 4.1). mark matters only where it was set. */
struct ipsec_sa_id {
	struct ipsec_addr dst;
	uint8_t proto;
	uint32_t spi;
	struct ipsec_mark mark;
};

/* Where an SA's packets have got to (XFRM_MSG_NEWAE). */
struct ipsec_ae {
	struct ipsec_sa_id id;
	struct ipsec_addr src;
	uint32_t reqid;
	uint64_t seq, oseq;
	uint64_t bytes, packets;
};

enum ipsec_event_type {
	IPSEC_EVENT_ACQUIRE,		/* .acquire */
	IPSEC_EVENT_EXPIRE,		/* .expire */
	IPSEC_EVENT_SA_NEW,		/* .sa */
	IPSEC_EVENT_SA_UPDATE,		/* .sa */
	IPSEC_EVENT_SA_DELETE,		/* .sa_id; by anybody, ourselves included */
	IPSEC_EVENT_SA_FLUSH,		/* .flush_proto; 0: all */
	IPSEC_EVENT_POLICY_NEW,		/* .policy */
	IPSEC_EVENT_POLICY_UPDATE,	/* .policy */
	IPSEC_EVENT_POLICY_DELETE,	/* .policy: sel, dir, index, mark, if_id are valid */
	IPSEC_EVENT_POLICY_FLUSH,
	IPSEC_EVENT_POLICY_EXPIRE,	/* .policy_expire */
	IPSEC_EVENT_MIGRATE,		/* .migrate */
	IPSEC_EVENT_MAPPING,		/* .mapping: a NAT changed the peer's address or port */
	IPSEC_EVENT_AE,			/* .ae */
	IPSEC_EVENT_OVERRUN,		/* events were lost: dump again what you mirror */
	IPSEC_EVENT_TYPES
};

struct ipsec_event {
	uint8_t type;				/* enum ipsec_event_type */
	uint32_t pid;				/* of the cause, if it tells (libpfkey does); 0: the kernel, or not told */
	union {
		struct {
			uint32_t seq;		/* to be given back in ipsec_sa.acquire_seq */
			struct ipsec_addr src, dst;	/* SA's ends */
			uint8_t proto;
			struct ipsec_selector sel;	/* the packet */
			struct ipsec_policy policy;	/* with all its templates */
			uint8_t tmpl;		/* which of them asks; it has the mode and the reqid of the SA wanted */
		} acquire;
		struct { struct ipsec_sa sa; bool hard; } expire;	/* keys are not filled in */
		struct ipsec_sa sa;
		struct ipsec_sa_id sa_id;
		uint8_t flush_proto;
		struct ipsec_policy policy;
		struct { struct ipsec_policy policy; bool hard; } policy_expire;
		struct {
			struct ipsec_selector sel;
			uint8_t dir;
			struct ipsec_addr old_src, old_dst, new_src, new_dst;
			uint8_t proto, mode;
			uint32_t reqid;
		} migrate;
		struct {
			struct ipsec_sa_id id;
			uint32_t reqid;
			struct ipsec_addr old_addr, new_addr;
			uint16_t old_port, new_port;
		} mapping;
		struct ipsec_ae ae;
	};
};

IPSEC_API_END

#endif
