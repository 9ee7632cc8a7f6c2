/* SPDX-License-Identifier: MIT */
/*
 * The engine: every IKE SA of one worker, as a machine that does no I/O. It is given datagrams, kernel events, answers
 * and the time, and gives back datagrams, requests, events and its next deadline through const hooks.
 *
 * Time is microseconds of any monotonic clock, and never goes back between two calls. Hooks are called from inside the
 * calls below and must not call the engine again: queue what they bring. What a hook is given lives until it returns.
 *
 * An engine can go on where another one ended, at whatever moment that was: it gives away a record of each thing that must
 * survive it (keep), always before the datagrams and requests that depend on it leave (send, kern); see engine_thaw.
 */
#ifndef KEYD_IKE_ENGINE_H
#define KEYD_IKE_ENGINE_H

#include "keyd/auth/request.h"
#include "keyd/conf/conf.h"
#include "keyd/ike/explain.h"
#include "keyd/kern/request.h"
#include "keyd/trust/request.h"
#include "keyd/util/log.h"

#define ENGINE_NEVER UINT64_MAX
#define ENGINE_KEEPALIVE 0xff		/* so that a NAT does not forget us (RFC 3948 2.3) */

struct engine;

struct engine_datagram {
	struct ipsec_addr local, remote;
	uint16_t local_port, remote_port;
	struct view data;		/* an IKE message, without a non-ESP marker; sent also: ENGINE_KEEPALIVE, one byte */
};

/* What came back by ICMP in the place of an answer. Anybody can make it up: it is told, and at most the peer is asked. */
struct engine_unreachable {
	struct ipsec_addr remote;
	uint16_t remote_port;
	uint8_t type, code;		/* of ICMP, or of ICMPv6 */
};

enum engine_event_type {
	ENGINE_IKE_UP, ENGINE_IKE_DOWN, ENGINE_IKE_REKEYED,
	ENGINE_IKE_REAUTHENTICATED,	/* the new IKE SA has taken over all children of the old, which goes */
	ENGINE_IKE_TAKEN_OVER,		/* it goes on after a restart (engine_thaw); text: algorithms, as of ENGINE_IKE_UP */
	ENGINE_CHILD_UP, ENGINE_CHILD_DOWN, ENGINE_CHILD_REKEYED,
	ENGINE_ADDRESS,			/* an address that a gateway assigned is ours */
	ENGINE_FAILED,			/* a negotiation ended without an SA; text says why */
	/* The rest only while somebody wants details (engine_watch). */
	ENGINE_DETAILS,
	ENGINE_IKE_STATE = ENGINE_DETAILS,	/* was, state */
	ENGINE_CHILD_STATE,
	ENGINE_REQUEST_SENT, ENGINE_RETRANSMITTED, ENGINE_ANSWER_RECEIVED,
	ENGINE_REQUEST_RECEIVED, ENGINE_ANSWER_SENT, ENGINE_ANSWER_REPEATED,
	ENGINE_ACQUIRED,		/* a packet wants an SA */
	ENGINE_SWITCHED,		/* outbound of a child goes into the kernel; text says by what sign */
	ENGINE_CHILD_LOST,		/* the kernel has not got it any more */
	ENGINE_REKEY_BEGUN, ENGINE_REKEY_FAILED,
	ENGINE_LIVENESS,		/* a sign of life is asked for */
	ENGINE_ADDRESS_CHANGED,
	ENGINE_ORPHAN,			/* an SA from before our time: taken up, or retired */
	ENGINE_POLICY,			/* of the kernel: new, changed, gone */
	ENGINE_NOTE,			/* a line of the log that says something else of an SA; exchange names what about */
	ENGINE_MISSED,			/* message_id events before this one were dropped: too many at once */
	ENGINE_EVENT_TYPES
};

/* Something that a person or a program watching wants to know. Fields that do not apply are zero. */
struct engine_event {
	uint8_t type;
	char peer[CONF_NAME_MAX];
	struct ipsec_addr local, remote;
	uint8_t ike_spi_i[8], ike_spi_r[8];
	uint32_t child_spi_in, child_spi_out;
	struct ipsec_selector sel;	/* of the child: src is our side */
	uint64_t at;			/* when, on the engine's clock */
	uint8_t reason;			/* enum engine_reason, of a failure or an end */
	uint8_t has_message;		/* 1: message_id and exchange are given */
	uint32_t message_id;
	char exchange[36];
	char was[16], state[16];	/* of a change of state */
	char text[256];			/* reason, algorithms; never a key */
};

enum engine_key_table { ENGINE_KEYS_IKE, ENGINE_KEYS_ESP, ENGINE_KEYS_IKEV1, ENGINE_KEY_TABLES };

#define ENGINE_DNS_MAX 8

/* Who resolves names in the networks behind a gateway, as long as the tunnel to it is wanted. ndns 0: nobody any more. */
struct engine_resolv {
	char peer[CONF_NAME_MAX];	/* the gateway's section */
	uint8_t ndns;
	struct ipsec_addr dns[ENGINE_DNS_MAX];
	char domain[CONF_DOMAIN_MAX];	/* that they know (RFC 8598); "": all */
};

struct engine_hooks {
	void (*send)(void *arg, const struct engine_datagram *d);
	void (*kern)(void *arg, const struct kern_request *rq);
	void (*auth)(void *arg, const struct auth_request *rq);
	void (*trust)(void *arg, const struct trust_request *rq);
	void (*event)(void *arg, const struct engine_event *ev);
	void (*log)(void *arg, enum log_level level, const char *text);
	void (*resolv)(void *arg, const struct engine_resolv *r);	/* may be NULL */
	/* a tunnel there is to begin: engine_looked is awaited, not for long; may be NULL */
	void (*lookup)(void *arg, const char *host);
	/*
	 * KEYS IN CLEAR: n bytes that take the place of the record of the same id; n 0: there is nothing of that id any
	 * more. A record counts from the next call of kept on, and those between two of these calls only together: they
	 * fit each other. Both may be NULL; then everything leaves at once and nothing is kept.
	 */
	void (*keep)(void *arg, uint64_t id, const void *record, size_t n);
	void (*kept)(void *arg);
	/* KEYS IN CLEAR: n bytes, a line of one of Wireshark's tables; only after engine_keylog. May be NULL. */
	void (*keys)(void *arg, enum engine_key_table table, const char *line, size_t n);
};

/* NULL without memory. conf is copied (peers too). crypto_init() must have been called. */
struct engine *engine_new(const struct engine_hooks *hooks, void *arg, const struct conf *conf);
/* Forgets everything and sends nothing: kernel SAs stay, so that a restart costs no packet. */
void engine_free(struct engine *e);

/*
 * Going on where another engine ended: after engine_new and before anything else, every record that counted when it
 * ended, in any order, then engine_thawed, which makes SAs of them, repeats what had not been answered, and has what is
 * of no use (another version, damaged) forgotten and logged. now is the same clock, which has gone on. The kernel is told
 * as ever, and engine_kern_ready at the end of that: whatever the kernel has lost meanwhile is replaced at once.
 */
#define ENGINE_RECORD_MAX (1u << 19)	/* bytes; a longer one is never given away, and of no use */
/* record is copied. 0 or -1 without memory. */
int engine_thaw(struct engine *e, uint64_t id, const void *record, size_t n);
void engine_thawed(struct engine *e, uint64_t now);

/* Takes a new configuration; what is established stays as it is until its next rekey. 0 or -1 without memory. */
int engine_configure(struct engine *e, const struct conf *conf);

void engine_input(struct engine *e, uint64_t now, const struct engine_datagram *d);
void engine_unreachable(struct engine *e, uint64_t now, const struct engine_unreachable *un);
void engine_kern_event(struct engine *e, uint64_t now, const struct ipsec_event *ev);
/* An SA that the kernel had when this engine began, with lifetimes and no keys: it is renewed if a policy and a peer fit. */
void engine_kern_orphan(struct engine *e, uint64_t now, const struct ipsec_sa *sa);
/* All that the kernel has has been told: first IPSEC_EVENT_POLICY_FLUSH, then its policies, then its SAs (orphans). */
void engine_kern_ready(struct engine *e, uint64_t now);
void engine_kern_answer(struct engine *e, uint64_t now, const struct kern_answer *an);
void engine_auth_answer(struct engine *e, uint64_t now, const struct auth_answer *an);
void engine_trust_answer(struct engine *e, uint64_t now, const struct trust_answer *an);
/* Something became known of revocation, or other CAs are believed: every peer's certificate is asked about again. */
void engine_trust_changed(struct engine *e, uint64_t now);
/*
 * The token with this key of ours is there, or not; usable: it would sign, without anybody being asked for anything. What
 * waits for that begins, and what shall go while it is away goes ("pulled").
 */
void engine_token(struct engine *e, uint64_t now, const struct conf_digest *key, bool there, bool usable);
/* What says that our certificate for this key is good, for peers that ask for it (RFC 4806); n 0: nothing does. Copied. */
void engine_staple(struct engine *e, const struct conf_digest *key, const uint8_t *response, size_t n);
/* Runs every timer that is due. */
void engine_tick(struct engine *e, uint64_t now);
/* When engine_tick wants to be called next; ENGINE_NEVER: no timer runs. */
uint64_t engine_deadline(const struct engine *e);

/*
 * Commands of keydctl. peer is a peer's name or address, NULL or "" for all. Each returns how many SAs or policies it
 * acts on (0: nothing fits), and the outcome comes as events.
 */
/* *childless (may be NULL): there is no policy, so these are IKE SAs alone, and ENGINE_IKE_UP is the outcome. */
int engine_up(struct engine *e, uint64_t now, const char *peer, bool *childless);
int engine_down(struct engine *e, uint64_t now, const char *peer);	/* DELETE is sent, kernel SAs removed */
enum engine_rekey { ENGINE_REKEY_CHILD = 1, ENGINE_REKEY_IKE = 2 };
int engine_rekey(struct engine *e, uint64_t now, const char *peer, int what);
/* What there is to know of a name that hooks->lookup asked for is in the configuration now. */
void engine_looked(struct engine *e, uint64_t now, const char *host);
int engine_reauth(struct engine *e, uint64_t now, const char *peer);

/* Gives away the keys of every SA from now on, and of the IKE SAs that there are (children's are forgotten by then). */
void engine_keylog(struct engine *e, bool on);
/* Are those events wanted, too, that only details are? No at first. */
void engine_watch(struct engine *e, bool details);

/*
 * Calls fn for each attempt with peer, oldest first: a name, an address or an identity; NULL or "": those that failed,
 * of everybody. *end then says what there is beside attempts.
 */
struct engine_explain_end {
	uint32_t n;			/* attempts told */
	uint32_t policies;		/* of the kernel, that ask for ESP with such a peer */
	uint32_t established;		/* IKE SAs with it now */
	uint8_t known;			/* 0: no section fits, 1: one does */
	char section_at[STORY_PLACE_MAX], secrets_file[STORY_PLACE_MAX];
};
void engine_explain(struct engine *e, uint64_t now, const char *peer,
		    void (*fn)(void *arg, const struct engine_story *), void *arg, struct engine_explain_end *end);

struct engine_child_info {
	uint32_t spi_in, spi_out, reqid;
	uint8_t mode, proto;
	bool outbound_used;		/* false: waiting for the peer's sign that it can receive */
	bool old;			/* replaced; inbound kept for stragglers */
	struct ipsec_selector sel;	/* src is our side */
	uint32_t more_sels;		/* beside that one, of a child whose policies keyd made: */
	uint32_t nth;			/* … each is told right after it, with its number here; of the child itself: 0 */
	char algs[96];
	uint64_t age_s, rekey_in_s, expires_in_s;
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;	/* of each SA; 0: no limit */
	uint32_t rekeys;
};

struct engine_ike_info {
	char peer[CONF_NAME_MAX];
	char state[24];
	struct ipsec_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t spi_i[8], spi_r[8];
	bool initiator;
	bool nat_local, nat_remote;	/* who is behind a NAT */
	bool encap;			/* ESP goes in UDP */
	struct conf_id local_id, remote_id;
	char user[CONF_USER_MAX];	/* of XAUTH; "": none */
	struct ipsec_addr assigned[2];	/* addresses inside of the tunnel, IPv4 and IPv6; AF_UNSPEC: none */
	bool assigned_to_us;		/* by the peer; else by us to it */
	char algs[128];
	struct conf_digest local_key;	/* that we have signed with; all zero: none, or not known */
	uint64_t age_s, rekey_in_s;
	uint64_t reauth_in_s, expires_in_s;	/* 0: never */
	/* how each has proved who it is: "shared key", "certificate \"CN=gw\", ed25519"; "": unknown */
	char local_auth[48], remote_auth[112];
	uint64_t cert_expires_in_s;	/* the peer's; 0: there is none, or it never does */
	uint64_t rtt_us;		/* smoothed; 0: unknown */
	uint32_t rekeys, nchildren;
	bool taken_over;		/* made before a restart, and gone on with, */
	uint64_t taken_over_s;		/* so long ago */
};

struct engine_pool_info {
	char name[CONF_NAME_MAX];
	uint32_t size;			/* addresses that can be given out */
	uint32_t online, known;		/* leases that somebody uses; all, with those that are remembered */
};

struct engine_lease_info {
	struct ipsec_addr addr;
	struct conf_id id;		/* type 0: not known; in use before this keyd began */
	uint32_t users;			/* IKE SAs; 0: remembered only */
	uint64_t for_s;			/* in use, or not in use, for so long */
};

struct engine_stats {
	uint64_t datagrams_in, datagrams_out, malformed, retransmitted, cookies_asked;
	uint64_t ike_up, ike_rekeyed, child_up, child_rekeyed, failed, dpd_dead;
	uint32_t ike_now, half_open_now, child_now;
};

/* Calls ike for each IKE SA, and child for each of its children right after it. */
void engine_walk(struct engine *e, uint64_t now,
		 void (*ike)(void *arg, const struct engine_ike_info *),
		 void (*child)(void *arg, const struct engine_child_info *), void *arg);
void engine_stats(const struct engine *e, struct engine_stats *out);
/* Calls pool for each pool, and lease for each of its leases right after it. */
void engine_pools(struct engine *e, uint64_t now, void (*pool)(void *arg, const struct engine_pool_info *),
		  void (*lease)(void *arg, const struct engine_lease_info *), void *arg);

#endif
