/* SPDX-License-Identifier: MIT */
/* What the engine tells of attempts to bring up SAs: why they failed, and the story of each. Plain data, no words. */
#ifndef KEYD_IKE_EXPLAIN_H
#define KEYD_IKE_EXPLAIN_H

#include "keyd/conf/conf.h"

/* Why something failed or ended. Programs see the name (ctl/reason.c): names are never changed, only added. */
enum engine_reason {
	REASON_NONE,
	REASON_OTHER,			/* the sentence says it */
	REASON_NO_ANSWER,		/* we began, and never heard anything */
	REASON_PEER_DEAD,		/* it answered before, and does not any more */
	REASON_NO_PROPOSAL_IKE,		/* by either side */
	REASON_NO_PROPOSAL_ESP,
	REASON_INVALID_KE,
	REASON_NO_SECRET,		/* we have none */
	REASON_WRONG_SECRET,		/* the peer's proof does not fit ours */
	REASON_AUTH_REFUSED,		/* the peer does not take our proof, or has no secret for us */
	REASON_AUTH_METHOD,
	REASON_UNEXPECTED_ID,
	REASON_NO_POLICY,		/* ours: none between these addresses */
	REASON_TS_UNACCEPTABLE,
	REASON_MODE_MISMATCH,		/* transport here, tunnel there or the reverse */
	REASON_POLICY_UNSUPPORTED,	/* AH, IPComp, several rules */
	REASON_INVALID_SYNTAX,
	REASON_UNSUPPORTED_CRITICAL,
	REASON_UNSUPPORTED_VERSION,
	REASON_COOKIE_LOOP,
	REASON_HALF_OPEN_LIMIT,
	REASON_PEER_STOPPED,		/* it began and did not go on */
	REASON_KERNEL_REFUSED,
	REASON_PEER_DELETED,
	REASON_DELETED,			/* by us: by command, or because it was not needed any more */
	REASON_REPLACED,
	REASON_SUPERSEDED,		/* the peer began anew (INITIAL_CONTACT, "unique replace") */
	REASON_NOT_UNIQUE,		/* it had another one, which stays ("unique keep") */
	REASON_TEMPORARY,		/* TEMPORARY_FAILURE again and again */
	REASON_CHILD_NOT_FOUND,
	REASON_PEER_REFUSED,		/* with another notify */
	REASON_PEER_ANSWER,		/* its answer does not fit what we asked */
	REASON_ADDRESS_FAILURE,		/* no virtual address: INTERNAL_ADDRESS_FAILURE, FAILED_CP_REQUIRED */
	REASON_REAUTHENTICATED,
	REASON_NO_MEMORY,
	REASON_CERT_REFUSED,		/* the peer does not take our proof, which is a signature */
	REASON_NO_SECTION,		/* sections fit the peer's address, and none what it says of itself */
	REASON_NO_KEY,			/* ours: not there, or good for no signature that the peer takes */
	REASON_NO_CERT,			/* the peer shows no certificate, or no key, or none that can be read */
	REASON_CERT_UNTRUSTED,		/* no way up to a CA of its section */
	REASON_CERT_EXPIRED,		/* or not valid yet */
	REASON_CERT_REVOKED,
	REASON_REVOCATION_UNKNOWN,	/* "revocation strict", and nothing current says whether it is revoked */
	REASON_CERT_UNFIT,		/* its chain breaks a rule: usage, name constraints, floors */
	REASON_CERT_NAME,		/* the certificate is not for who the peer says it is */
	REASON_SIGNATURE,		/* wrong */
	REASON_SIGNATURE_SCHEME,	/* of a kind that is not allowed here, or not known */
	REASON_WRONG_KEY,		/* none of "remote-key" */
	REASON_PROOF_FAILED,		/* we could not make or judge a proof */
	REASON_KEY_LOCKED,		/* our key's file is encrypted, and nobody has given its passphrase */
	REASON_TOKEN_ABSENT,		/* the token with our key is not there */
	REASON_TOKEN_LOCKED,		/* it wants its PIN, and somebody has to give it */
	REASON_TOKEN_PIN,		/* its PIN has failed, and is not tried again by itself */
	REASON_TOKEN_BLOCKED,		/* no PIN will do any more */
	REASON_TOKEN_FAILING,		/* it, or its module, answers with errors, or not in time */
	REASON_NOT_SERVED,		/* its section says "serve no", or it has none and the defaults do */
	REASON_PASSWORD_NEEDED,		/* XAUTH: the gateway asks for our password, and nobody has given it, or it has refused it */
	REASON_PASSWORD_REFUSED,	/* XAUTH: the gateway has refused the one that is configured */
	REASON_PASSWORD_WRONG,		/* XAUTH: what the peer said is not what our users know, or was said too often */
	REASON_EXCHANGE,		/* the peer begins in main or aggressive mode, and its section names that not */
	ENGINE_REASONS
};

#define STORY_STEPS_MAX 24
#define STORY_SIDE_MAX 640
#define STORY_PLACE_MAX 208

enum story_what { STORY_IKE_SA, STORY_CHILD, STORY_REKEY_CHILD, STORY_REKEY_IKE, STORY_WHATS };
enum story_outcome { STORY_UNDER_WAY, STORY_UP, STORY_FAILED, STORY_ENDED, STORY_OUTCOMES };

/* One line of what happened; several alike in a row are one. */
struct story_step {
	uint64_t at;			/* of the first, µs of the engine's clock */
	uint16_t times;
	char exchange[36], result[16], text[156];
};

/* One attempt from its beginning to its end; or several that failed in the same way, of which it tells the last. */
struct engine_story {
	uint64_t number;		/* rises with each attempt */
	uint8_t what, outcome, reason;	/* enum story_what, story_outcome, engine_reason */
	uint8_t initiator;		/* this and the next two: 0 or 1 */
	uint8_t secure;			/* the peer has proved who it is */
	uint8_t settled;		/* 1: it failed, and later it went well */
	uint8_t heard;			/* at least one answer or request came from it */
	uint64_t began_at, ended_at, up_at;	/* µs; 0: not yet */
	uint32_t times;			/* so many attempts, from first_at on */
	uint64_t first_at;
	char peer[CONF_NAME_MAX];
	struct ipsec_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t spi_i[8], spi_r[8];
	struct conf_id local_id, remote_id;	/* type 0: not known yet */
	uint8_t icmp_type, icmp_code;	/* that came back in the place of an answer; both 0: none */
	uint16_t notify;		/* the error notify that decided; 0: none */
	uint8_t notify_ours;		/* 1: we sent it */
	uint16_t sendings;		/* of the request under way or given up */
	uint32_t message_id;
	uint32_t ike_rekeys, child_rekeys, children;	/* since it came up */
	uint32_t lost;			/* kernel SAs that somebody removed meanwhile */
	char exchange[36];		/* the last request, by either side */
	char agreed[160];		/* algorithms of the IKE SA */
	char child[240];		/* of the newest child: algorithms, mode, selectors */
	char ours[STORY_SIDE_MAX], theirs[STORY_SIDE_MAX];	/* what did not fit; "": not known */
	char differs[560];		/* of proposals: where the nearest differ, and what to add on which side */
	char setting[24];		/* the statement of keyd.conf that decided here; "": none did */
	char setting_at[STORY_PLACE_MAX];	/* FILE:LINE; "": it is a default */
	char section_at[STORY_PLACE_MAX];	/* of the peer's section; "": there is none */
	char secret_at[STORY_PLACE_MAX];	/* of the secret that was used */
	char secrets_file[STORY_PLACE_MAX];	/* where one more would go; "": there is none */
	char policy[240];		/* the nearest policy of our own, as setkey says it */
	char policy_wanted[280];	/* the one that would fit */
	char text[256];			/* how it ended, as logged */
	uint16_t nsteps, left_out;	/* of the steps; those left out were before the last ones */
	struct story_step steps[STORY_STEPS_MAX];
};

#endif
