// SPDX-License-Identifier: MIT
/* An SA as a statement. */
#include "setkey/lang/write.h"

#include <errno.h>
#include <linux/udp.h>
#include <string.h>

#include "pfkey/alg.h"
#include "setkey/lang/names.h"
#include "setkey/lang/statement.h"
#include "setkey/lang/write_part.h"

#define SPI_MIN 256	/* RFC 4303 2.1 */

/* An algorithm in words: a name, in quotes if it is the kernel's own, and perhaps an ICV length. */
struct alg_words {
	const char *name;
	bool quoted, trunc;
};

static void find_words(enum ipsec_alg_kind kind, const struct ipsec_alg *alg, struct alg_words *w)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_kernel(kind, alg->name, alg->icv_bits);
	bool ours = info && !strcmp(info->kernel[0], alg->name) && ipsec_alg_key_ok(info, alg->key_bits);

	/* Without a length the kernel's own name is the only way to say so: our names stand for an RFC's length. */
	if (ours && (info->icv_bits == alg->icv_bits || alg->icv_bits))
		*w = (struct alg_words){ info->names[0], false, info->icv_bits != alg->icv_bits };
	else
		*w = (struct alg_words){ alg->name, true, alg->icv_bits };
}

static int check_alg(enum ipsec_alg_kind kind, const struct ipsec_alg *alg, const struct write_reason *r)
{
	if (!alg->name[0])
		return 0;
	if (!kernel_alg_name(alg->name))
		return write_refuse(r, "the name of an algorithm cannot be written");
	if ((kind == IPSEC_ALG_ENC || kind == IPSEC_ALG_COMP) && alg->icv_bits)
		return write_refuse(r, "%s has no ICV", alg->name);
	if (alg->icv_bits % 8)
		return write_refuse(r, "an ICV of %u bits", alg->icv_bits);
	if (kind == IPSEC_ALG_AEAD && !alg->icv_bits && !ipsec_alg_by_kernel(kind, alg->name, 0))
		return write_refuse(r, "%s has no ICV length", alg->name);
	return 0;
}

static int check_algs(const struct ipsec_sa *sa, const struct write_reason *r)
{
	int err = check_alg(IPSEC_ALG_AEAD, &sa->aead, r);

	if (!err)
		err = check_alg(IPSEC_ALG_ENC, &sa->enc, r);
	if (!err)
		err = check_alg(IPSEC_ALG_AUTH, &sa->auth, r);
	return err ? err : check_alg(IPSEC_ALG_COMP, &sa->comp, r);
}

/* What libpfkey takes as an SA: is there a word for everything? */
static int check(const struct ipsec_sa *sa, const struct write_reason *r)
{
	int err;

	if (ipsec_sa_check(sa, r->why, r->n))
		return -EOPNOTSUPP;
	if (sa->proto != IPPROTO_COMP && sa->spi < SPI_MIN)
		return write_refuse(r, "SPI %u is reserved", sa->spi);
	if (sa->mode >= IPSEC_MODE_ANY)
		return write_refuse(r, "its mode has no name");
	if (sa->encap.type && sa->encap.type != UDP_ENCAP_ESPINUDP)
		return write_refuse(r, "its encapsulation, type %u, has no name", sa->encap.type);
	if (sa->sel.ifindex && !sa->sel.src.family)
		return write_refuse(r, "its selector has a device and no addresses");
	err = check_algs(sa, r);
	return err ? err : write_label_check(sa->ctx, r);
}

static void write_key(FILE *out, const struct ipsec_alg *alg, bool keys)
{
	size_t n = alg->key_bits / 8;

	if (!n)
		return;
	if (!keys) {
		fputs(" \"...\"", out);
		return;
	}
	fputs(" 0x", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%02x", alg->key[i]);
}

static void write_alg(FILE *out, const char *option, enum ipsec_alg_kind kind, const struct ipsec_alg *alg, bool keys)
{
	struct alg_words w;

	if (!alg->name[0])
		return;
	find_words(kind, alg, &w);
	fprintf(out, w.quoted ? " %s \"%s\"" : " %s %s", option, w.name);
	write_key(out, alg, keys);
	if (w.trunc)
		fprintf(out, " -trunc %u", alg->icv_bits);
}

static void write_flags(FILE *out, uint16_t flags)
{
	static const struct { uint16_t flag; const char *words; } names[] = {
		{ IPSEC_SA_ESN, "-esn" },
		{ IPSEC_SA_NOECN, "-f noecn" },
		{ IPSEC_SA_DECAP_DSCP, "-f decap-dscp" },
		{ IPSEC_SA_NOPMTUDISC, "-f nopmtudisc" },
		{ IPSEC_SA_WILDRECV, "-f wildrecv" },
		{ IPSEC_SA_ICMP, "-f icmp" },
		{ IPSEC_SA_AF_UNSPEC, "-f af-unspec" },
		{ IPSEC_SA_ALIGN4, "-f align4" },
		{ IPSEC_SA_DONT_ENCAP_DSCP, "-f dont-encap-dscp" },
		{ IPSEC_SA_OSEQ_MAY_WRAP, "-f oseq-may-wrap" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			fprintf(out, " %s", names[i].words);
}

static void write_end(FILE *out, const struct ipsec_addr *addr, const struct ipsec_encap *encap, uint16_t port)
{
	char buf[IPSEC_ADDR_STRLEN];

	fprintf(out, " %s", ipsec_addr_format(addr, buf, sizeof(buf)));
	if (encap->type)
		fprintf(out, "[%u]", port);
}

static void write_head(FILE *out, const char *command, const struct ipsec_sa *sa, const struct ipsec_encap *encap)
{
	char buf[IPSEC_ADDR_STRLEN];

	fputs(command, out);
	write_end(out, &sa->src, encap, encap->sport);
	write_end(out, &sa->dst, encap, encap->dport);
	fprintf(out, " %s", encap->type ? "esp-udp" : protocol_name(sa->proto));
	if (encap->type && encap->oa.family)
		fprintf(out, " %s", ipsec_addr_format(&encap->oa, buf, sizeof(buf)));
	fprintf(out, " 0x%x", sa->spi);
}

static void write_offload(FILE *out, const struct ipsec_sa *sa)
{
	static const char *const dirs[] = { [IPSEC_SA_DIR_IN] = "in", [IPSEC_SA_DIR_OUT] = "out" };

	if (sa->dir)
		fprintf(out, " -dir %s", dirs[sa->dir]);
	if (!sa->offload.kind)
		return;
	write_device(out, "-offload", sa->offload.ifindex);
	fprintf(out, " %s %s", sa->offload.kind == IPSEC_OFFLOAD_PACKET ? "packet" : "crypto",
		sa->offload.inbound ? "in" : "out");
}

static void write_options(FILE *out, const struct ipsec_sa *sa)
{
	static const char *const modes[] = { "transport", "tunnel", "beet" };

	fprintf(out, " -m %s", modes[sa->mode]);
	write_number(out, "-u", sa->reqid);
	write_number(out, "-r", sa->replay_window);
	write_flags(out, sa->flags);
	write_lifetimes(out, &sa->hard, &sa->soft);
	write_mark(out, "-mark", &sa->mark);
	write_mark(out, "-output-mark", &sa->output_mark);
	write_number(out, "-if-id", sa->if_id);
	write_offload(out, sa);
	write_number(out, "-nat-keepalive", sa->nat_keepalive);
	write_number(out, "-tfc", sa->tfc_pad);
	if (sa->sel.src.family) {
		fputs(" -sel ", out);
		write_selector(out, &sa->sel);
		write_device(out, "-dev", sa->sel.ifindex);
	}
	write_label(out, sa->ctx);
}

int write_sa(FILE *out, const char *command, const struct ipsec_sa *sa, bool keys, char *why, size_t n)
{
	static const struct ipsec_encap none;
	const struct write_reason r = { why, n };
	bool whole = strcmp(command, "delete") && strcmp(command, "get");
	int err = whole ? check(sa, &r) : 0;

	if (err)
		return err;
	write_head(out, command, sa, whole ? &sa->encap : &none);
	if (whole) {
		write_options(out, sa);
		write_alg(out, "-E", IPSEC_ALG_AEAD, &sa->aead, keys);
		write_alg(out, "-E", IPSEC_ALG_ENC, &sa->enc, keys);
		write_alg(out, "-A", IPSEC_ALG_AUTH, &sa->auth, keys);
		write_alg(out, "-C", IPSEC_ALG_COMP, &sa->comp, keys);
	} else {
		write_mark(out, "-mark", &sa->mark);
	}
	fputs(";\n", out);
	return 0;
}
