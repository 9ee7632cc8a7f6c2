// SPDX-License-Identifier: MIT
// Peers' names for what the gap meter knows by address only: keyd's status has both.
#include "keyd/ctl/gaps.h"

#include <stdio.h>
#include <string.h>

/* names: "office, lab" */
static bool is_among(const char *name, const char *names)
{
	size_t n = strlen(name);
	const char *at = names;

	while ((at = strstr(at, name))) {
		if ((at == names || at[-1] == ' ') && (!at[n] || at[n] == ','))
			return true;
		at += n;
	}
	return false;
}

json_t *gaps_names_of(const json_t *status)
{
	json_t *names = status ? json_object() : NULL;
	const char *peer, *remote, *there;
	const json_t *ike;
	size_t i;

	json_array_foreach (json_object_get(status, "ike"), i, ike) {
		peer = json_string_value(json_object_get(ike, "peer"));
		remote = json_string_value(json_object_get(ike, "remote"));
		if (!peer || !remote)
			continue;
		there = json_string_value(json_object_get(names, remote));
		/* Several behind one address; the same one twice while it is made anew. */
		if (!there)
			json_object_set_new(names, remote, json_string(peer));
		else if (!is_among(peer, there))
			json_object_set_new(names, remote, json_sprintf("%s, %s", there, peer));
	}
	return names;
}

void gaps_name(json_t *o, const json_t *names)
{
	const char *peer = json_string_value(json_object_get(o, "peer"));
	json_t *name = peer ? json_object_get(names, peer) : NULL;

	if (name)
		json_object_set(o, "name", name);
}

const char *gaps_address_of(const char *name, const json_t *names)
{
	const char *address;
	json_t *value;

	json_object_foreach ((json_t *)names, address, value)
		if (*name && is_among(name, json_string_value(value)))
			return address;
	return NULL;
}
