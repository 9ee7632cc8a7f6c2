// SPDX-License-Identifier: MIT
// Which roles there are, and who talks to whom.
#include "keyd/roles/role.h"

#include <string.h>

static const struct role *const roles[ROLES] = {
	[ROLE_KERN] = &role_kern,
	[ROLE_IKE] = &role_ike,
	[ROLE_AUTH] = &role_auth,
	[ROLE_CTL] = &role_ctl,
	[ROLE_TRUST] = &role_trust,
	[ROLE_FETCH] = &role_fetch,
	[ROLE_CARD] = &role_card,
};

const struct role_link role_links[] = {
	{ ROLE_IKE, ROLE_KERN },	/* SAs and policies */
	{ ROLE_IKE, ROLE_AUTH },	/* proofs */
	{ ROLE_IKE, ROLE_CTL },		/* status, commands, events */
	{ ROLE_IKE, ROLE_TRUST },	/* what peers sign and show */
	{ ROLE_TRUST, ROLE_FETCH },	/* revocation lists, OCSP */
	{ ROLE_AUTH, ROLE_CARD },	/* signatures by tokens */
	{ ROLE_IKE, ROLE_CARD },	/* which keys are there */
	{ ROLE_CTL, ROLE_CARD },	/* what people want to know of tokens, and their PINs */
};
const unsigned int role_nlinks = sizeof(role_links) / sizeof(role_links[0]);

const struct role *role_by_id(enum role_id id)
{
	return id < ROLES ? roles[id] : NULL;
}

enum role_id role_by_name(const char *name)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if (roles[i] && !strcmp(roles[i]->name, name))
			return (enum role_id)i;
	return ROLES;
}

const char *role_name(unsigned int id)
{
	return id < ROLES && roles[id] ? roles[id]->name : "parent";
}
