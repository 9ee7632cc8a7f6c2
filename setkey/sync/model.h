/* SPDX-License-Identifier: MIT */
/*
 * What a script wants of the kernel's databases when it is read as a program over them: which SAs and policies are there
 * in the end, which are gone, and of which it says nothing. Values are made from the statements when they are asked for.
 */
#ifndef SETKEY_SYNC_MODEL_H
#define SETKEY_SYNC_MODEL_H

#include "setkey/apply/apply.h"
#include "setkey/lang/script.h"
#include "setkey/sync/key.h"

enum sync_found { SYNC_MISSING, SYNC_SAME, SYNC_OTHER };

/* One SA or policy that the script names. */
struct sync_wish {
	struct sync_key key;		/* first: trees compare it */
	struct sync_wish *next;
	const struct statement *st;	/* the last one that counts for it */
	unsigned int seq;		/* its number in the script, from 1 */
	uint16_t src, dst;		/* which addresses of its names */
	bool policy;
	bool twin;			/* the fwd policy that follows an in policy */
	bool present;			/* false: deleted */

	/* What the kernel has */
	uint8_t found;			/* enum sync_found */
	uint32_t priority, index;	/* policies */
	uint32_t age;			/* grows with each policy that was written later */
	uint32_t *reqids;		/* policies: of rules at level unique without a number; 0: not chosen yet. NULL: none */
};

enum { SYNC_PROTOS = 5 };		/* any, ESP, AH, IPComp, others */

struct sync_model {
	struct arena arena;
	void *wishes, *pairs;		/* trees */
	struct sync_wish *first, **last;
	size_t count;
	unsigned int sas_flushed[SYNC_PROTOS];	/* number of the last flush; 0: none */
	unsigned int policies_flushed;
	unsigned int seq;
};

/*
 * Everything that is wrong was told on ap->err when it fails: -1 for statements that describe no state or contradict each
 * other, -errno for an SA or policy that cannot be. Release with sync_model_clear in any case.
 */
int sync_model_read(struct sync_model *m, struct apply *ap, const struct script *sc);
void sync_model_clear(struct sync_model *m);

/* NULL: the script does not name it. */
struct sync_wish *sync_model_find(const struct sync_model *m, const struct sync_key *key);
/* Shall it be there in the end? Otherwise it shall be gone. */
bool sync_model_wants(const struct sync_model *m, const struct sync_wish *w);
/* Shall an SA or policy that the script does not name be gone? */
bool sync_model_clears_sa(const struct sync_model *m, const struct ipsec_sa *sa);
bool sync_model_clears_policies(const struct sync_model *m);

/* The value. 0, or what convert_* gave, and its sentence. */
int sync_wish_sa(const struct sync_wish *w, struct ipsec_sa *sa, char *why, size_t n);
int sync_wish_policy(const struct sync_wish *w, struct ipsec_policy *pol, char *why, size_t n);
/* A bit for each rule whose reqid is for us to choose. */
unsigned int sync_wish_chosen(const struct sync_wish *w);

#endif
