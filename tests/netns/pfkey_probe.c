// SPDX-License-Identifier: MIT
/*
 * libpfkey against a real kernel: every field of SAs and policies there and back (and as ip-xfrm(8) and the other backend
 * see it), errors in words, and the events that traffic and time raise. Writes TAP.
 *
 * usage: pfkey_probe BACKEND NS_A NS_B [PART]
 *
 * BACKEND is xfrm, pfkey, or pfkeyv2 (pfkey where the kernel's side is pfkeyv2.ko). NS_A and NS_B are files of network
 * namespaces (/proc/PID/ns/net, /run/netns/NAME) that reach each other as 192.0.2.1 and 192.0.2.2, 2001:db8::1 and
 * 2001:db8::2. PART is one of the parts below; without it all are run.
 */
#include "tests/netns/pfkey_probe.h"

#include <string.h>

static const struct {
	const char *name;
	void (*run)(void);
	const char *only;		/* NULL: for both backends */
} parts[] = {
	{ "rights", probe_rights, NULL }, { "policies", probe_policies, NULL }, { "socket-policy", probe_socket_policy, NULL },
	{ "policy-expire", probe_policy_expire, "xfrm" }, { "acquire", probe_acquires, NULL }, { "sas", probe_sas, NULL },
	{ "errors", probe_sa_errors, NULL }, { "dump", probe_dump, NULL }, { "expire", probe_expire, NULL },
	{ "moves", probe_moves, NULL }, { "aevent", probe_aevents, NULL }, { "floods", probe_floods, NULL },
	{ "noise", probe_noise, NULL }, { "large", probe_large, "pfkey" },
};

static void open_doors(const char *backend)
{
	struct ipsec *best;

	best = door_in(ns_a, NULL);
	ok(!strcmp(ipsec_backend_name(best), "xfrm"), "the best backend is xfrm");
	ipsec_close(best);
	is_extended = !strcmp(backend, "pfkeyv2");
	backend = is_extended ? "pfkey" : backend;
	is_pfkey = !strcmp(backend, "pfkey");
	a = door_in(ns_a, backend);
	b = door_in(ns_b, backend);
	enter(ns_a);
	if (ipsec_open(&other, is_pfkey ? "xfrm" : "pfkey", NULL, 0))
		note("there is no second opinion", "the other backend does not open");
	if (ipsec_subscribe(a) || ipsec_subscribe(b))
		bail("subscribe", ipsec_error(a));
	if (!is_pfkey && (ipsec_subscribe_ae(a, true) || ipsec_subscribe_ae(b, true)))
		bail("subscribe_ae", ipsec_error(a));
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: pfkey_probe BACKEND NS_A NS_B [PART]\n");
		return 2;
	}
	ns_a = argv[2];
	ns_b = argv[3];
	puts("TAP version 13");
	open_doors(argv[1]);
	clean();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if ((argc == 4 || !strcmp(argv[4], parts[i].name)) && (!parts[i].only || is_pfkey == !strcmp(parts[i].only, "pfkey"))) {
			printf("# %s\n", parts[i].name);
			parts[i].run();
		}
	ipsec_close(a);
	ipsec_close(b);
	ipsec_close(other);
	return tap_end();
}
