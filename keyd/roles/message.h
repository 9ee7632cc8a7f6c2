/* SPDX-License-Identifier: MIT */
/* The types of the messages between roles, by direction. Bodies are the structs named here, as they are in memory. */
#ifndef KEYD_ROLES_MESSAGE_H
#define KEYD_ROLES_MESSAGE_H

#include "keyd/conf/conf.h"
#include "pfkey/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum message_type {
	/* parent to any */
	M_CHANNEL = 1,		/* id: enum role_id of the other end; a descriptor. Replaces the channel to that role */
	M_LOG_LEVEL,		/* id: enum log_level */
	M_PING,			/* answered by M_PONG with the same id */
	/* any to parent */
	M_READY,		/* text for the log, may be empty */
	M_FAILED,		/* struct message_failed; the sender ends after it */
	M_PONG,
	M_COMPLAINT,		/* id: enum role_id of one that broke a rule or does not read */
	/* parent to ike; a configuration is BEGIN, npeers × PEER, npools × POOL, ncreds × CRED, ncas × CA, END */
	M_CONF_BEGIN,		/* struct conf, its pointers NULL */
	M_CONF_PEER,		/* struct conf_peer */
	M_CONF_POOL,		/* struct conf_pool */
	M_CONF_CRED,		/* struct conf_cred, its pointers NULL; then chain, then spki */
	M_CONF_CA,		/* struct conf_ca, without certs */
	M_CONF_END,
	M_SOCKETS_CLEAR,	/* close all UDP sockets */
	M_SOCKET,		/* struct message_socket; a descriptor */
	M_STATE,		/* a descriptor: records (state.h); id 1 after a death in this daemon. Before M_CONF_BEGIN */
	M_KEYLOG,		/* id: enum engine_key_table; a descriptor to append lines to */
	M_KEYLOG_OFF,
	/* parent to kern; what it may make by itself is BEGIN, n × ALLOW, END */
	M_ALLOW_BEGIN,
	M_ALLOW,		/* struct kern_allow */
	M_ALLOW_END,
	/* parent to auth; secrets are BEGIN, n × SECRET, n × KEY, n × LOGIN, END */
	M_SECRET_BEGIN,
	M_SECRET,		/* auth_secret_put() */
	M_KEY,			/* auth_key_put() */
	M_LOGIN,		/* auth_login_put() */
	M_SECRET_END,
	M_PASSWORD,		/* auth_login_put(): what somebody has typed. At any time */
	/* parent to trust; what is believed is BEGIN, n × CA, n × PIN, n × OWN, n × CRL, n × CRL_URL, END */
	M_TRUST_BEGIN,		/* struct message_trust */
	M_TRUST_CA,		/* struct conf_digest of the set; then a certificate in DER */
	M_TRUST_PIN,		/* SubjectPublicKeyInfo in DER */
	M_TRUST_OWN,		/* struct message_own; then certificates as in conf_cred.chain */
	M_TRUST_CRL,		/* where it stands, and its name: "FILE:LINE: FILE"; a descriptor to read it from */
	M_TRUST_CRL_URL,	/* an http URL */
	M_TRUST_CACHED,		/* the URL; a descriptor to read what was fetched from there, in an earlier life */
	M_TRUST_END,
	/* trust to parent */
	M_TRUST_CACHE,		/* the URL; a descriptor: a file in memory, to be kept on disk */
	/* parent to ctl */
	M_LISTEN,		/* a descriptor: the control socket */
	M_RELOADED,		/* id as in M_RELOAD; struct message_result */
	/* ctl to parent */
	M_RELOAD,
	M_LOG_LEVEL_ASK,	/* id: enum log_level for all roles */
	M_KEYLOG_ASK,		/* struct ctl_keylog; answered by M_RELOADED */
	M_UNLOCK_ASK,		/* a passphrase; answered by M_RELOADED */
	M_PASSWORD_ASK,		/* struct ctl_password; then the password; answered by M_RELOADED */
	/* ike to parent */
	M_RESOLV,		/* struct engine_resolv */
	M_LOOKUP,		/* a host name; also from the parent to fetch, where id comes back in the answer */
	/* parent to ike */
	M_LOOKED,		/* the same name: what there is to know of it is known */
	/* fetch to parent */
	M_ADDRESSES,		/* struct message_addresses */
	/* ike to kern and back */
	M_KERN_REQUEST,		/* struct kern_request */
	M_KERN_ANSWER,		/* struct kern_answer */
	M_KERN_EVENT,		/* struct ipsec_event, no keys */
	M_KERN_ORPHAN,		/* struct ipsec_sa, no keys */
	M_KERN_READY,		/* all that the kernel had has been told */
	/* ike to auth and back */
	M_AUTH_REQUEST,		/* auth_request_put() */
	M_AUTH_ANSWER,		/* struct auth_answer */
	/* ike to trust and back */
	M_TRUST_REQUEST,	/* trust_request_put() */
	M_TRUST_ANSWER,		/* struct trust_answer */
	M_TRUST_CHANGED,	/* something became known of revocation: tickets are to be asked about again */
	M_TRUST_STAPLE,		/* struct conf_digest of a key of ours; then the OCSP response that it is good, or nothing any more */
	/* parent to card, keyd/card/request.h: BEGIN, n × MODULE, n × BAD, n × WANT, END */
	M_CARD_BEGIN,		/* struct card_rules */
	M_CARD_MODULE,		/* the name of its file */
	M_CARD_WANT,		/* struct card_want; then the PIN */
	M_CARD_BAD,		/* struct card_bad */
	M_CARD_END,
	M_CARD_TRIAL_KEPT,	/* id as in M_CARD_TRIAL: go on */
	/* card to parent */
	M_CARD_SEEN,		/* struct card_seen; then the public key and the certificate */
	M_CARD_TRIAL,		/* struct card_bad: answered by M_CARD_TRIAL_KEPT */
	M_CARD_FORGIVE,		/* struct card_bad */
	/* auth to card and back; id comes back in the answer */
	M_CARD_SIGN,		/* struct card_sign; then the octets */
	M_CARD_CANCEL,		/* no answer */
	M_CARD_SIGNED,		/* struct card_signed; then the signature */
	/* ike to card, and back: all states once more, as ike has another configuration */
	M_CARD_TELL,
	M_CARD_STATE,		/* struct card_state */
	/* ctl to card and back; id comes back in each answer */
	M_CARD_ASK,		/* struct card_ask; then a PIN */
	M_CARD_TOKEN,		/* struct card_token_info */
	M_CARD_KEY,		/* struct card_key_info, of the token before it; then the public key and the certificate */
	M_CARD_MISSING,		/* struct card_missing_info */
	M_CARD_DONE,		/* struct card_done: the last answer */
	M_CARD_EVENT,		/* struct card_event. id 0 */
	/* trust to fetch and back; id comes back in the answer */
	M_FETCH,		/* struct message_fetch; then the URL, then the body of a POST, if there is one */
	M_FETCH_CANCEL,		/* id: nobody waits for it any more. No answer */
	M_FETCHED,		/* a sealed file in memory with what was got, not empty; body: empty */
	M_FETCH_FAILED,		/* a sentence's end, behind the URL: "answers 404 Not Found" */
	/* ctl to ike; id comes back in each answer */
	M_CTL_STATUS,
	M_CTL_COMMAND,		/* struct ctl_command */
	M_CTL_EXPLAIN,		/* struct ctl_who */
	M_CTL_POOLS,
	M_CTL_WATCH,		/* id: 1 details are wanted, 0 they are not. No answer */
	/* ike to ctl */
	M_CTL_IKE,		/* struct engine_ike_info */
	M_CTL_CHILD,		/* struct engine_child_info, of the IKE SA before it */
	M_CTL_STATS,		/* struct ctl_status_end: the last answer to M_CTL_STATUS */
	M_CTL_DONE,		/* struct ctl_done: the answer to M_CTL_COMMAND */
	M_CTL_EVENT,		/* struct engine_event */
	M_CTL_STORY,		/* struct engine_story */
	M_CTL_POOL,		/* struct engine_pool_info */
	M_CTL_LEASE,		/* struct engine_lease_info, of the pool before it */
	M_CTL_POOLS_END,	/* struct ctl_pools_end: the last answer to M_CTL_POOLS */
	M_CTL_EXPLAINED,	/* struct engine_explain_end: the last answer to M_CTL_EXPLAIN */
};

struct message_failed {
	int32_t code;		/* exit code of the whole daemon */
	char why[256];
};

struct message_socket {
	struct ipsec_addr addr;	/* bound to; any address of its family: a wildcard */
	uint16_t port;		/* host order */
	bool nat;		/* carries IKE with a non-ESP marker, and ESP, which the kernel takes out */
	bool first;		/* first requests come here, see steer.h */
};

struct message_trust {
	uint8_t fetch;		/* 1: revocation lists and OCSP answers may be fetched */
	uint32_t warning_days;	/* before a certificate of ours runs out; 0: never */
};

#define MESSAGE_URL_MAX 1024			/* bytes */
#define MESSAGE_FETCH_POST_MAX 16384		/* bytes */
#define MESSAGE_FETCH_MOST_MAX (64u << 20)	/* bytes of an answer */
#define MESSAGE_FETCH_WAIT_MAX 600000u		/* ms */
#define MESSAGE_FETCH_WHY_MAX 1400		/* bytes of M_FETCH_FAILED */

#define MESSAGE_NAME_MAX (2 * CONF_PATH_MAX + 300)	/* bytes of where a list of revocations stands, and its name */
struct message_own {
	struct conf_digest key;	/* whose certificate it is */
	char at[CONF_PATH_MAX + 16];	/* where it stands: "FILE:LINE" */
};

struct message_fetch {
	uint32_t most;		/* bytes; a longer answer is refused */
	uint32_t wait_ms;	/* in all, from now on */
	uint16_t nurl;		/* bytes of the URL that follows */
	uint16_t npost;		/* bytes to POST behind it, an OCSP request (RFC 6960 A.1); 0: GET */
};

/* What a name stands for; n 0: nothing, or nobody tells. */
struct message_addresses {
	uint8_t n;
	struct ipsec_addr addr[CONF_ADDRS_MAX];
};

struct message_result {
	int32_t error;		/* 0 or -errno */
	char text[512];
};

#endif
