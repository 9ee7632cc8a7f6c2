// SPDX-License-Identifier: MIT
/* SAs between two hosts and a policy that asks for them; then all SAs, and events. */
#include <pfkey/alg.h>
#include <pfkey/backend.h>
#include <stdio.h>
#include <sys/random.h>

static int show_sa(const struct ipsec_sa *sa, void *out)
{
	char dst[IPSEC_ADDR_STRLEN];

	ipsec_addr_format(&sa->dst, dst, sizeof(dst));
	return fprintf(out, "SA to %s, SPI %#x\n", dst, sa->spi) < 0;
}

static void show_event(const struct ipsec_event *ev, void *out)
{
	fprintf(out, "event %d\n", ev->type);
}

int main(int argc, char **argv)
{
	const struct ipsec_addr a = { AF_INET, { { 192, 0, 2, 1 } } };
	const struct ipsec_addr b = { AF_INET, { { 192, 0, 2, 2 } } };
	struct ipsec_sa to = { a, b, IPPROTO_ESP, .spi = 0x1000 };
	struct ipsec_sa fro = { b, a, IPPROTO_ESP, .spi = 0x1001 };
	struct ipsec_policy pol = {
		.sel = { a, b, 32, 32 }, .dir = IPSEC_DIR_OUT,
		.ntmpl = 1, .tmpl = { { .proto = IPPROTO_ESP } },
	};
	const struct ipsec_op ops[] = {
		{ .type = IPSEC_OP_SA_ADD, .sa = &to },
		{ .type = IPSEC_OP_SA_ADD, .sa = &fro },
		{ .type = IPSEC_OP_POLICY_ADD, .policy = &pol },
	};
	const struct ipsec_alg_info *gcm = ipsec_alg_by_name(IPSEC_ALG_AEAD, "aes-gcm-16");
	unsigned char keys[2][20];	/* 128 bits and a salt, never the same for two SAs */
	char why[256];
	struct ipsec *ip;
	int err;

	if (getrandom(keys, sizeof(keys), 0) != sizeof(keys) ||
	    ipsec_alg_set(&to.aead, gcm, keys[0], 160) ||
	    ipsec_alg_set(&fro.aead, gcm, keys[1], 160))
		return 1;
	if (ipsec_open(&ip, argc > 1 ? argv[1] : NULL, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	err = ipsec_subscribe(ip);
	for (size_t i = 0; i < 3 && !err; i++)
		err = ipsec_do(ip, &ops[i]);
	if (!err)
		err = ipsec_sa_dump(ip, show_sa, stdout);
	if (!err && ipsec_events_read(ip, show_event, stdout) < 0)
		err = 1;
	if (err)
		fprintf(stderr, "%s\n", ipsec_error(ip));
	ipsec_close(ip);
	return err != 0;
}
