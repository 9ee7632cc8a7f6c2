// SPDX-License-Identifier: MIT
/* An SA as JSON. */
#include "setkey/show/json.h"

#include <linux/udp.h>
#include <string.h>

#include "pfkey/alg.h"
#include "setkey/show/json_put.h"

static json_t *alg(enum ipsec_alg_kind kind, const struct ipsec_alg *a, bool keys)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_kernel(kind, a->name, a->icv_bits);
	struct json_put p = json_put_begin();
	char hex[2 * IPSEC_KEY_MAX + 1] = "";

	json_put_text(&p, "name", info ? info->names[0] : a->name);
	json_put_text(&p, "kernel_name", a->name);
	if (kind != IPSEC_ALG_COMP)
		json_put_uint(&p, "key_bits", a->key_bits);
	json_put_some(&p, "icv_bits", a->icv_bits);
	if (keys && kind != IPSEC_ALG_COMP) {
		for (size_t i = 0; i < a->key_bits / 8 && i < sizeof(a->key); i++)
			snprintf(hex + 2 * i, 3, "%02x", a->key[i]);
		json_put_text(&p, "key", hex);
		explicit_bzero(hex, sizeof(hex));
	}
	return json_put_end(&p);
}

static void put_algs(struct json_put *p, const struct ipsec_sa *sa, bool keys)
{
	const struct {
		const char *name;
		enum ipsec_alg_kind kind;
		const struct ipsec_alg *alg;
	} all[] = {
		{ "aead", IPSEC_ALG_AEAD, &sa->aead },
		{ "enc", IPSEC_ALG_ENC, &sa->enc },
		{ "auth", IPSEC_ALG_AUTH, &sa->auth },
		{ "comp", IPSEC_ALG_COMP, &sa->comp },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].alg->name[0])
			json_put(p, all[i].name, alg(all[i].kind, all[i].alg, keys));
}

static void put_encap(struct json_put *p, const struct ipsec_encap *encap)
{
	struct json_put e;

	if (!encap->type)
		return;
	e = json_put_begin();
	json_put_text(&e, "type", encap->type == UDP_ENCAP_ESPINUDP ? "espinudp" :
		      encap->type == UDP_ENCAP_ESPINUDP_NON_IKE ? "espinudp-nonike" : "unknown");
	json_put_uint(&e, "sport", encap->sport);
	json_put_uint(&e, "dport", encap->dport);
	if (encap->oa.family)
		json_put_addr(&e, "original_address", &encap->oa);
	json_put(p, "encap", json_put_end(&e));
}

static void put_usage(struct json_put *p, const struct ipsec_usage *usage)
{
	struct json_put u = json_put_begin();

	json_put_uint(&u, "bytes", usage->bytes);
	json_put_uint(&u, "packets", usage->packets);
	json_put_uint(&u, "add_time", usage->add_time);
	json_put_uint(&u, "use_time", usage->use_time);
	json_put_uint(&u, "seq", usage->seq);
	json_put_uint(&u, "oseq", usage->oseq);
	json_put_uint(&u, "replay_failed", usage->replay_failed);
	json_put_uint(&u, "icv_failed", usage->icv_failed);
	json_put(p, "usage", json_put_end(&u));
}

/* By their bits, in the words of the language. */
static const char *const flag_names[] = {
	"esn", "noecn", "decap-dscp", "nopmtudisc", "wildrecv", "icmp", "af-unspec", "align4", "dont-encap-dscp",
	"oseq-may-wrap",
};

/* What only few SAs have. */
static void put_extras(struct json_put *p, const struct ipsec_sa *sa)
{
	json_put_flags(p, flag_names, sizeof(flag_names) / sizeof(flag_names[0]), sa->flags);
	if (sa->dir != IPSEC_SA_DIR_ANY)
		json_put_text(p, "dir", sa->dir == IPSEC_SA_DIR_IN ? "in" : "out");
	put_encap(p, &sa->encap);
	json_put_mark(p, "mark", &sa->mark);
	json_put_mark(p, "output_mark", &sa->output_mark);
	json_put_some(p, "if_id", sa->if_id);
	json_put_some(p, "tfc_pad", sa->tfc_pad);
	json_put_some(p, "nat_keepalive", sa->nat_keepalive);
	json_put_offload(p, &sa->offload, true);
	if (sa->sel.src.family)
		json_put_selector(p, "selector", &sa->sel);
	if (sa->ctx[0])
		json_put_text(p, "context", sa->ctx);
	json_put_some(p, "acquire_seq", sa->acquire_seq);
}

json_t *json_sa(const struct ipsec_sa *sa, bool keys)
{
	static const char *const states[] = { "larval", "mature", "dying", "dead" };
	struct json_put p = json_put_begin();

	json_put_addr(&p, "src", &sa->src);
	json_put_addr(&p, "dst", &sa->dst);
	json_put_proto(&p, sa->proto);
	json_put_uint(&p, "spi", sa->spi);
	json_put_mode(&p, sa->mode);
	json_put_uint(&p, "reqid", sa->reqid);
	json_put_text(&p, "state", sa->state < sizeof(states) / sizeof(states[0]) ? states[sa->state] : "unknown");
	put_algs(&p, sa, keys);
	json_put_uint(&p, "replay_window", sa->replay_window);
	put_extras(&p, sa);
	json_put_lifetime(&p, &sa->soft, &sa->hard);
	put_usage(&p, &sa->usage);
	return json_put_end(&p);
}
